"""How far a long step is: a bar and a table on the run's page, a line in its log now and then.

Does: compute rate and time left, write one artifact in place and not too often.
Does not: fail or wait when Prefect cannot be reached; progress is not worth that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast
from uuid import UUID

from httpx import HTTPError
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger

from configs.gate_policy import TokenPrices
from evals.baseline_bank.recorder import RecordingProgress
from evals.report.tables import markdown_table

WRITE_INTERVAL_S = 2.0
"""Each write is a request to the server."""
LOG_INTERVAL_S = 30.0


def time_left_s(done: int, total: int, done_at_start: int, seconds: float) -> float | None:
    """Seconds that the rest will take at the pace so far; None before anything was done.

    Args:
        done, total: units done and units in all.
        done_at_start: units that were there when the clock started (a resumed training has some).
        seconds: time since then.
    """
    if done <= done_at_start:
        return None
    return seconds / (done - done_at_start) * (total - done)


def duration(seconds: float) -> str:
    """A time span for people, such as `2 h 05 min`, `3 min 20 s` or `45 s`."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"


class ProgressReporter:
    """A callback `(done, total)` for one long step."""

    def __init__(
        self, description: str, unit: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Args:
        description: what goes on, such as `Fine-tuning`.
        unit: what is counted, such as `steps`.
        clock: seconds from any start.
        """
        self._description, self._unit, self._clock = description, unit, clock
        self._facts: dict[str, str] = {}
        self._start: tuple[float, int] | None = None
        self._first_tokens: tuple[float, float] | None = None
        self._artifact: UUID | None = None
        self._written = self._logged = float("-inf")
        self._warned = False

    def note(self, name: str, value: str) -> None:
        """Show a fact in the table from the next write on, such as the loss."""
        self._facts[name] = value

    def note_tokens(self, tokens: float) -> None:
        """Show the rate of tokens since the first such call.

        Args:
            tokens: in all so far.
        """
        now = self._clock()
        if self._first_tokens is None:
            self._first_tokens = (now, tokens)
        elif now > (start := self._first_tokens)[0]:
            self.note("tokens/s", f"{(tokens - start[1]) / (now - start[0]):,.0f}")

    def __call__(self, done: int, total: int) -> None:
        """Tell how much is done, and of how much; written at most every two seconds."""
        now = self._clock()
        if self._start is None:
            self._start = (now, done)
        if total <= 0 or (done < total and now - self._written < WRITE_INTERVAL_S):
            return
        self._written = now
        self._write(100.0 * done / total, self.markdown(done, total))
        if done == total or now - self._logged >= LOG_INTERVAL_S:
            self._logged = now
            facts = "".join(f", {name} {value}" for name, value in self._facts.items())
            get_run_logger().info(
                "%s: %d of %d %s%s", self._description, done, total, self._unit, facts
            )

    def markdown(self, done: int, total: int) -> str:
        """Description and table as they are written."""
        started, done_at_start = self._start or (self._clock(), done)
        seconds = self._clock() - started
        left = time_left_s(done, total, done_at_start, seconds)
        rows = [
            [self._unit, f"{done:,} of {total:,}"],
            *([name, value] for name, value in self._facts.items()),
            ["time so far", duration(seconds)],
            ["time left", "unknown yet" if left is None else f"about {duration(left)}"],
        ]
        return f"### {self._description}\n\n" + markdown_table(["", "now"], rows)

    def _write(self, percent: float, description: str) -> None:
        try:
            if self._artifact is None:
                self._artifact = cast(
                    UUID, create_progress_artifact(progress=percent, description=description)
                )
            else:
                update_progress_artifact(self._artifact, percent, description=description)
        except ObjectNotFound:  # deleted in the UI, or the server's database is a new one
            self._artifact = None
        except HTTPError as error:
            if not self._warned:
                get_run_logger().warning("progress cannot be shown at present: %s", error)
            self._warned = True


def recording_facts(
    shown: ProgressReporter, price: TokenPrices | None
) -> Callable[[RecordingProgress], None]:
    """A callback for recordings of endpoints that shows tokens per second and the cost so far.

    Args:
        shown: where they are shown.
        price: what tells the currency.
    """

    def told(now: RecordingProgress) -> None:
        if now.seconds > 0:
            shown.note("tokens/s", f"{now.output_tokens / now.seconds:,.0f}")
        if now.cost is not None and price is not None:
            shown.note("cost so far", f"{now.cost:,.4f} {price.currency}")

    return told
