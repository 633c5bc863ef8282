"""A task: how a row of data becomes a prompt, what a right answer is, and what is measured.

Does: validate task YAML; render chat messages and the target text that fine-tuning teaches.
Does not: score answers (evals/scorers/) or read data (finetune/data.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator, model_validator

from configs.answer_format import Wrapping, format_problem, format_words, in_order
from configs.data import Data
from configs.normalization import Normalization
from configs.prompt import fill, prompt_fields, prompt_value_problem
from configs.scoring import GroundedScoring, SummaryScoring
from configs.strict_model import StrictModel
from configs.target import TaskKind, schema_problem, target_problem, target_text

Message = dict[str, str]
DEFAULT_SCORERS: dict[TaskKind, tuple[str, ...]] = {
    "extraction": ("extraction",),
    "classification": ("classification",),
    "summarisation": ("rouge", "key-facts", "length"),
    "grounded-qa": ("answer", "grounding"),
}
SETTINGS_OF_KIND = {
    "labels": ("classification",),
    "output_schema": ("extraction", "grounded-qa"),
    "summary": ("summarisation",),
    "grounding": ("grounded-qa",),
}


class FewShotExample(StrictModel):
    """A row with its answer that every prompt shows before the question."""

    input: dict[str, Any]
    """Value of every field that the prompt names."""

    target: Any
    """The right answer, in the form that rows of the task have it."""


class TaskConfig(StrictModel):
    """One task."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    """Short name, as it appears in reports: lower-case letters, digits and hyphens."""

    kind: TaskKind = "extraction"
    """What a right answer is. `extraction`: a JSON object of lists. `classification`: one of the
    labels. `summarisation`: a text. `grounded-qa`: an answer that stands in given passages, or that
    they hold none."""

    description: str = ""
    """One sentence for the reader of a report."""

    system_prompt: str = ""
    """System message of the chat; leave empty for none."""

    user_prompt: str = "{text}"
    """User message; `{name}` is replaced by the row's field of that name, such as `{text}`."""

    few_shot: tuple[FewShotExample, ...] = ()
    """Examples that stand in the chat before the row, each as a user and an assistant message."""

    output_schema: dict[str, Any] | None = None
    """JSON Schema (2020-12) of a right answer. Extraction needs one: an object whose properties are
    lists. Grounded QA may have one with a property `answer`, and perhaps `citation`."""

    labels: tuple[Annotated[str, Field(pattern=r"^\S(.*\S)?$")], ...] = ()
    """Classes of a classification, as the model has to write them."""

    summary: SummaryScoring = SummaryScoring()
    """Limits and key facts of a summarisation."""

    grounding: GroundedScoring = GroundedScoring()
    """Passages and abstention of a grounded QA."""

    scorers: tuple[str, ...] = ()
    """What is measured, by the names of the scorers in evals/scorers. Empty: the usual ones of the
    kind."""

    primary_metric: str | None = None
    """Metric that reports show first. Empty: the first one of the first scorer."""

    cluster_key: str = "doc_id"
    """Row field that says which rows depend on each other; resampling keeps them together."""

    slices: tuple[str, ...] = ()
    """Row fields by whose values scores are also reported."""

    normalization: Normalization = Normalization()
    """How strings are compared."""

    max_new_tokens: int = Field(default=256, ge=1, le=8192)
    """Longest answer that the model may write, in tokens."""

    stop: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Strings that end an answer and are not part of it, besides the model's own end tokens."""

    answer_format: tuple[Wrapping, ...] = ()
    """What may stand around an answer of candidate and baseline alike; it is left out before the
    answer is read. Empty: nothing, so a JSON answer is one object and no more. `after-thinking`: a
    block `<think>...</think>` before it. `fenced`: one code fence around it; several fences cannot
    be read. `prose-around-fence`: text before and after that fence."""

    constrained: bool = False
    """Let the model write only JSON that the output schema accepts."""

    data: Data | None = None
    """Rows for lifecycles that name none of their own."""

    contains_phi: bool = False
    """Whether rows hold protected health information; their text is then never shown in reports."""

    show_text: bool = False
    """Whether reports may show the text of rows and answers."""

    @field_validator("user_prompt")
    @classmethod
    def _names_a_field(cls, value: str) -> str:
        if not prompt_fields(value):
            raise ValueError("expected a prompt with a placeholder such as {text}; add it")
        return value

    @field_validator("output_schema")
    @classmethod
    def _can_be_scored(
        cls, value: dict[str, Any] | None, info: ValidationInfo
    ) -> dict[str, Any] | None:
        problem = value and schema_problem(value, info.data.get("kind", "extraction"))
        if problem:
            raise ValueError(problem)
        return value

    @field_validator("answer_format")
    @classmethod
    def _can_be_read(cls, value: tuple[Wrapping, ...]) -> tuple[Wrapping, ...]:
        if (problem := format_problem(value)) is not None:
            raise ValueError(problem)
        return in_order(value)

    @field_validator("labels", "scorers", "slices")
    @classmethod
    def _names_each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len({name.casefold() for name in value}) != len(value):
            raise ValueError(f"expected each name once (without regard to case), got {list(value)}")
        return value

    @model_validator(mode="after")
    def _fits_its_kind(self) -> TaskConfig:
        for setting, kinds in SETTINGS_OF_KIND.items():
            default = type(self).model_fields[setting].default
            if self.kind not in kinds and getattr(self, setting) != default:
                raise ValueError(f"{setting}: expected none for {self.kind}; leave it out")
        if self.kind == "extraction" and self.output_schema is None:
            raise ValueError("output_schema: missing; extraction needs one")
        if self.kind == "classification" and len(self.labels) < 2:
            raise ValueError(f"labels: expected at least two, got {list(self.labels)}")
        if self.constrained and self.output_schema is None:
            raise ValueError(
                "constrained: expected an output_schema to decode by, got none; add it"
            )
        if self.contains_phi and self.show_text:
            raise ValueError(
                "show_text: expected false for rows with protected health information "
                "(contains_phi), got true; leave it out"
            )
        return self

    @model_validator(mode="after")
    def _examples_are_rows(self) -> TaskConfig:
        for number, example in enumerate(self.few_shot):
            problem = self.input_problem(example.input) or self.target_problem(example.target)
            if problem is not None:
                raise ValueError(f"few_shot.{number}: {problem[0]}: {problem[1]}")
        return self

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of a JSON answer's top-level fields, in the order of the schema; () without one."""
        return tuple(self.output_schema["properties"]) if self.output_schema else ()

    @property
    def prompt_fields(self) -> tuple[str, ...]:
        """Row fields that the prompt shows the model."""
        return prompt_fields(self.user_prompt)

    @property
    def reading(self) -> str:
        """How answers are read, in words."""
        if self.output_schema is not None:
            return format_words("one JSON object", self.answer_format)
        answer = "one label" if self.kind == "classification" else "a text"
        return format_words(answer, self.answer_format)

    @property
    def scorer_names(self) -> tuple[str, ...]:
        """The scorers, those of the kind where none are declared."""
        return self.scorers or DEFAULT_SCORERS[self.kind]

    def input_problem(self, row: Mapping[str, Any]) -> tuple[str, str] | None:
        """What keeps a row from being asked: (field, `expected ..., got ...`), or None."""
        for name in self.prompt_fields:
            problem = prompt_value_problem(row.get(name))
            if problem is not None:
                return name, problem
        return None

    def target_problem(self, target: Any) -> tuple[str, str] | None:
        """What keeps a target from being right: (field, `expected ..., got ...`), or None."""
        return target_problem(target, self.kind, self.output_schema, self.labels)

    def messages(self, row: Mapping[str, Any] | str) -> list[Message]:
        """Chat messages that ask for the answer to one row; a string stands for `{"text": ...}`.

        Raises:
            KeyError: when the row lacks a field that the prompt names.
        """
        fields = {"text": row} if isinstance(row, str) else row
        chat = [{"role": "system", "content": self.system_prompt}] if self.system_prompt else []
        for example in self.few_shot:
            chat.append({"role": "user", "content": fill(self.user_prompt, example.input)})
            chat.append({"role": "assistant", "content": self.answer(example.target)})
        return [*chat, {"role": "user", "content": fill(self.user_prompt, fields)}]

    def answer(self, target: Any) -> str:
        """The text that fine-tuning teaches for a target; see `configs.target.target_text`."""
        return target_text(target, self.output_schema)
