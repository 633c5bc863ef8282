import random
import re

import pytest

from configs.load import load_task
from finetune.synthetic.drug_names import SEEN_DRUGS, UNSEEN_DRUGS
from finetune.synthetic.instructions import write_conversation

TASK = load_task("clinical-notes")


@pytest.fixture(scope="module")
def conversations():
    rng = random.Random(5)
    return [write_conversation(rng) for _ in range(300)]


def test_turns_alternate_and_each_asks_or_answers_something(conversations):
    for messages in conversations:
        assert [m["role"] for m in messages] == ["system", *["user", "assistant"] * 4]
        assert all(message["content"].strip() for message in messages)


def test_the_same_seed_writes_the_same_conversation():
    assert write_conversation(random.Random(1)) == write_conversation(random.Random(1))
    assert write_conversation(random.Random(1)) != write_conversation(random.Random(2))


def test_pre_training_never_shows_what_the_demo_has_to_teach(conversations):
    text = "\n".join(m["content"] for messages in conversations for m in messages)
    assert not set(re.findall(r"[a-z]+", text.lower())) & {*SEEN_DRUGS, *UNSEEN_DRUGS}
    assert TASK.system_prompt not in text
    assert [name for name in TASK.fields if f'"{name}"' in text] == []


def test_an_answer_about_a_drug_is_found_in_the_note(conversations):
    checked = 0
    for messages in conversations:
        note = messages[1]["content"]
        for question, answer in zip(messages[1::2], messages[2::2], strict=True):
            if "Copy the sentence about" in question["content"]:
                assert answer["content"] in note
                checked += 1
    assert checked > 50
