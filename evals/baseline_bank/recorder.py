"""Ask a model for the answers that a record lacks, and keep each one as soon as it is there.

Does: ask each prompt once, stop before a budget is exceeded, keep what was answered when a row
fails, and go on with the others. Does not: retry what may pass (the engine does that).
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from configs.errors import EngineError
from configs.gate_policy import TokenPrices
from evals.baseline_bank.answers import BankedAnswer
from evals.baseline_bank.bank import OpenRecord
from evals.baseline_bank.costs import answer_cost, worst_case
from evals.baseline_bank.errors import BankError, BudgetReached
from evals.engines.completion import Completion, Decoding, Engine, Request

FAILURES_IN_A_ROW = 3
"""So many rows that fail one after the other, each asked alone, mean that the model is at fault."""


@dataclass(frozen=True)
class RecordingProgress:
    """How far a recording is."""

    done: int
    """Rows answered, of those asked for now."""
    total: int
    """Rows asked for now."""
    cost: float | None
    """Paid for the record so far, over all sessions; None without a price."""
    output_tokens: int
    """Tokens written in this session."""
    seconds: float
    """Length of this session."""


@dataclass(frozen=True)
class RecorderSettings:
    """What a recording may cost and how it is asked."""

    price: TokenPrices | None = None
    """Prices to compute costs with."""
    max_cost: float | None = None
    """Most that the whole record may cost, over all sessions; needs a price."""
    group_size: int = 32
    """Requests asked together of an engine that hands its answers out as one list only."""
    on_recording: Callable[[RecordingProgress], None] | None = None
    """Told after every answer."""


class Recorder:
    """One session of recording into a locked record."""

    def __init__(
        self,
        opened: OpenRecord,
        engine: Engine,
        decoding: Decoding,
        settings: RecorderSettings,
        clock: Callable[[], datetime],
        elsewhere: Sequence[BankedAnswer] = (),
    ) -> None:
        """Args:
        clock: the time, in UTC.
        elsewhere: answers of the same model and decoding in other records, `shared_with` naming
            where they come from; they are taken over instead of asking.
        """
        self.opened, self.log, self.engine, self.decoding = opened, opened.log, engine, decoding
        self.settings, self.clock = settings, clock
        known = (*reversed(elsewhere), *reversed(self.log.answers))
        self.by_prompt = {answer.prompt_digest: answer for answer in known}
        costs = [a.cost for a in self.log.answers if a.cost is not None and a.shared_with is None]
        self._cost: float | None = sum(costs) if costs or settings.price else None
        self._waiting: dict[str, list[Request]] = {}
        self._on_progress: Callable[[int, int], None] | None = None
        self._failed: list[tuple[Request, EngineError]] = []
        self._failures_in_a_row = self._output_tokens = self._done = self._total = 0
        self._started = time.monotonic()

    def record(
        self, requests: Sequence[Request], on_progress: Callable[[int, int], None] | None = None
    ) -> None:
        """Leave an answer to every request in the log.

        Args:
            on_progress: as of `Engine.answer`; rows that share an answer count too.
        Raises:
            BudgetReached: before a request that might cost more than is left.
            EngineError: when rows stay unanswered; all the others are kept.
        """
        self._on_progress = on_progress
        answered = {(answer.id, answer.prompt_digest) for answer in self.log.answers}
        missing = [r for r in requests if (r.id, r.prompt_digest) not in answered]
        self._total, self._done = len(requests), len(requests) - len(missing)
        for request in missing:
            if request.prompt_digest in self.by_prompt:
                self._keep_shared(request, self.by_prompt[request.prompt_digest])
            else:
                self._waiting.setdefault(request.prompt_digest, []).append(request)
        self._report()
        leaders = [same[0] for same in self._waiting.values()]
        if leaders:
            self._note_engine()
        streams = "on_completion" in inspect.signature(self.engine.answer).parameters
        self._ask(leaders, len(leaders) if streams else self.settings.group_size, streams)
        self.log.sync()
        if self._failed:
            raise self._incomplete()

    def _note_engine(self) -> None:
        record, price = self.opened.record, self.settings.price
        if price and record.price and price.currency != record.price.currency:
            raise BankError(
                str(self.opened.directory),
                f"expected prices in {record.price.currency}, as so far, got {price.currency}",
                "Give the prices in that currency.",
            )
        version = self.engine.identity(self.decoding).engine
        versions = tuple(dict.fromkeys((*record.engine_versions, version)))
        update = {"engine_versions": versions, "price": price or record.price}
        self.opened.record = record.model_copy(update=update)

    def _ask(self, requests: Sequence[Request], size: int, streams: bool) -> None:
        for window in self._windows(requests, size):
            try:
                self._ask_window(window, streams)
            except BankError:
                raise
            except EngineError as error:
                if len(window) == 1:
                    self._note_failure(window[0], error)
                    continue
                left = [r for r in window if r.prompt_digest in self._waiting]
                smaller = self.settings.group_size if len(window) > self.settings.group_size else 1
                self._ask(left, smaller, streams)

    def _windows(self, requests: Sequence[Request], size: int) -> Iterator[Sequence[Request]]:
        """Consecutive requests, at most `size`, and no more than the budget surely covers."""
        price, limit = self.settings.price, self.settings.max_cost
        start = 0
        while start < len(requests):
            end = min(start + size, len(requests))
            if price is not None and limit is not None:
                left, end = limit - (self._cost or 0.0), start
                while end < min(start + size, len(requests)):
                    left -= worst_case(price, requests[end], self.decoding)
                    if left < 0:
                        break
                    end += 1
                if end == start:
                    raise self._out_of_budget(price, limit, requests[start])
            yield requests[start:end]
            start = end

    def _ask_window(self, window: Sequence[Request], streams: bool) -> None:
        if streams:
            more: dict[str, Any] = {"on_completion": self._keep}
            self.engine.answer(window, self.decoding, lambda done, total: self._report(), **more)
            return
        for request, completion in zip(
            window, self.engine.answer(window, self.decoding), strict=True
        ):
            self._keep(request, completion)
        self.log.sync()
        self._report()

    def _keep(self, request: Request, completion: Completion) -> None:
        cost = answer_cost(self.settings.price, request, completion, self.decoding)
        answer = BankedAnswer(
            id=request.id,
            prompt_digest=request.prompt_digest,
            # An endpoint may send half of a surrogate pair, which no file can hold.
            output=completion.text.encode("utf-8", "replace").decode(),
            finish_reason=completion.finish_reason,
            input_tokens=completion.input_tokens,
            output_tokens=completion.output_tokens,
            latency_s=completion.latency_s,
            cost=cost,
            answered_at=self.clock(),
        )
        self.log.append([answer])
        self.by_prompt[request.prompt_digest] = answer
        self._failures_in_a_row = 0
        self._done += 1
        self._output_tokens += completion.output_tokens
        if cost is not None:
            self._cost = (self._cost or 0.0) + cost
        for other in self._waiting.pop(request.prompt_digest)[1:]:
            self._keep_shared(other, answer)

    def _keep_shared(self, request: Request, answer: BankedAnswer) -> None:
        source = answer.shared_with or answer.id
        update = {"id": request.id, "shared_with": source, "cost": None}
        self.log.append([answer.model_copy(update=update)])
        self._done += 1

    def _report(self) -> None:
        if self.settings.on_recording is not None:
            seconds = time.monotonic() - self._started
            self.settings.on_recording(
                RecordingProgress(self._done, self._total, self._cost, self._output_tokens, seconds)
            )
        if self._on_progress is not None:
            self._on_progress(self._done, self._total)

    def _note_failure(self, request: Request, error: EngineError) -> None:
        self._failed.append((request, error))
        self._failures_in_a_row += 1
        if self._failures_in_a_row >= FAILURES_IN_A_ROW:
            raise self._incomplete() from error

    def _incomplete(self) -> EngineError:
        request, error = self._failed[-1]
        left = sum(map(len, self._waiting.values()))
        return BankError(
            f"row {request.id}: {error.where}",
            f"{error.problem.rstrip('.')} ({left} of {self._total} rows still unanswered, "
            f"{self._done} kept)",
            f"{error.action} Then run the same command again: only those rows are asked.",
        )

    def _out_of_budget(self, price: TokenPrices, limit: float, request: Request) -> BudgetReached:
        left = sum(map(len, self._waiting.values()))
        most = worst_case(price, request, self.decoding)
        return BudgetReached(
            f"row {request.id}",
            f"expected a cost of at most {limit:g} {price.currency}, got {self._cost or 0:.4f} so "
            f"far and up to {most:.4f} for the next answer ({left} of {self._total} rows left)",
            "Raise the largest cost and run again: only the rows left are asked.",
        )
