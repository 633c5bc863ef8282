"""Seeded generator of synthetic clinical notes with gold JSON.

Does: write short notes (five note types) whose medications, problems, allergies and adverse
events are known exactly, with negation, family history, stopped and declined drugs as distractors.
Does not: model a real patient population, or give medical advice.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from finetune.synthetic.drug_names import SEEN_DRUGS, UNSEEN_DRUGS
from finetune.synthetic.vocabulary import (
    ADVERSE_EVENTS,
    ALLERGENS,
    DOSES,
    FREQUENCIES,
    PROBLEMS,
    RELATIVES,
    ROUTE_PHRASES,
)
from finetune.synthetic.wording import fill, split_rng

NOTE_TYPES = ("clinic letter", "discharge summary", "ED note", "nursing note", "phone note")
UNSEEN_DRUG_SHARE_IN_TEST = 0.5

MEDICATION_SENTENCES = (
    "Takes {drug} {dose} {route} {frequency}.",
    "Continue {drug} {dose} {route}.",
    "Started on {drug} {dose} {route} {frequency}.",
    "{Drug} {dose} was given {route}.",
    "Current treatment includes {drug} {dose} {route} {frequency}.",
    "We increased {drug} to {dose} {route}.",
    "{Drug} is taken {route}, {dose} {frequency}.",
    "Discharged with {drug} ({dose}, {route}).",
)
PROBLEM_SENTENCES = (
    "Known {problem}.",
    "History of {problem}.",
    "Seen today for {problem}.",
    "Admitted with {problem}.",
    "The main issue is {problem}.",
    "{Problem} was confirmed.",
)
TWO_PROBLEM_SENTENCES = (
    "Background of {problem} and {other}.",
    "Has {problem} as well as {other}.",
)
ALLERGY_SENTENCES = (
    "Allergic to {allergen}.",
    "Allergy: {allergen}.",
    "Reports an allergy to {allergen}.",
    "Must avoid {allergen} because of a past allergy.",
)
ADVERSE_EVENT_SENTENCES = (
    "Developed {event} on {drug}.",
    "{Drug} caused {event}.",
    "{Event} appeared after starting {drug}.",
    "Complains of {event} since taking {drug}.",
)
NO_ALLERGY_SENTENCES = ("No known allergies.", "NKDA.", "Denies any drug allergy.")
NEGATED_PROBLEM_SENTENCES = (
    "No evidence of {problem}.",
    "Denies {problem}.",
    "{Problem} was ruled out.",
    "No history of {problem}.",
)
FAMILY_SENTENCES = ("{Relative} had {problem}.", "Family history: {relative} with {problem}.")
UNTAKEN_DRUG_SENTENCES = (
    "{Drug} was stopped last year.",
    "We discussed {drug} but it was declined.",
    "No longer takes {drug}.",
    "{Drug} {dose} was considered and not started.",
)
NEGATED_EVENT_SENTENCES = ("No {event} so far.", "Denies {event}.", "No sign of {event} today.")
FILLER_SENTENCES = (
    "Slept well.",
    "Vital signs stable.",
    "Will review in {number} weeks.",
    "Bloods repeated today.",
    "Lives alone.",
    "Blood pressure {number}0/70.",
    "Weight {number} kg.",
    "Ate breakfast.",
    "Walks with a stick.",
    "Plan discussed with the patient.",
)
OPENINGS = {
    "clinic letter": ("Reviewed in clinic, age {age}.", "Dear doctor, I saw this {age} year old."),
    "discharge summary": ("Discharge summary, {age} year old.", "Going home after {number} days."),
    "ED note": ("ED triage, {age} years.", "Brought in by ambulance, aged {age}."),
    "nursing note": ("Night shift note.", "Ward round, bed {number}."),
    "phone note": ("Phone call with patient, {age}.", "Called about results."),
}


@dataclass
class NoteFacts:
    """The gold facts of one note, each list in the order of the text."""

    medications: list[dict[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    allergies: list[str] = field(default_factory=list)
    adverse_events: list[str] = field(default_factory=list)

    def as_target(self) -> dict[str, Any]:
        return {
            "medications": self.medications,
            "problems": self.problems,
            "allergies": self.allergies,
            "adverse_events": self.adverse_events,
        }


@dataclass(frozen=True)
class Note:
    """One note: its type, its text, its facts and the drugs it names (distractors included)."""

    note_type: str
    text: str
    facts: NoteFacts
    drugs: tuple[str, ...]


def write_note(rng: random.Random, draw_drug: Callable[[], str]) -> Note:
    """Write one note.

    Args:
        rng: the only source of randomness.
        draw_drug: returns a drug name; called until enough different names were drawn.
    Returns:
        A note of about 25-80 words whose `facts` hold exactly what the text affirms.
    """
    note_type = rng.choice(NOTE_TYPES)
    drugs: list[str] = []

    def fresh_drug() -> str:
        while (name := draw_drug()) in drugs:
            pass
        drugs.append(name)
        return name

    problems = iter(rng.sample(PROBLEMS, 6))
    events = iter(rng.sample(ADVERSE_EVENTS, 4))
    allergens = iter(rng.sample(ALLERGENS, 2))
    sentences: list[tuple[str, Callable[[NoteFacts], None] | None]] = []

    for _ in range(rng.choice((0, 1, 1, 2, 2, 3))):
        drug, dose = fresh_drug(), rng.choice(DOSES)
        route = rng.choice(tuple(ROUTE_PHRASES)) if rng.random() < 0.5 else "oral"
        phrase = rng.choice(ROUTE_PHRASES[route])
        text = fill(
            rng.choice(MEDICATION_SENTENCES),
            drug=drug,
            dose=dose,
            route=phrase,
            frequency=rng.choice(FREQUENCIES),
        )
        medication = {"name": drug, "dose": dose, "route": route}
        sentences.append((text, lambda f, m=medication: f.medications.append(m)))  # type: ignore[misc]
    for _ in range(rng.choice((0, 1, 1, 2))):
        problem = next(problems)
        if rng.random() < 0.25:
            other = next(problems)
            text = fill(rng.choice(TWO_PROBLEM_SENTENCES), problem=problem, other=other)
            sentences.append((text, lambda f, p=(problem, other): f.problems.extend(p)))  # type: ignore[misc]
        else:
            text = fill(rng.choice(PROBLEM_SENTENCES), problem=problem)
            sentences.append((text, lambda f, p=problem: f.problems.append(p)))  # type: ignore[misc]
    if rng.random() < 0.5:
        allergen = next(allergens)
        text = fill(rng.choice(ALLERGY_SENTENCES), allergen=allergen)
        sentences.append((text, lambda f, a=allergen: f.allergies.append(a)))  # type: ignore[misc]
    elif rng.random() < 0.4:
        sentences.append((rng.choice(NO_ALLERGY_SENTENCES), None))
    if rng.random() < 0.45:
        event = next(events)
        text = fill(rng.choice(ADVERSE_EVENT_SENTENCES), event=event, drug=fresh_drug())
        sentences.append((text, lambda f, e=event: f.adverse_events.append(e)))  # type: ignore[misc]

    distractors = (
        lambda: fill(rng.choice(NEGATED_PROBLEM_SENTENCES), problem=next(problems)),
        lambda: fill(
            rng.choice(FAMILY_SENTENCES), relative=rng.choice(RELATIVES), problem=next(problems)
        ),
        lambda: fill(rng.choice(UNTAKEN_DRUG_SENTENCES), drug=fresh_drug(), dose=rng.choice(DOSES)),
        lambda: fill(rng.choice(NEGATED_EVENT_SENTENCES), event=next(events)),
    )
    sentences += [(write(), None) for write in rng.sample(distractors, rng.choice((0, 1, 1, 2)))]
    for filler in rng.sample(FILLER_SENTENCES, rng.choice((0, 1, 2))):
        sentences.append((fill(filler, number=str(rng.randint(2, 14))), None))
    rng.shuffle(sentences)

    opening = fill(
        rng.choice(OPENINGS[note_type]),
        age=str(rng.randint(19, 94)),
        number=str(rng.randint(2, 30)),
    )
    facts = NoteFacts()
    for _, record in sentences:
        if record is not None:
            record(facts)
    text = " ".join([opening, *(sentence for sentence, _ in sentences)])
    return Note(note_type, text, facts, tuple(drugs))


def synthetic_rows(split: str, documents: int, seed: int) -> Iterator[dict[str, Any]]:
    """Generate the rows of one split.

    Args:
        split: `train`, `validation` or `test`. Only `test` names drugs that training never saw.
        documents: number of documents; each is one patient with one or two notes (rows).
        seed: same seed, same rows, on every machine and Python version that Pawl supports.
    Returns:
        Rows `{"id", "doc_id", "text", "target", "note_type", "unseen_drug"}`, no text twice within
        the split; `unseen_drug` tells whether the note names a drug that is not in training.
    Raises:
        ValueError: when `split` is none of the three.
    """
    rng = split_rng("clinical-notes", split, seed)

    def draw_drug() -> str:
        unseen = split == "test" and rng.random() < UNSEEN_DRUG_SHARE_IN_TEST
        return rng.choice(UNSEEN_DRUGS if unseen else SEEN_DRUGS)

    texts: set[str] = set()
    for document in range(documents):
        for note_number in range(1 if rng.random() < 0.7 else 2):
            note = write_note(rng, draw_drug)
            while note.text in texts:
                note = write_note(rng, draw_drug)
            texts.add(note.text)
            doc_id = f"{split}-{seed}-{document:05d}"
            yield {
                "id": f"{doc_id}-{note_number}",
                "doc_id": doc_id,
                "text": note.text,
                "target": note.facts.as_target(),
                "note_type": note.note_type,
                "unseen_drug": any(drug in UNSEEN_DRUGS for drug in note.drugs),
            }
