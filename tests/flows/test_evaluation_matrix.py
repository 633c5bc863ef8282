"""Evaluation matrices of real tiny weights on a real Prefect server."""

import shutil

import pytest
from prefect import flow

from configs.errors import EvidenceError
from configs.evaluation_matrix import MatrixConfig
from configs.named_files import SHIPPED
from flows.console import print_matrix
from flows.evaluation_matrix import run_matrix
from registry.store import ModelStore
from tests.flows.re_evaluation.conftest import TINY, nudge, on_prefect, workplace  # noqa: F401

FEW = {
    "kind": "synthetic", "generator": "clinical-notes", "train_documents": 1,
    "validation_documents": 1, "test_documents": 3,
}  # fmt: skip
TRIAGE = FEW | {"generator": "message-triage"}


@pytest.fixture
def asked(workplace, on_prefect):  # noqa: F811
    """Run a matrix over candidates by name; returns its summary."""
    run = flow(name="test of a matrix")(run_matrix)

    def ask(sources, tasks=(("clinical-notes", FEW),)):
        return run(
            MatrixConfig(
                name="test",
                candidates=[{"name": name, "source": source} for name, source in sources.items()],
                tasks=[{"task": task, "data": data} for task, data in tasks],
            )
        )

    return ask


def by_cell(summary):
    return {(cell.candidate, cell.task): cell.outcome for cell in summary.cells}


def test_only_what_changed_is_done_again_and_a_failure_stops_no_other_cell(
    asked,
    workplace,  # noqa: F811
    capsys,
):
    directory = workplace.directory / "mine"
    shutil.copytree(TINY, directory)
    sources = {"shipped": "pawl://tiny-clinical", "mine": f"file://{directory}"}
    first = asked(sources | {"gone": "file:///nowhere"})
    assert by_cell(first) == {
        ("shipped", "clinical-notes"): "done",
        ("mine", "clinical-notes"): "done",  # the same bytes: asked once, and shared
        ("gone", "clinical-notes"): "failed",
    }
    assert "gone on clinical-notes: file:///nowhere: expected a directory" in first.sentence
    assert "| shipped |" in first.markdown and "9 rows" not in first.markdown
    print_matrix(first)
    printed = capsys.readouterr().out
    assert "3 cells: 2 done" in printed and "failed" in printed and "skipped" not in printed
    [stored] = (workplace.home / "cache" / "evaluate").iterdir()
    assert stored.is_dir()

    nudge(directory, 0.05)
    second = asked(sources, (("clinical-notes", FEW), ("message-triage", TRIAGE)))
    assert by_cell(second) == {
        ("shipped", "clinical-notes"): "reused",
        ("mine", "clinical-notes"): "done",
        ("shipped", "message-triage"): "done",
        ("mine", "message-triage"): "done",
    }

    third = asked(sources, (("clinical-notes", FEW), ("message-triage", TRIAGE)))
    assert set(by_cell(third).values()) == {"reused"}
    assert third.mlflow_run == second.mlflow_run != first.mlflow_run
    store = ModelStore(workplace.store.tracking_uri, workplace.home / "mlartifacts")
    assert store.attached_names(third.mlflow_run) == {"matrix.json", "matrix.md"}


def test_a_task_that_is_not_there_fails_its_column_alone_and_then_the_run(workplace, on_prefect):  # noqa: F811
    from flows.deployed.evaluate_matrix import evaluate_matrix
    from flows.requests.evaluate_matrix import EvaluateMatrixRequest

    matrix = {
        "name": "test", "candidates": [{"name": "shipped", "source": "pawl://tiny-clinical"}],
        "tasks": [{"task": "clinical-notes", "data": FEW}, "no-such-task"],
    }  # fmt: skip
    request = EvaluateMatrixRequest.model_validate({"matrix": matrix})
    state = evaluate_matrix(request, return_state=True)
    error = state.result(raise_on_failure=False)
    assert isinstance(error, EvidenceError)
    assert "2 cells: 1 done" in str(error) and "shipped on no-such-task: no-such-task" in str(error)


def test_weights_that_cannot_be_loaded_fail_their_cells_alone(asked, workplace):  # noqa: F811
    directory = workplace.directory / "broken"
    shutil.copytree(TINY, directory)
    (directory / "model.safetensors").write_bytes(b"not a checkpoint")
    summary = asked({"broken": f"file://{directory}", "shipped": "pawl://tiny-clinical"})
    assert by_cell(summary) == {
        ("broken", "clinical-notes"): "failed",
        ("shipped", "clinical-notes"): "done",
    }


def test_the_shipped_matrix_is_of_weights_and_tasks_that_ship():
    from configs.evaluation_matrix import load_matrix
    from configs.load import load_task

    matrix = load_matrix("tiny")
    assert [load_task(column.task).name for column in matrix.tasks]
    assert (SHIPPED / "models" / matrix.candidates[0].source.removeprefix("pawl://")).is_dir()
