import json

import pytest

from configs.data import SyntheticNotes
from configs.errors import EvidenceError
from configs.load import load_task
from configs.named_files import SHIPPED
from evals.engines.completion import Completion, Decoding, prompt_digest
from evals.runner import decoding_of, evaluate, requests_of, score_completions
from finetune.synthetic.generators import generate_rows

TASK = load_task("clinical-notes")
EMPTY = {"medications": [], "problems": [], "allergies": [], "adverse_events": []}


class ScriptedEngine:
    """An engine that answers what the test says, by row id."""

    name = "scripted"

    def __init__(self, texts):
        self.texts = texts
        self.asked = []

    def answer(self, requests, decoding, on_progress=None):
        self.asked.append((list(requests), decoding))
        return [Completion(self.texts[r.id], "stop", 3, 11, 0.25) for r in requests]


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
    assert (first["input_tokens"], first["latency_s"]) == (11, 0.25)
    assert evaluation.metrics[0].name == "micro_f1"


def test_the_engine_is_asked_the_prompt_of_the_task():
    engine = ScriptedEngine(ENGINE.texts)
    run(engine)
    [(requests, decoding)] = engine.asked
    assert requests[1].messages == TASK.messages("text of r2")
    assert decoding == Decoding(max_new_tokens=TASK.max_new_tokens)
    assert requests[1].prompt_digest == prompt_digest(requests[1].messages, decoding)


def test_the_decoding_is_what_the_task_declares():
    task = TASK.model_copy(update={"constrained": True, "stop": ("###",)})
    assert decoding_of(task) == Decoding(
        max_new_tokens=TASK.max_new_tokens, json_schema=TASK.output_schema, stop=("###",)
    )


def test_the_shipped_recording_answers_the_very_prompts_of_the_task():
    lines = (SHIPPED / "recorded" / "smollm2-135m-clinical-notes.jsonl").read_text("utf-8")
    recorded = [json.loads(line) for line in lines.splitlines()]
    data = SyntheticNotes()
    rows = list(generate_rows(data.generator, "test", data.test_documents, data.seed))
    asked = {request.id: request.prompt_digest for request in requests_of(TASK, rows)}
    assert asked == {answer["id"]: answer["prompt_digest"] for answer in recorded}
    assert len(recorded) == 255


def test_answers_given_earlier_are_scored_like_those_asked_now():
    completions = [Completion(ENGINE.texts[r["id"]], "stop", 3, 11, 0.25) for r in ROWS]
    scored = score_completions(
        TASK, ROWS, completions, system="awq", engine="scripted", data_digest="sha256:data"
    )
    assert scored.frame.equals(run().frame)
    assert (scored.metrics, scored.engine) == (run().metrics, "scripted")


def test_an_answer_too_few_is_refused():
    with pytest.raises(EvidenceError, match="expected an answer for each of 2 rows, got 1"):
        score_completions(
            TASK, ROWS, [Completion("{}", "stop", 3)], system="awq", engine="e", data_digest="d"
        )


@pytest.mark.parametrize("name", ["message-triage", "discharge-summary", "guideline-qa"])
def test_tasks_of_every_kind_are_asked_and_scored(name, tmp_path):
    from evals.evaluation import read_evaluation, write_evaluation

    task = load_task(name)
    rows = list(generate_rows(name, "test", 6, 3))
    engine = ScriptedEngine({row["id"]: task.answer(row["target"]) for row in rows})
    evaluation = evaluate(engine, task, rows, system="awq", data_digest="sha256:data")
    assert (evaluation.rows, evaluation.clusters) == (len(rows), 6)
    assert {f"slice.{name}" for name in task.slices} <= set(evaluation.frame.columns)
    write_evaluation(evaluation, tmp_path)
    assert read_evaluation(tmp_path, "awq").metrics == evaluation.metrics


def test_many_rows_that_lack_a_field_are_named_in_part():
    rows = [{k: v for k, v in row(f"r{i}", "d", []).items() if k != "note_type"} for i in range(9)]
    with pytest.raises(EvidenceError, match=r"row r0, r1, r2, r3, r4 and 4 more: .*'note_type'"):
        run(rows=rows)


def test_a_row_that_lacks_what_a_scorer_needs_is_refused():
    rows = [{k: v for k, v in r.items() if k != "key_facts"}
            for r in generate_rows("discharge-summary", "test", 2, 3)]  # fmt: skip
    with pytest.raises(EvidenceError, match="expected field 'key_facts', got none"):
        evaluate(ENGINE, load_task("discharge-summary"), rows, system="s", data_digest="d")


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
