import pytest

from configs.load import load_lifecycle, load_task
from configs.sweep import SweepConfig
from configs.validation import validate
from evals.scorers.registry import metrics_of
from flows.steps.sweep_plan import FailedTrial, TrialResult, plan_trials
from flows.steps.sweep_report import choice_in_words, trial_table, write_plot

METRIC = metrics_of(load_task("clinical-notes"))[0]


@pytest.fixture
def results():
    """Three scored trials, of which the second is best, and one that failed."""
    space = {"rank": [8, 16], "quantizations": ["none", "awq"]}
    content = {"name": "small", "lifecycle": "demo", "space": space}
    trials = plan_trials(validate(SweepConfig, content, "small"), load_lifecycle("demo"))
    scored = [
        TrialResult(
            trial=trial, value=value, low=value - 0.05, high=value + 0.05, rows=9, documents=7,
            seconds=3.25, weight_bytes=2_500_000, trained_parameters=12_345, mlflow_run_id="r",
        )
        for trial, value in zip(trials, (0.7, 0.9, 0.8), strict=False)
    ]  # fmt: skip
    return scored, [FailedTrial(trial=trials[3], problem="the disk is full")]


def test_the_table_has_every_trial_with_settings_interval_n_and_state(results):
    scored, failed = results
    table = trial_table(METRIC, scored, failed, scored[1])
    assert [line["trial"] for line in table] == ["1", "2", "3", "4"]
    assert [line["state"] for line in table] == [
        "scored", "best", "scored", "failed: the disk is full",
    ]  # fmt: skip
    assert table[1]["validation micro_f1 (95% interval)"] == "0.900 (0.850 to 0.950)"
    assert table[1]["n"] == "9 rows, 7 documents"
    assert table[3]["quantization"] == "awq"
    assert table[3]["validation micro_f1 (95% interval)"] == ""
    assert len({tuple(line) for line in table}) == 1


def test_the_choice_says_what_it_rests_on_and_what_it_does_not_bias(results):
    scored, failed = results
    said = choice_in_words(METRIC, scored, failed, scored[1])
    assert said.startswith("Best of 3 scored trials: trial 2 (rank 8, ")
    assert "quantization awq), micro_f1 0.900 (0.850 to 0.950) on validation rows." in said
    assert "1 trial failed and took no part." in said
    assert "for the chosen trial alone" in said


@pytest.mark.parametrize("count", [1, 3])
def test_the_plot_is_drawn_of_one_trial_and_of_many(results, tmp_path, count):
    scored, _ = results
    write_plot(tmp_path / "axes.png", METRIC, scored[:count], scored[0])
    assert (tmp_path / "axes.png").stat().st_size > 5_000
