"""Critical labels: what must not get lost, however well a model does on the whole.

Does: declare and validate a rule about one field, one label or one slice value. Does not: apply it
(evals/critical_checks.py), or know a task's names (evals/policy_names.py).
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from configs.gate_rule import Fraction, Reference, Rule

Measure = Literal["recall", "precision", "f1"]


class CriticalLabel(Rule):
    """Recall, precision or F1 of one field, one label or one slice value, counted on the documents
    that carry it."""

    field: str | None = None
    """Field of an extraction's answer, such as `allergies`. Exactly one of `field`, `label` and
    `slice` is given."""

    label: str | None = None
    """Label of a classification, such as `emergency`."""

    slice: str | None = None
    """Slice of the task, such as `unseen_drug`; goes with `value`. All that there is to find in its
    rows counts."""

    value: str | None = None
    """Value of the slice whose rows count."""

    measure: Measure = "recall"
    """`recall`: share of what is there that is found. `precision`: share of what is claimed that is
    there. `f1`: both, micro-averaged."""

    margin: Fraction | None = None
    """Largest loss against each reference that is still acceptable, absolute. Empty: nothing is
    compared. At least one of `margin` and `minimum` is given."""

    references: tuple[Reference, ...] = Field(default=("baseline", "champion"), min_length=1)
    """What the candidate is compared with where there is a margin, each in its own check, as
    comparisons have it."""

    minimum: Fraction | None = None
    """Smallest acceptable value of the candidate alone. Empty: there is none."""

    min_documents: int | None = Field(default=None, ge=2)
    """Fewest documents of the test set that must carry the label, which means that it is in their
    gold answer; for `precision` also the fewest in which each system compared claims it. With fewer
    the rule is inconclusive and nothing is promoted, whatever the scores, because a few documents
    cannot tell a model that misses the label from one that was lucky. Empty: the policy's
    `min_clusters`."""

    @field_validator("value", mode="before")
    @classmethod
    def _as_rows_have_it(cls, value: Any) -> Any:
        """YAML reads `yes` and `3` as a truth value and a number; slices hold their text."""
        return str(value) if isinstance(value, bool | int | float) else value

    @model_validator(mode="after")
    def _says_what_and_how_much(self) -> CriticalLabel:
        given = [name for name in ("field", "label", "slice") if getattr(self, name) is not None]
        problems = []
        if len(given) != 1:
            found = " and ".join(given) or "none"
            problems.append(f"expected exactly one of field, label and slice, got {found}")
        if (self.slice is None) != (self.value is None):
            there, lacking = ("value", "slice") if self.slice is None else ("slice", "value")
            problems.append(f"expected slice and value together, got {there} without {lacking}")
        if self.margin is None and self.minimum is None:
            problems.append("expected a margin, a minimum or both, got neither")
        if problems:
            raise ValueError(f"{'; '.join(problems)}; correct the rule")
        return self

    @property
    def words(self) -> str:
        """What the rule is about: `recall of allergies`, `recall where unseen_drug = True`."""
        measure = "F1" if self.measure == "f1" else self.measure
        if self.slice is not None:
            return f"{measure} where {self.part}"
        return f"{measure} of {self.field or self.label}"

    @property
    def part(self) -> str | None:
        """`slice = value`; None for a field or a label."""
        return None if self.slice is None else f"{self.slice} = {self.value}"

    @property
    def metric(self) -> str:
        """Name of the metric that the rule bounds: `micro_recall.allergies`."""
        return f"micro_{self.measure}{self.suffix}"

    @property
    def suffix(self) -> str:
        """What follows `tp`, `fp` and `fn` in the columns that are counted."""
        name = self.field or self.label
        return "" if name is None else f".{name}"
