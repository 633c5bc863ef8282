"""Content-addressed results of steps: same inputs by digest and same code, no work.

Does: keep a step's files and its result under a key, whole or not at all; check every byte before
reuse. Does not: know what a step does, or Prefect.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from configs.canonical_json import digest_json
from configs.durable_files import durable_directory, write_durably
from configs.strict_model import StrictModel
from registry.digests import Manifest, differences, digest_directory

FILES = "files"
RECORD = "step.json"


class StepOutcome(BaseModel):
    """What a step left behind."""

    model_config = ConfigDict(frozen=True)

    step: str
    """Name of the step, such as `fine-tune`."""
    files: Path
    """Directory of the files it made; read-only by convention."""
    digest: str
    """Digest of those files."""
    result: dict[str, Any]
    """Small JSON-able result."""
    reused: bool
    """True when nothing was computed."""
    seconds: float
    """How long the work took when it was done."""


class _Record(StrictModel):
    """What is kept beside the files of a step."""

    step: str
    inputs: dict[str, Any]
    result: dict[str, Any]
    seconds: float
    manifest: Manifest


class _MadeMeanwhile(Exception):
    """Another run has kept an outcome for the same inputs while this one worked."""

    def __init__(self, outcome: StepOutcome) -> None:
        self.outcome = outcome


class StepCache:
    """Results of steps below one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def reuse(self, step: str, inputs: Mapping[str, Any]) -> StepOutcome | None:
        """The stored outcome for these inputs, or None when there is none whose bytes are intact."""
        place = self._place(step, inputs)
        try:
            record = _Record.model_validate_json((place / RECORD).read_bytes())
        except (OSError, ValidationError):
            return None
        if differences(record.manifest, place / FILES):
            return None
        return StepOutcome(
            step=step,
            files=place / FILES,
            digest=record.manifest.digest,
            result=record.result,
            reused=True,
            seconds=record.seconds,
        )

    def run(
        self, step: str, inputs: Mapping[str, Any], work: Callable[[Path], Mapping[str, Any]]
    ) -> StepOutcome:
        """Reuse the outcome for these inputs, or do the work and store its outcome.

        Args:
            step: name of the step; part of the key.
            inputs: JSON-able; everything the result depends on, files by digest, code by version.
            work: fills the empty directory it is given and returns a small JSON-able result.
        Returns:
            The outcome. When `work` raises, nothing is stored. Of runs that do the same work at the
            same time, all return the outcome that was kept first.
        """
        if (stored := self.reuse(step, inputs)) is not None:
            return stored
        place = self._place(step, inputs)
        lock = FileLock(self.directory / "locks" / f"{step}-{place.name}.lock")
        started = time.monotonic()
        try:
            with durable_directory(place) as building:
                (building / FILES).mkdir()
                result = dict(work(building / FILES))
                seconds = time.monotonic() - started
                manifest = digest_directory(building / FILES)
                record = _Record(
                    step=step, inputs=dict(inputs), result=result, seconds=seconds,
                    manifest=manifest,
                )  # fmt: skip
                write_durably(building / RECORD, record.model_dump_json(indent=2))
                lock.acquire()
                # Whoever kept these inputs' outcome earlier goes on with its digest. Other bytes in
                # its place, as arithmetic on a GPU may give, would make that digest untrue.
                if (earlier := self.reuse(step, inputs)) is not None:
                    raise _MadeMeanwhile(earlier)
        except _MadeMeanwhile as found:
            return found.outcome
        finally:
            lock.release()
        return StepOutcome(
            step=step,
            files=place / FILES,
            digest=manifest.digest,
            result=result,
            reused=False,
            seconds=seconds,
        )

    def scratch(self, step: str, inputs: Mapping[str, Any]) -> Path:
        """Directory for unfinished work (checkpoints) that a later attempt may take up."""
        return self.directory / "unfinished" / self._place(step, inputs).name

    def _place(self, step: str, inputs: Mapping[str, Any]) -> Path:
        key = digest_json({"step": step, "inputs": dict(inputs)}).removeprefix("sha256:")
        return self.directory / step / key[:32]
