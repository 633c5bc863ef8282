"""The form of the deployment `distill`: a distillation as its file declares it, or with changes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from configs.distillation import DistillationConfig, load_distillation
from configs.lifecycle import LifecycleConfig
from configs.load import load_lifecycle
from configs.strict_model import StrictModel
from configs.validation import validate
from flows.requests.choices import listing
from flows.requests.lifecycle import LifecycleChanges, changed


class DistillRequest(StrictModel):
    """Let a teacher answer documents that have no label, and take a student through the gate."""

    distillation: Annotated[str, Field(json_schema_extra=listing("distillations"))] = (
        "clinical-notes-from-champion"
    )
    """Which distillation, by the name of its file: teacher, documents and student."""

    max_documents: int | None = Field(default=None, ge=1)
    """Ask about a seeded sample of so many documents. Empty: as the file declares."""

    samples: int | None = Field(default=None, ge=1, le=32)
    """Answers per document; more than 1 needs an endpoint. Empty: as the file declares."""

    agreement: int | None = Field(default=None, ge=1, le=32)
    """How many of the samples must agree: more than half. Empty: as the file declares."""

    max_cost: float | None = Field(default=None, gt=0)
    """Most that the teacher's answers may cost, in the currency of its price. Empty: as the file
    declares."""

    changes: LifecycleChanges = LifecycleChanges()
    """What differs from the file of the student's lifecycle."""

    requested_by: str = ""
    """Who asks, for the audit trail."""


def distillation_of(request: DistillRequest) -> tuple[DistillationConfig, LifecycleConfig]:
    """The distillation and the student that are asked for.

    Raises:
        ConfigError: when a file is gone or broken by now, or the changes contradict it.
    """
    declared = load_distillation(request.distillation)
    asked = request.model_dump(include={"max_documents", "samples", "agreement", "max_cost"})
    content = declared.model_dump(mode="json")
    content |= {name: value for name, value in asked.items() if value is not None}
    where = f"distillation {request.distillation} with the changes of the form"
    distillation = validate(DistillationConfig, content, where)
    student = load_lifecycle(distillation.lifecycle)
    return distillation, changed(student, request.changes, distillation.lifecycle)
