"""Sentences that say what the gate found; the verdict first."""

from __future__ import annotations

from collections.abc import Sequence

from configs.gate_policy import GateConfig
from evals.critical_rows import needed_carriers
from evals.decision import CandidateResult, Check, Look, SharedLook
from evals.pooled_words import pooled_sentence

SHOWN_LOOKS = 5


def correction_words(policy: GateConfig) -> str:
    """How alpha is kept over several candidates: sequential evaluations have no p-values to step by."""
    names = {"max-t": "step-down max-T", "holm": "Holm", "bonferroni": "Bonferroni"}
    return names["bonferroni" if policy.sequential else policy.correction]


def explain(
    policy: GateConfig, results: Sequence[CandidateResult], promoted: str | None, look: Look
) -> tuple[str, ...]:
    """The verdict, one sentence per check, and how alpha was kept; before them, in the first line, that
    a decision is not counted although it should be."""
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
    notice = uncounted_notice(policy, look)
    return (
        *([notice] if notice else []),
        *reasons,
        *([] if notice else [about_look(policy, look)]),
    )


def uncounted_notice(policy: GateConfig, look: Look) -> str | None:
    """That a decision is not counted although its policy has an alpha budget; None if it is, or has
    none."""
    if look.counted or policy.alpha_budget is None:
        return None
    return (
        "Uncounted: this decision claims no look, so the policy's alpha budget does not cover it; "
        f"it was made at the whole alpha of {look.alpha:g}."
    )


def about_look(policy: GateConfig, look: Look) -> str:
    """Which look it is, what it may spend, what earlier ones share with it, when its policy was
    recorded."""
    return " ".join([_number(policy.alpha, look), *_earlier(look), *policy_sentences(look)])


def _number(alpha: float, look: Look) -> str:
    if not look.counted:
        return f"Uncounted: no look was claimed; at one-sided alpha {alpha:g}."
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


def _earlier(look: Look) -> list[str]:
    sentences = []
    if look.earlier:
        shown = look.earlier[-SHOWN_LOOKS:]
        told = "; ".join(_earlier_look(each) for each in shown)
        more = len(look.earlier) - len(shown)
        before = f"{more} before them; " if more else ""
        sentences.append(f"Of its {look.documents} documents: {before}{told}.")
    if not look.known_by_text:
        sentences.append(
            "The evaluations keep no digests of their texts, so this test set is known by its data "
            "digest and document keys alone: the same texts in another file would not be counted "
            "together. Evaluate again to have them counted."
        )
    return sentences


def _earlier_look(look: SharedLook) -> str:
    about = look.model or "files"
    undecided = "" if look.decided else ", scored under a policy that was changed before a decision"
    return f"look {look.number} ({about}, {look.date[:10]}{undecided}) saw {look.shared_documents}"


def policy_sentences(look: Look) -> list[str]:
    """When the policy was recorded, and after which look it was changed, as far as that is known."""
    sentences = []
    if look.policy_recorded != "unknown":
        sentences.append(
            f"This policy was recorded {look.policy_recorded} the answers were first scored."
        )
    if look.policy_changed_after is not None:
        sentences.append(
            f"The policy was changed after look {look.policy_changed_after}, which applied another."
        )
    return sentences


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
