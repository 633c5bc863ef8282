"""Seeded generator of synthetic discharge letters with a gold summary and its key facts.

Does: write letters of five specialties, as prose or under headings, with more in them than a summary
needs. Does not: model real admissions, or give medical advice.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from finetune.synthetic import discharge_words as words
from finetune.synthetic.drug_names import SEEN_DRUGS, UNSEEN_DRUGS
from finetune.synthetic.vocabulary import DOSES, FREQUENCIES, PROBLEMS
from finetune.synthetic.wording import fill, listed, split_rng

STYLES = ("prose", "headings")
UNSEEN_DRUG_SHARE_IN_TEST = 0.5


@dataclass(frozen=True)
class Letter:
    """One letter, its summary and the phrases the summary must have."""

    specialty: str
    style: str
    complicated: bool
    text: str
    summary: str
    key_facts: tuple[str | list[str], ...]
    """Phrases, or lists of wordings of which one has to be there."""


@dataclass(frozen=True)
class _Change:
    sentence: str
    summary: str
    fact: str | list[str]


def _change(rng: random.Random, drug: str) -> _Change:
    dose, frequency = rng.choice(DOSES), rng.choice(FREQUENCIES)
    kind = rng.choice(("started", "started", "changed", "stopped"))
    if kind == "stopped":
        reason = rng.choice(words.REASONS)
        sentence = fill(rng.choice(words.STOPPED), drug=drug, reason=reason)
        wordings = [wording.format(drug=drug) for wording in words.STOPPED_WORDINGS]
        return _Change(sentence, wordings[0], wordings)
    sentences = words.STARTED if kind == "started" else words.CHANGED
    sentence = fill(rng.choice(sentences), drug=drug, dose=dose, frequency=frequency)
    lead = "new" if kind == "started" else "now"
    return _Change(sentence, f"{lead} {drug} {dose}", f"{drug} {dose}")


def write_letter(rng: random.Random, drugs: list[str]) -> Letter:
    """Write one letter.

    Args:
        rng: the only source of randomness.
        drugs: different names, at least three; medicines are changed among these.
    Returns:
        A letter of about 90-200 words, whose summary has about 20-45 and holds every key fact.
    """
    specialty = rng.choice(tuple(words.ADMISSIONS))
    admission = rng.choice(words.ADMISSIONS[specialty])
    style = rng.choice(STYLES)
    day = str(rng.randint(2, 9))
    social, habit = rng.sample(words.SOCIAL, 2)
    past, other = rng.sample(PROBLEMS, 2)
    treatment, clinic = rng.choice(admission.treatments), rng.choice(admission.clinics)
    complication = rng.choice(admission.complications) if rng.random() < 0.45 else None
    weeks = str(rng.randint(1, 12))
    changes = [_change(rng, drug) for drug in drugs[: rng.choice((1, 2, 2, 3))]]
    noise = [
        fill(sentence, day=str(rng.randint(2, 9)))
        for sentence in rng.sample(words.NOISE, rng.choice((2, 3, 4, 5)))
    ]
    opening = fill(
        rng.choice(words.OPENING), age=str(rng.randint(19, 95)), social=social,
        complaint=rng.choice(admission.complaints), person=rng.choice(("man", "woman")),
    )  # fmt: skip
    background = fill(rng.choice(words.BACKGROUND), past=past, other=other, social=habit)
    findings = [
        fill(rng.choice(words.FINDING), finding=finding)
        for finding in rng.sample(admission.findings, rng.choice((1, 2, 2)))
    ]
    diagnosis = fill(rng.choice(words.DIAGNOSIS), diagnosis=admission.diagnosis)
    course = [fill(rng.choice(words.TREATMENT), treatment=treatment, day=day)]
    course.append(
        fill(rng.choice(words.COMPLICATION), complication=complication, day=day)
        if complication
        else rng.choice(words.NO_COMPLICATION)
    )
    # Asides stand anywhere, so that a summary has to choose by content, not by place.
    sections = [
        [opening, background],
        [*findings, diagnosis],
        course,
        [change.sentence for change in changes],
        [fill(rng.choice(words.FOLLOW_UP), weeks=weeks, clinic=clinic)],
    ]
    for aside in noise:
        section = rng.choice(sections)
        section.insert(rng.randint(1, len(section)), aside)
    facts: list[str | list[str]] = [admission.diagnosis, treatment]
    facts += [complication] if complication else []
    facts += [change.fact for change in changes] + [f"in {weeks} weeks"]
    return Letter(
        specialty=specialty,
        style=style,
        complicated=complication is not None,
        text=_laid_out(rng, sections, style),
        summary=fill(
            rng.choice(words.SUMMARIES),
            diagnosis=admission.diagnosis,
            treatment=treatment,
            complication=f", complicated by {complication}" if complication else "",
            changes=f"Medicines: {listed([change.summary for change in changes])}.",
            follow_up=f"Follow-up in {weeks} weeks ({clinic}).",
        ),
        key_facts=tuple(facts),
    )


def _laid_out(rng: random.Random, sections: list[list[str]], style: str) -> str:
    if style == "prose":
        return " ".join(sentence for section in sections for sentence in section)
    headings = rng.choice(words.HEADINGS)
    return "\n".join(
        f"{heading}: {' '.join(section)}"
        for heading, section in zip(headings, sections, strict=True)
    )


def discharge_rows(split: str, documents: int, seed: int) -> Iterator[dict[str, Any]]:
    """Generate the rows of one split.

    Args:
        split: `train`, `validation` or `test`. Only `test` changes drugs that training never saw.
        documents: number of documents; each is one patient with one or two letters (rows).
        seed: same seed, same rows.
    Returns:
        Rows `{"id", "doc_id", "text", "target", "key_facts", "specialty", "style", "complicated",
        "unseen_drug"}`, no text twice within the split; `target` is the summary.
    Raises:
        ValueError: when `split` is none of the three.
    """
    rng = split_rng("discharge-summary", split, seed)
    texts: set[str] = set()
    for document in range(documents):
        doc_id = f"discharge-{split}-{seed}-{document:05d}"
        for number in range(1 if rng.random() < 0.75 else 2):
            unseen = split == "test" and rng.random() < UNSEEN_DRUG_SHARE_IN_TEST
            names = UNSEEN_DRUGS if unseen else SEEN_DRUGS
            letter = write_letter(rng, rng.sample(names, 3))
            while letter.text in texts:
                letter = write_letter(rng, rng.sample(names, 3))
            texts.add(letter.text)
            yield {
                "id": f"{doc_id}-{number}",
                "doc_id": doc_id,
                "text": letter.text,
                "target": letter.summary,
                "key_facts": list(letter.key_facts),
                "specialty": letter.specialty,
                "style": letter.style,
                "complicated": letter.complicated,
                "unseen_drug": unseen,
            }
