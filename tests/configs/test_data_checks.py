import pytest
from pydantic import ValidationError

from configs.data_checks import MOST_DRIFT_TESTS, Contained, DataChecks, Drift, NearDuplicates


def test_by_default_what_voids_an_evaluation_is_refused_and_the_rest_only_told():
    policy = DataChecks()
    assert policy.exact_duplicates == "refuse"
    assert policy.target_in_prompt == "refuse"
    assert policy.prompt_examples.action == policy.label_in_fields.action == "refuse"
    assert policy.near_duplicates.action == policy.contained.action == policy.drift.action == "warn"


@pytest.mark.parametrize(
    ("model", "setting", "value"),
    [
        (NearDuplicates, "jaccard", 0),
        (NearDuplicates, "jaccard", 1.1),
        (NearDuplicates, "action", "ignore"),
        (Contained, "ngram_words", 3),
        (Drift, "classifier_auc", 0.4),
        (DataChecks, "exact_duplicate", "warn"),
    ],
)
def test_values_out_of_range_and_unknown_keys_are_refused(model, setting, value):
    with pytest.raises(ValidationError):
        model(**{setting: value})


def test_too_few_permutations_to_ever_find_drift_are_refused():
    with pytest.raises(ValidationError, match=r"at least 499 for an alpha of 0\.01 over 5"):
        Drift(permutations=200)
    least = Drift(permutations=499)
    assert MOST_DRIFT_TESTS / (least.permutations + 1) <= least.alpha
    Drift(permutations=200, action="off")
