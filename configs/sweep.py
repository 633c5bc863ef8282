"""One sweep: which settings of a lifecycle are tried, and how many of them.

Does: hold the declared space and the search; read the YAML of one.
Does not: plan trials (flows/steps/sweep_plan.py) or run them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from configs.lifecycle import BaseModelConfig, Slug
from configs.named_files import load_named
from configs.quantization import Scheme
from configs.strict_model import StrictModel

UNQUANTIZED = "none"


class LogRange(StrictModel):
    """Values drawn log-uniformly; only for a random search."""

    low: float = Field(gt=0, lt=1)
    """Smallest value."""

    high: float = Field(gt=0, lt=1)
    """Largest value."""

    @model_validator(mode="after")
    def _in_order(self) -> LogRange:
        if self.low >= self.high:
            raise ValueError(f"expected low below high, got {self.low:g} and {self.high:g}")
        return self


class SweepSpace(StrictModel):
    """Values per setting; a setting without any stays as the lifecycle declares it."""

    rank: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = ()
    """Ranks of the adapter. Its alpha changes with it, so that alpha / rank stays."""

    learning_rate: tuple[Annotated[float, Field(gt=0, lt=1)], ...] | LogRange = ()
    """Peak learning rates of AdamW: a list, or a range."""

    epochs: tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...] = ()
    """Passes over the training rows."""

    base_models: tuple[BaseModelConfig, ...] = ()
    """Open weights to start from."""

    quantizations: tuple[Literal["none"] | Scheme, ...] = ()
    """Candidates to score: `none` for the fine-tuned model itself. With a value here the trial's
    candidate is the only one that goes to the gate; without, those of the lifecycle do."""

    @model_validator(mode="after")
    def _says_something_once(self) -> SweepSpace:
        listed = {
            "rank": self.rank,
            "learning_rate": () if isinstance(self.learning_rate, LogRange) else self.learning_rate,
            "epochs": self.epochs,
            "base_models": tuple(base.source for base in self.base_models),
            "quantizations": self.quantizations,
        }
        for name, values in listed.items():
            if len(set(values)) != len(values):
                raise ValueError(f"{name}: expected each value once, got {list(values)}")
        if not any(listed.values()) and not isinstance(self.learning_rate, LogRange):
            raise ValueError(f"expected values for one of {', '.join(listed)}, got none")
        return self


class GridSearch(StrictModel):
    """Every combination."""

    kind: Literal["grid"] = "grid"
    """Try every combination."""

    max_trials: int = Field(default=64, ge=1, le=10_000)
    """Refuse a space with more combinations than this."""


class RandomSearch(StrictModel):
    """Combinations drawn at random (Bergstra and Bengio 2012), each at most once."""

    kind: Literal["random"]
    """Try a seeded random sample."""

    trials: int = Field(default=16, ge=1, le=10_000)
    """Combinations to draw; fewer where the space has fewer."""

    seed: int = Field(default=17, ge=0)
    """Seed of the draw: same seed, same combinations."""


Search = Annotated[GridSearch | RandomSearch, Field(discriminator="kind")]


class SweepConfig(StrictModel):
    """Try settings of a lifecycle on its validation rows; the best goes through the gate once."""

    name: Slug
    """Short name; it names runs and reports."""

    description: str = ""
    """One sentence for the reader."""

    lifecycle: str
    """Name or path of the lifecycle whose settings are tried."""

    space: SweepSpace
    """Values to try."""

    search: Search = GridSearch()
    """How combinations are chosen."""

    max_parallel: int = Field(default=1, ge=1, le=64)
    """Trials at once, each in a process of its own. The concurrency limit `gpu` of the Prefect server
    holds besides."""

    @model_validator(mode="after")
    def _grid_has_lists(self) -> SweepConfig:
        if isinstance(self.search, GridSearch) and isinstance(self.space.learning_rate, LogRange):
            raise ValueError(
                "space.learning_rate: expected a list for a grid, got a range; list values, or "
                "choose a random search"
            )
        return self


def load_sweep(reference: str) -> SweepConfig:
    """Load a sweep by path, or by the name of a file in `sweeps`.

    Raises:
        ConfigError: when there is no such file or it breaks the schema.
    """
    return load_named(SweepConfig, reference, "sweeps")
