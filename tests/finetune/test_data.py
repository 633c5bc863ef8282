import json

import pytest

from configs.errors import DataError
from configs.load import load_task
from finetune.data import Row, read_rows, write_rows

TASK = load_task("clinical-notes")
EMPTY = {"medications": [], "problems": [], "allergies": [], "adverse_events": []}
# Characters that `str.splitlines` breaks at, and JSON allows in a string as they are.
LINE_LIKE = ["\u2028", "\u2029", "\x85"]


def row(row_id, **changed):
    return {"id": row_id, "doc_id": "d1", "text": "A note.", "target": EMPTY} | changed


def write(path, *rows):
    path.write_text("".join(f"{json.dumps(r, ensure_ascii=False)}\n" for r in rows), "utf-8")
    return path


def refusal(path, skip_bad_rows=False):
    with pytest.raises(DataError) as raised:
        read_rows(path, TASK, skip_bad_rows)
    return str(raised.value).replace(str(path), "FILE")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "train.jsonl"


def test_rows_come_back_as_they_were_written(path):
    rows = [
        Row("r1", "d1", "É\u2028a\nb\x85c", EMPTY, {"ward": 3, "unseen": True}),
        Row("r2", "d1", "x", EMPTY | {"problems": ["gout"]}),
    ]
    write_rows(rows, path)
    assert read_rows(path, TASK, False).rows == tuple(rows)


def test_the_same_rows_give_the_same_bytes(path, tmp_path):
    one = Row("r1", "d1", "x", EMPTY, {"b": 1, "a": 2})
    other = Row("r1", "d1", "x", dict(reversed(EMPTY.items())), {"a": 2, "b": 1})
    write_rows([one], path)
    write_rows([other], tmp_path / "other.jsonl")
    assert path.read_bytes() == (tmp_path / "other.jsonl").read_bytes()


@pytest.mark.parametrize("character", LINE_LIKE, ids=ascii)
def test_a_line_ends_at_a_newline_only(path, character):
    text = f"before{character}after"
    write(path, row("r1", text=text), row("r2"))
    assert character in path.read_text("utf-8")
    read = read_rows(path, TASK, False)
    assert [r.text for r in read.rows] == [text, "A note."]


def test_a_line_like_character_does_not_shift_line_numbers(path):
    write(path, row("r1", text="a\u2028b"), row("r2", text=""))
    assert "FILE line 2, text: expected a non-empty string" in refusal(path)


def test_lines_may_end_as_on_windows_and_be_blank(path):
    path.write_bytes(f"{json.dumps(row('r1'))}\r\n\r\n{json.dumps(row('r2'))}".encode())
    assert [r.id for r in read_rows(path, TASK, False).rows] == ["r1", "r2"]


def test_a_missing_file_is_named(path):
    assert refusal(path) == "FILE: expected a file, found none. Check the path."


@pytest.mark.parametrize("content", ["", "\n \n"], ids=["empty", "blank"])
def test_a_file_without_rows_is_refused(path, content):
    path.write_text(content)
    assert refusal(path).startswith("FILE: expected at least one usable row, got none (0 bad)")


def test_a_file_of_bad_rows_only_is_refused_even_when_bad_rows_are_skipped(path):
    write(path, row("r1", text=""), row("r2", text=""))
    assert "got none (2 bad)" in refusal(path, skip_bad_rows=True)


