"""Configuration files by name: one's own (below PAWL_CONFIGS) before those that ship.

Does: list and find them, load one. Does not: know what is in them.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from pathlib import Path

from configs.errors import ConfigError
from configs.validation import Config, validate
from configs.yaml_file import read_yaml

SHIPPED = Path(__file__).parent


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


def load_named(model: type[Config], reference: str, folder: str) -> Config:
    """Load a file by path, or by the name of one's own or one that ships.

    Args:
        model: what is in it.
        folder: where files of this kind are, such as `gates`.
    Raises:
        ConfigError: when there is no such file or it breaks the schema.
    """
    path = find_file(reference, folder)
    return validate(model, read_yaml(path), str(path))
