"""Apply a rule over several guard tasks to one candidate.

Does: put the answers of the tasks together, and test them for a drop or against a margin.
Does not: ask guard tasks, or correct for several candidates (evals/gate.py).

An alarm (`no-significant-drop`) rejects when a drop is found. Its alpha is the share of harmless
changes that it flags, and is neither divided over candidates nor over looks: that would only make it
blind. A promise (`non-inferiority`) is tested at the level of the candidate, as comparisons are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from configs.errors import EvidenceError
from configs.gate_policy import GateConfig, PooledGuard
from evals.checks import UNQUANTIZED, Level, outcome_of_bounds, too_uneven
from evals.decision import Check, Outcome, PooledFacts, PooledTask, Reason
from evals.documents_needed import POWER, further_documents
from evals.evaluation import Evaluation
from evals.evidence import Evidence
from evals.metric import Metric
from evals.stats.binary import TangoLaw
from evals.stats.contributions import Contributions
from evals.stats.paired import SKEW_CORRECTED, TANGO, is_mean, require_paired
from evals.stats.pooled import ChangedAnswers, minimum_detectable_drop
from evals.stats.sign_flips import detectable_drop, sign_flip_test
from evals.stats.skew_corrected import SkewCorrectedLaw
from evals.stats.totals import cluster_sums

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MCNEMAR = "exact pooled McNemar test"


@dataclass(frozen=True)
class _Pool:
    """Gains of a candidate over a reference, tasks together."""

    tasks: tuple[PooledTask, ...]
    gains: np.ndarray
    """Weighted sum of candidate - reference per document, turned so that more is better."""
    rows: np.ndarray
    """Weighted rows per document; the weights of all rows sum to their number."""
    right_or_wrong: bool
    """Whether every document is one answer that is right or wrong, and all count alike."""

    @property
    def number_of_rows(self) -> int:
        return sum(task.rows for task in self.tasks)

    @property
    def changed(self) -> ChangedAnswers:
        return ChangedAnswers(
            sum(task.lost for task in self.tasks),
            sum(task.gained for task in self.tasks),
            self.number_of_rows,
        )

    @property
    def value(self) -> float:
        return float(self.gains.sum() / self.rows.sum())

    @property
    def law(self) -> TangoLaw | SkewCorrectedLaw:
        """Bounds of the pooled gain."""
        if self.right_or_wrong:
            return TangoLaw(self.changed.gained, self.changed.lost, self.changed.rows)
        total = self.rows.sum()
        return SkewCorrectedLaw(Contributions(self.value, self.gains / total, self.rows / total))


def pooled_checks(
    policy: GateConfig, candidate: str, evidence: Evidence, level: Level
) -> Iterator[Check]:
    """One check per rule over several guard tasks.

    A rule is left out where the candidate is its own reference, or there is no champion.

    Raises:
        EvidenceError: when there are no guard tasks, a system was not asked one of them, the two did
            not answer the same questions, or the metric is not measured or no mean over questions.
    """
    for rule in policy.guards:
        system = UNQUANTIZED if rule.reference == "unquantized" else rule.reference
        no_champion = system == "champion" and "champion" not in evidence.evaluations
        if system == candidate or no_champion:
            continue
        pool = _pool(rule, candidate, system, evidence)
        yield _check(rule, pool, policy, level)


def _pool(rule: PooledGuard, candidate: str, system: str, evidence: Evidence) -> _Pool:
    import numpy as np
    import pandas as pd

    names = rule.tasks or tuple(evidence.guards)
    if not names:
        raise EvidenceError(
            f"gate: {candidate}",
            "expected evaluations on guard tasks for a rule over them, got none",
            "Add guard_tasks to the lifecycle, or take the rule out of the gate's policy.",
        )
    pairs = [(evidence.of(candidate, name), evidence.of(system, name)) for name in names]
    for ours, theirs in pairs:
        require_paired(ours, theirs)
    metrics = [_metric(rule, *pair) for pair in pairs]
    documents = [_documents(*pair, metric) for pair, metric in zip(pairs, metrics, strict=True)]
    tasks = tuple(
        _task(name, pair[0], metric, parts)
        for name, pair, metric, parts in zip(names, pairs, metrics, documents, strict=True)
    )
    if rule.weighting == "tasks":
        rows = sum(task.rows for task in tasks)
        for task, parts in zip(tasks, documents, strict=True):
            parts[["gain", "rows"]] *= rows / (len(tasks) * task.rows)
    # A document that several tasks ask about is one document.
    together = pd.concat(documents).groupby("cluster", sort=True)[["gain", "rows"]].sum()
    single = len(together) == sum(task.rows for task in tasks)
    alike = rule.weighting == "questions" or len({task.rows for task in tasks}) == 1
    return _Pool(
        tasks=tasks,
        gains=together["gain"].to_numpy(dtype=float),
        rows=together["rows"].to_numpy(dtype=float),
        right_or_wrong=single and alike and bool(np.all([metric.binary for metric in metrics])),
    )


def _metric(rule: PooledGuard, ours: Evaluation, theirs: Evaluation) -> Metric:
    metric = ours.metric(rule.metric or ours.metrics[0].name)
    theirs.metric(metric.name)
    if not is_mean(metric):
        raise EvidenceError(
            f"gate: {metric.name} on {ours.task}",
            "expected a mean over questions to pool, got a metric that is put together otherwise",
            "Name another metric in the rule, or the tasks of the group one by one.",
        )
    # Graded scores of one system may happen to be all 0 or 1.
    both = metric.binary and theirs.metric(metric.name).binary
    return metric.model_copy(update={"binary": both})


def _documents(ours: Evaluation, theirs: Evaluation, metric: Metric) -> pd.DataFrame:
    """Per question: its document, the candidate's gain, and 1."""
    import numpy as np
    import pandas as pd

    one_by_one = np.arange(ours.rows)
    answers = theirs.frame
    if not np.array_equal(answers["id"].to_numpy(), ours.frame["id"].to_numpy()):
        answers = answers.set_index("id").loc[ours.frame["id"]].reset_index()
    gains = (
        cluster_sums(ours.frame.assign(cluster=one_by_one), metric)[:, 0]
        - cluster_sums(answers.assign(cluster=one_by_one), metric)[:, 0]
    )
    return pd.DataFrame(
        {
            "cluster": ours.frame["cluster"].astype(str).to_numpy(),
            "gain": gains if metric.higher_is_better else -gains,
            "rows": 1.0,
        }
    )


