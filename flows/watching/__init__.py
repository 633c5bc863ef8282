"""Watching weights: look, note what is new, announce it, and see to it that it is evaluated."""
