"""How alike the tests of several candidates are, so that alpha need not be kept as if they were not.

Does: correlate what documents add to every required test of every candidate. Does not: choose levels
(evals/stats/max_t.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from configs.gate_policy import Comparison, Floor, GateConfig
from evals.checks import bounded, difference, references_of
from evals.evidence import Evidence
from evals.rectified_checks import is_judged
from evals.stats.contributions import Contributions
from evals.stats.max_t import least_correlation
from evals.stats.skew_corrected import SkewCorrectedLaw

Test = tuple[Contributions, float]
"""What documents add, and the variance of losses that were not seen."""


def correlation_of(
    policy: GateConfig, candidates: Sequence[str], evidence: Evidence, alpha: float
) -> float:
    """Smallest correlation between any test of one candidate and any test of another.

    0, as if they had nothing in common, where a required rule rests on other documents than all of
    the lifecycle's task (guard tasks, slices, critical labels), or on no sum over them (ceilings, a
    judge's scores): a candidate may break that one rule alone.
    """
    if not all_on_the_same_documents(policy):
        return 0.0
    return least_correlation([_tests(policy, name, evidence, alpha) for name in candidates])


def all_on_the_same_documents(policy: GateConfig) -> bool:
    elsewhere = [
        *(rule for rule in policy.comparisons if rule.task or is_judged(rule.metric)),
        *(rule for rule in policy.floors if rule.task or rule.slice or is_judged(rule.metric)),
        *policy.ceilings,
        *policy.critical,
        *policy.guards,
        *([policy.stability] if policy.stability else []),
    ]
    return not any(rule.required for rule in elsewhere)


def _tests(policy: GateConfig, name: str, evidence: Evidence, alpha: float) -> list[Test]:
    ours = evidence.of(name, None)
    tests = []
    rules: tuple[Comparison | Floor, ...] = (*policy.comparisons, *policy.floors)
    for rule in rules:
        if not rule.required:
            continue
        if isinstance(rule, Floor):
            tests.append(_test(bounded(ours, rule.metric, alpha).contributions, alpha))
            continue
        for _, system in references_of(rule, name, evidence):
            against = evidence.of(system, None)
            tests.append(_test(difference(ours, against, rule.metric, alpha).contributions, alpha))
    return [test for test in tests if test is not None]


def _test(contributions: Contributions | None, alpha: float) -> Test | None:
    if contributions is None:
        return None
    return contributions, SkewCorrectedLaw(contributions).unseen_variance(alpha)
