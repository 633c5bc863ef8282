import dataclasses
import re

import pytest

from configs.gate_policy import Comparison, GateConfig, TokenPrices
from configs.gate_settings import Sequential
from evals.report.costs import cost_cell, cost_table, latency_cell, savings_table

PRICES = TokenPrices(input_per_million=10, output_per_million=100, currency="EUR")


def unrecorded(evaluation, **columns):
    return dataclasses.replace(evaluation, frame=evaluation.frame.assign(**columns))


def test_tokens_latency_and_price_stand_with_interval_and_n(evaluation_of):
    awq = evaluation_of("awq", tp=[1] * 200, rows_per_document=2)
    table = cost_table({"awq": awq}, PRICES)
    row = dict(zip(table.header, table.rows[0], strict=True))
    assert (row["tokens read"], row["tokens written"]) == ("1,800", "400")
    assert row["latency p50, s"] == "0.500 (0.500 to 0.500)"
    # Two rows of 9 and 2 tokens: 2 * (9 * 10 + 2 * 100) / 1e6 a document.
    assert row["cost per 1,000 documents, EUR"].startswith("0.580 (")
    assert row["n"] == "200 rows, 100 documents"


def test_latency_is_that_of_the_slowest_row_of_a_document(evaluation_of):
    awq = evaluation_of("awq", tp=[1] * 200, rows_per_document=2)
    slow = unrecorded(awq, latency_s=[0.1, 2.0] * 100)
    assert re.fullmatch(r"2\.000 \(2\.000 to 2\.000\)", latency_cell(slow, 0.5))


@pytest.mark.parametrize("documents", [1, 3])
def test_too_few_documents_leave_the_upper_end_open(evaluation_of, documents):
    assert latency_cell(evaluation_of(tp=[1] * documents), 0.95).endswith("to none)")


def test_what_was_not_recorded_is_an_empty_cell(evaluation_of):
    silent = unrecorded(evaluation_of(tp=[1] * 9), latency_s=0.0, input_tokens=0, output_tokens=0)
    assert latency_cell(silent, 0.5) == cost_cell(silent, PRICES) == ""
    assert cost_table({"baseline": silent}, PRICES).rows[0][1:-1] == ("",) * 5
    assert cost_cell(evaluation_of(tp=[1] * 9), None) == ""


def test_savings_count_the_rows_that_were_not_asked(evaluation_of, decision_of, check_of):
    rule = Comparison(metric="micro_f1", margin=0.05)
    policy = GateConfig(comparisons=(rule,), sequential=Sequential())
    decision = decision_of({"awq": [check_of()]}, policy=policy)
    systems = {"awq": evaluation_of("awq", tp=[1] * 40), "baseline": evaluation_of(tp=[1] * 160)}
    assert savings_table(decision, systems).rows == (
        ("awq", "40 rows, 40 documents", "160 rows, 160 documents", "75% of the rows"),
    )
    assert savings_table(decision_of({"awq": [check_of()]}), systems) is None
