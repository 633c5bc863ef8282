"""Settings of scorers that are no matter of right and wrong alone.

Does: declare them for the task. Does not: score (evals/scorers/).
"""

from __future__ import annotations

from pydantic import Field, model_validator

from configs.strict_model import StrictModel


class SummaryScoring(StrictModel):
    """How summaries are judged besides ROUGE."""

    key_facts_field: str = "key_facts"
    """Row field that lists the phrases a summary must contain; an entry that is itself a list names
    wordings of which one must be there."""

    min_length_ratio: float = Field(default=0.5, ge=0, allow_inf_nan=False)
    """Fewest words that a summary may have, as a multiple of the words of the gold summary."""

    max_length_ratio: float = Field(default=1.5, gt=0, allow_inf_nan=False)
    """Most words that a summary may have, as a multiple of the words of the gold summary."""

    @model_validator(mode="after")
    def _in_order(self) -> SummaryScoring:
        if self.min_length_ratio > self.max_length_ratio:
            raise ValueError(
                f"expected min_length_ratio of at most max_length_ratio, got "
                f"{self.min_length_ratio} > {self.max_length_ratio}"
            )
        return self


class GroundedScoring(StrictModel):
    """How answers to questions about given passages are judged."""

    context_field: str = "context"
    """Row field that holds the passages: a string, or a list of `{"id", "text"}`."""

    no_answer: str = Field(default="Not answerable from the passages.", min_length=1)
    """The answer that is right where the passages do not hold one."""
