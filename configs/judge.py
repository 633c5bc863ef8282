"""A judge: the model that scores answers, its rubric, and what it must prove before it counts.

Does: validate the configuration; load it, and rubrics, by path or shipped name.
Does not: ask the judge (evals/judge/).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from configs.baseline import EndpointBaseline, LocalBaseline
from configs.named_files import load_named
from configs.prompt import prompt_fields
from configs.rubric import RubricConfig
from configs.strict_model import StrictModel
from configs.validation import validate
from configs.yaml_file import read_yaml


class JudgeConfig(StrictModel):
    """A model that scores answers which no rule can score."""

    model: Annotated[EndpointBaseline | LocalBaseline, Field(discriminator="kind")]
    """Who judges: an endpoint or local weights, configured like a baseline."""

    rubric: RubricConfig
    """What it is asked. In a file also the name of a rubric that ships with Pawl, or its path."""

    input: str = "{text}"
    """What the rubric's `{input}` stands for; `{name}` is replaced by the row's field of that name."""

    max_new_tokens: int = Field(default=512, ge=16, le=8192)
    """Longest judgement, in tokens; one that is cut off is unreadable."""

    constrained: bool = True
    """Let the judge write only JSON of the rubric's form. An endpoint that cannot do this is refused;
    `false` asks it all the same, and what is not of the form is then unreadable."""

    repeats: int = Field(default=1, ge=1, le=15)
    """Judgements per answer, an odd number whose median counts. Decoding is greedy, so they differ
    in the order in which criteria and levels are shown."""

    unreadable_tolerance: float = Field(default=0.0, ge=0, lt=0.5)
    """Largest share of answers whose judgement may be unreadable; above it there is no evidence."""

    human_labels: str | None = None
    """JSONL file of answers that people scored by the same rubric, one
    `{"id", "input", "reference", "answer", "scores": {CRITERION: SCORE}, "cluster"}` per line."""

    minimum_kappa: float = Field(default=0.4, ge=0, lt=1)
    """What the lower bound of the agreement with people (Cohen's kappa, quadratic weights) must
    reach on every criterion. Values up to 0.4 are called fair, to 0.6 moderate and to 0.8
    substantial by Landis and Koch 1977 (Biometrics 33:159)."""

    min_labelled_documents: int = Field(default=30, ge=2)
    """Fewer independent documents among the human labels than this prove nothing."""

    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """One-sided error rate of the bound on kappa."""

    allow_uncalibrated: bool = False
    """Use the scores although there are no human labels. Reports say so."""

    @field_validator("input")
    @classmethod
    def _names_a_field(cls, value: str) -> str:
        if not prompt_fields(value):
            raise ValueError("expected a text with a placeholder such as {text}; add it")
        return value

    @field_validator("repeats")
    @classmethod
    def _has_a_median(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError(f"expected an odd number, whose median is a score, got {value}")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> JudgeConfig:
        distinct = distinct_presentations(self.rubric)
        if self.repeats > distinct:
            raise ValueError(
                f"repeats: expected at most {distinct}, the number of ways in which the rubric "
                f"{self.rubric.name} can be shown, got {self.repeats}"
            )
        if self.human_labels is None and not self.allow_uncalibrated:
            raise ValueError(
                "human_labels: expected a file, got none; a judge that nobody checked is no "
                "evidence (allow_uncalibrated: true uses it all the same)"
            )
        return self


def distinct_presentations(rubric: RubricConfig) -> int:
    """In how many orders criteria and levels can be shown: criteria rotated, levels rotated and
    listed up or down."""
    levels = max(len(criterion.levels) for criterion in rubric.criteria)
    return len(rubric.criteria) * levels * (1 if levels == 2 else 2)


def load_rubric(reference: str) -> RubricConfig:
    """Load a rubric by path, or by the name of one's own or one that ships.

    Raises:
        ConfigError: when there is no such file or it breaks the schema.
    """
    return load_named(RubricConfig, reference, "rubrics")


def load_judge(path: Path) -> JudgeConfig:
    """Load a judge's configuration; its `rubric` may be a rubric's name or path.

    Raises:
        ConfigError: when a file is missing or breaks its schema.
    """
    content = read_yaml(path)
    if isinstance(content.get("rubric"), str):
        content["rubric"] = load_rubric(content["rubric"])
    return validate(JudgeConfig, content, str(path))
