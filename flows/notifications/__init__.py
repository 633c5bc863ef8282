"""Messages to people: where they go, set up in Prefect from configuration."""
