"""Whether rules on guard tasks name metrics that the tasks measure, told before anything is trained.

Does: read `metric_list` in the YAML of local tasks. Does not: import lm_eval, whose own tasks take
seconds and a hub to read; a wrong name there is refused when the task has been asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from configs.errors import ConfigError
from configs.gate_policy import GateConfig
from configs.harness import HarnessTask
from evals.harness.tasks import SHIPPED


class _Loader(yaml.SafeLoader):
    """Reads a task's YAML without running anything."""


_Loader.add_constructor("!function", lambda _, node: str(node.value))


def declared_metrics(reference: str) -> tuple[str, ...] | None:
    """Names of the metrics that a task will have, as policies call them.

    Args:
        reference: as `configs.harness.HarnessTask.task`.
    Returns:
        None where the YAML does not say: one of lm_eval's own, a directory, a group, a task that
        makes up metrics while scoring, or a file that cannot be read.
    """
    shipped, path = SHIPPED / f"{reference}.yaml", Path(reference).expanduser()
    content = _content(shipped if shipped.is_file() else path)
    listed = content.get("metric_list")
    if "group" in content or "process_results" in content or not isinstance(listed, list):
        return None
    names = [entry.get("metric") for entry in listed if isinstance(entry, dict)]
    if not names or not all(isinstance(name, str) for name in names):
        return None
    filters = [entry.get("name") for entry in content.get("filter_list") or ()]
    if len(filters) < 2:
        return tuple(map(str, names))
    return tuple(f"{name}.{filter_name}" for filter_name in filters for name in names)


def require_declared_metrics(policy: GateConfig, guard_tasks: Sequence[HarnessTask]) -> None:
    """Refuse a metric on a guard task that the task will not measure.

    Raises:
        ConfigError: naming every rule, the metric and the metrics that there will be.
    """
    problems = []
    for guard in guard_tasks:
        declared = declared_metrics(guard.task)
        if declared is None:
            continue
        problems += [
            f"{where}: expected one of the metrics {', '.join(declared)} of {guard.task}, got {name!r}"
            for where, name in _wanted(policy, guard)
            if name not in declared
        ]
    if problems:
        listed = problems[0] if len(problems) == 1 else "".join(f"\n  - {p}" for p in problems)
        raise ConfigError("gate", listed, "Correct the metrics, or leave the rules out.")


def _wanted(policy: GateConfig, guard: HarnessTask) -> Iterable[tuple[str, str]]:
    """Rule or setting, and the metric of the task that it names."""
    if guard.metric is not None:
        yield "guard_tasks.metric", guard.metric
    for rule in policy.comparisons:
        if rule.task == guard.task:
            yield "gate.comparisons", rule.metric
    for floor in policy.floors:
        if floor.task == guard.task:
            yield "gate.floors", floor.metric
    for pooled in policy.guards:
        if pooled.metric is not None and guard.task in (pooled.tasks or (guard.task,)):
            yield "gate.guards", pooled.metric


def _content(path: Path) -> dict[str, Any]:
    """What a task's YAML says, with what it includes; empty where it cannot be read."""
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        return {}
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeError, yaml.YAMLError):
        # Reading the task for asking it says what is wrong, with its place.
        return {}
    if not isinstance(content, dict):
        return {}
    included = content.get("include")
    if not isinstance(included, str) or (path.parent / included) == path:
        return content
    return _content(path.parent / included) | content
