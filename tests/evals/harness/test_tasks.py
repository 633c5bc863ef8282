"""Finding and loading tasks, and what is said when that fails."""

import datasets
import pytest

from configs.errors import ConfigError, DataError
from evals.harness.tasks import load_harness_task


def test_name_that_is_nearly_right_brings_the_nearest_names():
    with pytest.raises(ConfigError, match=r"nearest are arc_easy.*arc-easy-500|nearest are arc-"):
        load_harness_task("arc-easi-500")


@pytest.mark.parametrize("name", ["arc-easy-500", "pubmedqa-500"])
def test_shipped_task_reads_its_file_below_pawl_data(name, tmp_path, monkeypatch):
    row = '{"question": "Why?", "context": "None.", "choices": ["yes", "no"], "answer": 1}\n'
    for folder in ("arc_easy", "pubmedqa"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "test.jsonl").write_text(row)
    monkeypatch.setenv("PAWL_DATA", str(tmp_path))
    loaded = load_harness_task(name)
    (doc,) = loaded.tasks[name].test_docs()
    assert loaded.tasks[name].doc_to_text(doc).endswith("Question: Why?\nAnswer:")
    assert loaded.tasks[name].doc_to_choice(doc)[loaded.tasks[name].doc_to_target(doc)] == "no"


def test_shipped_task_without_its_file_names_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("PAWL_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"arc_easy/test\.jsonl.*PAWL_DATA"):
        load_harness_task("arc-easy-500")


def test_dataset_that_cannot_be_reached_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    path = tmp_path / "far.yaml"
    path.write_text("task: far\ndataset_path: pawl/there-is-none\ntest_split: test\n")
    with pytest.raises(DataError, match=r"pawl/there-is-none.*Make its dataset reachable"):
        load_harness_task(str(path))


def test_template_that_does_not_fit_the_questions_is_refused(tasks_dir, tmp_path):
    text = (
        (tasks_dir / "part-a.yaml")
        .read_text()
        .replace("doc_to_choice: choices", "doc_to_choice: options")
    )
    (tmp_path / "part-a.yaml").write_text(text)
    (tmp_path / "a.jsonl").write_text((tasks_dir / "a.jsonl").read_text())
    with pytest.raises(DataError, match="or correct the task"):
        load_harness_task(str(tmp_path / "part-a.yaml"))


def test_missing_path_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="found none"):
        load_harness_task(str(tmp_path / "none.yaml"))


@pytest.mark.parametrize("content", ["task: [", "- a list", "neither: task nor group"])
def test_file_that_is_no_task_is_refused(content, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(content)
    with pytest.raises((ConfigError, DataError), match=r"bad\.yaml"):
        load_harness_task(str(path))


def test_directory_with_one_task_is_that_task(tasks_dir, tmp_path):
    for name in ("part-b.yaml", "b.jsonl"):
        (tmp_path / name).write_text((tasks_dir / name).read_text())
    assert load_harness_task(str(tmp_path)).name == "part-b"


def test_directory_with_several_groups_is_refused_with_their_names(tasks_dir, tmp_path):
    with pytest.raises(ConfigError, match=r"by-question, by-task, loose"):
        load_harness_task(str(tasks_dir))
    with pytest.raises(ConfigError, match="found none"):
        load_harness_task(str(tmp_path))


def test_group_without_a_rule_to_put_scores_together_is_refused(tasks_dir):
    with pytest.raises(ConfigError, match=r"part-a, part-b without aggregate_metric_list"):
        load_harness_task(str(tasks_dir / "loose.yaml"))


def test_tag_is_refused_with_its_tasks():
    with pytest.raises(ConfigError, match="a tag that stands for arc_challenge, arc_easy"):
        load_harness_task("ai2_arc")
