"""Sentences that say what the gate found; the verdict first."""

from __future__ import annotations

from collections.abc import Sequence

from configs.gate_policy import GateConfig
from evals.critical_rows import needed_carriers
from evals.decision import CandidateResult, Check, Look
from evals.pooled_words import pooled_sentence


def correction_words(policy: GateConfig) -> str:
    """How alpha is kept over several candidates: sequential evaluations have no p-values to step by."""
    names = {"max-t": "step-down max-T", "holm": "Holm", "bonferroni": "Bonferroni"}
    return names["bonferroni" if policy.sequential else policy.correction]


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
        _sentence(result.candidate, check, policy) for result in results for check in result.checks
    ]
    if len(results) > 1:
        method = correction_words(policy)
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


def _sentence(candidate: str, check: Check, policy: GateConfig) -> str:
    if check.pooled is not None:
        return pooled_sentence(candidate, check, policy.min_clusters)
    if check.reason == "not-asked-again":
        return (
            f"{candidate}: {check.metric} on {check.task} is not known, because no row was asked "
            f"again: cannot be told at maximum {check.threshold:g}. Set evaluation.stability.rows, or "
            f"use `pawl evaluate --again`{'' if check.required else ' (not required)'}."
        )
    n = f"n = {check.rows} rows of {check.clusters} documents"
    if check.carriers is not None and (check.critical or check.carriers < check.clusters):
        all_carry = check.carriers == check.clusters
        n += " that carry it" if all_carry else f", of which {check.carriers} carry it"
    where = f" where {check.slice}" if check.slice and not check.critical else ""
    name = check.critical or check.metric
    if check.reference:
        interval = f"{check.value:+.4f}, bounds {check.low:+.4f} to {check.high:+.4f}"
        subject = f"{name} against {check.reference} on {check.task}"
        rule = f"margin {-check.threshold:g}"
    else:
        interval = f"{check.value:.4f}, bounds {check.low:.4f} to {check.high:.4f}"
        subject = f"{name} on {check.task}"
        rule = f"{'minimum' if check.kind == 'floor' else 'maximum'} {check.threshold:g}"
    verdict = {
        "promote": f"holds at {rule}",
        "reject": f"fails at {rule}",
        "inconclusive": f"cannot be told at {rule}",
    }[check.outcome]
    if check.reason == "too-few-documents":
        verdict = f"cannot be told from fewer than {policy.min_clusters} documents"
    elif check.reason == "too-few-carriers":
        needed = needed_carriers(check, policy)
        verdict = f"cannot be told from fewer than {needed} documents that carry it"
    elif check.reason == "nothing-to-count":
        verdict = "cannot be told, because there is nothing to count in any document"
    elif check.reason == "too-uneven":
        verdict += (
            ", because so few documents hold so much that losing them alone would break the rule"
        )
    elif check.reason == "reference-unreadable":
        verdict = f"says nothing, because too few answers of {check.reference} could be read"
    more = (
        f"; about {check.further_documents} more documents would probably settle it"
        if check.further_documents
        else ""
    )
    optional = "" if check.required else " (not required)"
    return f"{candidate}: {subject}{where} is {interval} ({n}): {verdict}{more}{optional}."
