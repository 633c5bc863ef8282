import numpy as np
import pytest

from configs.errors import EvidenceError
from configs.gate_policy import Comparison, GateConfig, Preflight
from evals.preflight import check_sizes, require_sufficient


def policy(margin=0.05, **preflight):
    return GateConfig(
        comparisons=(Comparison(metric="micro_f1", margin=margin),),
        preflight=Preflight(**preflight),
    )


@pytest.fixture
def baseline(evaluation_of):
    missed = np.random.default_rng(1).integers(0, 4, size=200)
    return evaluation_of("baseline", tp=5 - missed, fn=missed)


def test_a_large_test_set_suffices_and_a_small_margin_needs_more(baseline):
    [wide] = check_sizes(policy(0.1), 1, {"baseline": baseline})
    [narrow] = check_sizes(policy(0.01), 1, {"baseline": baseline})
    assert wide.sufficient
    require_sufficient((wide,), "test set")
    assert not narrow.sufficient
    assert narrow.required_documents == pytest.approx(100 * wide.required_documents, rel=0.1)
    with pytest.raises(
        EvidenceError, match=rf"at least {narrow.required_documents} test documents"
    ):
        require_sufficient((wide, narrow), "test set")


def test_the_documents_asked_for_have_the_planned_power(baseline):
    [check] = check_sizes(policy(0.05), 3, {"baseline": baseline})
    from evals.stats.power import power_of_noninferiority

    reached = power_of_noninferiority(
        check.deviation, check.required_documents, 0.05, 0.0, alpha=0.05 / 3
    )
    assert reached == pytest.approx(0.8, abs=0.005)


def test_two_evaluated_systems_give_the_pilot_variance(baseline, evaluation_of):
    missed = 5 - baseline.frame["tp"].to_numpy()
    missed[:20] = 3
    champion = evaluation_of("champion", tp=5 - missed, fn=missed)
    checks = check_sizes(policy(), 1, {"baseline": baseline, "champion": champion})
    assert [check.reference for check in checks] == ["baseline", "champion"]
    assert "champion and baseline on these documents" in checks[0].deviation_from
    [alone] = check_sizes(policy(), 1, {"baseline": baseline})
    assert checks[0].deviation < alone.deviation


def test_scores_without_spread_fall_back_on_the_assumption(evaluation_of):
    nothing = evaluation_of("baseline", tp=[0] * 50, fn=5)
    [check] = check_sizes(policy(assumed_deviation=0.4), 1, {"baseline": nothing})
    assert check.deviation == 0.4
    assert "assumed" in check.deviation_from


def test_a_difference_planned_at_the_margin_is_never_enough(baseline):
    [check] = check_sizes(policy(0.05, expected_difference=-0.05), 1, {"baseline": baseline})
    assert check.required_documents is None
    with pytest.raises(EvidenceError, match="more than any number of test documents"):
        require_sufficient((check,), "test set")
