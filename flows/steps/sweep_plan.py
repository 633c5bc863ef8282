"""Which trials a sweep has, which of them is best, and the lifecycle that it becomes.

Does: plan, choose and combine as plain functions over values. Does not: run anything.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from configs.errors import ConfigError, TrainingError
from configs.lifecycle import BaseModelConfig, LifecycleConfig, LoraConfig
from configs.quantization import QuantizationConfig
from configs.sweep import UNQUANTIZED, GridSearch, LogRange, RandomSearch, SweepConfig
from configs.validation import validate
from evals.metric import Metric

DRAWS_PER_TRIAL = 100
"""Draws after which a random search gives up finding a combination that it has not yet."""
TIE_DIGITS = 3
"""Values that are equal in the table, which shows so many digits, are a tie."""

Axes = dict[str, tuple[Any, ...]]


class Trial(BaseModel):
    """One combination of settings."""

    model_config = ConfigDict(frozen=True)

    number: int
    """From 1, in the order planned."""
    lora: LoraConfig
    base_model: BaseModelConfig
    quantization: str
    """Scheme of the candidate that is scored, or `none`."""

    @property
    def settings(self) -> dict[str, Any]:
        """Value on every axis, in the order of tables."""
        return {
            "rank": self.lora.rank,
            "learning_rate": self.lora.learning_rate,
            "epochs": self.lora.epochs,
            "base_model": self.base_model.source,
            "quantization": self.quantization,
        }


class TrialResult(BaseModel):
    """What a trial scored on the validation rows."""

    model_config = ConfigDict(frozen=True)

    trial: Trial
    value: float
    """The task's primary metric."""
    low: float
    """Lower bound of its 95% interval."""
    high: float
    """Upper bound of its 95% interval."""
    rows: int
    documents: int
    seconds: float
    """Time of training and evaluation when they were done."""
    weight_bytes: int
    """Size of the candidate's weights."""
    trained_parameters: int
    mlflow_run_id: str


class FailedTrial(BaseModel):
    """A trial without a score."""

    model_config = ConfigDict(frozen=True)

    trial: Trial
    problem: str
    """What the error said."""


def plan_trials(sweep: SweepConfig, lifecycle: LifecycleConfig) -> tuple[Trial, ...]:
    """The trials of a sweep: every combination, or a seeded draw of different ones.

    An adapter's alpha changes with its rank, so that alpha / rank is that of the lifecycle: the
    learning rate then means the same at every rank.

    Raises:
        ConfigError: when a grid has more combinations than it may.
    """
    search = sweep.search
    axes = _axes(sweep, lifecycle)
    if isinstance(search, GridSearch):
        count = math.prod(map(len, axes.values()))
        if count > search.max_trials:
            raise ConfigError(
                f"sweep {sweep.name}: search.max_trials",
                f"expected at most {search.max_trials} combinations, got {count}",
                "Take values out of the space, choose a random search, or raise it.",
            )
        combinations = list(itertools.product(*axes.values()))
    else:
        combinations = _drawn(sweep, axes, search)
    return tuple(
        _trial(number, dict(zip(axes, values, strict=True)), lifecycle.lora)
        for number, values in enumerate(combinations, start=1)
    )


def _axes(sweep: SweepConfig, lifecycle: LifecycleConfig) -> Axes:
    space, lora = sweep.space, lifecycle.lora
    rates = () if isinstance(space.learning_rate, LogRange) else space.learning_rate
    return {
        "rank": space.rank or (lora.rank,),
        "learning_rate": rates or (lora.learning_rate,),
        "epochs": space.epochs or (lora.epochs,),
        "base_model": space.base_models or (lifecycle.base_model,),
        "quantization": space.quantizations or (UNQUANTIZED,),
    }


