"""The multiple-choice questions on notes."""

import json
from collections import Counter
from pathlib import Path

import configs
from finetune.synthetic.drug_names import SEEN_DRUGS, UNSEEN_DRUGS
from finetune.synthetic.note_reading import main, note_reading_rows

SHIPPED = Path(configs.__file__).parent / "harness_tasks" / "note-reading.jsonl"


def test_shipped_questions_are_what_the_generator_writes(tmp_path):
    main([str(tmp_path / "again.jsonl")])
    assert (tmp_path / "again.jsonl").read_text() == SHIPPED.read_text()


def test_right_answers_stand_at_every_place_equally_often():
    answers = Counter(row["answer"] for row in note_reading_rows(1200, 5))
    # Three standard deviations of a binomial of 1200 and 1/4: sqrt(1200 * 3/16) = 15.
    assert all(abs(answers[place] - 300) <= 45 for place in range(4))


def test_four_different_choices_and_no_drug_of_the_demo():
    real = {*SEEN_DRUGS, *UNSEEN_DRUGS}
    for row in note_reading_rows(300, 6):
        assert len(set(row["choices"])) == 4
        assert not real & set(row["note"].lower().replace(".", " ").split())


def test_wrong_drugs_are_those_of_the_note_that_are_not_taken():
    rows = [json.loads(line) for line in SHIPPED.read_text().splitlines()]
    hard = 0
    for row in rows:
        wrong = {c for c in row["choices"] if c != row["choices"][row["answer"]]}
        hard += any(choice in row["note"].lower() for choice in wrong)
        if row["kind"] == "drugs":
            assert row["choices"][row["answer"]] in row["note"].lower()
    assert hard > len(rows) / 4


def test_no_note_twice():
    notes = [row["note"] for row in note_reading_rows(300, 23)]
    assert len(set(notes)) == len(notes)
