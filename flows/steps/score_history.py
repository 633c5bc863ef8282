"""Step 9: the scores of every decision as curves in MLflow."""

from __future__ import annotations

from prefect.logging import get_run_logger

from configs.errors import RegistryError
from configs.lifecycle import RegistryConfig
from flows.home import model_store
from flows.steps.step_state import step
from registry.score_history import log_score_history


@step(name="score history", task_run_name="score history of {registry.model_name}")
def score_history(registry: RegistryConfig) -> str | None:
    """Bring the model's curves up to date; returns the id of their MLflow run.

    A run whose curves cannot be written is done all the same: they are made of the versions'
    evidence, so the next decision draws what is missing.
    """
    try:
        return log_score_history(model_store(), registry.model_name)
    except RegistryError as error:
        get_run_logger().warning("score history: not written now: %s", error)
        return None
