"""Multiple-choice questions on synthetic notes: can a model still read a note after fine-tuning?

Does: write questions in the words in which the tiny base model was taught (instructions.py), about
notes with invented drug names, with wrong answers that the same note suggests where there are any.
Does not: use the words, keys or drug names of the demo's task.

    python -m finetune.synthetic.note_reading configs/harness_tasks/note-reading.jsonl
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from configs.durable_files import write_durably
from finetune.synthetic.drug_names import invented_drug_name
from finetune.synthetic.notes import Note, write_note
from finetune.synthetic.vocabulary import ADVERSE_EVENTS, ALLERGENS, DOSES, PROBLEMS, ROUTE_PHRASES

CHOICES = 4
"""Answers to choose from; guessing is right in 1 of 4."""


def _dose(note: Note, rng: random.Random) -> tuple[str, str, Sequence[str]]:
    medication = rng.choice(note.facts.medications)
    return f"How much {medication['name']}?", medication["dose"], DOSES


def _route(note: Note, rng: random.Random) -> tuple[str, str, Sequence[str]]:
    medication = rng.choice(note.facts.medications)
    return f"How is {medication['name']} given?", medication["route"], tuple(ROUTE_PHRASES)


def _drugs(note: Note, rng: random.Random) -> tuple[str, str, Sequence[str]]:
    invented = [invented_drug_name(rng) for _ in range(CHOICES)]
    taken = note.facts.medications[0]["name"]
    return "Which drugs does the patient take?", taken, (*note.drugs, *invented)


def _conditions(note: Note, rng: random.Random) -> tuple[str, str, Sequence[str]]:
    return "Which conditions are present?", note.facts.problems[0], PROBLEMS


def _allergies(note: Note, rng: random.Random) -> tuple[str, str, Sequence[str]]:
    return "What must the patient avoid?", note.facts.allergies[0], ALLERGENS


def _side_effects(note: Note, rng: random.Random) -> tuple[str, str, Sequence[str]]:
    return "Which side effects happened?", note.facts.adverse_events[0], ADVERSE_EVENTS


# Lists are asked for only where they hold one item, so that the item is the whole answer.
KINDS = {
    "dose": (_dose, lambda note: bool(note.facts.medications)),
    "route": (_route, lambda note: bool(note.facts.medications)),
    "drugs": (_drugs, lambda note: len(note.facts.medications) == 1),
    "conditions": (_conditions, lambda note: len(note.facts.problems) == 1),
    "allergies": (_allergies, lambda note: len(note.facts.allergies) == 1),
    "side_effects": (_side_effects, lambda note: len(note.facts.adverse_events) == 1),
}


def _wrong_answers(note: Note, right: str, others: Sequence[str], rng: random.Random) -> list[str]:
    """Three wrong answers, first those that the note mentions (negated, or about someone else)."""
    candidates = sorted({other for other in others if other != right})
    rng.shuffle(candidates)
    mentioned = [other for other in candidates if _mentions(note.text, other)]
    return (mentioned + [other for other in candidates if other not in mentioned])[: CHOICES - 1]


def _mentions(text: str, phrase: str) -> bool:
    # As whole words, so that "75 mg" does not mention "5 mg".
    return re.search(rf"(?<![\w.]){re.escape(phrase)}(?!\w)", text, re.IGNORECASE) is not None


def note_reading_rows(questions: int, seed: int) -> Iterator[dict[str, Any]]:
    """Generate questions, each about a note of its own, the kinds in turn.

    Args:
        questions: how many.
        seed: same seed, same rows, on every machine.
    Returns:
        Rows `{"id", "kind", "note", "question", "choices", "answer"}`; `answer` is the index of
        the right one of four choices.
    """
    rng = random.Random(f"pawl-note-reading/{seed}")
    kinds = tuple(KINDS)
    for number in range(questions):
        kind = kinds[number % len(kinds)]
        ask, is_possible = KINDS[kind]
        note = write_note(rng, partial(invented_drug_name, rng))
        while not is_possible(note):
            note = write_note(rng, partial(invented_drug_name, rng))
        question, right, others = ask(note, rng)
        choices = [right, *_wrong_answers(note, right, others, rng)]
        rng.shuffle(choices)
        yield {
            "id": f"note-reading-{seed}-{number:03d}",
            "kind": kind,
            "note": note.text,
            "question": question,
            "choices": choices,
            "answer": choices.index(right),
        }


def main(arguments: list[str] | None = None) -> None:
    """Write the questions to a JSONL file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--seed", type=int, default=23)
    options = parser.parse_args(arguments)
    rows = note_reading_rows(options.questions, options.seed)
    write_durably(options.path, "".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    main()
