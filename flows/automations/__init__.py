"""Prefect automations that Pawl ships: what happens when something happened."""