def test_a_file_that_is_not_utf8_is_refused(path):
    path.write_bytes(json.dumps(row("r1", text="É"), ensure_ascii=False).encode("latin-1"))
    assert refusal(path).startswith("FILE: expected readable UTF-8, got: 'utf-8' codec can't")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "r2",}', "(line): expected one JSON object, got invalid JSON: "),
        ("{'id': 1}", "at column 2"),
        ('["r2"]', "(line): expected one JSON object, got list"),
        (json.dumps(row("r2", id=7)), "id: expected a non-empty string, got 7"),
        (json.dumps(row("r2", doc_id=" ")), "doc_id: expected a non-empty string, got ' '"),
        (json.dumps({"id": "r2", "doc_id": "d"}), "text: expected a non-empty string, got None"),
        (json.dumps(row("r2", target="[]")), "target: expected an object, got '[]'"),
        (json.dumps(row("r2", text="\ud83d")), "(line): expected Unicode text, got half of a surr"),
        (json.dumps(row("r2", weight=float("nan"))), "NaN is no JSON number"),
        ("[" * 100_000, "(line): expected one JSON object, got invalid JSON: "),
    ],
    ids=[
        "comma", "quotes", "list", "number as id", "blank doc_id", "no text", "text as target",
        "half a surrogate pair", "NaN", "endless nesting",
    ],
)  # fmt: skip
def test_a_line_that_is_no_row_is_named_by_file_line_and_field(path, line, message):
    path.write_text(f"{json.dumps(row('r1'))}\n{line}\n")
    text = refusal(path)
    assert text.startswith("FILE: 1 bad rows\n  - FILE line 2, ")
    assert message in text
    assert text.endswith("Correct the rows, or leave them out with --skip-bad-rows.")


def test_a_row_that_breaks_the_schema_is_named_by_file_line_and_field(path):
    drug = {"name": "aspirin", "dose": "75 mg", "route": "by mouth"}
    write(path, row("r1"), row("r2", target=EMPTY | {"medications": [drug]}))
    assert "- FILE line 2, target.medications[0].route: 'by mouth' is not one of" in refusal(path)


def test_a_target_with_a_field_missing_or_too_many_is_refused(path):
    incomplete = {key: value for key, value in EMPTY.items() if key != "problems"}
    write(path, row("r1", target=incomplete), row("r2", target=EMPTY | {"weight": []}))
    text = refusal(path)
    assert "FILE line 1, target: 'problems' is a required property" in text
    assert "FILE line 2, target: Additional properties are not allowed ('weight'" in text


def test_the_first_ten_bad_rows_are_shown_and_the_others_counted(path):
    write(path, *(row(f"r{i}", text="") for i in range(13)))
    text = refusal(path)
    assert text.startswith("FILE: 13 bad rows\n")
    assert text.count("  - FILE line ") == 10
    assert "\n  and 3 more. " in text


def test_bad_rows_are_skipped_on_request_counted_and_listed(path):
    write(path, row("r1"), row("r2", text=""), row("r3"), row("r4", target={}))
    read = read_rows(path, TASK, skip_bad_rows=True)
    assert [r.id for r in read.rows] == ["r1", "r3"]
    assert [(bad.line, bad.field) for bad in read.bad_rows] == [(2, "text"), (4, "target")]
    assert str(read.bad_rows[0]).startswith(f"{path} line 2, text: expected a non-empty string")


@pytest.mark.parametrize("skip_bad_rows", [False, True])
def test_an_id_that_repeats_is_refused_with_both_lines(path, skip_bad_rows):
    write(path, row("r1"), row("r2"), row("r1"))
    text = refusal(path, skip_bad_rows)
    assert "FILE line 3, id: expected a unique id, got 'r1' again (first on line 1)" in text


def test_further_fields_are_kept_for_slices(path):
    write(path, row("r1", note_type="ward"))
    [read] = read_rows(path, TASK, False).rows
    assert read.extra == {"note_type": "ward"}
    assert read.as_dict() == row("r1", note_type="ward")


TRIAGE, SUMMARY, QA = map(load_task, ("message-triage", "discharge-summary", "guideline-qa"))
PASSAGES = [{"id": "P1", "text": "Start at 5 mg."}]
QUESTION = {"id": "r1", "doc_id": "d1", "question": "Which dose?", "context": PASSAGES,
            "target": {"answer": "5 mg", "citation": "P1"}}  # fmt: skip