def _drawn(sweep: SweepConfig, axes: Axes, search: RandomSearch) -> list[tuple[Any, ...]]:
    source = random.Random(f"sweep/{search.seed}")
    rates = sweep.space.learning_rate
    found: dict[tuple[Any, ...], None] = {}
    for _ in range(DRAWS_PER_TRIAL * search.trials):
        values = {name: source.choice(options) for name, options in axes.items()}
        if isinstance(rates, LogRange):
            drawn = math.exp(source.uniform(math.log(rates.low), math.log(rates.high)))
            # Three digits: what a table shows is then exactly what was tried.
            values["learning_rate"] = float(f"{drawn:.3g}")
        found[tuple(values.values())] = None
        if len(found) == search.trials:
            break
    return list(found)


def _trial(number: int, values: dict[str, Any], declared: LoraConfig) -> Trial:
    changes = {name: values[name] for name in ("rank", "learning_rate", "epochs")}
    alpha = declared.alpha * changes["rank"] / declared.rank
    lora = declared.model_copy(update={**changes, "alpha": alpha})
    return Trial(
        number=number,
        lora=lora,
        base_model=values["base_model"],
        quantization=values["quantization"],
    )


def quantization_of(trial: Trial, lifecycle: LifecycleConfig) -> QuantizationConfig | None:
    """How a trial's candidate is quantized, with the lifecycle's settings of that scheme if any."""
    if trial.quantization == UNQUANTIZED:
        return None
    for declared in lifecycle.quantizations:
        if declared.scheme == trial.quantization:
            return declared
    wanted = {"scheme": trial.quantization}
    return validate(QuantizationConfig, wanted, f"trial {trial.number}")


def choose_best(
    sweep: SweepConfig,
    results: Sequence[TrialResult],
    failed: Sequence[FailedTrial],
    metric: Metric,
) -> TrialResult:
    """The trial with the best value; of those that tie, the one with the smallest weights, then with
    the fewest trained parameters, then the first.

    Raises:
        TrainingError: when every trial failed; the first problem is named.
    """
    if not results:
        raise TrainingError(
            f"sweep {sweep.name}",
            f"expected at least one trial with a score, got {len(failed)} that failed, the first "
            f"with: {failed[0].problem}",
            "Correct the lifecycle or the space; trials that succeeded are not repeated.",
        )
    sign = -1 if metric.higher_is_better else 1
    return min(
        results,
        key=lambda found: (
            sign * round(found.value, TIE_DIGITS),
            found.weight_bytes,
            found.trained_parameters,
            found.trial.number,
        ),
    )


def trial_lifecycle(lifecycle: LifecycleConfig, trial: Trial) -> LifecycleConfig:
    """The lifecycle with the settings that a trial fine-tunes with."""
    return lifecycle.model_copy(update={"lora": trial.lora, "base_model": trial.base_model})


def best_lifecycle(
    sweep: SweepConfig, lifecycle: LifecycleConfig, best: Trial, trials: int
) -> LifecycleConfig:
    """The lifecycle that goes through the gate: the best settings, and one candidate where the sweep
    chose among quantizations.

    Args:
        trials: how many were scored, for the report.
    Raises:
        ConfigError: when the gate's rules do not fit the candidate.
    """
    said = (
        f"Settings chosen by the sweep {sweep.name} from {trials} trials scored on validation rows; "
        "the test set was used for the chosen one alone, so the gate's error rate needs no "
        "correction for the number of trials."
    )
    content = trial_lifecycle(lifecycle, best).model_dump(mode="json")
    content["description"] = " ".join(part for part in (lifecycle.description, said) if part)
    if sweep.space.quantizations:
        quantization = quantization_of(best, lifecycle)
        made = [] if quantization is None else [quantization.model_dump(mode="json")]
        candidate = "fine-tuned" if quantization is None else quantization.scheme
        content["quantizations"] = made
        content["gate"] |= {"candidates": [candidate]}
    chosen = validate(LifecycleConfig, content, f"best trial of sweep {sweep.name}")
    # How it is run is no part of a recipe, so `content` lacks it.
    return chosen.model_copy(update={"training": lifecycle.training})
