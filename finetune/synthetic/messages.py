"""Seeded generator of messages to a general practice, each with the queue it belongs in.

Does: write portal messages, e-mails and phone transcripts of one to three concerns among small talk,
with symptoms that are denied, over or somebody else's as distractors. Does not: give medical advice;
which symptom is an emergency is fixed here for the sake of a task.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from finetune.synthetic.drug_names import SEEN_DRUGS, UNSEEN_DRUGS
from finetune.synthetic.message_words import (
    CHANNELS,
    CLOSINGS,
    CONCERNS,
    GREETINGS,
    OVER_OR_DENIED,
    PEOPLE,
    REQUESTS,
    SINCE,
    SMALL_TALK,
    SUBJECTS,
    SYMPTOM_SENTENCES,
)
from finetune.synthetic.vocabulary import DOSES
from finetune.synthetic.wording import fill, split_rng

LABELS = ("emergency", "urgent", "routine", "medication", "administrative")
"""Most pressing first: a message goes to the queue of its most pressing concern."""
SYMPTOM_LABELS = LABELS[:3]
UNSEEN_SHARE_IN_TEST = 0.5


@dataclass(frozen=True)
class Message:
    """One message, the queue it belongs in, and what makes it hard."""

    channel: str
    text: str
    label: str
    concerns: int
    unseen_wording: bool
    """Whether a concern is one that training never saw."""


def known_concerns(label: str) -> tuple[str, ...]:
    """Concerns of a label that all splits use: the first two of three."""
    return tuple(c for i, c in enumerate(CONCERNS[label]) if i % 3 != 2)


def unseen_concerns(label: str) -> tuple[str, ...]:
    """Concerns of a label that only `test` uses."""
    return tuple(c for i, c in enumerate(CONCERNS[label]) if i % 3 == 2)


def _concern(rng: random.Random, label: str, channel: str, person: str, unseen: bool) -> str:
    if label not in SYMPTOM_LABELS:
        template = rng.choice((unseen_concerns if unseen else known_concerns)(label))
        request = fill(
            template,
            drug=rng.choice(UNSEEN_DRUGS if unseen else SEEN_DRUGS),
            dose=rng.choice(DOSES),
            number=str(rng.randint(2, 28)),
            day=rng.choice(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")),
            month=rng.choice(("January", "March", "May", "July", "September", "November")),
        )
        return fill(rng.choice(REQUESTS[channel]), request=request)
    symptom = rng.choice((unseen_concerns if unseen else known_concerns)(label))
    sentence = rng.choice(SYMPTOM_SENTENCES[channel if person == "self" else f"{channel}, other"])
    return fill(sentence, symptom=symptom, since=rng.choice(SINCE[label]), person=person)


def write_message(rng: random.Random, person: str, unseen_share: float) -> Message:
    """Write one message.

    Args:
        rng: the only source of randomness.
        person: `self`, or who the message is about, such as `my daughter`.
        unseen_share: chance that its most pressing concern is one that training never sees.
    """
    channel = rng.choice(CHANNELS)
    label = rng.choice(LABELS)
    unseen = rng.random() < unseen_share
    lesser = LABELS[LABELS.index(label) + 1 :]
    further = rng.sample(lesser, min(len(lesser), rng.choice((0, 0, 0, 1, 1, 2))))
    sentences = [_concern(rng, label, channel, person, unseen)]
    sentences += [_concern(rng, other, channel, person, False) for other in further]
    if rng.random() < 0.4:
        symptom = rng.choice(known_concerns(rng.choice(SYMPTOM_LABELS[:2])))
        sentences.append(fill(rng.choice(OVER_OR_DENIED[channel]), symptom=symptom))
    for talk in rng.sample(SMALL_TALK[channel], rng.choice((0, 1, 1, 2))):
        sentences.append(fill(talk, number=str(rng.randint(3, 40))))
    rng.shuffle(sentences)
    opening = rng.choice(GREETINGS[channel])
    if channel == "e-mail":
        opening = f"Subject: {rng.choice(SUBJECTS)}\n{opening}"
    if channel == "phone":
        opening = fill(opening, time=f"{rng.randint(8, 17)}:{rng.randint(0, 59):02d}")
    text = " ".join(part for part in (opening, *sentences, rng.choice(CLOSINGS[channel])) if part)
    return Message(channel, text, label, 1 + len(further), unseen)


def message_rows(split: str, documents: int, seed: int) -> Iterator[dict[str, Any]]:
    """Generate the rows of one split.

    Args:
        split: `train`, `validation` or `test`. Only `test` has concerns that training never saw.
        documents: number of documents; each is one patient with one to three messages (rows).
        seed: same seed, same rows.
    Returns:
        Rows `{"id", "doc_id", "text", "target", "channel", "several_concerns", "unseen_wording"}`,
        no text twice within the split; `target` is one of `LABELS`.
    Raises:
        ValueError: when `split` is none of the three.
    """
    rng = split_rng("message-triage", split, seed)
    unseen_share = UNSEEN_SHARE_IN_TEST if split == "test" else 0.0
    texts: set[str] = set()
    for document in range(documents):
        person = rng.choice(PEOPLE)
        doc_id = f"triage-{split}-{seed}-{document:05d}"
        for number in range(rng.choice((1, 1, 2, 3))):
            message = write_message(rng, person, unseen_share)
            while message.text in texts:
                message = write_message(rng, person, unseen_share)
            texts.add(message.text)
            yield {
                "id": f"{doc_id}-{number}",
                "doc_id": doc_id,
                "text": message.text,
                "target": message.label,
                "channel": message.channel,
                "several_concerns": message.concerns > 1,
                "unseen_wording": message.unseen_wording,
            }
