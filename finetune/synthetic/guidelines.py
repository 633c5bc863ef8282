"""Seeded generator of questions about passages of made-up drug guidelines, some without an answer.

Does: write guidelines, pick passages for a question (those of a similar drug among them), give the
answer word for word with the passage it stands in. Does not: give medical advice.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from configs.scoring import GroundedScoring
from finetune.synthetic.drug_names import SEEN_DRUGS, UNSEEN_DRUGS
from finetune.synthetic.guideline_words import REMARKS, RULES, Rule
from finetune.synthetic.wording import fill, split_rng

NO_ANSWER = str(GroundedScoring.model_fields["no_answer"].default)
NO_CITATION = "none"
PASSAGES = 4
UNANSWERABLE_SHARE = 0.25
UNSEEN_DRUG_SHARE_IN_TEST = 0.5


@dataclass(frozen=True)
class Guideline:
    """The rules of one drug; what is not in `values` is not laid down."""

    drug: str
    values: dict[str, str]
    """Name of a rule -> its value."""
    passages: dict[str, str]
    """Name of a rule -> the passage that lays it down."""


def write_guideline(rng: random.Random, drug: str) -> Guideline:
    """Write a guideline of six to eight rules, each in a passage of its own."""
    values: dict[str, str] = {}
    passages: dict[str, str] = {}
    for rule in rng.sample(RULES, rng.choice((6, 7, 8))):
        unused = [value for value in rule.values if value not in values.values()]
        values[rule.name] = rng.choice(unused)
        sentence = fill(rng.choice(rule.sentences), drug=drug, value=values[rule.name])
        remarks = [
            fill(remark, number=str(rng.randint(2, 30)))
            for remark in rng.sample(REMARKS, rng.choice((0, 1, 2)))
        ]
        sentences = [sentence, *remarks]
        rng.shuffle(sentences)
        passages[rule.name] = " ".join(sentences)
    return Guideline(drug, values, passages)


def _question(
    rng: random.Random, rule: Rule, asked: Guideline, similar: Guideline, answerable: bool
) -> dict[str, Any]:
    """Question, passages and target; the similar drug's passage of the same rule is among them
    wherever it has one."""
    own = [name for name in asked.passages if name != rule.name]
    rivals = [similar.passages[rule.name]] if rule.name in similar.passages else []
    gold = asked.passages[rule.name] if answerable else None
    chosen = [*([gold] if gold else []), *rivals]
    chosen += [asked.passages[name] for name in rng.sample(own, PASSAGES - len(chosen))]
    rng.shuffle(chosen)
    context = [{"id": f"P{n}", "text": text} for n, text in enumerate(chosen, start=1)]
    return {
        "question": fill(rng.choice(rule.questions), drug=asked.drug),
        "context": context,
        "target": {
            "answer": asked.values[rule.name] if gold else NO_ANSWER,
            "citation": f"P{chosen.index(gold) + 1}" if gold else NO_CITATION,
        },
    }


def guideline_rows(split: str, documents: int, seed: int) -> Iterator[dict[str, Any]]:
    """Generate the rows of one split.

    Args:
        split: `train`, `validation` or `test`. Only `test` has drugs that training never saw.
        documents: number of documents; each is one guideline with two to four questions (rows).
        seed: same seed, same rows.
    Returns:
        Rows `{"id", "doc_id", "question", "context", "target", "answerable", "rule",
        "unseen_drug"}`; `context` is a list of `{"id", "text"}`, `target` `{"answer", "citation"}`.
    Raises:
        ValueError: when `split` is none of the three.
    """
    rng = split_rng("guideline-qa", split, seed)
    for document in range(documents):
        unseen = split == "test" and rng.random() < UNSEEN_DRUG_SHARE_IN_TEST
        drug, rival = rng.sample(UNSEEN_DRUGS if unseen else SEEN_DRUGS, 2)
        asked, similar = write_guideline(rng, drug), write_guideline(rng, rival)
        doc_id = f"guideline-{split}-{seed}-{document:05d}"
        laid_down = [rule for rule in RULES if rule.name in asked.values]
        for number, rule in enumerate(rng.sample(laid_down, rng.choice((2, 3, 4)))):
            answerable = rng.random() >= UNANSWERABLE_SHARE
            yield {
                "id": f"{doc_id}-{number}",
                "doc_id": doc_id,
                **_question(rng, rule, asked, similar, answerable),
                "answerable": answerable,
                "rule": rule.name,
                "unseen_drug": unseen,
            }
