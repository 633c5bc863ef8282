"""Record the answers of a baseline once, into the bank below `home()`.

Does: put together the model, the task's questions and the bank. Does not: draw progress
(flows/cli_baseline.py) or ask anything twice (evals/baseline_bank/).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.baseline import EndpointBaseline
from configs.errors import ConfigError
from configs.gate_policy import TokenPrices
from configs.gate_settings import ReadableReferences
from configs.load import load_task
from configs.task import TaskConfig
from evals.baseline_bank.bank import BaselineBank, Entry
from evals.baseline_bank.banked_engine import (
    BankedEngine,
    BankPolicy,
    banked_engine,
    write_banked_recording,
)
from evals.baseline_bank.costs import Estimate, estimate
from evals.baseline_bank.identity import EndpointModel, WeightsModel, baseline_identity
from evals.baseline_bank.recorder import RecorderSettings, RecordingProgress
from evals.engines.completion import Engine, Request
from evals.engines.local import LocalEngine
from evals.readability import needs_a_warning, readable_share
from evals.runner import decoding_of, requests_of, require_complete_rows, score_completions
from evals.unreadable_answers import cure, example
from finetune.data import read_rows
from flows.home import home
from flows.steps.engines import endpoint_engine
from registry.digests import digest_directory, digest_file

GROUPS_IN_FLIGHT = 2
"""Size of a group of requests to local weights, which hand out whole groups, in multiples of what
they work on at once: larger keeps them busier, smaller loses fewer answers when the program is
killed. An endpoint's answers are kept one by one."""
WAIT_FOR_RECORDER_S = 3600.0
"""Longest wait of a lifecycle for another run that records the same answers."""


@dataclass(frozen=True)
class LocalModel:
    """Weights to record, and how they compute."""

    source: str
    batch_size: int
    dtype: str


@dataclass(frozen=True)
class RecordingJob:
    """What to record, and within which limits."""

    task: str
    data: Path
    model: EndpointBaseline | LocalModel
    max_cost: float | None = None
    """Most that the whole record may cost, in the currency of the price."""
    expires_days: float | None = None
    renew: bool = False
    skip_bad_rows: bool = False


@dataclass(frozen=True)
class PreparedRecording:
    """A job with its questions rendered and its engine at hand."""

    engine: BankedEngine
    requests: list[Request]
    price: TokenPrices | None
    task: TaskConfig
    rows: list[dict[str, Any]]

    def estimate(self) -> Estimate:
        """What is still to be asked, without asking.

        Raises:
            BankError: when the record is damaged, or too old and not to be renewed.
        """
        missing = self.engine.missing(self.requests)
        recorded = self.engine.recorded(self.requests)
        return estimate(self.price, missing, self.engine.key.decoding, recorded)

    def record(self) -> Entry:
        """Ask what is missing.

        Raises:
            BudgetReached: before the cost might exceed its limit; what was answered is kept.
            EngineError: when rows stay unanswered, or the record is too old, damaged or in use.
        """
        self.engine.answer(self.requests, self.engine.key.decoding)
        return self.engine.bank.require(self.engine.key)

    def reading(self) -> tuple[str, ...]:
        """How the answers, all of which are recorded, are read and how many can be; where that is too
        few to compare with, an example and the cure too. One sentence each."""
        answers = self.engine.recorded(self.requests)
        evaluation = score_completions(
            self.task, self.rows, [answer.completion for answer in answers],
            system="baseline", engine=self.engine.name, data_digest="",
        )  # fmt: skip
        share = readable_share(evaluation)
        if share is None:
            return ()
        found = f"Answers are read as {self.task.reading}: {share.words} can be."
        if not needs_a_warning(share, ReadableReferences()):
            return (found,)
        shown = example(evaluation, self.task)
        return found, f"Not readable: {shown}.", cure(evaluation, self.task, share)

    def export(self, path: Path) -> None:
        """Write the answers to these rows as a recording (JSONL) for a `recorded` baseline."""
        write_banked_recording(path, self.engine.recorded(self.requests))