def _task(name: str, ours: Evaluation, metric: Metric, parts: pd.DataFrame) -> PooledTask:
    return PooledTask(
        task=name,
        metric=metric.name,
        lost=int((parts["gain"] < 0).sum()),
        gained=int((parts["gain"] > 0).sum()),
        rows=ours.rows,
        clusters=ours.clusters,
        value=float(parts["gain"].mean()),
    )


def _check(rule: PooledGuard, pool: _Pool, policy: GateConfig, level: Level) -> Check:
    # What an alarm may spend on harmless changes is no error of promotion.
    own = policy.alpha if rule.alpha is None else rule.alpha
    alarm_alpha = own if rule.margin is None else level.of(rule.alpha)
    facts, test = _facts(rule, pool, alarm_alpha, level.seed)
    law, method = pool.law, TANGO if pool.right_or_wrong else SKEW_CORRECTED
    alpha, value = alarm_alpha, pool.value
    low, high = min(value, law.low(alpha)), max(value, law.high(alpha))
    missing: int | None = None
    outcome: Outcome
    reason: Reason
    if rule.margin is None:
        threshold, p_value, found = 0.0, facts.p_drop, facts.p_drop <= alpha
        outcome, reason = ("reject", "drop-found") if found else ("promote", "no-drop-found")
        method = f"{test} of {_tests_of(pool)}; bounds: {method}"
    else:
        threshold = -rule.margin
        outcome = outcome_of_bounds(low, high, threshold)
        beyond = law.p_above(threshold)
        p_value = min(1.0, beyond) if value > threshold else max(0.5, beyond)
        reason = _REASONS[outcome]
        if outcome == "inconclusive":
            interval = _Interval(value, low, high, pool.number_of_rows, len(pool.rows), method)
            missing = further_documents(interval, law, threshold, alpha)
            if too_uneven(rule.test, law, threshold, alpha, len(pool.rows)):
                reason = "too-uneven"
    if len(pool.rows) < policy.min_clusters:
        outcome, reason = "inconclusive", "too-few-documents"
        p_value = 1.0 if rule.margin is not None else p_value
        missing = max(missing or 0, policy.min_clusters - len(pool.rows))
    return Check(
        kind=rule.test,
        metric=" + ".join(dict.fromkeys(task.metric for task in pool.tasks)),
        task=" + ".join(task.task for task in pool.tasks),
        reference=rule.reference,
        slice=None,
        required=rule.required,
        threshold=threshold,
        value=value,
        low=low,
        high=high,
        alpha=alpha,
        p_value=p_value,
        method=method,
        rows=pool.number_of_rows,
        clusters=len(pool.rows),
        outcome=outcome,
        reason=reason,
        further_documents=missing,
        pooled=facts,
    )


@dataclass(frozen=True)
class _Interval:
    value: float
    low: float
    high: float
    rows: int
    clusters: int
    method: str


_REASONS: dict[Outcome, Reason] = {
    "promote": "holds",
    "reject": "fails",
    "inconclusive": "interval-covers-threshold",
}


def _tests_of(pool: _Pool) -> str:
    names: Sequence[str] = [task.task for task in pool.tasks]
    return f"{len(names)} guard task{'s' if len(names) > 1 else ''}"


def _facts(rule: PooledGuard, pool: _Pool, alpha: float, seed: int) -> tuple[PooledFacts, str]:
    """Tests for a drop and for any change, what they could have found, and how."""
    if pool.right_or_wrong:
        changed, method = pool.changed, MCNEMAR
        p_drop, p_change = changed.p_worse, changed.p_two_sided
        share = changed.changed / changed.rows
        smallest = minimum_detectable_drop(changed.rows, share, alpha=alpha, power=POWER)
    else:
        found = sign_flip_test(pool.gains, seed=seed)
        p_drop, p_change, method = found.p_worse, found.p_two_sided, found.method
        smallest = detectable_drop(pool.gains, pool.rows, alpha=alpha, power=POWER)
    facts = PooledFacts(
        tasks=pool.tasks,
        weighting=rule.weighting,
        p_drop=p_drop,
        p_change=p_change,
        detectable_drop=smallest,
    )
    return facts, method
