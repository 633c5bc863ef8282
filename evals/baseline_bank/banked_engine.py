"""An engine that answers from the bank and asks a model only for what the bank lacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from evals.baseline_bank.answers import BankedAnswer
from evals.baseline_bank.bank import BaselineBank
from evals.baseline_bank.identity import BaselineIdentity, BaselineSubject
from evals.baseline_bank.recorder import Recorder, RecorderSettings
from evals.engines.completion import Completion, Decoding, Engine, Progress, Request


class BankedEngine:
    """See `banked_engine`."""

    def __init__(
        self,
        bank: BaselineBank,
        subject: BaselineSubject,
        engine: Engine | None,
        *,
        name: str,
        settings: RecorderSettings,
        data_digest: str | None,
        engine_version: Callable[[], str | None] | None,
        expires_days: float | None,
        max_age_days: float | None,
        renew: bool,
        wait_s: float,
    ) -> None:
        self.bank, self.subject, self.engine, self.name = bank, subject, engine, name
        self.settings, self.data_digest, self.engine_version = settings, data_digest, engine_version
        self.expires_days, self.max_age_days = expires_days, max_age_days
        self.renew, self.wait_s = renew, wait_s

    def answer(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        on_progress: Progress | None = None,
    ) -> list[Completion]:
        """See `Engine.answer`; what was answered before an error is kept.

        Raises:
            BankError: when the record is too old, damaged, in use, or from another version of the
                serving software; without an engine, also when it is absent or incomplete.
            BudgetReached: see `Recorder.record`.
        """
        identity = self.subject.identity(decoding)
        if self.engine is None:
            answers = self.bank.require(identity, self.max_age_days).answers
            self._refuse_other_prompts(requests, answers)
        else:
            answers = self._complete(self.engine, requests, identity, on_progress)
        by_prompt = {answer.prompt_digest: answer.completion for answer in reversed(answers)}
        if on_progress is not None:
            on_progress(len(requests), len(requests))
        return [by_prompt[request.prompt_digest] for request in requests]

    def missing(
        self, requests: Sequence[Request], decoding: Decoding
    ) -> tuple[list[Request], tuple[BankedAnswer, ...]]:
        """The requests whose prompt has no answer yet, and the answers of the record."""
        identity = self.subject.identity(decoding)
        entry = self.bank.get(identity)
        usable = () if entry is None else entry.answers
        if entry is not None and not self.renew:
            self.bank.refuse_expired(entry, self.max_age_days)
        known = {answer.prompt_digest for answer in (*usable, *self._elsewhere(identity, None))}
        return [r for r in requests if r.prompt_digest not in known], usable

    def _complete(
        self,
        engine: Engine,
        requests: Sequence[Request],
        identity: BaselineIdentity,
        on_progress: Progress | None,
    ) -> tuple[BankedAnswer, ...]:
        entry = self.bank.get(identity)
        if entry is not None:
            answered = {(answer.id, answer.prompt_digest) for answer in entry.answers}
            if all((r.id, r.prompt_digest) in answered for r in requests) and not self.renew:
                self.bank.refuse_expired(entry, self.max_age_days)
                return entry.answers
        with self.bank.recording(
            identity,
            self.name,
            expires_days=self.expires_days,
            max_age_days=self.max_age_days,
            renew=self.renew,
            wait_s=self.wait_s,
        ) as opened:
            recorder = Recorder(opened, engine, identity.decoding, self.settings, self.bank.clock)
            self._describe(opened, requests, recorder)
            recorder.record(requests, on_progress)
            return tuple(opened.log.answers)
