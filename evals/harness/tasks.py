"""Find and load a task of lm_eval: by name, by the path of a YAML file, or in a directory.

Does: say which names come nearest, and why data cannot be had. Does not: run the task.
"""

from __future__ import annotations

import difflib
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import configs
from configs.errors import ConfigError, DataError, PawlError
from evals.harness.quiet import quiet_lm_eval

SHIPPED = Path(configs.__file__).parent / "harness_tasks"


@dataclass(frozen=True)
class LoadedTask:
    """A task, or a group with its tasks, data included."""

    name: str
    manager: Any
    """`lm_eval.tasks.TaskManager` that knows the task."""
    tasks: dict[str, Any]
    """`lm_eval.api.task.Task` by name, in lm_eval's order: one, or those of the group."""
    group: Any | None
    """`lm_eval.api.group.Group`, where the name is that of a group."""


def load_harness_task(reference: str) -> LoadedTask:
    """Load a task or group.

    Args:
        reference: as `configs.harness.HarnessTask.task`.
    Raises:
        ConfigError: when there is no such task, file or directory, or the YAML is malformed.
        DataError: when the data cannot be had (no hub, no file), or the task does not fit them.
    """
    manager, spec = _find(reference)
    try:
        with quiet_lm_eval():
            item = manager._load_spec(spec)
    except PawlError:
        raise
    except yaml.YAMLError as error:
        raise ConfigError(
            reference, f"expected valid YAML, got: {error}", "Correct the file."
        ) from error
    except Exception as error:  # a task is code and templates of others: anything may come
        raise DataError(
            f"harness task {reference}",
            f"expected a task whose data can be loaded, got {type(error).__name__}: {error}",
            "Make its dataset reachable (the hub, HF_HOME, PAWL_DATA), or correct the task.",
        ) from error
    if not hasattr(item, "get_all_tasks"):
        return LoadedTask(item.task_name, manager, {item.task_name: item}, None)
    if not item.has_aggregation:
        names = ", ".join(task.task_name for task in item.get_all_tasks())
        raise ConfigError(
            f"harness task {reference}",
            f"expected a group that says how its scores are put together, got one of {names} "
            "without aggregate_metric_list",
            "Name one of these, or add aggregate_metric_list to the group.",
        )
    return LoadedTask(
        item.name, manager, {task.task_name: task for task in item.get_all_tasks()}, item
    )


def _find(reference: str) -> tuple[Any, str]:
    """The manager to load with, and the name or path to give it."""
    path = Path(reference).expanduser()
    shipped = SHIPPED / f"{reference}.yaml"
    if shipped.is_file():
        return _manager(SHIPPED, with_lm_eval=False), str(shipped)
    if path.is_dir():
        return _in_directory(path)
    if path.suffix in (".yaml", ".yml") or "/" in reference:
        if not path.is_file():
            raise ConfigError(
                reference, "expected the YAML file of a task, found none", "Check the path."
            )
        return _in_file(path)
    manager = _manager(None, with_lm_eval=True)
    if reference not in manager.task_index:
        shipped_names = sorted(file.stem for file in SHIPPED.glob("*.yaml"))
        known = [*shipped_names, *manager.all_tasks]
        nearest = difflib.get_close_matches(reference, known, n=5, cutoff=0.6)
        hint = f"nearest are {', '.join(nearest)}" if nearest else "none has a similar name"
        raise ConfigError(
            f"harness task {reference}",
            f"expected one of {', '.join(shipped_names)} or of the {len(manager.all_tasks)} names "
            f"of lm_eval; {hint}",
            "Correct the name; `lm_eval ls tasks` lists lm_eval's.",
        )
    entry = manager.task_index[reference]
    if entry.kind.name == "TAG":
        tagged = ", ".join(sorted(entry.tags))
        raise ConfigError(
            f"harness task {reference}",
            f"expected a task or a group, got a tag that stands for {tagged}",
            "Name one of these.",
        )
    return manager, reference


def _in_directory(directory: Path) -> tuple[Any, str]:
    manager = _manager(directory, with_lm_eval=False)
    names = manager.all_groups or manager.all_subtasks
    if len(names) != 1:
        found = f"got {', '.join(names)}" if names else "found none"
        raise ConfigError(
            str(directory), f"expected one task or one group, {found}",
            "Give the path of the YAML file.",
        )  # fmt: skip
    return manager, names[0]


def _in_file(path: Path) -> tuple[Any, str]:
    from lm_eval.tasks._yaml_loader import load_yaml

    manager = _manager(path.parent, with_lm_eval=False)
    try:
        content = load_yaml(path, resolve_func=False)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(
            str(path), f"expected the YAML of a task, got: {error}", "Correct the file."
        ) from error
    if "group" not in content:
        return manager, str(path)
    # lm_eval finds a group by its name only. Its members may be lm_eval's own tasks, whose index
    # takes seconds to read.
    members = [m if isinstance(m, str) else m.get("task") for m in content.get("task", ())]
    if not all(member in manager.task_index for member in members):
        manager = _manager(path.parent, with_lm_eval=True)
    return manager, content["group"]


def _manager(directory: Path | None, *, with_lm_eval: bool) -> Any:
    if directory is None:
        return _lm_eval_names()
    with quiet_lm_eval():
        from lm_eval.tasks import TaskManager

        return TaskManager(include_path=directory, include_defaults=with_lm_eval)


@functools.cache
def _lm_eval_names() -> Any:
    with quiet_lm_eval():
        from lm_eval.tasks import TaskManager

        return TaskManager()
