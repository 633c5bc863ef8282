"""What answering costs: seconds and money per document, with bounds.

Does: read the token counts and latencies of an evaluation. Does not: measure them (evals/engines/).
"""

from __future__ import annotations

from configs.errors import EvidenceError
from configs.gate_policy import TokenPrices
from evals.evaluation import Evaluation
from evals.stats.one_sample import Bounded, bounded_mean, bounded_quantile

SHOWN = 5
"""Most ids named in an error."""


def latency_p95(evaluation: Evaluation, alpha: float) -> Bounded:
    """95th percentile, over documents, of the seconds that their slowest row took.

    Raises:
        EvidenceError: when no latency was recorded.
    """
    frame = evaluation.frame
    without = frame["id"][~(frame["latency_s"] > 0)].astype(str).tolist()
    if without:
        raise EvidenceError(
            f"{evaluation.system}: latency_s",
            f"expected a latency of every row, got none in {len(without)}: "
            f"{', '.join(without[:SHOWN])}",
            "Evaluate it live; recorded answers may not hold latencies.",
        )
    slowest = frame.groupby("cluster", sort=True)["latency_s"].max()
    return bounded_quantile(slowest.to_numpy(), 0.95, alpha, rows=evaluation.rows)


def cost_per_1k_documents(evaluation: Evaluation, prices: TokenPrices, alpha: float) -> Bounded:
    """Money per thousand documents at these prices per token, in the currency of the prices.

    An answer may cost as much as the tokens that it was allowed to write (`max_output_tokens`), also
    where none that was seen did. Without such a limit there is no upper bound.

    Raises:
        EvidenceError: when no token counts were recorded.
    """
    frame = evaluation.frame
    if not (frame["input_tokens"] > 0).all():
        raise EvidenceError(
            evaluation.system,
            "expected token counts of every row, got rows without them",
            "Evaluate it on an engine that reports them.",
        )
    thousand = 1000 / 1e6
    read = frame["input_tokens"] * prices.input_per_million * thousand
    written = frame["output_tokens"] * prices.output_per_million * thousand
    documents = frame["cluster"]
    per_document = (read + written).groupby(documents).sum().to_numpy(dtype=float)
    dearest = None
    if (limit := evaluation.max_output_tokens) is not None:
        longest = frame["output_tokens"].clip(lower=limit)
        most = read + longest * prices.output_per_million * thousand
        dearest = most.groupby(documents).sum().to_numpy(dtype=float)
    return bounded_mean(per_document, alpha, rows=evaluation.rows, dearest=dearest)
