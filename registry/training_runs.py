"""Fine-tuning as an MLflow run: parameters, and metrics as they come.

Does: open the run, close it as FINISHED or FAILED. Does not: train, or know what a metric means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from configs.errors import RegistryError
from registry.store import ModelStore


@dataclass(frozen=True)
class TrainingRun:
    """An open MLflow run."""

    store: ModelStore
    run_id: str

    def log_metrics(self, metrics: dict[str, float], step: int) -> None:
        """Log metrics at a step."""
        self.store.log_metrics(self.run_id, metrics, step)


@contextmanager
def training_run(
    store: ModelStore, lifecycle: str, params: Mapping[str, Any]
) -> Iterator[TrainingRun]:
    """Open a run; it ends FINISHED, or FAILED when the block raises.

    Raises:
        RegistryError: when MLflow is unreachable.
    """
    run = TrainingRun(store, store.start_run(f"fine-tune {lifecycle}", {"pawl.step": "fine-tune"}))
    try:
        store.log_params(run.run_id, params)
        yield run
    except BaseException as failure:
        try:
            store.end_run(run.run_id, "FAILED")
        except RegistryError as error:
            # The failure of the training matters more than that MLflow could not be told of it.
            failure.add_note(str(error))
        raise
    store.end_run(run.run_id, "FINISHED")
