"""Conversations about synthetic notes that pre-train the tiny base model.

Does: write multi-turn chats (questions, lists, a house summary, JSON under other keys) about notes
whose drug names are invented. Does not: show the demo task's prompt, keys or drug names: those are
what the demo's fine-tuning has to teach.
"""

from __future__ import annotations

import json
import random
from functools import partial

from finetune.synthetic.drug_names import invented_drug_name
from finetune.synthetic.notes import Note, write_note

Message = dict[str, str]

SYSTEM_PROMPTS = (
    "You answer questions about a clinical note.",
    "Read the note and help.",
    "You are a careful clinical assistant.",
)


def _joined(items: list[str]) -> str:
    return "; ".join(items) if items else "none"


def _list_turn(note: Note, rng: random.Random) -> tuple[str, str]:
    facts = note.facts
    questions = {
        "Which drugs does the patient take?": [m["name"] for m in facts.medications],
        "List the treatments.": [f"{m['name']} {m['dose']}" for m in facts.medications],
        "How are the drugs given?": [f"{m['name']} {m['route']}" for m in facts.medications],
        "Which conditions are present?": facts.problems,
        "What must the patient avoid?": facts.allergies,
        "Which side effects happened?": facts.adverse_events,
    }
    question = rng.choice(tuple(questions))
    return question, _joined(questions[question])


def _medication_turn(note: Note, rng: random.Random) -> tuple[str, str]:
    if not note.facts.medications:
        return "Is any drug taken?", "no"
    medication = rng.choice(note.facts.medications)
    if rng.random() < 0.5:
        return f"How much {medication['name']}?", medication["dose"]
    return f"How is {medication['name']} given?", medication["route"]


def _mention_turn(note: Note, rng: random.Random) -> tuple[str, str]:
    if not note.drugs:
        return "Is any drug mentioned?", "no"
    drug = rng.choice(note.drugs)
    sentences = note.text.replace(". ", ".\n").split("\n")
    return f"Copy the sentence about {drug}.", next(s for s in sentences if drug in s.lower())


def _taken_turn(note: Note, rng: random.Random) -> tuple[str, str]:
    if not note.drugs:
        return "Is any drug mentioned?", "no"
    drug = rng.choice(note.drugs)
    taken = any(medication["name"] == drug for medication in note.facts.medications)
    return f"Does the patient take {drug}?", "yes" if taken else "no"


def _summary_turn(note: Note, rng: random.Random) -> tuple[str, str]:
    facts = note.facts
    drugs = [f"{m['name']} {m['dose']} {m['route']}" for m in facts.medications]
    lines = [
        f"Drugs: {_joined(drugs)}",
        f"Conditions: {_joined(facts.problems)}",
        f"Avoid: {_joined(facts.allergies)}",
        f"Side effects: {_joined(facts.adverse_events)}",
    ]
    return "Summarise the note.", "\n".join(lines)


def _json_turn(note: Note, rng: random.Random) -> tuple[str, str]:
    facts = note.facts
    drugs = [
        {"drug": m["name"], "strength": m["dose"], "how": m["route"]} for m in facts.medications
    ]
    fields: dict[str, object] = {
        "drugs": drugs if rng.random() < 0.6 else [d["drug"] for d in drugs],
        "conditions": facts.problems,
        "avoid": facts.allergies,
        "side_effects": facts.adverse_events,
    }
    keys = rng.sample(tuple(fields), rng.randint(1, 4))
    answer = json.dumps({key: fields[key] for key in keys}, ensure_ascii=False)
    return f"Give {', '.join(keys)} in JSON.", answer


TURNS = (
    _list_turn,
    _list_turn,
    _medication_turn,
    _mention_turn,
    _taken_turn,
    _summary_turn,
    _json_turn,
    _json_turn,
)


def write_conversation(rng: random.Random) -> list[Message]:
    """Write one chat about one fresh note.

    Args:
        rng: the only source of randomness.
    Returns:
        Messages in the order system, user, assistant, user, assistant, ...; the first user message
        ends with the note's first question.
    """
    note = write_note(rng, partial(invented_drug_name, rng))
    turns = [write(note, rng) for write in rng.sample(TURNS, 4)]
    messages = [{"role": "system", "content": rng.choice(SYSTEM_PROMPTS)}]
    for number, (question, answer) in enumerate(turns):
        content = f"{note.text}\n{question}" if number == 0 else question
        messages.append({"role": "user", "content": content})
        messages.append({"role": "assistant", "content": answer})
    return messages
