import json

import pytest

from configs.errors import RegistryError
from registry.promotion import promote_version, record_challenger
from registry.score_history import SCORES_FILE, log_score_history, read_score_history


def scores(tmp_path, **value_of):
    path = tmp_path / SCORES_FILE
    record = {
        system: {"micro_f1": {"value": value, "low": 0, "high": 1, "rows": 9, "clusters": 4}}
        for system, value in value_of.items()
    }
    path.write_text(json.dumps(record))
    return {"attachments": (path,)}


@pytest.fixture
def decided_twice(contract_store, plan_of, tmp_path):
    first = plan_of("w1", **scores(tmp_path, awq=0.8, baseline=0.7, base=0.1))
    promote_version(contract_store, first)
    worse = scores(tmp_path, awq=0.75, champion=0.8, baseline=0.7)
    record_challenger(contract_store, plan_of("w2", "reject", promoted=None, **worse))
    return first.model


def test_history_names_what_each_system_was(contract_store, decided_twice):
    first, second = read_score_history(contract_store, decided_twice)
    assert (first.version, first.outcome) == (1, "promote")
    assert {r: s["micro_f1"].value for r, s in first.scores.items()} == {
        "candidate": 0.8, "baseline": 0.7, "base": 0.1}  # fmt: skip
    assert (second.version, second.outcome) == (2, "reject")
    assert second.scores["champion"]["micro_f1"].value == 0.8
    assert second.decided_ms >= first.decided_ms > 0


def test_curves_in_mlflow_have_one_point_per_decision_however_often_they_are_written(
    contract_store, decided_twice
):
    run_id = log_score_history(contract_store, decided_twice)
    assert log_score_history(contract_store, decided_twice) == run_id
    history = contract_store._client.get_metric_history(run_id, "micro_f1.candidate")
    assert [(point.step, point.value) for point in history] == [(1, 0.8), (2, 0.75)]
    assert contract_store.logged_steps(run_id, "micro_f1.champion") == {2}


def test_a_version_without_scores_has_no_history(store, plan_of):
    plan = plan_of()
    promote_version(store, plan)
    assert read_score_history(store, plan.model) == []
    assert log_score_history(store, plan.model) is None


def test_unreadable_scores_are_an_error_that_names_the_version(store, plan_of, tmp_path):
    (tmp_path / SCORES_FILE).write_text("{")
    plan = plan_of(attachments=(tmp_path / SCORES_FILE,))
    promote_version(store, plan)
    with pytest.raises(RegistryError, match=r"version 1: scores\.json: expected scores"):
        read_score_history(store, plan.model)


def test_each_curve_is_read_once_however_many_versions_there_are(
    store, plan_of, tmp_path, monkeypatch
):
    for number in range(4):
        plan = plan_of(f"w{number}", **scores(tmp_path, awq=0.8, baseline=0.7))
        promote_version(store, plan)
    read, logged_steps = [], store.logged_steps
    monkeypatch.setattr(
        store,
        "logged_steps",
        lambda run_id, curve: (read.append(curve), logged_steps(run_id, curve))[1],
    )
    log_score_history(store, plan.model)
    assert sorted(read) == ["micro_f1.baseline", "micro_f1.candidate"]
