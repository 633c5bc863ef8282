import json

import pytest

from configs.errors import EngineError
from evals.engines.completion import Decoding, Request
from evals.engines.recorded import RecordedEngine, write_recording

FREE = Decoding(max_new_tokens=16)
REQUESTS = [
    Request("r1", [{"role": "user", "content": "one"}], "sha256:1"),
    Request("r2", [{"role": "user", "content": "two"}], "sha256:2"),
]


def recording(path, *rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return RecordedEngine(path, "a 70B model")


def answer(row_id, digest, output="{}", **more):
    return {"id": row_id, "prompt_digest": digest, "output": output, **more}


def test_answers_come_in_the_order_asked(tmp_path):
    engine = recording(
        tmp_path / "r.jsonl",
        answer("r2", "sha256:2", "second", finish_reason="length", output_tokens=7),
        answer("r1", "sha256:1", "first"),
    )
    progress = []
    answers = engine.answer(REQUESTS, FREE, lambda done, total: progress.append((done, total)))
    assert [a.text for a in answers] == ["first", "second"]
    assert [a.finish_reason for a in answers] == ["stop", "length"]
    assert progress[-1] == (2, 2)


def test_unusual_line_separators_inside_an_answer_do_not_end_its_line(tmp_path):
    engine = recording(tmp_path / "r.jsonl", answer("r1", "sha256:1", "a\u2028b\x85c"))
    assert engine.answer(REQUESTS[:1], FREE)[0].text == "a\u2028b\x85c"


def test_an_answer_to_another_prompt_is_refused_naming_file_and_row(tmp_path):
    engine = recording(tmp_path / "r.jsonl", answer("r1", "sha256:1"), answer("r2", "sha256:other"))
    with pytest.raises(EngineError, match=r"r\.jsonl: row r2: expected an answer to this prompt"):
        engine.answer(REQUESTS, FREE)


def test_missing_rows_are_counted_and_named(tmp_path):
    engine = recording(tmp_path / "r.jsonl", answer("r2", "sha256:2"))
    with pytest.raises(EngineError, match="none for 1 of 2, first 'r1'"):
        engine.answer(REQUESTS, FREE)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("not json", "line 2: expected a recorded answer"),
        ('{"id": "r2", "prompt_digest": "sha256:2"}', "line 2: expected a recorded answer"),
        ('{"id": "r1", "prompt_digest": "sha256:1", "output": ""}', "got row 'r1' again"),
    ],
    ids=["not JSON", "no output", "repeated id"],
)
def test_a_bad_line_is_named(tmp_path, line, message):
    path = tmp_path / "r.jsonl"
    path.write_text(json.dumps(answer("r1", "sha256:1")) + "\n" + line + "\n")
    with pytest.raises(EngineError, match=message):
        RecordedEngine(path, "m").answer(REQUESTS, FREE)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(EngineError, match=r"none\.jsonl: expected a readable recording"):
        RecordedEngine(tmp_path / "none.jsonl", "m").answer(REQUESTS, FREE)


def test_a_recorded_evaluation_replays_to_the_same_evaluation(tmp_path):
    import pandas as pd

    from configs.load import load_task
    from evals.engines.completion import Completion
    from evals.runner import evaluate

    class Parrot:
        name = "parrot"

        def answer(self, requests, decoding, on_progress=None):
            return [
                Completion(f'{{"problems": ["{r.id}"]}}\u2028', "length", 9, 7, 0.5)
                for r in requests
            ]

    empty = {"medications": [], "problems": [], "allergies": [], "adverse_events": []}
    rows = [
        {"id": f"r{i}", "doc_id": "d", "text": f"t{i}", "note_type": "w", "unseen_drug": 0,
         "target": empty | {"problems": ["r1"]}}
        for i in range(3)
    ]  # fmt: skip
    task = load_task("clinical-notes")
    first = evaluate(Parrot(), task, rows, system="baseline", data_digest="sha256:d")
    write_recording(tmp_path / "r.jsonl", first)
    engine = RecordedEngine(tmp_path / "r.jsonl", "parrot")
    again = evaluate(engine, task, rows[::-1], system="baseline", data_digest="sha256:d")
    pd.testing.assert_frame_equal(again.frame[::-1].reset_index(drop=True), first.frame)