@pytest.mark.parametrize(
    ("task", "content"),
    [
        (TRIAGE, row("r1", target="urgent")),
        (SUMMARY, row("r1", target="A summary.", key_facts=["summary"])),
        (QA, QUESTION),
    ],
)
def test_rows_of_every_kind_come_back_as_they_were_written(path, task, content):
    write(path, content)
    [read] = read_rows(path, task, False).rows
    assert read.as_dict() == content
    write_rows([read], path)
    assert read_rows(path, task, False).rows == (read,)


def test_the_text_of_a_row_without_one_is_what_the_prompt_shows(path):
    write(path, QUESTION)
    [read] = read_rows(path, QA, False).rows
    assert read.text == "[P1] Start at 5 mg.\nWhich dose?"


@pytest.mark.parametrize(
    ("task", "content", "problem"),
    [
        (TRIAGE, row("r1", target="soon"), "target: expected one of emergency, urgent, "),
        (SUMMARY, row("r1", target=""), "target: expected a non-empty string, got ''"),
        (QA, QUESTION | {"question": ""}, "question: expected a non-empty string, got ''"),
        (QA, QUESTION | {"context": []}, "context: expected text, a number or passages"),
        (QA, QUESTION | {"target": {"answer": "5 mg", "citation": "P9"}}, "target.citation: 'P9' is"),
        (QA, QUESTION | {"target": {"citation": "P1"}}, "target.answer: expected a non-empty"),
    ],
)  # fmt: skip
def test_a_target_that_its_kind_does_not_know_is_named(path, task, content, problem):
    write(path, content)
    with pytest.raises(DataError) as raised:
        read_rows(path, task, False)
    assert f"line 1, {problem}" in str(raised.value)


@pytest.fixture
def parquet(tmp_path):
    """Write rows as a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def write_table(*rows):
        columns = dict.fromkeys(name for one in rows for name in one)
        table = pa.table({name: [one.get(name) for one in rows] for name in columns})
        pq.write_table(table, tmp_path / "train.parquet")
        return tmp_path / "train.parquet"

    return write_table


def test_parquet_rows_are_read_like_jsonl(parquet, path):
    drug = {"name": "aspirin", "dose": "75 mg", "route": "oral"}
    contents = [row("r1", ward=3), row("r2", target=EMPTY | {"medications": [drug]}, note="x")]
    write(path, *contents)
    assert read_rows(parquet(*contents), TASK, False) == read_rows(path, TASK, False)


def test_nulls_of_a_table_are_absent_fields(parquet):
    [first, second] = read_rows(
        parquet(row("r1", events=[{"drug": ["a"]}, {"age": ["b"]}]), row("r2", note="x")),
        TASK,
        False,
    ).rows
    assert first.extra == {"events": [{"drug": ["a"]}, {"age": ["b"]}]}
    assert second.extra == {"note": "x"}


def test_a_bad_row_of_a_table_is_named_by_row_and_field(parquet):
    file = parquet(row("r1"), row("r2", text=""), row("r1"))
    with pytest.raises(DataError, match=r"train\.parquet row 3, id: .*first on row 1"):
        read_rows(file, TASK, True)
    with pytest.raises(DataError, match=r"train\.parquet row 2, text: expected a non-empty string"):
        read_rows(parquet(row("r1"), row("r2", text="")), TASK, False)


def test_a_value_that_json_cannot_hold_is_refused(parquet):
    file = parquet(row("r1", weight=float("nan")), row("r2", weight=1.0))
    read = read_rows(file, TASK, True)
    [bad] = read.bad_rows
    assert "train.parquet row 1, (row): expected values that JSON can hold, got: " in str(bad)


def test_what_is_no_parquet_file_is_refused(tmp_path):
    (tmp_path / "train.parquet").write_text("no table")
    with pytest.raises(DataError, match=r"train\.parquet: expected a readable Parquet file"):
        read_rows(tmp_path / "train.parquet", TASK, False)
