"""The teacher of a distillation as an engine that is never asked the same question twice.

Does: put model, bank and budget together, one record per sample. Does not: judge answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from configs.baseline import EndpointBaseline, RecordedBaseline
from configs.distillation import DistillationConfig
from configs.gate_policy import TokenPrices
from configs.lifecycle import LifecycleConfig
from configs.task import TaskConfig
from evals.baseline_bank.banked_engine import BankedEngine, BankPolicy, banked_engine
from evals.baseline_bank.identity import (
    BaselineIdentity,
    EndpointModel,
    WeightsModel,
    baseline_identity,
)
from evals.baseline_bank.recorder import RecorderSettings, RecordingProgress
from evals.engines.completion import Engine
from evals.engines.endpoint import EndpointEngine
from evals.engines.recorded import RecordedEngine
from evals.runner import decoding_of
from flows.baseline_recording import (
    GROUPS_IN_FLIGHT,
    WAIT_FOR_RECORDER_S,
    baseline_bank,
    endpoint_model,
)
from flows.steps.engines import (
    asked_model,
    baseline_kind,
    endpoint_engine,
    recording_path,
    weights_engine,
)
from flows.steps.resolve import fetch
from registry.digests import digest_directory, digest_file


@dataclass(frozen=True)
class Teacher:
    """Who answers."""

    name: str
    """In words, for rows and reports."""
    inputs: dict[str, Any]
    """What its answers depend on besides the question, JSON-able."""
    on_this_machine: bool
    """Whether it computes here."""
    price: TokenPrices | None
    """What its answers cost."""
    identities: tuple[BaselineIdentity, ...]
    """Where the answers of each sample are kept; none for a recording."""
    make_engine: Callable[[int, Callable[[RecordingProgress], None]], Engine]
    """Engine of a sample, counted from 0; the callback is told after every answer."""
    max_age_days: float | None = None
    """Oldest answer that may be used."""

    def refuse_expired(self) -> None:
        """For a caller that keeps what was made of the answers: check their age before using it.

        Raises:
            BankError: when some are too old. None at all are no reason.
        """
        bank = baseline_bank()
        for identity in self.identities:
            if (entry := bank.get(identity)) is not None:
                bank.refuse_expired(entry, self.max_age_days)

    def cost(self) -> float | None:
        """What was paid for the kept answers, in the currency of the price; None without one."""
        costs = [_cost_of(identity) for identity in self.identities]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if known else None


def find_teacher(
    distillation: DistillationConfig, student: LifecycleConfig, task: TaskConfig, data_digest: str
) -> Teacher:
    """The teacher of a distillation.

    Args:
        student: says how local weights compute.
        data_digest: of the documents that will be asked, noted in the record.
    Raises:
        WeightsError: when local weights cannot be had.
    """
    model = distillation.teacher
    name = baseline_kind(model)
    described = asked_model(model)
    if isinstance(model, RecordedBaseline):
        path = recording_path(model.path)
        described["recording"] = digest_file(path) if path.is_file() else None
        return Teacher(
            name, described, False, None, (), lambda sample, told: RecordedEngine(path, model.model)
        )
    if isinstance(model, EndpointBaseline):
        return _endpoint_teacher(distillation, model, task, data_digest, name, described)
    directory = fetch(model.source)
    digest = digest_directory(directory).digest
    settings = student.evaluation
    identity = baseline_identity(
        WeightsModel(digest=digest, dtype=settings.dtype), task, decoding_of(task)
    )
    described |= {"digest": digest, "settings": settings.model_dump(mode="json")}

    def local(sample: int, told: Callable[[RecordingProgress], None]) -> BankedEngine:
        return banked_engine(
            baseline_bank(),
            identity,
            weights_engine(directory, digest, settings),
            name=model.source,
            settings=RecorderSettings(
                group_size=GROUPS_IN_FLIGHT * settings.batch_size, on_recording=told
            ),
            policy=BankPolicy(wait_s=WAIT_FOR_RECORDER_S, data_digest=data_digest),
        )

    return Teacher(name, described, True, None, (identity,), local)


def _endpoint_teacher(
    distillation: DistillationConfig,
    model: EndpointBaseline,
    task: TaskConfig,
    data_digest: str,
    name: str,
    described: dict[str, Any],
) -> Teacher:
    sampled = distillation.samples > 1
    models = [
        sampled_model(model, distillation.temperature, sample) if sampled else endpoint_model(model)
        for sample in range(distillation.samples)
    ]
    identities = tuple(baseline_identity(m, task, decoding_of(task)) for m in models)

    def endpoint(sample: int, told: Callable[[RecordingProgress], None]) -> BankedEngine:
        spent = sum(_cost_of(other) or 0.0 for other in identities if other != identities[sample])
        limit = distillation.max_cost
        engine = endpoint_engine(model)
        return banked_engine(
            baseline_bank(),
            identities[sample],
            SampledEndpoint(engine, distillation.temperature, sample) if sampled else engine,
            settings=RecorderSettings(
                price=model.price,
                max_cost=None if limit is None else max(0.0, limit - spent),
                group_size=GROUPS_IN_FLIGHT * model.max_concurrency,
                on_recording=told,
            ),
            policy=BankPolicy(
                max_age_days=model.max_age_days,
                wait_s=WAIT_FOR_RECORDER_S,
                data_digest=data_digest,
            ),
        )

    return Teacher(name, described, False, model.price, identities, endpoint, model.max_age_days)


def _cost_of(identity: BaselineIdentity) -> float | None:
    entry = baseline_bank().get(identity)
    costs = [] if entry is None else [a.cost for a in entry.answers if a.shared_with is None]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known else None


def sampled_model(model: EndpointBaseline, temperature: float, sample: int) -> EndpointModel:
    """What one sample's answers are kept by: never mistaken for greedy ones, or for each other."""
    drawn = f"temperature {temperature:g}, sample {sample}"
    revision = f"{model.revision}, {drawn}" if model.revision else drawn
    return endpoint_model(model).model_copy(update={"revision": revision})


class SampledEndpoint(EndpointEngine):
    """An endpoint whose answers are drawn at a temperature instead of greedily."""

    def __init__(self, greedy: EndpointEngine, temperature: float, sample: int) -> None:
        """Args:
        greedy: the endpoint and how it is reached.
        temperature: of the draw.
        sample: number of the draw, from 0; a server that heeds seeds draws the same again.
        """
        super().__init__(
            base_url=greedy.base_url,
            model=greedy.name,
            api_key=greedy.api_key,
            max_concurrency=greedy.max_concurrency,
            timeout_s=greedy.timeout_s,
            max_attempts=greedy.max_attempts,
            first_wait_s=greedy.first_wait_s,
            revision=greedy.revision,
        )
        self.temperature, self.sample = temperature, sample

    def _client(self) -> Any:
        client = super()._client()
        greedily = client.chat.completions.create

        async def draw(**options: Any) -> Any:
            return await greedily(
                **options | {"temperature": self.temperature, "seed": self.sample}
            )

        client.chat.completions.create = draw
        return client
