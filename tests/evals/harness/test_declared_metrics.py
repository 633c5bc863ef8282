import subprocess
import sys

import pytest

from configs.errors import ConfigError
from configs.gate_policy import Comparison, Floor, GateConfig, PooledGuard
from configs.harness import HarnessTask
from evals.harness.declared_metrics import declared_metrics, require_declared_metrics

MAIN = Comparison(metric="micro_f1", margin=0.05)
TASK = """
task: mine
output_type: generate_until
metric_list:
  - metric: exact_match
  - metric: f1
"""


@pytest.mark.parametrize(
    ("task", "metrics"),
    [
        ("note-reading", ("acc",)),
        ("arc-easy-500", ("acc", "acc_norm")),
        ("pubmedqa-500", ("acc",)),
        ("hellaswag", None),
        ("no/such/file.yaml", None),
    ],
)
def test_metrics_of_shipped_tasks_are_read_and_those_of_lm_eval_left_open(task, metrics):
    assert declared_metrics(task) == metrics


@pytest.mark.parametrize(
    ("more", "metrics"),
    [
        ("", ("exact_match", "f1")),
        ("filter_list:\n  - name: strict\n", ("exact_match", "f1")),
        (
            "filter_list:\n  - name: strict\n  - name: lax\n",
            ("exact_match.strict", "f1.strict", "exact_match.lax", "f1.lax"),
        ),
        ("process_results: !function scoring.results\n", None),
        ("group: many\n", None),
        ("metric_list: []\n", None),
        ("metric_list: [\n", None),
    ],
)
def test_metrics_of_a_local_task_follow_its_filters_and_are_open_where_it_makes_them_up(
    tmp_path, more, metrics
):
    (tmp_path / "mine.yaml").write_text(TASK + more)
    assert declared_metrics(str(tmp_path / "mine.yaml")) == metrics


def test_a_task_has_the_metrics_of_what_it_includes(tmp_path):
    (tmp_path / "base.yaml").write_text(TASK)
    (tmp_path / "mine.yaml").write_text("include: base.yaml\ntask: other\n")
    assert declared_metrics(str(tmp_path / "mine.yaml")) == ("exact_match", "f1")


def test_every_rule_on_a_metric_that_is_not_measured_is_named_at_once():
    policy = GateConfig(
        comparisons=(
            MAIN,
            Comparison(metric="f1", margin=0.1, task="note-reading", references=("base",)),
        ),
        floors=(Floor(metric="em", minimum=0.5, task="arc-easy-500"),),
        guards=(PooledGuard(metric="acc_norm"),),
    )
    tasks = (HarnessTask(task="note-reading"), HarnessTask(task="arc-easy-500"))
    with pytest.raises(ConfigError) as refused:
        require_declared_metrics(policy, tasks)
    message = str(refused.value)
    assert "gate.comparisons: expected one of the metrics acc of note-reading, got 'f1'" in message
    assert "gate.guards: expected one of the metrics acc of note-reading, got 'acc_norm'" in message
    assert (
        "gate.floors: expected one of the metrics acc, acc_norm of arc-easy-500, got 'em'"
        in message
    )


def test_rules_on_metrics_that_are_measured_or_not_known_yet_pass():
    policy = GateConfig(comparisons=(MAIN,), guards=(PooledGuard(metric="acc"), PooledGuard()))
    tasks = ("note-reading", "arc-easy-500", "hellaswag")
    require_declared_metrics(policy, [HarnessTask(task=task) for task in tasks])


def test_tasks_that_the_rule_leaves_out_may_measure_something_else():
    policy = GateConfig(
        comparisons=(MAIN,), guards=(PooledGuard(metric="acc_norm", tasks=("arc-easy-500",)),)
    )
    tasks = (HarnessTask(task="note-reading"), HarnessTask(task="arc-easy-500"))
    require_declared_metrics(policy, tasks)


def test_a_metric_that_the_task_itself_is_asked_for_is_looked_at_too():
    policy = GateConfig(comparisons=(MAIN,))
    with pytest.raises(ConfigError, match=r"guard_tasks\.metric: expected one of the metrics acc "):
        require_declared_metrics(policy, [HarnessTask(task="note-reading", metric="acc_norm")])


def test_looking_does_not_import_lm_eval():
    code = (
        "import sys; from evals.harness.declared_metrics import declared_metrics; "
        "declared_metrics('note-reading'); sys.exit('lm_eval' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
