"""Answers of baselines, recorded once per model, task and decoding, and used ever after."""
