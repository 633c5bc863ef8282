import pytest

from configs.load import load_task
from evals.baseline_bank.identity import EndpointModel, baseline_identity, differences
from evals.engines.completion import Decoding
from tests.evals.baseline_bank.conftest import DECODING, IDENTITY, changed


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (changed(revision="b"), 'model.revision: expected "a", got "b"'),
        (changed(revision=None), 'model.revision: expected "a", got none'),
        (changed(model="huge"), 'model.model: expected "big", got "huge"'),
        (
            changed(task_digest="sha256:new"),
            'task_digest: expected "sha256:task", got "sha256:new"',
        ),
        (
            changed(decoding=Decoding(max_new_tokens=9)),
            "decoding.max_new_tokens: expected 8, got 9",
        ),
    ],
)
def test_identities_that_differ_have_other_keys_and_say_in_words_what_differs(other, words):
    assert differences(IDENTITY, other) == [words]
    assert other.key != IDENTITY.key


def test_the_same_identity_has_the_same_key_after_a_round_trip():
    again = type(IDENTITY).model_validate_json(IDENTITY.model_dump_json())
    assert again.key == IDENTITY.key
    assert len(again.key) == 64
    assert differences(IDENTITY, again) == []


def test_a_password_in_the_address_is_kept_nowhere():
    model = EndpointModel(base_url="https://me:secret@host:8/v1/", model="m")
    assert model.base_url == "https://host:8/v1"


def test_another_prompt_is_another_task():
    task = load_task("clinical-notes")
    other = task.model_copy(update={"system_prompt": "Something else."})
    keys = {baseline_identity(IDENTITY.model, t, DECODING).key for t in (task, other)}
    assert len(keys) == 2
