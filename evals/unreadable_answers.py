"""What to tell the person whose reference cannot be read: the share, an example, and the cure.

Does: find the declaration that would read most answers. Does not: decide what is too few
(evals/readability.py), or show text that the task keeps to itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from configs.answer_format import Wrapping
from configs.errors import EvidenceError
from configs.gate_settings import ReadableReferences
from configs.task import TaskConfig
from evals.evaluation import READABLE, Evaluation
from evals.readability import ReadableShare, is_unreadable, readable_share
from evals.scorers.answer_text import can_be_read

DECLARATIONS: tuple[tuple[Wrapping, ...], ...] = (
    (),
    ("after-thinking",),
    ("fenced",),
    ("fenced", "prose-around-fence"),
    ("after-thinking", "fenced"),
    ("after-thinking", "fenced", "prose-around-fence"),
)
"""From the strictest to the most lenient: of two that read as many answers, the first is proposed."""
LONGEST_EXAMPLE = 300
SHARE_WORTH_NAMING = 0.1


def require_readable(evaluation: Evaluation, task: TaskConfig, rule: ReadableReferences) -> None:
    """Refuse a reference of which most answers cannot be read.

    Raises:
        EvidenceError: naming the share with its interval, one example where the task allows text to
            be shown, and what to do.
    """
    share = readable_share(evaluation)
    if share is None or not is_unreadable(share, rule):
        return
    cut = f"; {share.cut_off} were cut off at {task.max_new_tokens} tokens" if share.cut_off else ""
    raise EvidenceError(
        f"answers of {evaluation.system} to {task.name}",
        f"expected at least {rule.minimum:.0%} that can be read as {task.reading}, got "
        f"{share.words}{cut}; {example(evaluation, task)}",
        cure(evaluation, task, share),
    )


def example(evaluation: Evaluation, task: TaskConfig) -> str:
    """One unreadable answer in a clause; only the row's id where the task shows no text."""
    texts = evaluation.frame["raw_output"].astype(str).tolist()
    readable = _readable(evaluation, task)
    place = readable.index(False)
    row = evaluation.frame["id"].iloc[place]
    if not task.show_text or task.contains_phi:
        return f"for example the answer to row {row} (the task shows no text)"
    text = texts[place]
    more = (
        f" and {len(text) - LONGEST_EXAMPLE} more characters" if len(text) > LONGEST_EXAMPLE else ""
    )
    return f"for example row {row}: {text[:LONGEST_EXAMPLE]!r}{more}"


def best_declaration(
    texts: Sequence[str], ends: Sequence[str], task: TaskConfig
) -> tuple[tuple[Wrapping, ...], int]:
    """The declaration that reads most answers, the strictest of equals, and how many it reads.

    Args:
        texts: raw answers.
        ends: why each ended, `stop` or `length`.
    """
    counts = {}
    for declared in DECLARATIONS:
        tried = task.model_copy(update={"answer_format": declared})
        counts[declared] = sum(
            can_be_read(text, end, tried) for text, end in zip(texts, ends, strict=True)
        )
    best = max(DECLARATIONS, key=lambda declared: counts[declared])
    return best, counts[best]


def cure(evaluation: Evaluation, task: TaskConfig, share: ReadableShare) -> str:
    """What to do, the likeliest first, as one sentence or two."""
    frame = evaluation.frame
    declared, count = best_declaration(
        frame["raw_output"].astype(str).tolist(), frame["finish_reason"].tolist(), task
    )
    steps = []
    if count - share.readable >= SHARE_WORTH_NAMING * share.rows:
        steps.append(
            f"declare `answer_format: [{', '.join(declared)}]` in the task, which reads {count} of "
            f"these {share.rows} answers"
        )
    if share.cut_off >= SHARE_WORTH_NAMING * share.rows:
        steps.append(f"raise max_new_tokens above {task.max_new_tokens}")
    if task.output_schema is not None and not task.constrained:
        steps.append("set `constrained: true` in the task")
    steps.append("ask with another prompt")
    words = "; or ".join(steps)
    again = (
        " After a change of anything but answer_format, record the baseline again."
        if evaluation.system == "baseline"
        else ""
    )
    return (
        f"{words[0].upper()}{words[1:]}.{again} `gate.readable_references: {{action: warn}}` goes on "
        "regardless."
    )


def _readable(evaluation: Evaluation, task: TaskConfig) -> list[bool]:
    frame = evaluation.frame
    if READABLE in frame:
        return [bool(value) for value in frame[READABLE]]
    return [
        can_be_read(str(text), str(end), task)
        for text, end in zip(frame["raw_output"], frame["finish_reason"], strict=True)
    ]
