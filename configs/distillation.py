"""One distillation: a big model answers documents that have no label, a small one learns from it.

Does: hold every setting with its unit, range, default and meaning; read the YAML of one.
Does not: ask the teacher (flows/steps/teach.py) or judge its answers (finetune/distillation/).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from configs.baseline import Baseline, EndpointBaseline
from configs.data import Generator
from configs.lifecycle import Slug
from configs.named_files import load_named
from configs.strict_model import StrictModel


class UnlabelledFile(StrictModel):
    """A JSONL or Parquet file of documents without labels."""

    kind: Literal["file"]
    """Documents come from a file."""

    path: str
    """File of rows `{"id", <fields of the task's prompt>}`, perhaps with `doc_id`; a `target` in it
    is ignored. A relative path starts at the directory that `PAWL_DATA` names."""


class UnlabelledSynthetic(StrictModel):
    """Documents of one of Pawl's generators, without the answers that it knows."""

    kind: Literal["synthetic"]
    """Documents are generated."""

    generator: Generator
    """Which generator: one per task that ships with Pawl."""

    documents: int = Field(default=600, ge=1)
    """Documents to generate; each has one or more rows."""

    seed: int = Field(default=17, ge=0)
    """Seed of the generator: same seed, same documents."""


Unlabelled = Annotated[UnlabelledFile | UnlabelledSynthetic, Field(discriminator="kind")]


class DistillationConfig(StrictModel):
    """Sequence-level knowledge distillation (Kim and Rush 2016, arXiv 1606.07947): the student is
    fine-tuned on what the teacher wrote. Validation and test rows stay those of the lifecycle."""

    name: Slug
    """Short name; it names runs and reports."""

    description: str = ""
    """One sentence for the reader."""

    lifecycle: str
    """The student: name or path of a lifecycle. Its training rows are replaced by the teacher's."""

    teacher: Baseline
    """The model that answers: an endpoint, local weights, or a recording."""

    teacher_terms: str = ""
    """What allows training on this teacher's answers: its licence or contract, in words. Many
    providers forbid it, so an endpoint needs it. Kept with everything made from the answers."""

    documents: Unlabelled
    """What the teacher is asked."""

    max_documents: int | None = Field(default=None, ge=1)
    """Ask about a seeded sample of so many documents. Empty: about all."""

    seed: int = Field(default=17, ge=0)
    """Seed of that sample."""

    samples: int = Field(default=1, ge=1, le=32)
    """Answers per document. 1: one greedy answer. More: sampled, and only those kept that agree
    (self-consistency, Wang et al. 2023, arXiv 2203.11171); needs an endpoint."""

    agreement: int = Field(default=1, ge=1, le=32)
    """How many of the samples must be the same answer: more than half of them."""

    temperature: float = Field(default=0.7, gt=0, le=2)
    """Temperature of sampling; one greedy answer has none."""

    min_kept: float = Field(default=0.5, ge=0, le=1)
    """Smallest share of rows with a usable answer, a fraction; below it the run is refused, because
    the rest would be a selection of easy documents."""

    max_cost: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Most that the teacher's answers may cost, in the currency of its price, those kept from earlier
    runs included. Needs a price. Empty: no limit."""

    held_against: Literal["teacher", "lifecycle"] = "teacher"
    """What the gate compares the student with: the teacher, or the baseline of the lifecycle."""

    @model_validator(mode="after")
    def _fits_together(self) -> DistillationConfig:
        endpoint = isinstance(self.teacher, EndpointBaseline)
        if endpoint and not self.teacher_terms.strip():
            raise ValueError(
                "teacher_terms: expected the licence or contract that allows training on this "
                "endpoint's answers, got none; many providers forbid it, so look it up and name it"
            )
        if self.samples > 1 and not endpoint:
            raise ValueError(
                f"samples: expected 1 for a teacher that answers greedily, got {self.samples}; use "
                "an endpoint"
            )
        if not self.samples < 2 * self.agreement <= 2 * self.samples:
            raise ValueError(
                f"agreement: expected more than half of {self.samples} samples and at most all, got "
                f"{self.agreement}"
            )
        priced = isinstance(self.teacher, EndpointBaseline) and self.teacher.price is not None
        if self.max_cost is not None and not priced:
            raise ValueError("max_cost: expected an endpoint with a price, got none; add it")
        return self


def load_distillation(reference: str) -> DistillationConfig:
    """Load a distillation by path, or by the name of a file in `distillations`.

    Raises:
        ConfigError: when there is no such file or it breaks the schema.
    """
    return load_named(DistillationConfig, reference, "distillations")
