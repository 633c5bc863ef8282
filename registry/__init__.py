"""Evidence in, pins out: digests, the MLflow store, the ledger of an alias, promotion and pins."""
