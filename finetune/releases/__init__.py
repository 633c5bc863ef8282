"""Looking at released weights where they appear: which revision, which files, whether it is complete."""
