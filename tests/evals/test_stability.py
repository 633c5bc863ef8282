import dataclasses
import json

import numpy as np
import pytest
from scipy.stats import hypergeom

from configs.data import SyntheticNotes
from configs.errors import EngineError, EvidenceError
from configs.load import load_task
from configs.named_files import SHIPPED
from evals.engines.completion import Completion
from evals.engines.local import LocalEngine
from evals.runner import evaluate
from evals.stability import ask_again, ask_and_compare, compare, draw_rows
from evals.stats.estimates import share_bounds
from finetune.synthetic.generators import generate_rows

TASK = load_task("clinical-notes")
EMPTY = {"medications": [], "problems": [], "allergies": [], "adverse_events": []}
RIGHT = json.dumps(EMPTY | {"problems": ["fever"]})
WRONG = json.dumps(EMPTY | {"problems": ["rash"]})


def rows_of(count, per_document=2):
    return [
        {
            "id": f"r{n:03}", "doc_id": f"d{n // per_document:03}", "text": f"text {n}",
            "note_type": "ward", "unseen_drug": False, "target": EMPTY | {"problems": ["fever"]},
        }
        for n in range(count)
    ]  # fmt: skip


ROWS = rows_of(60)


class SteadyEngine:
    """Answers each row the same whatever stands around it."""

    name = "steady"

    def answer(self, requests, decoding, on_progress=None):
        return [Completion(RIGHT, "stop", 3) for _ in requests]


class BatchDependentEngine:
    """Answers in batches, and the last row of every batch wrongly, as a server may whose arithmetic
    depends on the size of a batch."""

    name = "batch-dependent"

    def __init__(self, batch_size):
        self.batch_size = batch_size

    def answer(self, requests, decoding, on_progress=None):
        last = len(requests) - 1
        return [
            Completion(WRONG if n == last or (n + 1) % self.batch_size == 0 else RIGHT, "stop", 3)
            for n in range(len(requests))
        ]


class FailingEngine:
    """Answers nothing, as an endpoint that is gone the second time."""

    name = "failing"

    def answer(self, requests, decoding, on_progress=None):
        raise EngineError("http://localhost:1", "expected an answer, got none", "Start it.")


def first_of(engine, rows=ROWS, task=TASK):
    return evaluate(engine, task, rows, system="awq", data_digest="sha256:data")


def asked_twice(first_engine, second_engine, sample=40, rows=ROWS, task=TASK, **more):
    first = first_of(first_engine, rows, task)
    return ask_and_compare(second_engine, task, rows, first, sample=sample, seed=17, **more)[1]


def test_an_engine_that_always_answers_the_same_changes_nothing():
    found = asked_twice(SteadyEngine(), SteadyEngine())
    assert (found.rows, found.of_rows, found.changed, found.share) == (40, 60, (), 0.0)
    assert found.low == 0.0
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 40))
    moved = found.moved[0]
    assert (moved.metric, moved.first, moved.again, moved.moved) == ("micro_f1", 1.0, 1.0, 0.0)
    assert moved.low < 0 < moved.high


def test_answers_that_depend_on_the_batch_are_counted_and_named_with_what_they_moved():
    first = first_of(BatchDependentEngine(60))
    engine = BatchDependentEngine(4)
    again, found = ask_and_compare(
        engine, TASK, ROWS, first, sample=40, seed=17, batch_sizes=(60, 4)
    )  # fmt: skip
    before = dict(zip(first.frame["id"], first.frame["raw_output"], strict=True))
    after = zip(again.frame["id"], again.frame["raw_output"], strict=True)
    changed = sorted(id for id, text in after if text != before[id])
    assert [row.id for row in found.changed] == changed
    assert len(changed) in (10, 11)
    assert found.low < len(changed) / 40 < found.high
    assert "micro_f1" in found.changed[0].metrics and "exact_match" in found.changed[0].metrics
    assert "valid_json" not in found.changed[0].metrics
    assert found.of("micro_f1").moved == pytest.approx(
        found.of("micro_f1").again - found.of("micro_f1").first
    )
    assert found.of("micro_f1").moved < 0
    assert found.of("valid_json").moved == 0
    assert found.of("nonsense") is None
    assert found.batch_sizes == (60, 4)


