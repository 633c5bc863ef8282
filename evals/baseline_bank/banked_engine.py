"""An engine that answers from the bank and asks a model only for what the bank lacks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from configs.durable_files import write_durably
from evals.baseline_bank.answers import BankedAnswer
from evals.baseline_bank.bank import BaselineBank, OpenRecord
from evals.baseline_bank.errors import BankError
from evals.baseline_bank.identity import BaselineIdentity, differences
from evals.baseline_bank.recorder import Recorder, RecorderSettings
from evals.engines.completion import Completion, Decoding, Engine, Progress, Request
from evals.engines.identity import UNKNOWN, EngineIdentity


@dataclass(frozen=True)
class BankPolicy:
    """How old answers may be, and how a record is made."""

    max_age_days: float | None = None
    """Oldest answer that may be used, in days; None for no limit of the reader's."""
    expires_days: float | None = None
    """Days until a record that is made now expires for every reader; None for never."""
    renew: bool = False
    """Set a record aside that is too old, instead of refusing it."""
    wait_s: float = 0.0
    """Longest wait for another recorder of the same record, in seconds."""
    data_digest: str | None = None
    """Digest of the rows, noted in the record."""


class BankedEngine:
    """See `banked_engine`."""

    def __init__(
        self,
        bank: BaselineBank,
        identity_of_answers: BaselineIdentity,
        engine: Engine | None,
        name: str,
        settings: RecorderSettings,
        policy: BankPolicy,
    ) -> None:
        self.bank, self.key, self.engine, self.name = bank, identity_of_answers, engine, name
        self.settings, self.policy = settings, policy

    def answer(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        on_progress: Progress | None = None,
    ) -> list[Completion]:
        """See `Engine.answer`; what was answered before an error is kept.

        Raises:
            BankError: when another decoding is asked for, or the record is too old, damaged or in
                use; without an engine, also when it is absent or lacks a prompt.
            BudgetReached: see `Recorder.record`.
        """
        self._refuse_other_decoding(decoding)
        if self.engine is None:
            answers = self.bank.require(self.key, self.policy.max_age_days).answers
            _refuse_other_prompts(self.name, requests, answers)
        else:
            answers = self._complete(self.engine, requests, on_progress)
        by_prompt = {answer.prompt_digest: answer.completion for answer in reversed(answers)}
        if on_progress is not None:
            on_progress(len(requests), len(requests))
        return [by_prompt[request.prompt_digest] for request in requests]

    def identity(self, decoding: Decoding) -> EngineIdentity:
        """See `Engine.identity`; nobody is asked for it."""
        self._refuse_other_decoding(decoding)
        return EngineIdentity(
            kind="recorded",
            model=f"{self.name}, record {self.key.key}",
            tokenizer=UNKNOWN,
            engine="baseline bank",
            precision=UNKNOWN,
            decoding=decoding,
        )

    def missing(self, requests: Sequence[Request]) -> list[Request]:
        """The requests that would have to be asked.

        Raises:
            BankError: when the record is damaged, or too old and not to be renewed.
        """
        known = {answer.prompt_digest for answer in (*self._usable(), *self._elsewhere())}
        return [request for request in requests if request.prompt_digest not in known]

    def recorded(self, requests: Sequence[Request]) -> list[BankedAnswer]:
        """The answers to these requests, as far as there are any, under the ids of the requests."""
        by_prompt = {answer.prompt_digest: answer for answer in reversed(self._usable())}
        return [
            by_prompt[request.prompt_digest].model_copy(update={"id": request.id})
            for request in requests
            if request.prompt_digest in by_prompt
        ]

    def _complete(
        self, engine: Engine, requests: Sequence[Request], on_progress: Progress | None
    ) -> tuple[BankedAnswer, ...]:
        usable = self._usable()
        answered = {(answer.id, answer.prompt_digest) for answer in usable}
        if usable and all((r.id, r.prompt_digest) in answered for r in requests):
            return usable
        with self.bank.recording(
            self.key,
            self.name,
            expires_days=self.policy.expires_days,
            max_age_days=self.policy.max_age_days,
            renew=self.policy.renew,
            wait_s=self.policy.wait_s,
        ) as opened:
            _note_data(opened, self.policy.data_digest)
            recorder = Recorder(
                opened, engine, self.key.decoding, self.settings, self.bank.clock,
                self._elsewhere(),
            )  # fmt: skip
            recorder.record(requests, on_progress)
            return tuple(opened.log.answers)

    def _usable(self) -> tuple[BankedAnswer, ...]:
        entry = self.bank.get(self.key)
        if entry is None:
            return ()
        try:
            self.bank.refuse_expired(entry, self.policy.max_age_days)
        except BankError:
            if self.policy.renew:
                return ()
            raise
        return entry.answers

    def _elsewhere(self) -> list[BankedAnswer]:
        return [
            answer.model_copy(update={"shared_with": f"{entry.key[:12]}/{answer.id}"})
            for entry in self.bank.same_model(self.key, self.policy.max_age_days)
            for answer in entry.answers
        ]

    def _refuse_other_decoding(self, decoding: Decoding) -> None:
        asked = self.key.model_copy(update={"decoding": decoding})
        if other := differences(asked, self.key):
            raise BankError(
                self.name, f"expected answers that were decoded as asked, got other {other[0]}",
                "Record the baseline with this decoding: `pawl baseline record`.",
            )  # fmt: skip


