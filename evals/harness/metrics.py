"""What lm_eval measures, as metrics that can be recomputed per resample.

Does: keep metrics that are a mean of one number in [0, 1] per question; of a group, the mean that
lm_eval itself takes of its tasks. Does not: keep what is no such mean (perplexity, BLEU, MCC).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

from configs.errors import EvidenceError
from evals.harness.tasks import LoadedTask
from evals.metric import Metric, Ratio, mean_metric

Sample = dict[str, Any]


@dataclass(frozen=True)
class Measured:
    """One metric of lm_eval after one filter of answers."""

    key: str
    """Key in lm_eval's samples: `acc`, `exact_match`."""
    filter: str
    """`none`, or such as `strict-match`."""
    name: str
    """Name of the metric here: the key, with `.FILTER` where the task has several filters."""

    def column(self, task: str, loaded: LoadedTask) -> str:
        """Column of the frame that holds the values of one task."""
        return self.name if loaded.group is None else f"{self.name}.{task}"


def measured(
    loaded: LoadedTask, samples: Mapping[str, Sequence[Sample]]
) -> tuple[list[Measured], dict[str, str]]:
    """What can be gated on, in the task's order, and why the rest cannot (name -> reason)."""
    first = next(iter(samples.values()))
    filters = list(dict.fromkeys(sample["filter"] for sample in first))
    kept, refused = [], {}
    for filter_name in filters:
        keys = next(sample for sample in first if sample["filter"] == filter_name)["metrics"]
        for key in keys:
            name = key if len(filters) == 1 else f"{key}.{filter_name}"
            found = Measured(key, filter_name, name)
            reason = _reason_against(found, loaded, samples)
            if reason is None:
                kept.append(found)
            else:
                refused[name] = reason
    return kept, refused


def _reason_against(
    found: Measured, loaded: LoadedTask, samples: Mapping[str, Sequence[Sample]]
) -> str | None:
    import numpy as np
    from lm_eval.api.metrics import mean

    for name, task in loaded.tasks.items():
        # Metrics that a task makes up while scoring have no aggregation; lm_eval takes their mean.
        if task.aggregation().get(found.key, mean) is not mean:
            return "it is not the mean of one number per question"
        scored = [sample for sample in samples[name] if sample["filter"] == found.filter]
        if not scored:
            return f"{name} has no filter {found.filter}"
        for sample in scored:
            value = sample.get(found.key)
            if not isinstance(value, Real | np.bool_) or not math.isfinite(value):
                return "it is not one number per question"
            if not 0 <= float(value) <= 1:
                return f"its values leave [0, 1], such as {float(value):g}"
    if loaded.group is not None and _aggregation(found, loaded) is None:
        return f"the group {loaded.name} does not put it together"
    return None


def _aggregation(found: Measured, loaded: LoadedTask) -> Any | None:
    """The group's `AggMetricConfig` for this metric and filter."""
    assert loaded.group is not None
    for aggregation in loaded.group.aggregate_metric_list:
        filters = aggregation.filter_list
        if aggregation.metric == found.key and (filters is None or found.filter in filters):
            return aggregation
    return None


def as_metrics(
    kept: Sequence[Measured],
    loaded: LoadedTask,
    samples: Mapping[str, Sequence[Sample]],
    primary: str | None,
) -> tuple[Metric, ...]:
    """Metrics of the frame's columns, the primary one first.

    A group's is the mean over all questions, or over tasks, as the group's `weight_by_size` says.
    """
    metrics = []
    for found in kept:
        better = {task.higher_is_better().get(found.key, True) for task in loaded.tasks.values()}
        values = {
            sample[found.key]
            for name in loaded.tasks
            for sample in samples[name]
            if sample["filter"] == found.filter
        }
        binary = values <= {0, 1}
        if loaded.group is None:
            metric = mean_metric(found.name, binary=binary)
        else:
            metric = _group_metric(found, loaded, binary)
        metrics.append(metric.model_copy(update={"higher_is_better": better == {True}}))
    return tuple(sorted(metrics, key=lambda metric: metric.name != primary))


def _group_metric(found: Measured, loaded: LoadedTask, binary: bool) -> Metric:
    columns = {name: found.column(name, loaded) for name in loaded.tasks}
    aggregation = _aggregation(found, loaded)
    assert aggregation is not None
    if aggregation.weight_by_size:
        ratio = Ratio(numerator=dict.fromkeys(columns.values(), 1.0))
        return Metric(name=found.name, ratios=(ratio,), binary=binary)
    per_task = tuple(
        Ratio(numerator={column: 1.0}, denominator={f"asked.{name}": 1.0})
        for name, column in columns.items()
    )
    return Metric(name=found.name, ratios=per_task)


def require_usable(
    where: str, kept: Sequence[Measured], refused: Mapping[str, str], primary: str | None
) -> None:
    """Refuse a task without any metric to gate on, or without the one that is asked for.

    Raises:
        EvidenceError: naming the metrics that there are, and why the others cannot be used.
    """
    names = [found.name for found in kept]
    if names and (primary is None or primary in names):
        return
    reasons = "; ".join(f"{name}: {reason}" for name, reason in refused.items())
    if primary is None:
        got = reasons
    elif primary in refused:
        got = f"{primary!r}, but {refused[primary]}"
    else:
        got = f"{primary!r}"
    measured_names = f"one of {', '.join(names)}" if names else "a mean of values in [0, 1]"
    raise EvidenceError(
        where, f"expected as metric {measured_names}, got {got}", "Choose another metric or task."
    )
