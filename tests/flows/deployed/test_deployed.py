"""Being written (engineer A, the one who writes the tests)."""
