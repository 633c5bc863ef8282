"""`pawl up`: Prefect, MLflow and workers on this machine, watched over."""
