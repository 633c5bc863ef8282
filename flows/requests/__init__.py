"""What people ask for in the forms of the Prefect UI: one model per deployment."""
