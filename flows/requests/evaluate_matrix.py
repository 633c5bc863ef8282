"""The form of the deployment `evaluate-matrix`."""

from __future__ import annotations

from configs.evaluation_matrix import MatrixConfig
from configs.strict_model import StrictModel


class EvaluateMatrixRequest(StrictModel):
    """Let several weights answer several tasks; what was answered before is not asked again."""

    matrix: MatrixConfig
    """Which weights, and which tasks."""

    requested_by: str = ""
    """Who asks, for the audit trail."""
