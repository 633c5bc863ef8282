"""Read a YAML file strictly: a key written twice is refused, every error says where it is."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from configs.errors import ConfigError


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
