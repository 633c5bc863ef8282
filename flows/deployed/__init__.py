"""Flows that are started from the Prefect UI, by schedules and by automations: one per file."""
