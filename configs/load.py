"""Read configuration files: YAML in, validated values out, every problem in one error.

Does: find files by name, one's own (PAWL_CONFIGS) before those that ship; refuse duplicate and
unknown keys (naming the nearest valid one).
Does not: look into data files or weights.
"""

from __future__ import annotations

import difflib
import os
import re
import typing
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from configs.errors import ConfigError
from configs.gate_policy import GateConfig
from configs.judge import load_judge
from configs.lifecycle import LifecycleConfig
from configs.task import TaskConfig

SHIPPED = Path(__file__).parent
Config = TypeVar("Config", bound=BaseModel)


class _UniqueKeyLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key written twice, where PyYAML would keep the last one."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError as error:  # a date such as 2024-13-45; PyYAML does not say where
            raise yaml.constructor.ConstructorError(
                None, None, str(error), node.start_mark
            ) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":  # `<<`, which PyYAML resolves below
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key must be a plain word", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} is written twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Parse a YAML file that holds a mapping.

    Raises:
        ConfigError: when the file is missing, is not YAML, writes a key twice, or is no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(str(path), "expected a file, found none", "Check the path.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            str(path), f"expected a readable UTF-8 file, got: {error}", "Check the file."
        ) from error
    try:
        content = yaml.load(text, Loader=_UniqueKeyLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(
            f"{path}{line}", f"expected valid YAML, got: {error.problem}", "Correct that line."
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(str(path), f"expected valid YAML, got: {error}", "Correct it.") from error
    if not isinstance(content, dict):
        raise ConfigError(
            str(path),
            f"expected a mapping of keys to values, got {type(content).__name__}",
            "Write `key: value` lines; `pawl schema lifecycle` lists the keys.",
        )
    return content


def _union_members(annotation: Any) -> list[Any]:
    while typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    arguments = typing.get_args(annotation)
    if arguments and not isinstance(annotation, type):
        return [m for a in arguments if a is not type(None) for m in _union_members(a)]
    if arguments:
        return [m for a in arguments if a is not Ellipsis for m in _union_members(a)]
    return [annotation]


def _walk(
    model: type[BaseModel], location: tuple[int | str, ...]
) -> tuple[list[str], list[type[BaseModel]]]:
    """The YAML path that a pydantic location stands for, and the models found at its end.

    A pydantic location also names the chosen member of a tagged union, which no YAML key does.
    """
    path: list[str] = []
    models: list[type[BaseModel]] = [model]
    for step in location:
        tagged = [m for m in models if _tag(m) == step]
        if tagged:
            models = tagged
            continue
        path.append(str(step))
        if isinstance(step, int):
            continue
        annotations = [m.model_fields[step].annotation for m in models if step in m.model_fields]
        members = [member for a in annotations for member in _union_members(a)]
        models = [m for m in members if isinstance(m, type) and issubclass(m, BaseModel)]
    return path, models


def _tag(model: type[BaseModel]) -> str | None:
    kind = model.model_fields.get("kind")
    arguments = typing.get_args(kind.annotation) if kind else ()
    return arguments[0] if len(arguments) == 1 else None


def _problem(model: type[BaseModel], error: Mapping[str, Any]) -> str:
    path, members = _walk(model, tuple(error["loc"]))
    field = ".".join(path) or "(file)"
    if error["type"] == "extra_forbidden":
        _, parents = _walk(model, tuple(error["loc"][:-1]))
        valid = sorted({name for parent in parents for name in parent.model_fields})
        nearest = difflib.get_close_matches(path[-1], valid, n=1, cutoff=0.5)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"valid keys: {', '.join(valid)}"
        return f"{field}: unknown key; {hint}"
    if error["type"] == "missing":
        return f"{field}: missing"
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        tags = ", ".join(repr(_tag(member)) for member in members)
        tag = error["ctx"].get("tag")
        found = "missing, expected" if tag is None else f"got {tag!r}, expected"
        return f"{field}.kind: {found} one of {tags}"
    if error["type"] == "value_error":
        message = error["msg"].removeprefix("Value error, ")
        return f"{field}: {message}" if path else message
    if error["type"] == "model_type":
        expected = "a mapping of keys to values"
    else:
        expected = re.sub(r"^(Input|\w+) should (be )?", _without_input, error["msg"])
    return f"{field}: expected {expected}, got {_shortened(repr(error['input']))}"


def _without_input(match: re.Match[str]) -> str:
    """`Input should be an integer` -> `an integer`; `String should match x` -> `string to match x`."""
    subject, be = match.group(1).lower(), match.group(2) or ""
    return "" if subject == "input" and be else f"{subject} to {be}"


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."


def _is_consequence(error: Mapping[str, Any], errors: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a sequence is only too short because an item of it is wrong, which is said anyway."""
    place = error["loc"]
    return error["type"] == "too_short" and any(
        len(other["loc"]) > len(place) and other["loc"][: len(place)] == place for other in errors
    )


def validate(
    model: type[Config],
    content: Mapping[str, Any],
    where: str,
    action: str = "Correct the file and run again.",
) -> Config:
    """Validate parsed content.

    Args:
        where: what the content is, for error messages, such as the path of its file.
        action: what to do about an error, one sentence.
    Raises:
        ConfigError: naming every field that is wrong; an unknown key comes with the nearest valid.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        problems = [_problem(model, e) for e in errors if not _is_consequence(e, errors)]
        listed = problems[0] if len(problems) == 1 else "".join(f"\n  - {p}" for p in problems)
        raise ConfigError(where, listed, action) from error


def configuration_names(*folders: str) -> tuple[str, ...]:
    """Names of the files in folders such as `lifecycles`, one's own and those that ship, sorted.

    One's own are below the directory that the environment variable `PAWL_CONFIGS` names; they come
    before shipped ones of the same name.

    Raises:
        ConfigError: when that variable names no directory.
    """
    return tuple(sorted({path.stem for path in _named_files(folders)}))


def own_configurations() -> Path | None:
    """The directory that `PAWL_CONFIGS` names; None if it is not set.

    Raises:
        ConfigError: when it names no directory.
    """
    named = os.environ.get("PAWL_CONFIGS")
    if not named:
        return None
    if not Path(named).is_dir():
        raise ConfigError(
            "PAWL_CONFIGS",
            f"expected a directory with folders such as lifecycles/ and gates/, got {named}",
            "Correct or unset it.",
        )
    return Path(named)


def _named_files(folders: Iterable[str]) -> list[Path]:
    roots = [root for root in (own_configurations(), SHIPPED) if root is not None]
    return [
        path
        for root in roots
        for folder in folders
        for path in sorted((root / folder).glob("*.yaml"))
    ]


def find_file(reference: str, *folders: str) -> Path:
    """The file of this path, or of this name in folders such as `lifecycles`, one's own first.

    Raises:
        ConfigError: when there is none; the nearest name is told.
    """
    for path in (Path(reference), *_named_files(folders)):
        if path.is_file() and (path == Path(reference) or path.stem == reference):
            return path
    names = configuration_names(*folders)
    nearest = difflib.get_close_matches(reference, names, n=1)
    raise ConfigError(
        reference,
        f"expected the path of a YAML file or one of {', '.join(names)}, found neither",
        f"Did you mean {nearest[0]!r}?" if nearest else "Check the name.",
    )


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
    path = find_file(reference, "gates")
    return validate(GateConfig, read_yaml(path), str(path))


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
    path = find_file(reference, "tasks")
    return validate(TaskConfig, read_yaml(path), str(path))
