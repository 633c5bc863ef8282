"""A task of lm-evaluation-harness and how it is asked.

Does: hold the settings. Does not: find or run the task (evals/harness/).
"""

from __future__ import annotations

from pydantic import Field

from configs.strict_model import StrictModel


class HarnessTask(StrictModel):
    """One task or group of lm-evaluation-harness (`lm_eval`)."""

    task: str = Field(min_length=1)
    """Name of a task that ships with Pawl (`note-reading`, `arc-easy-500`, `pubmedqa-500`) or with
    lm_eval (`hellaswag`, `gsm8k`, `mmlu`), or the path of a task's YAML file or of a directory that
    holds one task or one group."""

    metric: str | None = None
    """The metric that counts most, such as `acc_norm`; the task's first by default."""

    num_fewshot: int | None = Field(default=None, ge=0, le=100)
    """Solved examples before each question; by default what the task says, else none."""

    limit: int | None = Field(default=None, ge=1)
    """Ask only the first so many questions of each task; all by default."""

    apply_chat_template: bool = False
    """Ask as a chat, in the model's own chat template."""

    fewshot_as_multiturn: bool = True
    """In a chat, put each solved example into turns of its own; otherwise all into one message."""

    system_prompt: str | None = None
    """System message, or text before the prompt where there is no chat."""

    cluster_field: str | None = None
    """Field of a question that says which questions depend on each other (one passage, one
    patient); by default each question stands alone."""

    slices: tuple[str, ...] = ()
    """Fields of a question by whose values scores are also reported."""