def baseline_bank() -> BaselineBank:
    """The bank below `home()`."""
    return BaselineBank(home() / "baselines")


def prepare_recording(
    job: RecordingJob, on_recording: Callable[[RecordingProgress], None] | None = None
) -> PreparedRecording:
    """Read the rows, render their questions and find the model.

    Args:
        on_recording: told after every answer.
    Raises:
        PawlError: for an unusable task, rows or weights, and for a limit on a cost without a price.
    """
    price = job.model.price if isinstance(job.model, EndpointBaseline) else None
    if job.max_cost is not None and price is None:
        raise ConfigError(
            "--max-cost", "expected prices to compute the cost with, got none",
            "Give --price-input-per-million and --price-output-per-million.",
        )  # fmt: skip
    task = load_task(job.task)
    rows = [row.as_dict() for row in read_rows(job.data, task, job.skip_bad_rows).rows]
    require_complete_rows(task, rows)
    model, engine, at_once = _model_and_engine(job.model)
    banked = banked_engine(
        baseline_bank(),
        baseline_identity(model, task, decoding_of(task)),
        engine,
        settings=RecorderSettings(
            price=price,
            max_cost=job.max_cost,
            group_size=GROUPS_IN_FLIGHT * at_once,
            on_recording=on_recording,
        ),
        policy=BankPolicy(
            expires_days=job.expires_days, renew=job.renew, data_digest=digest_file(job.data)
        ),
    )
    return PreparedRecording(banked, requests_of(task, rows), price, task, rows)


def banked_endpoint(
    endpoint: EndpointBaseline,
    task: TaskConfig,
    data_digest: str,
    on_recording: Callable[[RecordingProgress], None] | None = None,
) -> BankedEngine:
    """The endpoint of a lifecycle, asked only for what the bank lacks.

    Args:
        data_digest: of the rows that will be asked, noted in the record.
        on_recording: told after every answer that the bank lacked.
    """
    return banked_engine(
        baseline_bank(),
        baseline_identity(endpoint_model(endpoint), task, decoding_of(task)),
        endpoint_engine(endpoint),
        settings=RecorderSettings(
            price=endpoint.price,
            group_size=GROUPS_IN_FLIGHT * endpoint.max_concurrency,
            on_recording=on_recording,
        ),
        policy=BankPolicy(
            max_age_days=endpoint.max_age_days,
            wait_s=WAIT_FOR_RECORDER_S,
            data_digest=data_digest,
        ),
    )


def refuse_expired_endpoint(endpoint: EndpointBaseline, task: TaskConfig) -> None:
    """For a caller that keeps results of `banked_endpoint`: check their age before using them.

    Raises:
        BankError: when the answers are too old. None at all are no reason.
    """
    bank = baseline_bank()
    entry = bank.get(baseline_identity(endpoint_model(endpoint), task, decoding_of(task)))
    if entry is not None:
        bank.refuse_expired(entry, endpoint.max_age_days)


def endpoint_model(endpoint: EndpointBaseline) -> EndpointModel:
    """What an endpoint's answers are kept by."""
    return EndpointModel(
        base_url=endpoint.base_url, model=endpoint.model, revision=endpoint.revision
    )


def _model_and_engine(
    model: EndpointBaseline | LocalModel,
) -> tuple[EndpointModel | WeightsModel, Engine, int]:
    if isinstance(model, EndpointBaseline):
        return endpoint_model(model), endpoint_engine(model), model.max_concurrency
    from flows.steps.resolve import fetch  # loads Prefect, which an endpoint does not need

    directory = fetch(model.source)
    digest = digest_directory(directory).digest
    engine = LocalEngine(directory, model.source, model.batch_size, model.dtype)
    return WeightsModel(digest=digest, dtype=model.dtype), engine, model.batch_size
