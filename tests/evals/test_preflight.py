import numpy as np
import pytest

from configs.errors import EvidenceError
from configs.gate_policy import Comparison, Floor, GateConfig
from configs.gate_settings import Preflight
from evals import preflight
from evals.decision import Look
from evals.preflight import forecast_size
from evals.size_forecast import require_sufficient, size_sentence
from evals.stats.totals import metric_value


@pytest.fixture(autouse=True)
def few_gates(monkeypatch):
    monkeypatch.setattr(preflight, "MOST_GATES", 80)


def policy(margin=0.05, floors=(), **planned):
    return GateConfig(
        comparisons=(Comparison(metric="micro_f1", margin=margin),), floors=floors,
        preflight=Preflight(**planned),
    )  # fmt: skip


@pytest.fixture
def pair(evaluation_of):
    """Baseline and champion on 150 documents."""
    rng = np.random.default_rng(1)
    made = []
    for name in ("baseline", "champion"):
        missed = np.where(rng.random(150) < 0.2, 2, 0)
        made.append(evaluation_of(name, tp=5 - missed, fn=missed))
    return made


def test_a_smaller_margin_needs_more_documents_and_is_refused(pair):
    wide, narrow = (forecast_size(policy(margin), 1, *pair) for margin in (0.1, 0.02))
    [enough], [short] = wide.scenarios, narrow.scenarios
    assert enough.needed < 150 < short.needed
    require_sufficient(wide, "test set")
    assert short.low <= short.power <= short.high < 0.8
    with pytest.raises(EvidenceError, match=rf"at least {short.needed} test documents, got 150"):
        require_sufficient(narrow, "test set")


def test_a_baseline_alone_gives_a_range_and_never_stops(pair):
    forecast = forecast_size(policy(0.02), 1, pair[0])
    close, independent = forecast.scenarios
    assert close.needed < independent.needed
    assert f"{close.needed} to {independent.needed}" in size_sentence(forecast)
    assert forecast.perhaps_too_few
    require_sufficient(forecast, "test set")


def test_less_alpha_and_more_candidates_need_more(pair):
    [plain] = forecast_size(policy(), 1, *pair).scenarios
    look = Look(number=4, alpha=0.005, budgeted=True)
    [strict] = forecast_size(policy(), 1, *pair, look=look).scenarios
    assert strict.needed > 1.3 * plain.needed


def test_the_clause_that_limits_is_named(pair):
    reached = metric_value(pair[1].frame, pair[1].metric("micro_f1"))
    floors = (Floor(metric="micro_f1", minimum=reached - 0.01),)
    [found] = forecast_size(policy(0.1, floors), 1, *pair).scenarios
    assert found.limiting.startswith("micro_f1 at least")
    assert found.limiting_held < 0.9
    left = forecast_size(policy(0.1, (Floor(metric="micro_f1", minimum=0.99),)), 1, *pair)
    assert "champion itself reaches only" in left.left_out[0]


def test_a_difference_planned_at_the_margin_is_never_enough(pair):
    forecast = forecast_size(policy(0.05, expected_difference=-0.05), 1, *pair)
    assert forecast.scenarios[0].needed is None
    with pytest.raises(EvidenceError, match="expected more than"):
        require_sufficient(forecast, "test set")


def test_a_champion_far_better_than_the_baseline_does_not_stop_its_successor(pair, evaluation_of):
    """Swapping two systems of which one is much better would plan for candidates that nobody trains."""
    worse = evaluation_of("baseline", tp=[1, 3] * 75, fn=[4, 2] * 75)
    forecast = forecast_size(policy(0.05), 1, worse, pair[1])
    assert not forecast.known
    assert "the champion (correlation 0.9)" in forecast.scenarios[0].candidate
    assert "comparisons with the baseline" in forecast.left_out[0]
    require_sufficient(forecast, "test set")


def test_a_policy_that_asks_for_what_comes_later_is_told_so_and_stops_nothing(pair):
    later = GateConfig(
        comparisons=(Comparison(metric="micro_f1", margin=0.05, references=("base",)),)
    )
    for pilots in (pair, pair[:1]):
        forecast = forecast_size(later, 1, *pilots)
        assert not forecast.scenarios
        assert (
            "cannot be told before the training (comparison of micro_f1 with base"
            in size_sentence(forecast)
        )
        require_sufficient(forecast, "test set")
