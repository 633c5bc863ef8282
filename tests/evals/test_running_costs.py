from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from configs.errors import EvidenceError
from configs.gate_policy import Ceiling, Comparison, GateConfig, TokenPrices
from evals.checks import Level, check_ceiling
from evals.evidence import Evidence
from evals.running_costs import cost_per_1k_documents

PRICES = TokenPrices(input_per_million=0, output_per_million=1000)
"""One token written per document costs 1 per thousand documents."""
LOOPS, USUAL, LIMIT = 1 / 80, 40, 2000
TRUE_COST = (1 - LOOPS) * USUAL + LOOPS * LIMIT


@pytest.fixture
def writer(evaluation_of):
    """A model one of whose answers in 80 runs on to 50 times the tokens."""

    def make(rng, documents, limit=LIMIT, loops=LOOPS):
        written = np.where(rng.random(documents) < loops, LIMIT, USUAL)
        answers = evaluation_of("awq", tp=[1] * documents)
        frame = answers.frame.assign(output_tokens=written)
        return replace(answers, frame=frame, max_output_tokens=limit)

    return make


def ceiling_check(evaluation, maximum):
    rule = Ceiling(measure="cost_per_1k_documents", maximum=maximum)
    policy = GateConfig(
        comparisons=(Comparison(metric="micro_f1", margin=0.05),), ceilings=(rule,), prices=PRICES
    )
    evidence = Evidence({"awq": evaluation}, {"awq": "sha256:x"})
    [check] = check_ceiling(rule, "awq", evidence, policy, Level(alpha=0.05, seed=1))
    return check


@pytest.mark.parametrize("documents", [60, 100, 200])
def test_a_model_that_costs_the_maximum_passes_at_about_alpha_at_most(writer, documents):
    rng = np.random.default_rng(documents)
    passed = sum(
        ceiling_check(writer(rng, documents), TRUE_COST).outcome == "promote" for _ in range(300)
    )
    assert passed <= binom.ppf(0.999, 300, 1.08 * 0.05)


@pytest.mark.parametrize("documents", [60, 200])
def test_an_ordinary_interval_passes_a_model_that_costs_the_maximum_far_too_often(
    writer, documents
):
    """Why the limit of tokens must count: where no loop is among the documents, none shows."""
    rng = np.random.default_rng(documents)
    passed = 0
    for _ in range(300):
        costs = writer(rng, documents).frame["output_tokens"].to_numpy()
        high = costs.mean() + 1.645 * costs.std(ddof=1) / np.sqrt(documents)
        passed += high < TRUE_COST
    assert passed > binom.ppf(0.999, 300, 0.05)


def test_without_a_limit_of_tokens_nothing_is_shown_however_cheap_the_answers_were(writer):
    answers = writer(np.random.default_rng(1), 5000, limit=None, loops=0)
    for maximum in (1.0, 1e6):
        check = ceiling_check(answers, maximum)
        assert (check.outcome, check.p_value) == ("inconclusive", 1.0)
        assert check.high == float("inf")
        assert "no limit of tokens is known" in check.method
        assert check.further_documents is None


def test_with_a_limit_enough_documents_show_that_a_model_is_cheap(writer):
    check = ceiling_check(writer(np.random.default_rng(2), 1000, loops=0), 2 * TRUE_COST)
    assert (check.outcome, check.value) == ("promote", USUAL)
    # Chance can hide loops of at most this share of 1000 equal documents.
    hidden = 1 - 0.05 ** (1 / 1000)
    assert check.high == pytest.approx(USUAL + (LIMIT - USUAL) * hidden, rel=1e-3)


def test_a_model_that_costs_far_more_than_the_maximum_is_rejected(writer):
    check = ceiling_check(writer(np.random.default_rng(3), 200, loops=0.5), TRUE_COST)
    assert check.outcome == "reject"


def test_a_document_of_several_rows_may_cost_the_limit_for_each(evaluation_of):
    answers = evaluation_of("awq", tp=[1] * 240, rows_per_document=2)
    one = cost_per_1k_documents(replace(answers, max_output_tokens=100), PRICES, 0.05)
    single = evaluation_of("awq", tp=[1] * 120)
    other = cost_per_1k_documents(replace(single, max_output_tokens=100), PRICES, 0.05)
    assert (one.value, other.value) == (4.0, 2.0)
    assert one.high - one.value == pytest.approx(2 * (other.high - other.value))


def test_answers_longer_than_the_limit_cost_what_they_cost(evaluation_of):
    answers = replace(evaluation_of("awq", tp=[1] * 60), max_output_tokens=1)
    found = cost_per_1k_documents(answers, PRICES, 0.05)
    assert found.low < found.value == 2.0 < found.high


def test_rows_without_token_counts_are_no_evidence_of_cost(evaluation_of):
    recorded = evaluation_of("awq", tp=[1] * 60)
    recorded = replace(recorded, frame=recorded.frame.assign(input_tokens=0))
    with pytest.raises(EvidenceError, match="expected token counts of every row"):
        cost_per_1k_documents(recorded, PRICES, 0.05)
