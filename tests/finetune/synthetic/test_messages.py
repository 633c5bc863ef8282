import re

import pytest

from configs.load import load_task
from finetune.synthetic.message_words import CONCERNS, OVER_OR_DENIED, REQUESTS
from finetune.synthetic.messages import LABELS, known_concerns, message_rows, unseen_concerns


@pytest.fixture(scope="module")
def rows():
    return {split: list(message_rows(split, 300, 17)) for split in ("train", "test")}


def pattern(concern):
    """A concern with anything in the place of drug, dose, day and the like."""
    return re.compile(re.sub(r"\\\{\w+\\\}", r"[\\w. ]+", re.escape(concern)))


PATTERNS = {label: [pattern(concern) for concern in CONCERNS[label]] for label in LABELS}
SYMPTOM = "|".join(re.escape(c) for label in LABELS[:3] for c in CONCERNS[label])
DENIALS = [
    re.compile(re.escape(sentence).replace(r"\{symptom\}", f"({SYMPTOM})"))
    for sentences in OVER_OR_DENIED.values()
    for sentence in sentences
]


def test_the_labels_are_those_of_the_task_and_all_are_common(rows):
    assert load_task("message-triage").labels == LABELS
    targets = [row["target"] for row in rows["test"]]
    assert all(targets.count(label) > 0.1 * len(targets) for label in LABELS)


def test_the_target_is_the_most_pressing_concern_that_is_not_denied(rows):
    for row in (*rows["train"], *rows["test"]):
        text = row["text"]
        for denial in DENIALS:
            text = denial.sub("", text)
        found = [label for label in LABELS if any(p.search(text) for p in PATTERNS[label])]
        assert found[0] == row["target"], row
        assert (len(found) > 1) == row["several_concerns"], row


def test_many_messages_name_a_pressing_symptom_that_does_not_count(rows):
    misleading = 0
    for row in rows["train"]:
        pressing = LABELS[: LABELS.index(row["target"])]
        misleading += any(p.search(row["text"]) for label in pressing for p in PATTERNS[label])
    assert misleading > 0.15 * len(rows["train"])


def test_only_test_has_concerns_that_training_never_saw(rows):
    for label in LABELS:
        assert not set(known_concerns(label)) & set(unseen_concerns(label))
        assert {*known_concerns(label), *unseen_concerns(label)} == set(CONCERNS[label])
    unseen = [pattern(concern) for label in LABELS for concern in unseen_concerns(label)]
    assert not any(p.search(row["text"]) for row in rows["train"] for p in unseen)
    for row in rows["test"]:
        assert row["unseen_wording"] == any(p.search(row["text"]) for p in unseen), row


def test_no_sentence_is_left_unfilled(rows):
    assert not [r["text"] for split in rows.values() for r in split if re.search("[{}]", r["text"])]
    assert set(REQUESTS) == {row["channel"] for row in rows["train"]}
