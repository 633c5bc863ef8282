import pytest

from flows.matrix_summary import metric_key


@pytest.mark.parametrize(
    "task",
    ["clinical-notes", "/data/tasks/mine.yaml", "../tasks/mine.yaml", "./mine (2).yaml", "x" * 400],
)
def test_mlflow_takes_the_metrics_of_a_task_by_name_and_by_path(task):
    from mlflow.utils.validation import _validate_length_limit, _validate_metric_name

    key = metric_key(task, "awq", "micro_f1")
    _validate_metric_name(key)
    _validate_length_limit("metric", 250, key)
    assert key.endswith("awq/micro_f1")


def test_tasks_of_one_file_name_keep_apart():
    keys = {metric_key(task, "awq", "f1") for task in ("/a/mine.yaml", "/b/mine.yaml")}
    assert keys == {"a/mine.yaml/awq/f1", "b/mine.yaml/awq/f1"}
