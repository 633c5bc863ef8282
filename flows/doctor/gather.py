"""Find out the facts about an installation.

Does: look at this machine and ask Prefect and MLflow, both at once, a few seconds at most.
Does not: judge (flows/doctor/checks.py), start a server, or write anything but a file that is
deleted again.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

from flows.doctor.ask_mlflow import ask_mlflow
from flows.doctor.ask_prefect import ask_prefect
from flows.doctor.facts import Facts, Home, Machine, Requirement

DISTRIBUTION = "pawl-llm"
WEIGHTS_BELOW = ("models", "weights", "cache")


def gather_facts(home: Path, tracking_uri: str, environment: Mapping[str, str]) -> Facts:
    """Everything the checks look at.

    Args:
        home: Pawl's directory.
        tracking_uri: MLflow's address.
        environment: variables of this process.
    """
    with ThreadPoolExecutor() as pool:
        prefect = pool.submit(ask_prefect)
        mlflow = pool.submit(ask_mlflow, tracking_uri, environment)
        return Facts(
            machine=look_at_machine(),
            home=look_at_home(home, chosen="PAWL_HOME" in environment),
            prefect=prefect.result(),
            mlflow=mlflow.result(),
        )


def look_at_machine() -> Machine:
    """Python, libraries and GPUs; torch is not imported, for that alone takes seconds."""
    return Machine(
        python=sys.version_info[:2],
        unmet=tuple(unmet_requirements(requires_of_pawl())),
        gpu_devices=tuple(str(device) for device in sorted(Path("/dev").glob("nvidia[0-9]*"))),
        torch=_installed("torch"),
        torch_accelerator=_torch_accelerator(),
    )


def requires_of_pawl() -> list[str]:
    """What Pawl's metadata asks for; nothing when it runs from a source tree without metadata."""
    try:
        return requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        return []


def unmet_requirements(lines: list[str]) -> list[Requirement]:
    """Those that are not installed in the version asked for; extras that nobody asked for left out."""
    from packaging.requirements import Requirement as Parsed

    found = []
    for line in lines:
        parsed = Parsed(line)
        if parsed.marker is not None and not parsed.marker.evaluate({"extra": ""}):
            continue
        installed = _installed(parsed.name)
        if installed is None or not parsed.specifier.contains(installed, prereleases=True):
            found.append(Requirement(f"{parsed.name}{parsed.specifier}", installed))
    return found


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _torch_accelerator() -> str | None:
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    told = (Path(spec.origin).parent / "version.py").read_text(encoding="utf-8")
    found = re.search(r"^(cuda|hip)\b[^=]*= '([^']+)'", told, re.MULTILINE)
    return f"{found[1]} {found[2]}" if found else None


def look_at_home(home: Path, chosen: bool) -> Home:
    """Whether Pawl can keep its files there, and what room there is."""
    existing = next(path for path in (home, *home.parents) if path.exists())
    return Home(
        path=str(home),
        chosen=chosen,
        problem=_problem_of_writing(existing),
        free_bytes=shutil.disk_usage(existing).free,
        largest_weights_bytes=_largest_weights(home),
    )


def _problem_of_writing(directory: Path) -> str | None:
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(b"pawl")
    except OSError as error:
        return error.strerror or str(error)
    return None


def _largest_weights(home: Path) -> int:
    sizes: dict[str, int] = defaultdict(int)
    for below in WEIGHTS_BELOW:
        for directory, _, files in os.walk(home / below):
            for name in files:
                path = Path(directory) / name
                if path.suffix == ".safetensors" and path.exists():  # not a link to nowhere
                    sizes[directory] += path.stat().st_size
    return max(sizes.values(), default=0)
