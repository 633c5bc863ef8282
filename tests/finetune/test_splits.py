import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import DataError
from configs.lifecycle import FileData, SyntheticData
from configs.load import load_task
from finetune.data import Row, write_rows
from finetune.splits import check_contamination, load_splits, sample_documents

TASK = load_task("clinical-notes")
EMPTY = {"medications": [], "problems": [], "allergies": [], "adverse_events": []}


def row(row_id, doc_id=None, text=None):
    return Row(row_id, doc_id or f"doc of {row_id}", text or f"text of {row_id}", EMPTY)


def documents(*sizes):
    return [row(f"r{d}-{i}", f"d{d}") for d, size in enumerate(sizes) for i in range(size)]


def load(directory, train, validation, test, skip_bad_rows=False, seed=1, **maxima):
    paths = {"train": train, "validation": validation, "test": test}
    for name, rows in paths.items():
        write_rows(rows, directory / f"{name}.jsonl")
    files = {name: str(directory / f"{name}.jsonl") for name in paths}
    return load_splits(FileData(kind="files", **files, **maxima), TASK, skip_bad_rows, seed)


@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=12),
    max_rows=st.integers(1, 30),
    seed=st.integers(0, 5),
)
def test_a_sample_takes_whole_documents_in_order_and_never_exceeds_the_maximum(
    sizes, max_rows, seed
):
    rows = documents(*sizes)
    sample = sample_documents(rows, max_rows, seed)
    kept = {r.doc_id for r in sample}
    assert sample == tuple(r for r in rows if r.doc_id in kept)
    assert len(sample) <= max_rows
    left_out = {r.doc_id: sizes[int(r.doc_id[1:])] for r in rows if r.doc_id not in kept}
    assert all(len(sample) + size > max_rows for size in left_out.values())  # no room was wasted
    assert sample == sample_documents(rows, max_rows, seed)


def test_the_sample_depends_on_the_seed():
    rows = documents(*[1, 2] * 20)
    samples = [sample_documents(rows, 10, seed) for seed in range(10)]
    assert len({tuple(r.id for r in sample) for sample in samples}) > 5


@pytest.mark.parametrize("max_rows", [None, 6, 7])
def test_without_need_nothing_is_left_out(max_rows):
    rows = documents(1, 2, 3)
    assert sample_documents(rows, max_rows, 0) == tuple(rows)


@pytest.mark.parametrize("split", ["train", "validation"])
@pytest.mark.parametrize(
    "leak",
    [row("r9", "doc of t1", "another text"), row("r9", "d9", "  TEXT of\n t1 ")],
    ids=["same document", "same text under another doc_id"],
)
def test_a_test_document_seen_in_training_is_refused_and_named(split, leak):
    clean = {"train": [row("a")], "validation": [row("b")], "test": [row("t0"), row("t1")]}
    check_contamination(**clean)
    with pytest.raises(DataError) as raised:
        check_contamination(**clean | {split: [*clean[split], leak]})
    assert str(raised.value) == (
        f"data.test and data.{split}: expected no document in both, got 1 test rows that are also "
        f"in {split}: t1 (document doc of t1). Take these documents out of one of the files."
    )


def test_files_are_loaded_checked_and_sampled(tmp_path):
    splits = load(tmp_path, documents(2, 2, 2), [row("v")], [row("t0"), row("t1")],
                  max_train_rows=4)  # fmt: skip
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (4, 1, 2)
    assert len({r.doc_id for r in splits.train}) == 2


def test_sampling_does_not_hide_a_leak(tmp_path):
    train = [*(row(f"r{i}") for i in range(9)), row("r9", "d", "text of t0")]
    for seed in range(5):
        with pytest.raises(DataError, match="expected no document in both"):
            load(tmp_path, train, [row("v")], [row("t0")], seed=seed, max_train_rows=1)


@pytest.mark.parametrize(("first", "second"), [("train", "validation"), ("train", "test")])
def test_an_id_in_two_splits_is_refused(tmp_path, first, second):
    rows = {"train": [row("a")], "validation": [row("b")], "test": [row("c")]}
    rows[second] = [row("a", "other document", "other text")]
    message = f"data.{second}: expected unique ids, got 'a' in {second} and in {first}"
    with pytest.raises(DataError, match=message):
        load(tmp_path, **rows)


def test_a_maximum_below_every_document_is_refused_instead_of_training_on_nothing(tmp_path):
    with pytest.raises(DataError, match=r"data\.max_train_rows: expected room for one whole doc"):
        load(tmp_path, documents(2, 2), [row("v")], [row("t")], max_train_rows=1)


def test_bad_rows_of_every_file_are_listed(tmp_path):
    bad = Row("bad", "d", "text", {})
    splits = load(tmp_path, [row("a"), bad], [row("b")], [bad, row("c")], skip_bad_rows=True)
    assert [(b.file.rpartition("/")[2], b.line) for b in splits.bad_rows] == [
        ("train.jsonl", 2),
        ("test.jsonl", 1),
    ]
    with pytest.raises(DataError, match=r"train\.jsonl line 2, target: 'medications' is a req"):
        load(tmp_path, [row("a"), bad], [row("b")], [bad, row("c")])


def test_generated_splits_pass_every_check():
    data = SyntheticData(train_documents=80, validation_documents=20, test_documents=40, seed=3)
    splits = load_splits(data, TASK, False, 1)
    sizes = [len({r.doc_id for r in rows}) for rows in (splits.train, splits.validation)]
    assert sizes == [80, 20]
    assert len({r.doc_id for r in splits.test}) == 40
    assert {"note_type", "unseen_drug"} == set(splits.test[0].extra)
    assert splits.bad_rows == ()
