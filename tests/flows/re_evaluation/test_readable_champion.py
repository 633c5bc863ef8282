"""A champion whose answers nobody can read stops the run before it trains, and is asked once."""

import json
import shutil

import pytest

from configs.errors import EvidenceError
from configs.lifecycle import LifecycleConfig
from configs.load import load_task
from evals.runner import requests_of
from finetune.synthetic.generators import generate_rows
from registry.alias_ledger import read_ledger
from tests.flows.re_evaluation.conftest import TINY, nudge

DOCUMENTS = 8


@pytest.fixture
def unreadable_champion(workplace, tmp_path):
    """A lifecycle without rules for its baseline's answers, whose champion answers in prose."""
    weights = shutil.copytree(TINY, tmp_path / "weights")
    nudge(weights, 0.1)
    workplace.champion(documents=DOCUMENTS, weights=weights)
    recipe = workplace.recipe(documents=DOCUMENTS).model_dump(mode="json")
    # Answers of the tiny base are no JSON; a recording of right ones stands for a good baseline.
    recipe["baseline"] = {
        "kind": "recorded",
        "model": "right",
        "path": str(tmp_path / "right.jsonl"),
    }
    recipe["gate"]["readable_references"] = {"action": "refuse"}
    return recipe


@pytest.fixture
def record_right_answers(tmp_path):
    """Write the right answer to every test row where the recipe's baseline looks for it."""

    def write(recipe):
        task = load_task(recipe["task"])
        rows = list(generate_rows("clinical-notes", "test", DOCUMENTS, recipe["seed"]))
        lines = [
            {"id": asked.id, "prompt_digest": asked.prompt_digest,
             "output": task.answer(row["target"])}
            for asked, row in zip(requests_of(task, rows), rows, strict=True)
        ]  # fmt: skip
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (tmp_path / "right.jsonl").write_text(text)

    return write


def entries(home, step):
    return list((home / "cache" / step).glob("[0-9a-f]*/step.json"))


def test_it_stops_the_run_before_training(
    unreadable_champion, workplace, on_prefect, record_right_answers
):
    from flows.lifecycle import lifecycle

    record_right_answers(unreadable_champion)
    with pytest.raises(EvidenceError) as caught:
        lifecycle(LifecycleConfig.model_validate(unreadable_champion))
    assert "answers of champion to clinical-notes: expected at least 50%" in str(caught.value)
    assert entries(workplace.home, "fine-tune") == []
    assert len(entries(workplace.home, "evaluate")) == 2


def test_where_a_warning_is_enough_it_is_asked_once_and_the_reasons_say_so(
    unreadable_champion, workplace, on_prefect, record_right_answers
):
    from flows.lifecycle import lifecycle

    record_right_answers(unreadable_champion)
    unreadable_champion["gate"]["readable_references"] = {"action": "warn"}
    summary = lifecycle(LifecycleConfig.model_validate(unreadable_champion))
    assert any(r.startswith("Of the answers of champion only ") for r in summary.reasons)
    # Baseline, champion, base and the fine-tuned model: the champion's answers served twice.
    assert len(entries(workplace.home, "evaluate")) == 4
    assert read_ledger(workplace.store, "notes", "champion").version == 1
