"""How a step tells Prefect and the reader what it did.

Does: return Prefect's state `Cached` for a reused step; publish artifacts, waiting for a server that
restarts. Does not: decide what is reused (flows/step_cache.py), or show progress (flows/progress.py).
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect import task
from prefect.artifacts import create_image_artifact, create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed

from flows.progress import ProgressReporter
from flows.server_outages import once_the_server_answers
from flows.step_cache import StepOutcome


def step(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator of a step; Prefect's own cache stays off because flows/step_cache.py checks bytes.

    Args:
        options: of Prefect's `task`.
    """
    return task(cache_policy=NO_CACHE, **options)


def step_state(outcome: StepOutcome, summary: str) -> State[Any] | StepOutcome:
    """Log what happened and wrap a reused outcome in Prefect's `Cached` state.

    Args:
        outcome: what the step left behind.
        summary: what it is worth knowing, one clause.
    """
    if not outcome.reused:
        get_run_logger().info("%s: done in %.1f s; %s", outcome.step, outcome.seconds, summary)
        return outcome
    get_run_logger().info("%s: skipped, inputs and code unchanged; %s", outcome.step, summary)
    return Completed(name="Cached", message="inputs and code unchanged", data=outcome)


def result_of(returned: Any) -> Any:
    """The value of a task call, whether it returned the value or a state that holds it."""
    return returned.result() if isinstance(returned, State) else returned


def publish(key: str, markdown: str, description: str) -> None:
    """Publish a markdown artifact on the run's page.

    Args:
        key: made into the lower-case letters, digits and hyphens that Prefect takes.
    """
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in key.lower())
    once_the_server_answers(
        lambda: create_markdown_artifact(markdown, key=plain, description=description)
    )


def publish_image(key: str, png: Path, description: str) -> None:
    """Publish a PNG as an image artifact; it travels inside the artifact as a data URI."""
    encoded = base64.b64encode(png.read_bytes()).decode()
    once_the_server_answers(
        lambda: create_image_artifact(
            image_url=f"data:image/png;base64,{encoded}", key=key, description=description
        )
    )


def progress_reporter(description: str, unit: str = "examples") -> ProgressReporter:
    """A callback `(done, total)` that shows progress on the run's page and in the log.

    Args:
        description: what goes on, such as `Evaluating base`.
        unit: what is counted.
    """
    return ProgressReporter(description, unit)
