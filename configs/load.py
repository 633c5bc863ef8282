"""Load lifecycles, gates and tasks.

Does: put together what a lifecycle names in files of their own. Does not: look into data or weights.
"""

from __future__ import annotations

from pathlib import Path

from configs.gate_policy import GateConfig
from configs.judge import load_judge
from configs.lifecycle import LifecycleConfig
from configs.named_files import find_file, load_named
from configs.task import TaskConfig
from configs.validation import validate
from configs.yaml_file import read_yaml


def load_lifecycle(reference: str) -> LifecycleConfig:
    """Load a lifecycle by path, or by the name of one's own or one that ships.

    Its `gate` may be the name or the path of a policy of its own file. Without `data`, it has the
    data that its task names.

    Raises:
        ConfigError: when there is no such file or it breaks the schema.
    """
    path = find_file(reference, "lifecycles")
    content = read_yaml(path)
    if isinstance(content.get("gate"), str):
        content["gate"] = load_gate(content["gate"])
    if isinstance(content.get("judge"), str):
        content["judge"] = load_judge(Path(content["judge"]))
    if "data" not in content and isinstance(content.get("task"), str):
        task_data = load_task(content["task"]).data
        content |= {} if task_data is None else {"data": task_data}
    return validate(LifecycleConfig, content, str(path))


def load_gate(reference: str) -> GateConfig:
    """Load a gate's policy by path, or by the name of one's own or one that ships.

    Raises:
        ConfigError: when there is no such file or it breaks the schema.
    """
    return load_named(GateConfig, reference, "gates")


def load_policy(reference: str) -> GateConfig:
    """Load a gate's policy: of a file of its own, or the gate of a lifecycle.

    Raises:
        ConfigError: when there is no such file or it breaks the schema.
    """
    path = find_file(reference, "gates", "lifecycles")
    if "gate" in read_yaml(path):
        return load_lifecycle(str(path)).gate
    return load_gate(str(path))


def load_task(reference: str) -> TaskConfig:
    """Load a task by path, or by the name of one's own or one that ships.

    Raises:
        ConfigError: when there is no such file or it breaks the schema.
    """
    return load_named(TaskConfig, reference, "tasks")