def banked_engine(
    bank: BaselineBank,
    identity: BaselineIdentity,
    engine: Engine | None,
    *,
    name: str | None = None,
    settings: RecorderSettings | None = None,
    policy: BankPolicy | None = None,
) -> BankedEngine:
    """An engine that never asks twice.

    Args:
        identity: whose answers to which task; other decoding is refused.
        engine: asked for prompts without an answer; None to refuse those instead.
        name: what reports call the model; that of the engine, or the model's own, unless given.
        settings: prices, budget and group size; without a price no cost is kept.
        policy: age limits and locking; no limits and no waiting by default.
    """
    if name is None:
        named = getattr(identity.model, "model", None) or identity.key[:12]
        name = named if engine is None else engine.name
    return BankedEngine(
        bank, identity, engine, name, settings or RecorderSettings(), policy or BankPolicy()
    )


def write_banked_recording(path: Path, answers: Iterable[BankedAnswer]) -> None:
    """Write answers in the form that `evals.engines.recorded.RecordedEngine` reads."""
    columns = {"id", "prompt_digest", "output", "finish_reason", "input_tokens", "output_tokens",
               "latency_s"}  # fmt: skip
    lines = (
        json.dumps(answer.model_dump(include=columns), ensure_ascii=False) for answer in answers
    )
    write_durably(path, "".join(f"{line}\n" for line in lines))


def _note_data(opened: OpenRecord, digest: str | None) -> None:
    known = opened.record.data_digests
    if digest is not None and digest not in known:
        update = {"data_digests": (*known, digest)}
        opened.record = opened.record.model_copy(update=update)


def _refuse_other_prompts(
    name: str, requests: Sequence[Request], answers: Sequence[BankedAnswer]
) -> None:
    known = {answer.prompt_digest for answer in answers}
    missing = [request for request in requests if request.prompt_digest not in known]
    if not missing:
        return
    first = missing[0]
    other = next((a.prompt_digest for a in answers if a.id == first.id), None)
    found = "none" if other is None else f"one to {other} (the row or its prompt was changed)"
    raise BankError(
        f"{name}: row {first.id}",
        f"expected an answer to the prompt {first.prompt_digest}, got {found}; "
        f"{len(missing)} of {len(requests)} rows lack one",
        "Record the baseline on this data: `pawl baseline record`.",
    )
