"""Bring the deployments of prefect.yaml to a Prefect server."""
