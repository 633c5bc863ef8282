import random
import re

import pytest

from finetune.synthetic.drug_names import SEEN_DRUGS, UNSEEN_DRUGS, invented_drug_name


@pytest.mark.parametrize("names", [SEEN_DRUGS, UNSEEN_DRUGS], ids=["seen", "unseen"])
def test_no_name_is_listed_twice(names):
    assert len({name.casefold() for name in names}) == len(names) > 10


def test_no_drug_is_both_seen_and_unseen_by_training():
    assert not set(SEEN_DRUGS) & set(UNSEEN_DRUGS)


def test_an_invented_name_is_a_word_and_no_real_drug():
    rng = random.Random(1)
    names = [invented_drug_name(rng) for _ in range(3000)]
    assert all(re.fullmatch(r"[a-z]{6,14}", name) for name in names)
    assert not set(names) & {*SEEN_DRUGS, *UNSEEN_DRUGS}
    assert len(set(names)) > 2000


def test_the_same_seed_invents_the_same_names():
    def ten(seed):
        rng = random.Random(seed)
        return [invented_drug_name(rng) for _ in range(10)]

    assert ten(1) == ten(1) != ten(2)
