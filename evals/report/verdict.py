"""The verdict in words that need no statistics, and the line of statistics below it.

Does: phrase what the gate decided. Does not: decide, or repeat every check.
"""

from __future__ import annotations

from collections.abc import Sequence

from evals.critical_rows import needed_carriers
from evals.decision import CandidateResult, Check, Decision
from evals.pooled_words import counts_words
from evals.reasons import correction_words, policy_sentences
from evals.report.wording import (
    counted,
    is_ceiling,
    listed,
    measure_words,
    points,
    reference_words,
)


def verdict(decision: Decision, main_task: str) -> str:
    """One to a few sentences for the person who answers for the model, the outcome first.

    Args:
        main_task: name of the lifecycle's task; checks on others are guards.
    """
    if decision.outcome == "promote":
        chosen = next(r for r in decision.results if r.candidate == decision.promoted)
        sentences = [_promotion(chosen, main_task)]
    elif decision.outcome == "reject":
        chosen = decision.results[0]
        sentences = _rejection(decision, main_task)
    else:
        chosen = next(r for r in decision.results if r.outcome == "inconclusive")
        sentences = _doubt(decision, chosen, main_task)
    return " ".join([*sentences, _n(chosen, main_task), *_unmet_wishes(chosen)])


def statistics_line(decision: Decision) -> str:
    """Alpha, what this look may spend of it, the number of candidates and their correction."""
    policy, look = decision.policy, decision.look
    shared = (
        f"{len(decision.results)} candidates, {correction_words(policy)} correction"
        if len(decision.results) > 1
        else "1 candidate, no correction"
    )
    spent = (
        f"which may spend {look.alpha:.4g} of it under the alpha budget"
        if look.budgeted
        else "no alpha budget over looks"
    )
    which = f"look {look.number} on this test set, {spent}"
    if not look.counted:
        which = "an uncounted look" + (", outside the alpha budget" if policy.alpha_budget else "")
    line = f"Statistics: one-sided alpha {policy.alpha:g}; {shared}; {which}."
    return " ".join([line, *policy_sentences(look)])


def _promotion(result: CandidateResult, main_task: str) -> str:
    required = [check for check in result.checks if check.required]
    critical = list(dict.fromkeys(c.critical for c in required if c.critical))
    comparisons = [c for c in required if c.reference and c.task == main_task and not c.critical]
    by_reference: dict[str, list[Check]] = {}
    for check in comparisons:
        by_reference.setdefault(str(check.reference), []).append(check)
    better, as_well, same = [], [], []
    for reference, checks in by_reference.items():
        if any(check.kind == "equivalence" for check in checks):
            same.append(reference)
        elif all(check.low > 0 for check in checks):
            better.append(reference)
        else:
            as_well.append(reference)
    claims, rest = [], []
    if better:
        claims.append(f"it does better than {_references(better)}")
    if as_well:
        allowed = _margins([c for c in comparisons if c.reference in as_well])
        claims.append(
            f"it does as well as {_references(as_well)}, within the {allowed} that may be lost"
        )
    if same:
        allowed = _margins([c for c in comparisons if c.reference in same])
        claims.append(f"it does the same as {_references(same)}, within {allowed} either way")
    if not claims:
        claims.append("every requirement holds")
    if critical:
        rest.append(f"what is critical holds ({listed(critical)})")
    if comparisons and any(not c.critical and c not in comparisons for c in required):
        rest.append("every other requirement holds")
    return f"Promote {result.candidate}: {'; '.join([listed(claims), *rest])}."


def _rejection(decision: Decision, main_task: str) -> list[str]:
    several = len(decision.results) > 1
    names = [result.candidate for result in decision.results]
    start = f"none of {listed(names)} is" if several else f"{names[0]} is not"
    return [
        f"Promote nothing: {start} good enough.",
        *(
            f"{result.candidate}: {_shortfall(check, decision, main_task)}."
            for result in decision.results
            for check in [c for c in result.checks if c.required and c.outcome == "reject"][:1]
        ),
    ]


def _doubt(decision: Decision, result: CandidateResult, main_task: str) -> list[str]:
    further = decision.further_documents
    start = f"The evidence cannot tell whether {result.candidate} may be promoted"
    end = (
        f"; about {counted(further, 'more document')} would probably settle it."
        if further
        else ", and more documents like these would not settle it."
    )
    undecided = [c for c in result.checks if c.required and c.outcome == "inconclusive"]
    unreadable = [c.reference or "" for c in undecided if c.reason == "reference-unreadable"]
    if unreadable:
        names = listed([reference_words(name) for name in dict.fromkeys(unreadable)])
        return [f"{start}, because most answers of {names} could not be read."]
    if all(check.kind == "stability" for check in undecided):
        end = (
            "; asking more of its rows again (evaluation.stability.rows) would probably settle it."
        )
    if all(check.reason == "too-few-documents" for check in undecided):
        needed = decision.policy.min_clusters
        return [start + end, f"No fewer than {needed} documents can say anything here."]
    shown = next(c for c in undecided if c.reason != "too-few-documents")
    others = len(undecided) - 1
    more = f" {counted(others, 'more rule')} cannot be told either." if others else ""
    return [start + end, f"Open: {_range(shown, decision, main_task)}.{more}"]


