import random
import typing

import pytest

from configs.data import Generator
from configs.load import load_task
from finetune.data import row_from_mapping
from finetune.splits import check_contamination
from finetune.synthetic.generators import GENERATORS, generate_rows
from finetune.synthetic.wording import SPLITS, fill, listed

NAMES = typing.get_args(Generator)


@pytest.fixture(scope="module")
def made():
    return {
        name: {split: list(generate_rows(name, split, 150, 17)) for split in SPLITS}
        for name in NAMES
    }


def test_every_generator_that_a_configuration_may_name_is_there():
    assert set(GENERATORS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_rows_and_another_gives_others(made, name):
    rows = made[name]["test"]
    assert list(generate_rows(name, "test", 150, 17)) == rows
    assert list(generate_rows(name, "test", 150, 18)) != rows


@pytest.mark.parametrize("name", NAMES)
def test_fewer_documents_are_the_first_of_more(made, name):
    few = list(generate_rows(name, "train", 10, 17))
    assert few == made[name]["train"][: len(few)]
    assert len({row["doc_id"] for row in few}) == 10


@pytest.mark.parametrize("name", NAMES)
def test_every_row_is_one_of_its_task(made, name):
    task = load_task(name)
    for rows in made[name].values():
        assert len({row["id"] for row in rows}) == len(rows)
        for row in rows:
            assert task.input_problem(row) is None
            assert task.target_problem(row["target"]) is None
            assert {*task.slices, task.cluster_key} <= row.keys()


@pytest.mark.parametrize("name", NAMES)
def test_every_slice_of_the_test_set_has_several_values_with_rows_to_speak_of(made, name):
    rows = made[name]["test"]
    for key in load_task(name).slices:
        values = [row[key] for row in rows]
        assert len(set(values)) > 1
        assert min(values.count(value) for value in set(values)) >= 0.03 * len(rows), key


@pytest.mark.parametrize("name", NAMES)
def test_splits_share_no_document_and_no_text(made, name):
    task = load_task(name)
    check_contamination(*([row_from_mapping(r, task) for r in made[name][s]] for s in SPLITS))


@pytest.mark.parametrize("name", NAMES)
def test_test_rows_are_no_copies_of_training_rows_with_a_word_changed(made, name):
    """Five consecutive words are seldom shared between one test row and any one training row."""
    task = load_task(name)

    def shingles(row):
        words = row_from_mapping(row, task).text.lower().split()
        return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}

    train = [shingles(row) for row in made[name]["train"]]
    close = 0
    rows = made[name]["test"]
    for row in rows:
        own = shingles(row)
        close += any(len(own & other) > 0.6 * len(own | other) for other in train)
    assert close <= 0.01 * len(rows)


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_split_is_refused(name):
    with pytest.raises(ValueError, match="split: expected train, validation or test"):
        next(generate_rows(name, "dev", 1, 0))


def test_sentences_are_filled_with_and_without_a_capital_letter():
    assert (
        fill("{Drug}, then {drug} {dose}.", drug="aspirin", dose="1 g")
        == "Aspirin, then aspirin 1 g."
    )
    assert [listed(["a", "b", "c"][:n]) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]


def test_a_generator_uses_no_randomness_but_its_own():
    state = random.getstate()
    for name in NAMES:
        list(generate_rows(name, "test", 3, 1))
    assert random.getstate() == state
