"""Take an answer out of what its task allows around it, and say whether it can be read at all.

Does: leave out a thinking block, a code fence and the prose around it, where declared
(`TaskConfig.answer_format`). Does not: repair, guess, or look for JSON in prose.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from configs.task import TaskConfig
from evals.scorers.classification import label_of
from evals.scorers.json_answer import parse_answer
from evals.scorers.text import words

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

THINKING = (("<think>", "</think>"), ("<thinking>", "</thinking>"), ("[THINK]", "[/THINK]"))
"""How models mark a thinking block: Qwen3 and DeepSeek-R1 the first way, Magistral the last."""


def answer_text(text: str, task: TaskConfig) -> str:
    """The answer inside `text`, as the task's `answer_format` allows it to be wrapped.

    A JSON answer that begins with a brace is not wrapped and is returned as it is, whatever its
    strings hold. An empty string where the wrapping cannot be read: a thinking block or a fence that
    never ends, several fences, or prose around a fence that is not allowed.

    >>> from configs.load import load_task
    >>> notes = load_task("clinical-notes").model_copy(update={"answer_format": ("fenced",)})
    >>> answer_text('```json\\n{"problems": []}\\n```', notes)
    '{"problems": []}\\n'
    """
    allowed = task.answer_format
    if not allowed or (task.output_schema is not None and text.lstrip().startswith("{")):
        return text
    if "after-thinking" in allowed:
        rest = _after_thinking(text)
        if rest is None:
            return ""
        text = rest
        if task.output_schema is not None and text.lstrip().startswith("{"):
            return text
    if "fenced" not in allowed:
        return text
    return _inside_fence(text, "prose-around-fence" in allowed)


def can_be_read(text: str, finish_reason: str, task: TaskConfig) -> bool:
    """Whether an answer has the form that its task asks for, right or wrong.

    Under an output schema: it is one JSON object. Classification: it is a label. Otherwise: it has a
    word and was not cut off at the token limit, since nothing else tells half a text from a whole one.

    Args:
        text: the raw answer.
        finish_reason: `length` where it was cut off.
    """
    answer = answer_text(text, task)
    if task.output_schema is not None:
        return parse_answer(answer) is not None
    if task.kind == "classification":
        return label_of(answer, task) is not None
    return bool(words(answer)) and finish_reason != "length"


def _after_thinking(text: str) -> str | None:
    """What follows the thinking blocks at the start; None where one never ends.

    Many templates write the opening mark into the prompt, so that an answer holds the closing one
    alone; then everything before it was thought.
    """
    for opening, closing in THINKING:
        if text.lstrip().startswith(opening):
            _, closed, rest = text.partition(closing)
            return _after_thinking(rest) if closed else None
    for opening, closing in THINKING:
        before, closed, rest = text.partition(closing)
        if closed and opening not in before:
            return rest
    return text


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # Only where fences begin and end is of interest (CommonMark 0.31, section 4.5).
    return MarkdownIt("commonmark").disable(["html_block", "code", "inline", "reference"])


def _inside_fence(text: str, with_prose: bool) -> str:
    """The content of the one fence; the text itself where there is none."""
    tokens = _markdown().parse(f"{text}\n")
    fences = [token for token in tokens if token.type == "fence"]
    if not fences:
        return text
    fence = fences[0]
    if len(fences) > 1 or fence.map is None or (len(tokens) > 1 and not with_prose):
        return ""
    first, end = fence.map
    # A fence that never ends reaches to the end of the text and has no closing line.
    return fence.content if end - first == fence.content.count("\n") + 2 else ""
