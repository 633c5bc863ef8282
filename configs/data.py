"""Where rows come from: a seeded generator, files, or a Hugging Face dataset.

Does: hold and validate the settings. Does not: read or generate rows (finetune/splits.py).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from configs.strict_model import StrictModel

Generator = Literal["clinical-notes", "message-triage", "discharge-summary", "guideline-qa"]


class SyntheticData(StrictModel):
    """Size and seed of generated rows."""

    train_documents: int = Field(default=600, ge=1)
    """Documents to train on; each has one or more rows."""

    validation_documents: int = Field(default=60, ge=1)
    """Documents for the validation loss and for calibrating quantization."""

    test_documents: int = Field(default=200, ge=2)
    """Documents to evaluate on."""

    seed: int = Field(default=17, ge=0)
    """Seed of the generator: same seed, same rows."""


class SyntheticNotes(SyntheticData):
    """Synthetic clinical notes, generated from a seed."""

    kind: Literal["synthetic-notes"] = "synthetic-notes"
    """Pawl's generator of clinical notes with gold JSON."""

    @property
    def generator(self) -> Generator:
        """Name of the generator."""
        return "clinical-notes"


class SyntheticRows(SyntheticData):
    """Rows of one of Pawl's generators, from a seed."""

    kind: Literal["synthetic"] = "synthetic"
    """Rows are generated."""

    generator: Generator
    """Which generator: one per task that ships with Pawl."""


class SampledData(StrictModel):
    """How many of the rows that exist are used."""

    max_train_rows: int | None = Field(default=None, ge=1)
    """Train on a seeded sample of so many rows (whole documents). Empty: on all."""

    max_validation_rows: int | None = Field(default=None, ge=1)
    """Validate on a seeded sample of so many rows (whole documents). Empty: on all."""

    max_test_rows: int | None = Field(default=None, ge=2)
    """Evaluate on a seeded sample of so many rows (whole documents). Empty: on all."""


class FileData(SampledData):
    """JSONL or Parquet files (by suffix `.parquet`) of rows `{"id", "doc_id", "target"}` with the
    fields that the task's prompt names; other fields may serve as slices.

    Relative paths start at the directory that the environment variable `PAWL_DATA` names, or where
    pawl runs if it is not set.
    """

    kind: Literal["files"]
    """Rows come from files."""

    train: str
    """Path of the file to train on."""

    validation: str
    """Path of the file for the validation loss and for calibrating quantization."""

    test: str
    """Path of the file to evaluate on."""


class HubData(SampledData):
    """A dataset of the Hugging Face hub, or a directory laid out like one, through `datasets`."""

    kind: Literal["hub"]
    """Rows come from a dataset repository."""

    dataset: str = Field(pattern=r"^(file://.+|[\w.-]+(/[\w.-]+)?)$")
    """Name on the hub, such as `org/name`, or `file://directory` (a relative one is found as the
    paths of files are)."""

    revision: str | None = None
    """Commit of the dataset repository, so that a re-run reads the same rows; a directory has none."""

    config: str | None = None
    """Configuration (subset) of the dataset. Empty: its only one."""

    train: str = "train"
    """Split to train on; `datasets`' slicing such as `train[:90%]` is understood."""

    validation: str = "validation"
    """Split for the validation loss and for calibrating quantization."""

    test: str = "test"
    """Split to evaluate on."""

    columns: dict[str, str] = Field(default_factory=dict)
    """Row field -> column of the dataset, such as `{text: sentence, target: label}`; a dot reaches
    into a struct. Columns that are not named keep their names. Without a column `id`, rows are
    numbered; without `doc_id`, every row is its own document."""

    @property
    def directory(self) -> str | None:
        """The directory if the dataset is one, else None."""
        return self.dataset.removeprefix("file://") if self.dataset.startswith("file://") else None

    @field_validator("columns")
    @classmethod
    def _mapped_once(cls, value: dict[str, str]) -> dict[str, str]:
        if blank := sorted(field for field, column in value.items() if not (field and column)):
            raise ValueError(f"expected names of columns, got an empty one for {blank}")
        return value

    @model_validator(mode="after")
    def _says_which_bytes(self) -> HubData:
        if self.directory is None and self.revision is None:
            raise ValueError(
                "revision: expected a commit of the dataset, got none; a branch may change, "
                "so name the commit that its page shows"
            )
        if self.directory is not None and self.revision is not None:
            raise ValueError("revision: expected none for a directory; leave it out")
        return self


Data = Annotated[SyntheticNotes | SyntheticRows | FileData | HubData, Field(discriminator="kind")]
