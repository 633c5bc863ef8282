import pytest

from configs.gate_policy import TokenPrices
from evals.baseline_bank.costs import answer_cost, estimate, token_cost, worst_case
from evals.engines.completion import Completion
from tests.evals.baseline_bank.conftest import DECODING, answer_to, questions

PRICE = TokenPrices(input_per_million=2, output_per_million=10)
[QUESTION] = questions(1, "eins zwei drei äöü")


def test_tokens_are_charged_at_their_own_price():
    assert token_cost(PRICE, 1_000_000, 100_000) == 3.0


def test_no_answer_costs_more_than_the_worst_case():
    bytes_of_text = len("eins zwei drei äöü".encode())
    longest = Completion("x", "length", DECODING.max_new_tokens, input_tokens=bytes_of_text)
    assert answer_cost(PRICE, QUESTION, longest, DECODING) < worst_case(PRICE, QUESTION, DECODING)


def test_an_answer_of_unknown_length_is_charged_the_worst_case():
    silent = Completion("x", "stop", 0)
    assert answer_cost(PRICE, QUESTION, silent, DECODING) == worst_case(PRICE, QUESTION, DECODING)


def test_without_a_price_there_is_no_cost():
    assert answer_cost(None, QUESTION, Completion("x", "stop", 1), DECODING) is None


def test_an_estimate_counts_each_prompt_once_and_learns_from_recorded_answers():
    same = questions(3, "one two three four five six seven eight nine ten")
    first = estimate(PRICE, same, DECODING, [])
    assert (first.rows, first.prompts, first.input_tokens, first.output_tokens) == (3, 1, 13, 8)
    assert first.output_is_upper_bound
    later = estimate(PRICE, same, DECODING, [answer_to(QUESTION, output_tokens=5)])
    assert (later.output_tokens, later.output_is_upper_bound) == (5, False)
    assert later.cost == pytest.approx((13 * 2 + 5 * 10) / 1e6)
