import numpy as np
import pytest

from configs.errors import EvidenceError
from evals.judge.examination import examine, require_believed, unexamined
from tests.evals.judge.conftest import honest, judgement, true_quality, verdict

WITH_LABELS = {"human_labels": "labels.jsonl"}


def noise(text, seed=0):
    """-1, 0 or 1, the same for the same text."""
    return int(np.random.default_rng([seed, *text.encode()]).integers(-1, 2))


def test_a_judge_that_agrees_with_people_is_admitted(judge_that, labels_of):
    def good(texts):
        if len(texts) > 3:
            return honest(texts)
        return judgement(min(4, max(0, true_quality(texts[2]) + noise(texts[2]))))

    judge, _ = judge_that(good, **WITH_LABELS)
    report = examine(judge, labels_of(40))
    require_believed(report)
    (found,) = report.agreements
    assert 0.5 < found.kappa.low < 0.8 < found.kappa.value < 1
    assert (found.rows, found.clusters) == (80, 40)
    assert report.position.flips.value == 0
    assert report.length[0].correlation.low < 0.1
    assert report.length[0].controlled


def test_a_judge_that_guesses_is_refused_with_its_kappa(judge_that, labels_of):
    judge, _ = judge_that(
        lambda texts: judgement(len(texts[2]) % 5),
        **WITH_LABELS,
    )
    report = examine(judge, labels_of(40)[::2])
    with pytest.raises(EvidenceError, match=r"kappa of quality to be at least 0\.4.*lower bound"):
        require_believed(report)


def test_a_judge_that_always_says_the_same_is_refused_however_often_it_is_right(
    judge_that, labels_of
):
    judge, _ = judge_that(lambda texts: judgement(4), **WITH_LABELS)
    report = examine(judge, labels_of(40)[::2])
    assert report.agreements[0].kappa.value == 0
    assert report.refusals


def test_too_few_documents_prove_nothing(judge_that, labels_of):
    judge, _ = judge_that(honest, **WITH_LABELS)
    report = examine(judge, labels_of(20)[::2])
    with pytest.raises(EvidenceError, match="labels of at least 30 documents, got 20"):
        require_believed(report)


def test_a_judge_that_rewards_length_and_the_first_place_is_found_out(judge_that, labels_of):
    def vain(texts):
        if len(texts) > 3:
            return verdict("first")
        return judgement(min(4, true_quality(texts[2]) + (len(texts[2]) > 120)))

    judge, _ = judge_that(vain, **WITH_LABELS)
    report = examine(judge, labels_of(40))
    assert report.position.flips.low > 0.8
    assert report.length[0].correlation.low > 0.3


def test_an_unreadable_judgement_is_named_and_counts_against_the_judge(judge_that, labels_of):
    judge, _ = judge_that(
        lambda texts: "?" if texts[0] == "question 3" and len(texts) == 3 else honest(texts),
        unreadable_tolerance=0.1, **WITH_LABELS,
    )  # fmt: skip
    report = examine(judge, labels_of(40))
    assert [name.split(",")[0] for name in report.unreadable] == ["r3", "r3"]
    assert report.agreements[0].same.value == pytest.approx(78 / 80)


def test_labels_of_one_answer_per_row_leave_position_bias_unmeasured(judge_that, labels_of):
    judge, server = judge_that(honest, **WITH_LABELS)
    report = examine(judge, labels_of(40)[::2])
    assert report.position is None
    assert len(server.prompts) == 40


def test_a_judge_without_labels_is_used_only_if_that_was_allowed(judge_that):
    judge, server = judge_that(honest)
    require_believed(unexamined(judge))
    assert server.prompts == []
    unchecked, _ = judge_that(honest, **WITH_LABELS)
    with pytest.raises(EvidenceError, match="expected human labels to test the judge by"):
        require_believed(unexamined(unchecked))
