"""Checks of this machine: Python, libraries, GPU, and the directory that Pawl keeps its files in."""

from __future__ import annotations

from flows.doctor.facts import Facts
from flows.doctor.finding import Finding, Severity, ok

OLDEST_PYTHON = (3, 11)
WEIGHTS_COPIES = 3
"""Room for a lifecycle, in sizes of the base model: merged, quantized, and kept in the registry."""
LEAST_FREE_BYTES = 5 * 10**9
"""Room to ask for while no weights are known, 5 GB: a model of 1B parameters in two copies."""
GB = 10**9


def python_version(facts: Facts) -> Finding:
    """Pawl needs Python 3.11."""
    found = ".".join(str(part) for part in facts.machine.python)
    if facts.machine.python < OLDEST_PYTHON:
        return Finding(
            "error", f"Python is {found}; Pawl needs 3.11.", "Python", "Use Python 3.11 or later."
        )
    return ok(f"Python is {found}.", "Python")


def fastapi_version(facts: Facts) -> Finding:
    """FastAPI above what Prefect 3.8 bears: no Prefect server starts."""
    for unmet in facts.machine.unmet:
        if unmet.needed.startswith("fastapi"):
            return Finding(
                "error",
                f"FastAPI is {unmet.installed or 'missing'}: every Prefect server fails to start.",
                "package fastapi",
                f"pip install '{unmet.needed}'",
            )
    return ok("FastAPI is a version that Prefect starts with.", "package fastapi")


def library_versions(facts: Facts) -> Finding:
    """Everything that Pawl's metadata asks for."""
    unmet = [one for one in facts.machine.unmet if not one.needed.startswith("fastapi")]
    if not unmet:
        return ok("Every library is in a version that Pawl asks for.", "packages")
    shown = ", ".join(f"{one.needed} (found {one.installed or 'none'})" for one in unmet)
    wanted = " ".join(f"'{one.needed}'" for one in unmet)
    return Finding("error", f"Needed: {shown}.", "packages", f"pip install {wanted}")


def torch_and_gpu(facts: Facts) -> Finding:
    """A GPU that torch cannot use."""
    machine = facts.machine
    if machine.gpu_devices and machine.torch_accelerator is None:
        return Finding(
            "error",
            f"{len(machine.gpu_devices)} GPU devices, but torch {machine.torch} is built for CPU only.",
            machine.gpu_devices[0],
            "Install torch from https://download.pytorch.org/whl/ for your CUDA version.",
        )
    if machine.gpu_devices:
        found = f"{len(machine.gpu_devices)} GPU devices, torch for {machine.torch_accelerator}."
        return ok(found, machine.gpu_devices[0])
    return ok(f"No GPU here; torch {machine.torch} uses the CPU.", "torch")


def home_is_writable(facts: Facts) -> Finding:
    """Every step keeps its result there."""
    home = facts.home
    if home.problem:
        return Finding(
            "error",
            f"Nothing can be written there: {home.problem}.",
            home.path,
            "Let this user write there, or set PAWL_HOME to a directory of its own.",
        )
    return ok("Pawl can write there.", home.path)


def home_is_shared(facts: Facts) -> Finding | None:
    """Deployments run in workers' directories: without PAWL_HOME each has a home of its own."""
    if facts.prefect.api_url is None:
        return None
    if elsewhere := sorted(facts.prefect.run_homes - {facts.home.path}):
        return Finding(
            "warning",
            f"Deployments keep their files in {elsewhere[0]}, this machine in {facts.home.path}.",
            "PAWL_HOME",
            f"Set PAWL_HOME={elsewhere[0]} here, or set it and run `pawl deploy` again.",
        )
    if not facts.home.chosen:
        return Finding(
            "warning",
            "PAWL_HOME is not set: each worker's working directory gets a cache of its own.",
            facts.home.path,
            "Set PAWL_HOME to one directory that every worker and this machine see.",
        )
    return ok("PAWL_HOME is set; every worker must see the same directory.", facts.home.path)


def disk_space(facts: Facts) -> Finding | None:
    """A lifecycle writes its model several times over."""
    home = facts.home
    if home.free_bytes is None:
        return None
    needed = WEIGHTS_COPIES * home.largest_weights_bytes or LEAST_FREE_BYTES
    why = (
        f"{WEIGHTS_COPIES} times the largest model there"
        if home.largest_weights_bytes
        else "room for a small model"
    )
    said = f"{home.free_bytes / GB:.1f} GB are free, {needed / GB:.1f} GB needed ({why})"
    if home.free_bytes >= needed:
        return ok(f"{said}.", home.path)
    severity: Severity = "error" if home.free_bytes < home.largest_weights_bytes else "warning"
    return Finding(
        severity, f"{said}.", home.path,
        "Free space, delete cache/ there (it is made again), or move PAWL_HOME.",
    )  # fmt: skip


CHECKS = (
    python_version, fastapi_version, library_versions, torch_and_gpu, home_is_writable,
    home_is_shared, disk_space,
)  # fmt: skip
