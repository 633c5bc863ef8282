"""Weights in, weights out: data, LoRA, merge and quantization."""
