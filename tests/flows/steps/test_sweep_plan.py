import pytest

from configs.errors import ConfigError, TrainingError
from configs.lifecycle import TrainingConfig
from configs.load import load_lifecycle, load_task
from configs.sweep import SweepConfig
from configs.validation import validate
from evals.scorers.registry import metrics_of
from flows.steps.sweep_plan import (
    FailedTrial,
    TrialResult,
    best_lifecycle,
    choose_best,
    plan_trials,
    quantization_of,
    trial_lifecycle,
)

DEMO = load_lifecycle("demo")
METRIC = metrics_of(load_task("clinical-notes"))[0]


def sweep(space, **more):
    content = {"name": "small", "lifecycle": "demo", "space": space}
    return validate(SweepConfig, content | more, "small")


def planned(space, **more):
    return plan_trials(sweep(space, **more), DEMO)


def scored(trial, value, weight_bytes=5, trained_parameters=5):
    return TrialResult(
        trial=trial, value=value, low=0, high=1, rows=9, documents=9, seconds=1,
        weight_bytes=weight_bytes, trained_parameters=trained_parameters, mlflow_run_id="r",
    )  # fmt: skip


def test_a_grid_is_every_combination_and_the_rest_is_as_declared():
    trials = planned({"rank": [8, 32], "learning_rate": [0.001, 0.002]})
    tried = [(t.number, t.lora.rank, t.lora.learning_rate) for t in trials]
    assert tried == [(1, 8, 0.001), (2, 8, 0.002), (3, 32, 0.001), (4, 32, 0.002)]
    for trial in trials:
        assert trial.base_model == DEMO.base_model
        assert trial.quantization == "none"
        changed = trial.lora.model_copy(
            update={f: getattr(DEMO.lora, f) for f in ("rank", "learning_rate", "alpha")}
        )
        assert changed == DEMO.lora


def test_alpha_follows_the_rank():
    assert [t.lora.alpha / t.lora.rank for t in planned({"rank": [8, 64, 3]})] == [2, 2, 2]


def test_a_grid_that_is_too_large_is_refused():
    with pytest.raises(ConfigError, match="expected at most 3 combinations, got 4"):
        planned({"rank": [8, 16], "epochs": [1, 2]}, search={"kind": "grid", "max_trials": 3})


def test_a_random_search_is_seeded_and_repeats_no_combination():
    space = {"rank": [8, 16, 32], "learning_rate": {"low": 1e-4, "high": 1e-2}}
    search = {"kind": "random", "trials": 20}
    trials = planned(space, search=search)
    assert trials == planned(space, search=search)
    assert trials != planned(space, search=search | {"seed": 18})
    assert len({str(t.settings) for t in trials}) == len(trials) == 20
    rates = [t.lora.learning_rate for t in trials]
    assert all(1e-4 <= rate <= 1e-2 for rate in rates)
    # Log-uniform: about half of them below the geometric mean, where uniform has one in eleven.
    assert sum(rate < 1e-3 for rate in rates) > 4


def test_a_random_search_of_a_small_space_tries_all_of_it():
    trials = planned({"rank": [8, 16], "epochs": [1, 2]}, search={"kind": "random", "trials": 9})
    assert len(trials) == 4


def test_the_best_value_wins_in_the_direction_of_the_metric():
    first, second = planned({"rank": [8, 16]})
    results = [scored(first, 0.7), scored(second, 0.9)]
    assert choose_best(sweep({"rank": [8]}), results, [], METRIC).trial == second
    lower = METRIC.model_copy(update={"higher_is_better": False})
    assert choose_best(sweep({"rank": [8]}), results, [], lower).trial == first


def test_trials_that_look_equal_are_told_apart_by_size_then_parameters_then_order():
    one, two, three = planned({"rank": [8, 16, 32]})
    tied = [scored(one, 0.9004, 7), scored(two, 0.9001, 6, 9), scored(three, 0.9, 6, 8)]
    assert choose_best(sweep({"rank": [8]}), tied, [], METRIC).trial == three
    same = [scored(two, 0.9), scored(one, 0.9)]
    assert choose_best(sweep({"rank": [8]}), same, [], METRIC).trial == one


def test_no_score_at_all_names_the_first_problem():
    [trial] = planned({"rank": [8]})
    failed = [FailedTrial(trial=trial, problem="step 3: expected a finite loss, got nan")]
    with pytest.raises(TrainingError, match=r"got 1 that failed, .* finite loss"):
        choose_best(sweep({"rank": [8]}), [], failed, METRIC)


def test_the_best_lifecycle_fine_tunes_as_its_trial_did():
    declared = sweep({"rank": [8], "learning_rate": [0.001]})
    [trial] = plan_trials(declared, DEMO)
    chosen = best_lifecycle(declared, DEMO, trial, 1)
    tried = trial_lifecycle(DEMO, trial)
    for field in ("lora", "base_model", "data", "seed", "task", "name"):
        assert getattr(chosen, field) == getattr(tried, field)
    assert chosen.gate == DEMO.gate
    assert chosen.quantizations == DEMO.quantizations
    assert "sweep small from 1 trials scored on validation rows" in chosen.description


@pytest.mark.parametrize(
    ("scheme", "candidate"),
    [("none", "fine-tuned"), ("awq", "awq"), ("fp8-dynamic", "fp8-dynamic")],
)
def test_where_quantizations_are_tried_one_candidate_goes_to_the_gate(scheme, candidate):
    declared = sweep({"quantizations": [scheme]})
    [trial] = plan_trials(declared, DEMO)
    chosen = best_lifecycle(declared, DEMO, trial, 1)
    assert chosen.gated_candidates == (candidate,)
    assert list(chosen.quantizations) == [q for q in DEMO.quantizations if q.scheme == scheme]


def test_a_scheme_that_the_lifecycle_lacks_has_its_defaults():
    plain = DEMO.model_copy(update={"quantizations": ()})
    [trial] = plan_trials(sweep({"quantizations": ["awq"]}), plain)
    assert quantization_of(trial, plain).group_size == 128
    assert quantization_of(trial, DEMO).group_size == 64


def test_how_training_is_run_stays_although_it_is_no_part_of_a_recipe():
    training = TrainingConfig(launcher="accelerate", processes=2)
    declared = sweep({"rank": [8]})
    lifecycle = DEMO.model_copy(update={"training": training})
    [trial] = plan_trials(declared, lifecycle)
    assert best_lifecycle(declared, lifecycle, trial, 1).training == training
