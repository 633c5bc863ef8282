"""Sentences that say what the gate found; the verdict first."""

from __future__ import annotations

from collections.abc import Sequence

from configs.gate_policy import GateConfig
from evals.decision import CandidateResult, Check, Look


def explain(
    policy: GateConfig, results: Sequence[CandidateResult], promoted: str | None, look: Look
) -> tuple[str, ...]:
    """The verdict, one sentence per check, and how alpha was kept."""
    reasons = (
        [f"{promoted} is the most wanted candidate whose checks all hold."]
        if promoted
        else ["No candidate passed every check, so nothing is promoted."]
    )
    reasons += [
        _sentence(result.candidate, check, policy.min_clusters)
        for result in results
        for check in result.checks
    ]
    if len(results) > 1:
        method = "Bonferroni" if policy.sequential else policy.correction.capitalize()
        reasons.append(
            f"{len(results)} candidates may be promoted, so one-sided alpha {look.alpha:.4g} is kept "
            f"over all of them ({method}): "
            + ", ".join(f"{result.candidate} at {result.alpha:.4g}" for result in results)
            + "."
        )
    return (*reasons, _about(look, policy.alpha))


def _about(look: Look, alpha: float) -> str:
    if look.budgeted:
        return (
            f"Look {look.number} on this test set spends {look.alpha:.4g} of its alpha of {alpha:g}, "
            "which holds over all looks."
        )
    if look.number == 1:
        return f"First look on this test set, at one-sided alpha {alpha:g}."
    return (
        f"Look {look.number} on this test set, each at one-sided alpha {alpha:g}: over all of them "
        f"it may be as large as {min(1.0, look.number * alpha):.2g}. Set gate.alpha_budget, or use "
        "fresh documents."
    )


def _sentence(candidate: str, check: Check, min_clusters: int) -> str:
    n = f"n = {check.rows} rows of {check.clusters} documents"
    where = f" where {check.slice}" if check.slice else ""
    if check.reference:
        interval = f"{check.value:+.4f}, bounds {check.low:+.4f} to {check.high:+.4f}"
        subject = f"{check.metric} against {check.reference} on {check.task}"
        rule = f"margin {-check.threshold:g}"
    else:
        interval = f"{check.value:.4f}, bounds {check.low:.4f} to {check.high:.4f}"
        subject = f"{check.metric} on {check.task}"
        rule = f"{'minimum' if check.kind == 'floor' else 'maximum'} {check.threshold:g}"
    verdict = {
        "promote": f"holds at {rule}",
        "reject": f"fails at {rule}",
        "inconclusive": f"cannot be told at {rule}",
    }[check.outcome]
    if check.reason == "too-few-documents":
        verdict = f"cannot be told from fewer than {min_clusters} documents"
    if check.reason == "reference-unreadable":
        verdict = f"says nothing, because too few answers of {check.reference} could be read"
    more = (
        f"; about {check.further_documents} more documents would probably settle it"
        if check.further_documents
        else ""
    )
    optional = "" if check.required else " (not required)"
    return f"{candidate}: {subject}{where} is {interval} ({n}): {verdict}{more}{optional}."
