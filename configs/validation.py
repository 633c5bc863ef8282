"""Validate parsed content: every problem in one error, in words of whoever wrote the file.

Does: name the key by its path in the file, what was expected and what is there; name the nearest valid
key of an unknown one. Does not: read files (configs/yaml_file.py).
"""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from configs.errors import ConfigError

Config = TypeVar("Config", bound=BaseModel)


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
