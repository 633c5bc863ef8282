"""Checks of train, validation and test rows against each other, before anything is trained."""
