"""The files that a local task of lm_eval is read from, so that kept scores can be told from stale.

Does: follow what the YAML names: included YAMLs, functions and questions. Does not: import lm_eval,
or know what one of its own tasks downloads (its version and a dataset's revision say that).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from evals.harness.tasks import SHIPPED

LONGEST_PATH = 255
"""Characters; longer strings are prompts."""


class _FunctionFile(str):
    """File that a `!function module.name` stands in; lm_eval looks for it beside the YAML."""


class _TaskLoader(yaml.SafeLoader):
    """Reads a task's YAML without running anything."""


_TaskLoader.add_constructor(
    "!function",
    lambda _, node: _FunctionFile(f"{str(node.value).rpartition('.')[0].replace('.', '/')}.py"),
)


def task_files(reference: str) -> list[Path]:
    """Every file that a task follows from, sorted; none for one of lm_eval's own.

    Args:
        reference: as `configs.harness.HarnessTask.task`.
    """
    path, shipped = Path(reference).expanduser(), SHIPPED / f"{reference}.yaml"
    found: set[Path] = set()
    if shipped.is_file():
        _follow(shipped, found)
    elif path.is_dir():
        for file in path.rglob("*"):
            _follow(file, found)
    else:
        _follow(path, found)
    return sorted(found)


def _follow(path: Path, found: set[Path]) -> None:
    path = path.resolve()
    if not path.is_file() or path in found:
        return
    found.add(path)
    if path.suffix not in (".yaml", ".yml"):
        return
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_TaskLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return  # evaluate_harness_task says what is wrong with it
    # What Pawl's readers of questions and the datasets library take paths to start from.
    starts = (path.parent, Path(os.environ.get("PAWL_DATA", ".")), Path())
    for named in _strings(content):
        if len(named) < LONGEST_PATH and "\n" not in named:
            for start in starts[:1] if isinstance(named, _FunctionFile) else starts:
                _follow(start / named, found)


def _strings(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict | list):
        for inner in content.values() if isinstance(content, dict) else content:
            yield from _strings(inner)
