"""Prompts that give the answer away.

Does: look for evaluation texts in the instructions, for answers and labels in what a row shows, and
for gold strings that the instructions have from the evaluation rows.
Does not: compare rows with training rows (duplicates.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from configs.data_checks import DataChecks, LabelSaid
from configs.prompt import prompt_text
from configs.task import TaskConfig
from finetune.data_checks.containment import SHORTEST_WORDS
from finetune.data_checks.findings import Finding, Number, finding
from finetune.data_checks.intervals import INTERVAL, bootstrap, document_sums, share_of_rows
from finetune.data_checks.near_duplicates import shingles
from finetune.data_checks.rows import CheckedRow, contains_words, words_of
from finetune.data_checks.targets import closed_values, gold_strings

if TYPE_CHECKING:
    from finetune.data_checks.intervals import Array

NO_FIELD = " "


def instructions_of(task: TaskConfig) -> tuple[str, ...]:
    """Every message of a prompt without the row: system message, few-shot examples, template."""
    blank = dict.fromkeys(task.prompt_fields, NO_FIELD)
    return tuple(message["content"] for message in task.messages(blank))


def prompt_examples(
    evaluation: Sequence[CheckedRow], task: TaskConfig, fields: Sequence[str], policy: DataChecks
) -> Finding:
    """Evaluation texts in the instructions, few-shot examples among them.

    Args:
        fields: what the text of a row is made of.

    The action is that of `prompt_examples`, which must not be off.
    """
    settings = policy.prompt_examples
    said = [words_of(text) for text in instructions_of(task) if text.strip()]
    pieces = frozenset[bytes]().union(*(shingles(w, settings.shingle_words) for w in said))
    examples = {
        words_of("\n".join(prompt_text(example.input[field]) for field in fields))
        for example in task.few_shot
    }
    found = []
    for row in evaluation:
        own = shingles(row.words, settings.shingle_words)
        mostly = len(own & pieces) >= settings.share * len(own)
        # A few words turn up in any instructions.
        if row.words in examples or (mostly and len(row.words) >= SHORTEST_WORDS):
            found.append(row)
    return finding(
        "prompt_examples",
        settings.action,
        bool(found),
        f"{len(found)} of {len(evaluation)} evaluation texts stand in the prompt's instructions or "
        "few-shot examples.",
        [row.id for row in found],
        [_share("share of evaluation rows", found, evaluation, policy)],
        policy.shown_ids,
    )


def target_in_prompt(
    evaluation: Sequence[CheckedRow], task: TaskConfig, policy: DataChecks
) -> Finding:
    """Prompts that name the target, or whose row holds the whole answer word for word.

    The action is that of `target_in_prompt`, which must not be off.
    """
    if "target" in task.prompt_fields:
        found, how = list(evaluation), "the prompt names the field `target`"
    else:
        found = [row for row in evaluation if _holds_answer(row, task)]
        how = "what the row shows contains the whole answer"
    return finding(
        "target_in_prompt",
        policy.target_in_prompt,
        bool(found),
        f"In {len(found)} of {len(evaluation)} evaluation rows {how}.",
        [row.id for row in found],
        [_share("share of evaluation rows", found, evaluation, policy)],
        policy.shown_ids,
    )


def _holds_answer(row: CheckedRow, task: TaskConfig) -> bool:
    shown = "\n".join(prompt_text(row.content[field]) for field in task.prompt_fields)
    if task.kind == "extraction":
        # White space differs between writers of JSON; an empty object could stand anywhere.
        answer = "".join(task.answer(row.target).split()).casefold()
        return any(gold_strings(row.target)) and answer in "".join(shown.split()).casefold()
    if task.kind == "summarisation":
        answered = words_of(row.target)
        return len(answered) >= SHORTEST_WORDS and contains_words(words_of(shown), answered)
    return False


def label_in_fields(
    evaluation: Sequence[CheckedRow], task: TaskConfig, policy: DataChecks
) -> list[Finding]:
    """One finding per field, other than the text, that reaches the prompt of a classification."""
    fields = [field for field in task.prompt_fields if field not in ("text", "target")]
    return [
        _label_said(
            f"label_in_fields.{field}",
            evaluation,
            task.labels,
            _value_of(field),
            policy.label_in_fields,
            policy,
        )
        for field in fields
    ]


def _value_of(field: str) -> Callable[[CheckedRow], str]:
    return lambda row: prompt_text(row.content[field])


def label_in_text(
    evaluation: Sequence[CheckedRow], task: TaskConfig, policy: DataChecks
) -> Finding:
    """How often a text says its own label, and no other, in so many words."""
    return _label_said(
        "label_in_text", evaluation, task.labels, lambda row: row.text, policy.label_in_text, policy
    )


def _label_said(
    check: str,
    evaluation: Sequence[CheckedRow],
    labels: Sequence[str],
    said_by: Callable[[CheckedRow], str],
    rule: LabelSaid,
    policy: DataChecks,
) -> Finding:
    import numpy as np

    wanted = [words_of(label) for label in labels]
    values, own = [], []
    for row in evaluation:
        # Identifiers join words by underscores, which a word may contain.
        words = words_of(said_by(row).replace("_", " "))
        said = [contains_words(words, _apart(label)) for label in wanted]
        only = [hit and sum(said) == 1 for hit in said]
        right = [row.target == label for label in labels]
        own.append(any(o and r for o, r in zip(only, right, strict=True)))
        values.append([float(own[-1]), 1.0, *map(float, only), *map(float, right)])
    classes = len(labels)

    def excess(totals: Array) -> Array:
        rows = totals[:, 1]
        only, right = totals[:, 2 : 2 + classes], totals[:, 2 + classes :]
        by_chance = (only * right).sum(axis=1) / rows**2
        return np.asarray(totals[:, 0] / rows - by_chance, dtype=np.float64)

    documents = [row.doc_id for row in evaluation]
    sums = document_sums(values, documents)
    value = float(excess(sums.sum(axis=0, keepdims=True))[0])
    low, high = bootstrap(sums, excess, policy.seed)
    beyond = Number(
        name="excess over chance",
        value=value,
        low=low,
        high=high,
        range_of=INTERVAL,
        n=len(sums),
        n_unit="documents",
    )
    where = f"the field {check.partition('.')[2]!r}" if "." in check else "the text"
    return finding(
        check,
        rule.action,
        low > rule.excess,
        f"In {sum(own)} of {len(own)} evaluation rows {where} says the row's own label and no other.",
        [row.id for row, hit in zip(evaluation, own, strict=True) if hit],
        [beyond, share_of_rows("share of evaluation rows", own, documents, policy.seed)],
        policy.shown_ids,
    )


def _apart(words: tuple[str, ...]) -> tuple[str, ...]:
    return words_of(" ".join(words).replace("_", " "))


def gold_in_instructions(
    train: Sequence[CheckedRow],
    evaluation: Sequence[CheckedRow],
    task: TaskConfig,
    policy: DataChecks,
) -> Finding:
    """Whether the instructions say gold strings of evaluation documents more often than chance.

    Chance is what they say of training documents: who wrote them without a look at the evaluation
    rows hits both alike (Fisher's exact test, one-sided, on documents).
    """
    from scipy.stats import fisher_exact

    settings = policy.gold_in_instructions
    said = [words_of(text) for text in instructions_of(task) if text.strip()]
    closed = closed_values(task.output_schema) | {task.grounding.no_answer}
    known: dict[str, bool] = {}

    def hit(row: CheckedRow) -> bool:
        strings = {s for s in gold_strings(row.target) if s not in closed}
        for text in strings - known.keys():
            words = words_of(text)
            long_enough = len(text) >= settings.min_characters
            known[text] = long_enough and any(contains_words(w, words) for w in said)
        return any(known[text] for text in strings)

    hits = [row for row in evaluation if hit(row)]
    documents = {row.doc_id for row in evaluation}
    train_documents = {row.doc_id for row in train}
    hit_documents = {row.doc_id for row in hits}
    train_hits = {row.doc_id for row in train if hit(row)}
    table = [
        [len(hit_documents), len(documents) - len(hit_documents)],
        [len(train_hits), len(train_documents) - len(train_hits)],
    ]
    p_value = float(fisher_exact(table, alternative="greater").pvalue)
    row_hits = [row.doc_id in hit_documents for row in evaluation]
    share = share_of_rows(
        "share of evaluation rows", row_hits, [r.doc_id for r in evaluation], policy.seed
    )
    return finding(
        "gold_in_instructions",
        settings.action,
        p_value <= settings.alpha,
        f"The instructions say a gold string of {len(hit_documents)} of {len(documents)} evaluation "
        f"documents, and of {len(train_hits)} of {len(train_documents)} training documents.",
        [row.id for row in hits],
        [share.model_copy(update={"p_value": p_value})],
        policy.shown_ids,
    )


def _share(
    name: str, found: Sequence[CheckedRow], evaluation: Sequence[CheckedRow], policy: DataChecks
) -> Number:
    ids = {row.id for row in found}
    hits = [row.id in ids for row in evaluation]
    return share_of_rows(name, hits, [row.doc_id for row in evaluation], policy.seed)
