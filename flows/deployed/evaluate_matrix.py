"""Evaluate a matrix of candidates and tasks, from a form."""

from __future__ import annotations

from prefect import flow

from configs.errors import EvidenceError
from flows.evaluation_matrix import run_matrix
from flows.expected_failures import hide_tracebacks_of_expected_failures
from flows.matrix_summary import MatrixSummary
from flows.requests.evaluate_matrix import EvaluateMatrixRequest

hide_tracebacks_of_expected_failures()


@flow(name="evaluate-matrix", flow_run_name="matrix {request.matrix.name}", persist_result=False)
def evaluate_matrix(request: EvaluateMatrixRequest) -> MatrixSummary:
    """Evaluate every candidate on every task; the tables are on the Artifacts tab.

    Args:
        request: which weights, and which tasks.
    Raises:
        EvidenceError: at the end, when some cells failed; the others are kept.
    """
    summary = run_matrix(request.matrix)
    if summary.failed:
        raise EvidenceError(
            f"matrix {summary.name}",
            f"expected a score in every cell, got {summary.sentence}",
            "Correct those and run it again: the other cells are kept.",
        )
    return summary