def _shortfall(check: Check, decision: Decision, main_task: str) -> str:
    """What a failed check found, and what it needed."""
    subject = _subject(check, main_task)
    if check.pooled is not None and check.kind == "no-significant-drop":
        found = (
            f"{counts_words(check, check.pooled)} against {reference_words(check.reference or '')}"
        )
        return f"{found}, which is more than chance explains"
    if check.reference:
        direction = "worse" if check.value < 0 else "better"
        limit = (
            f"they may differ by at most {points(check.threshold)}"
            if check.kind == "equivalence"
            else f"at most {points(check.threshold)} may be lost"
        )
        found = f"{points(check.value)} {direction} than {reference_words(check.reference)}"
        return f"at {subject} it is {found}, and {limit}"
    found, limit = _amount(check, check.value, decision), _amount(check, check.threshold, decision)
    bound = "at most" if is_ceiling(check) else "at least"
    return f"for {subject} it reaches {found}, and needs {bound} {limit}"


def _range(check: Check, decision: Decision, main_task: str) -> str:
    """Where the truth may lie, and where it must lie."""
    subject = _subject(check, main_task)
    if check.reason == "too-few-carriers":
        needed = needed_carriers(check, decision.policy)
        return (
            f"for {subject} at least {needed} documents must carry it, and {check.carriers or 0} of "
            "the test set do"
        )
    if check.reason == "nothing-to-count":
        return f"{subject}, because there is nothing to count in any document of the test set"
    if check.reason == "not-asked-again":
        return f"{subject}, because no row was asked again"
    if check.reference:
        limit = (
            f"they may differ by at most {points(check.threshold)}"
            if check.kind == "equivalence"
            else f"at most {points(check.threshold)} may be lost"
        )
        ends = [
            f"{points(bound)} {'worse' if bound < 0 else 'better'}"
            for bound in (check.low, check.high)
        ]
        return (
            f"at {subject} it is anywhere from {ends[0]} to {ends[1]} than "
            f"{reference_words(check.reference)}, and {limit}"
        )
    low, high, limit = (
        _amount(check, value, decision) for value in (check.low, check.high, check.threshold)
    )
    bound = "at most" if is_ceiling(check) else "at least"
    return f"for {subject} it is anywhere from {low} to {high}, and needs {bound} {limit}"


def _subject(check: Check, main_task: str) -> str:
    guard = "" if check.task == main_task else f" (on {check.task})"
    if check.critical:
        return f"{check.critical}{guard}"
    part = f" where {check.slice}" if check.slice else ""
    return f"{measure_words(check.metric)}{part}{guard}"


def _amount(check: Check, value: float, decision: Decision) -> str:
    if check.metric == "latency_p95_s":
        return f"{value:.3g} seconds"
    if check.kind == "ceiling":
        prices = decision.policy.prices
        return f"{value:.3g} {prices.currency}" if prices else f"{value:.3g}"
    return f"{100 * value:.1f}".removesuffix(".0") + " of 100"


def _references(names: Sequence[str]) -> str:
    return listed([reference_words(name) for name in names])


def _margins(checks: Sequence[Check]) -> str:
    margins = sorted({abs(check.threshold) for check in checks})
    if len(margins) == 1:
        return points(margins[0])
    return f"{points(margins[0]).split()[0]} to {points(margins[-1])}"


def _n(result: CandidateResult, main_task: str) -> str:
    """On how much the comparisons on the main task rest, or whatever there is."""
    whole = [c for c in result.checks if c.slice is None]
    whole = [c for c in whole if not c.critical] or whole
    judged = [c for c in whole if c.task == main_task] or whole or list(result.checks)
    largest = max(judged, key=lambda check: check.rows)
    return (
        f"Judged on {counted(largest.rows, 'case')} from {counted(largest.clusters, 'document')}."
    )


def _unmet_wishes(result: CandidateResult) -> list[str]:
    unmet = [c for c in result.checks if not c.required and c.outcome != "promote"]
    if not unmet:
        return []
    verb = "is" if len(unmet) == 1 else "are"
    return [
        f"{counted(len(unmet), 'optional rule')}, which would block nothing, {verb} not shown to hold."
    ]
