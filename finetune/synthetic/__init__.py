"""Synthetic clinical notes with gold JSON, and the tiny base model that can learn them."""