def test_rows_are_asked_in_another_order_and_only_once_each():
    asked = []

    class Listening(SteadyEngine):
        def answer(self, requests, decoding, on_progress=None):
            asked.extend(request.id for request in requests)
            return super().answer(requests, decoding, on_progress)

    ask_again(Listening(), TASK, ROWS, first_of(SteadyEngine()), sample=60, seed=17)
    assert sorted(asked) == [row["id"] for row in ROWS] != asked


def test_more_rows_than_there_are_means_all():
    found = asked_twice(SteadyEngine(), SteadyEngine(), sample=1000)
    assert (found.rows, found.of_rows, found.clusters) == (60, 60, 30)


def test_the_sample_depends_on_the_seed_and_not_on_the_order_of_rows():
    ids = [row["id"] for row in ROWS]
    assert draw_rows(ids, 10, 17) == draw_rows(ids[::-1], 10, 17)
    assert draw_rows(ids, 10, 17) != draw_rows(ids, 10, 18)
    assert len(set(draw_rows(ids, 10, 17))) == 10


def test_the_interval_covers_where_one_document_holds_most_rows_and_all_that_changes():
    # 40 of 100 rows are one document's, and its answers are those that change.
    changes, rows, sample = 40, 100, 40
    counts = np.arange(sample + 1)
    chance = hypergeom(rows, changes, sample).pmf(counts)
    high = np.array([share_bounds(count, sample, 0.05)[1] for count in counts])
    low = np.array([share_bounds(count, sample, 0.05)[0] for count in counts])
    assert chance[high < changes / rows].sum() <= 0.05
    assert chance[low > changes / rows].sum() <= 0.05


def test_white_space_at_the_ends_is_no_change():
    first = first_of(SteadyEngine())
    padded = dataclasses.replace(
        first, frame=first.frame.assign(raw_output=first.frame["raw_output"] + " \n")
    )
    assert compare(first, padded, seconds=0.0).changed == ()


def test_texts_are_kept_only_where_the_task_allows():
    hidden = TASK.model_copy(update={"show_text": False})
    shown = TASK.model_copy(update={"show_text": True})
    pair = BatchDependentEngine(60), BatchDependentEngine(4)
    assert {(r.first, r.again) for r in asked_twice(*pair, task=hidden).changed} == {(None, None)}
    assert {r.again for r in asked_twice(*pair, task=shown).changed} <= {RIGHT, WRONG}


def test_an_engine_that_fails_the_second_time_is_named():
    with pytest.raises(EngineError, match="awq, asked again: http://localhost:1: expected an answ"):
        ask_again(FailingEngine(), TASK, ROWS, first_of(SteadyEngine()), sample=5, seed=17)


def test_rows_that_are_not_those_of_the_evaluation_are_refused():
    first = first_of(SteadyEngine())
    with pytest.raises(EvidenceError, match="expected the rows that were asked before, got none"):
        ask_again(SteadyEngine(), TASK, rows_of(3), first, sample=60, seed=17)
    other = dataclasses.replace(first, data_digest="sha256:other")
    with pytest.raises(EvidenceError, match="awq, asked again: expected second answers to rows of"):
        compare(first, other, seconds=0.0)
    prompts = dataclasses.replace(first, frame=first.frame.assign(prompt_digest="sha256:other"))
    with pytest.raises(EvidenceError, match="same prompts, got others for 60 rows: r000, r001"):
        compare(first, prompts, seconds=0.0)


def test_no_rows_to_ask_again_is_a_mistake():
    with pytest.raises(ValueError, match="at least one row"):
        ask_again(SteadyEngine(), TASK, ROWS, first_of(SteadyEngine()), sample=0, seed=17)


def test_local_weights_in_float32_answer_the_same_in_other_batches():
    task = TASK.model_copy(update={"max_new_tokens": 16})
    rows = list(generate_rows(SyntheticNotes().generator, "test", 12, 17))
    engine = LocalEngine(SHIPPED / "models" / "tiny-clinical", "tiny", 8, "float32")
    first = evaluate(engine, task, rows, system="base", data_digest="sha256:data")
    other = engine.in_batches_of(2)
    assert (other.batch_size, engine.batch_size) == (2, 8)
    _, found = ask_and_compare(other, task, rows, first, sample=9, seed=17, batch_sizes=(8, 2))
    assert (found.rows, found.of_rows, found.changed) == (9, len(rows), ())
    assert first.frame["raw_output"].nunique() > 3  # else the same answer would say little
