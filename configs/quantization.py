"""Which quantized candidates are made, and how."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from configs.strict_model import StrictModel

Scheme = Literal["fp8-dynamic", "awq"]


class QuantizationConfig(StrictModel):
    """One quantized candidate, made by llm-compressor in compressed-tensors form."""

    scheme: Scheme
    """`fp8-dynamic`: FP8 weights per channel, activations per token, needs no data.
    `awq`: 4-bit weights with activation-aware scaling (Lin et al. 2023), calibrated."""

    group_size: int = Field(default=128, ge=8)
    """awq: weights that share a scale. Lowered to the largest divisor of every layer's width."""

    calibration_rows: int = Field(default=16, ge=1)
    """awq: validation rows (prompt and answer) to calibrate on."""

    calibration_max_len_tokens: int = Field(default=512, ge=16)
    """awq: calibration rows are cut to so many tokens."""

    grid_points: int = Field(default=20, ge=2)
    """awq: scaling exponents tried per layer; fewer is faster on a CPU."""
