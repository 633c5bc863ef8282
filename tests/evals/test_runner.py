import json

import pytest

from configs.errors import EvidenceError
from configs.load import load_task
from evals.engines.completion import Completion, prompt_digest
from evals.runner import evaluate

TASK = load_task("clinical-notes")
EMPTY = {"medications": [], "problems": [], "allergies": [], "adverse_events": []}


class ScriptedEngine:
    """An engine that answers what the test says, by row id."""

    name = "scripted"

    def __init__(self, texts):
        self.texts = texts
        self.asked = []

    def answer(self, requests, max_new_tokens, on_progress=None):
        self.asked.append((list(requests), max_new_tokens))
        return [Completion(self.texts[r.id], "stop", 3) for r in requests]


def row(row_id, doc_id, problems, **more):
    return {
        "id": row_id, "doc_id": doc_id, "text": f"text of {row_id}", "note_type": "ward",
        "unseen_drug": False, "target": EMPTY | {"problems": problems},
    } | more  # fmt: skip


ROWS = [row("r1", "d1", ["fever"]), row("r2", "d1", ["rash", "cough"], unseen_drug=True)]
ENGINE = ScriptedEngine({"r1": json.dumps(EMPTY | {"problems": ["Fever"]}), "r2": "no idea"})


def run(engine=ENGINE, rows=ROWS):
    return evaluate(engine, TASK, rows, system="awq", data_digest="sha256:data")


def test_every_raw_output_and_score_is_kept():
    evaluation = run()
    assert (evaluation.rows, evaluation.clusters) == (2, 1)
    first, second = evaluation.frame.to_dict(orient="records")
    assert second["raw_output"] == "no idea"
    assert (first["tp"], first["fp"], first["fn"]) == (1, 0, 0)
    assert (second["tp"], second["fp"], second["fn"]) == (0, 0, 2)
    assert (first["exact_match"], second["valid_json"]) == (True, False)
    assert second["fn.problems"] == 2
    assert (first["slice.unseen_drug"], second["slice.unseen_drug"]) == ("False", "True")
    assert (first["cluster"], first["output_tokens"]) == ("d1", 3)


def test_the_engine_is_asked_the_prompt_of_the_task():
    engine = ScriptedEngine(ENGINE.texts)
    run(engine)
    [(requests, max_new_tokens)] = engine.asked
    assert requests[1].messages == TASK.messages("text of r2")
    assert requests[1].prompt_digest == prompt_digest(requests[1].messages, TASK.max_new_tokens)
    assert max_new_tokens == TASK.max_new_tokens


def test_half_a_surrogate_pair_in_an_answer_can_be_stored(tmp_path):
    from evals.evaluation import write_evaluation

    engine = ScriptedEngine({"r1": "bad \ud83d", "r2": ""})
    write_evaluation(run(engine), tmp_path)
    assert run(engine).frame["raw_output"][0] == "bad ?"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "expected rows to evaluate on, got none"),
        ([ROWS[0], ROWS[0]], "row r1: expected a unique id"),
        ([{k: v for k, v in ROWS[0].items() if k != "doc_id"}], "row r1: expected field 'doc_id'"),
        ([{k: v for k, v in ROWS[0].items() if k != "note_type"}], "expected field 'note_type'"),
        ([{k: v for k, v in ROWS[0].items() if k != "id"}], "row 0: expected field 'id'"),
    ],
    ids=["no rows", "repeated id", "no cluster key", "no slice field", "no id"],
)
def test_rows_that_cannot_be_evidence_are_refused_before_anything_is_asked(rows, message):
    engine = ScriptedEngine(ENGINE.texts)
    with pytest.raises(EvidenceError, match=message):
        run(engine, rows)
    assert engine.asked == []
