from pathlib import Path

from flows import console
from flows.approval_page import approval_markdown, question_markdown
from flows.lifecycle_summary import LifecycleSummary
from registry.approvals import Standing

WAITING = Standing(
    status="waiting", missing="1 more approval is needed, by grace", requested_by=("ada",),
    expires_ms=3_600_000,
)  # fmt: skip


def test_the_question_has_what_one_must_know_to_answer():
    text = question_markdown(
        "notes",
        3,
        WAITING,
        ["f1 holds"],
        ["system", "f1", "valid", "n"],
        [["awq", "0.9 (0.8 to 1.0)", "", "200 rows"]],
        "it was empty",
    )
    for said in ("**Your last answer did not count: it was empty.**", "Make notes version 3 champion?",
                 "- f1 holds", "- **awq**: f1 0.9 (0.8 to 1.0); n 200 rows\n", "by ada", "by grace", "1970-01-01T01:00:00Z"):  # fmt: skip
        assert said in text
    assert "last answer" not in question_markdown("notes", 3, WAITING, ["r"], ["s"], [["a"]])


def test_the_artifact_says_where_it_stands_and_how_to_answer():
    text = approval_markdown("notes", 3, WAITING, "grace approved already")
    assert text.startswith("## Waiting for approval: notes version 3")
    assert "did not count: grace approved already" in text
    assert "`pawl approve notes 3`" in text


def test_a_settled_approval_asks_for_no_answer():
    done = WAITING.model_copy(update={"status": "expired", "missing": "the time is over"})
    assert "pawl approve" not in approval_markdown("notes", 3, done)


def test_the_terminal_shows_an_outcome_that_is_not_the_gates(capsys):
    summary = LifecycleSummary(
        lifecycle="notes", outcome="awaiting approval", registry="`pawl approve notes 3`.",
        reasons=["it holds"], score_header=["system"], score_rows=[["awq"]], steps=[],
        report=Path("report"), pin=None,
    )  # fmt: skip
    console.print_summary(summary)
    printed = capsys.readouterr().out
    assert "Outcome: awaiting approval" in printed
    assert "`pawl approve notes 3`" in printed
