"""Served prompts against the test rows of a champion's recipe."""

import json

import pytest

from finetune.synthetic.notes import synthetic_rows
from registry.confirmations import last_traffic_look


@pytest.fixture
def sample_of(tmp_path):
    """A file of served prompts: notes as they were, or all about something else."""

    def write(kind, documents=60):
        rows = synthetic_rows("test", documents, seed=99)
        texts = [row["text"] for row in rows]
        if kind == "other":
            texts = [
                f"invoice {n} for garden chairs and 3 parasols, paid" for n in range(documents)
            ]
        path = tmp_path / f"{kind}.jsonl"
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        return path

    return write


def test_traffic_like_the_test_rows_is_no_drift(workplace, pawl, sample_of, monkeypatch):
    monkeypatch.setenv("PAWL_HOME", str(workplace.home))
    workplace.champion(documents=60)
    printed = pawl("drift", "notes", sample_of("alike"))
    assert printed.code == 0, printed.out + printed.err
    assert "The test rows stand for the traffic." in printed.out
    assert "the served traffic" in printed.out
    assert not last_traffic_look(workplace.store, "notes").drifted


def test_other_traffic_makes_the_evidence_stale_until_it_is_alike_again(
    workplace, pawl, sample_of, monkeypatch
):
    monkeypatch.setenv("PAWL_HOME", str(workplace.home))
    workplace.champion(documents=60)
    printed = pawl("drift", "notes", sample_of("other"), "--actor", "ada")
    assert printed.code == 3, printed.out + printed.err
    assert "run `pawl re-evaluate notes`" in printed.out
    assert "stale: the served traffic differs from the test rows: " in pawl("status").out
    pawl("drift", "notes", sample_of("alike"))
    assert "stale" not in pawl("status").out


def test_a_sample_without_the_prompts_fields_is_named(workplace, pawl, tmp_path, monkeypatch):
    monkeypatch.setenv("PAWL_HOME", str(workplace.home))
    workplace.champion()
    path = tmp_path / "sample.jsonl"
    path.write_text('{"body": "a note"}\n')
    printed = pawl("drift", "notes", path)
    assert printed.code == 1
    assert "served 1 without text" in printed.err


def test_a_model_without_a_champion_has_no_traffic(workplace, pawl, tmp_path):
    printed = pawl("drift", "letters", tmp_path / "sample.jsonl")
    assert printed.code == 1
    assert "expected a registered model with a champion, got none" in printed.err
