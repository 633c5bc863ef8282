import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.data import FileData, HubData, SyntheticNotes, SyntheticRows
from configs.errors import DataError
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
    data = SyntheticNotes(train_documents=80, validation_documents=20, test_documents=40, seed=3)
    splits = load_splits(data, TASK, False, 1)
    sizes = [len({r.doc_id for r in rows}) for rows in (splits.train, splits.validation)]
    assert sizes == [80, 20]
    assert len({r.doc_id for r in splits.test}) == 40
    assert {"note_type", "unseen_drug"} == set(splits.test[0].extra)
    assert splits.bad_rows == ()


@pytest.mark.parametrize("generator", ["message-triage", "discharge-summary", "guideline-qa"])
def test_generated_splits_of_every_task_pass_every_check(generator):
    data = SyntheticRows(
        generator=generator, train_documents=60, validation_documents=10, test_documents=30
    )
    task = load_task(generator)
    splits = load_splits(data, task, False, 1)
    assert [len({r.doc_id for r in rows}) for rows in (splits.train, splits.validation)] == [60, 10]
    assert set(task.slices) <= set(splits.test[0].extra)


def test_rows_of_another_task_than_the_generators_are_refused():
    data = SyntheticRows(generator="message-triage", train_documents=2)
    with pytest.raises(
        DataError, match="generator message-triage, train row 1, target: expected an obj"
    ):
        load_splits(data, TASK, False, 1)


def test_files_may_be_of_different_formats(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = {name: row(name) for name in ("a", "b", "c")}
    pq.write_table(pa.Table.from_pylist([rows["a"].as_dict()]), tmp_path / "train.parquet")
    write_rows([rows["b"]], tmp_path / "validation.jsonl")
    write_rows([rows["c"]], tmp_path / "test.jsonl")
    files = {"train": "train.parquet", "validation": "validation.jsonl", "test": "test.jsonl"}
    paths = {split: str(tmp_path / name) for split, name in files.items()}
    splits = load_splits(FileData(kind="files", **paths), TASK, False, 1)
    assert (splits.train, splits.test) == ((rows["a"],), (rows["c"],))


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A directory laid out like a dataset repository: labels as numbers, columns of other names."""
    import datasets

    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hub" / "datasets")
    labels = datasets.ClassLabel(names=["routine", "urgent"])
    features = datasets.Features(
        {"sentence": datasets.Value("string"), "label": labels,
         "meta": {"patient": datasets.Value("int64")}, "channel": datasets.Value("string")}
    )  # fmt: skip
    directory = tmp_path / "triage"
    (directory / "data").mkdir(parents=True)
    for split, offset in (("train", 0), ("validation", 10), ("test", 20)):
        rows = [
            {
                "sentence": f"text {n}",
                "label": n % 2,
                "meta": {"patient": n // 2},
                "channel": "phone",
            }
            for n in range(offset, offset + 4)
        ]
        table = datasets.Dataset.from_list(rows, features=features)
        table.to_parquet(directory / "data" / f"{split}-00000-of-00001.parquet")
    return directory


COLUMNS = {"text": "sentence", "target": "label", "doc_id": "meta.patient"}


def test_a_dataset_repository_is_read_by_its_columns(repository):
    data = HubData(kind="hub", dataset=f"file://{repository}", columns=COLUMNS)
    splits = load_splits(data, load_task("message-triage"), False, 1)
    assert [len(rows) for rows in (splits.train, splits.validation, splits.test)] == [4, 4, 4]
    assert splits.test[1] == Row(
        "test-2", "10", "text 21", "urgent", {"meta": {"patient": 10}, "channel": "phone"}
    )


def test_splits_of_a_dataset_may_be_sliced_and_sampled(repository):
    data = HubData(
        kind="hub", dataset=f"file://{repository}", columns=COLUMNS, validation="test[:2]",
        test="validation", train="train[:50%]", max_test_rows=2,
    )  # fmt: skip
    splits = load_splits(data, load_task("message-triage"), False, 1)
    texts = [[r.text for r in rows] for rows in (splits.train, splits.validation)]
    assert texts == [["text 0", "text 1"], ["text 20", "text 21"]]
    assert len(splits.test) == 2


def test_a_dataset_of_jsonl_files_is_read_too(tmp_path, repository):
    rows = {split: row(f"{split}1") for split in ("train", "validation", "test")}
    directory = tmp_path / "notes"
    directory.mkdir()
    for split, of_split in rows.items():
        write_rows([of_split], directory / f"{split}.jsonl")
    data = HubData(kind="hub", dataset=f"file://{directory}")
    splits = load_splits(data, TASK, False, 1)
    assert (splits.train, splits.test) == ((rows["train"],), (rows["test"],))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"test": "dev"}, "split dev: expected a dataset that can be loaded, got"),
        ({"config": "german"}, "expected a dataset that can be loaded, got"),
        ({"dataset": "file:///no/such/place"}, "expected a dataset that can be loaded, got"),
        ({"columns": {"text": "phrase"}}, r"data\.columns\.text: expected one of the columns sentence"),
        ({"columns": COLUMNS | {"target": "channel"}}, "split train: 4 bad rows.* row 1, target: exp"),
    ],
)  # fmt: skip
def test_a_dataset_that_cannot_be_used_is_named(repository, changed, message):
    settings = {"dataset": f"file://{repository}", "columns": COLUMNS} | changed
    with pytest.raises(DataError, match=f"(?s){message}"):
        load_splits(HubData(kind="hub", **settings), load_task("message-triage"), False, 1)
