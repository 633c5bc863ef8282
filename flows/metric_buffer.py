"""Metrics on their way to MLflow, kept while it is away: a restart of MLflow stops no training.

Does: send in order, keep what was not taken, try again later; at the end, wait for it.
Does not: know MLflow.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from tenacity import Retrying as Attempts
from tenacity import retry_if_exception_type, stop_after_delay, wait_fixed

from configs.errors import RegistryError

FIRST_PAUSE_S = 10.0
LONGEST_PAUSE_S = 300.0
"""An attempt may last as long as MLflow's timeouts; between attempts, training goes on."""
LONGEST_WAIT_S = 180.0
"""For MLflow after the training, whose result would otherwise have no run."""


class MetricBuffer:
    """Metrics by step that `send` takes sooner or later."""

    def __init__(
        self,
        send: Callable[[dict[str, float], int], None],
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args:
        send: takes metrics and the step, or raises RegistryError.
        warn: told once per outage.
        clock: seconds from any start.
        """
        self._send, self._warn, self._clock = send, warn, clock
        self._waiting: list[tuple[dict[str, float], int]] = []
        self._pause_s = 0.0
        self._not_before = float("-inf")

    def log(self, metrics: dict[str, float], step: int) -> None:
        """Send metrics, now or with a later call."""
        self._waiting.append((metrics, step))
        if self._clock() >= self._not_before:
            try:
                self._send_waiting()
            except RegistryError as error:
                if self._pause_s == 0.0:
                    self._warn(f"metrics are kept until MLflow takes them: {error}")
                self._pause_s = min(max(2 * self._pause_s, FIRST_PAUSE_S), LONGEST_PAUSE_S)
                self._not_before = self._clock() + self._pause_s

    def flush(self, wait_s: float = LONGEST_WAIT_S) -> None:
        """Send what waits, and do not go on before it is taken.

        Args:
            wait_s: how long to try again.
        Raises:
            RegistryError: when it was not taken by then; it is still kept.
        """
        attempts = Attempts(
            retry=retry_if_exception_type(RegistryError),
            wait=wait_fixed(2),
            stop=stop_after_delay(wait_s),
            reraise=True,
        )
        attempts(self._send_waiting)

    def _send_waiting(self) -> None:
        while self._waiting:
            self._send(*self._waiting[0])
            self._waiting.pop(0)
        self._pause_s = 0.0
