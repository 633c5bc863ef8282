import pytest

from flows.step_cache import StepCache


def work_that_writes(text, calls):
    def work(directory):
        calls.append(text)
        (directory / "answer.txt").write_text(text)
        return {"length": len(text)}

    return work


@pytest.fixture
def cache(tmp_path):
    return StepCache(tmp_path / "cache")


def test_equal_inputs_do_no_work_a_second_time(cache):
    calls = []
    first = cache.run("merge", {"base": "sha256:1"}, work_that_writes("one", calls))
    second = cache.run("merge", {"base": "sha256:1"}, work_that_writes("two", calls))
    assert calls == ["one"]
    assert (first.reused, second.reused) == (False, True)
    assert second.result == {"length": 3}
    assert second.digest == first.digest
    assert second.seconds == first.seconds
    assert (second.files / "answer.txt").read_text() == "one"


@pytest.mark.parametrize(
    ("step", "inputs"), [("merge", {"base": "sha256:2"}), ("quantize", {"base": "sha256:1"})]
)
def test_other_inputs_or_another_step_are_worked_on(cache, step, inputs):
    calls = []
    cache.run("merge", {"base": "sha256:1"}, work_that_writes("one", calls))
    assert not cache.run(step, inputs, work_that_writes("two", calls)).reused
    assert calls == ["one", "two"]


def test_of_runs_that_do_the_same_work_at_once_all_go_on_with_what_was_kept_first(cache):
    made = []

    def slower(directory):
        made.append(cache.run("quantize", {}, work_that_writes("one", [])))
        return work_that_writes("another", [])(directory)

    later = cache.run("quantize", {}, slower)
    [first] = made
    assert (first.files / "answer.txt").read_text() == "one"
    assert (later.digest, later.result, later.reused) == (first.digest, {"length": 3}, True)
    assert list(first.files.parent.parent.iterdir()) == [first.files.parent]


@pytest.mark.parametrize("damage", ["flip", "delete", "add"])
def test_a_result_whose_bytes_changed_is_made_again(cache, damage):
    calls = []
    made = cache.run("merge", {}, work_that_writes("one", calls))
    path = made.files / "answer.txt"
    if damage == "flip":
        path.write_text("onf")
    elif damage == "delete":
        path.unlink()
    else:
        (made.files / "more.txt").write_text("x")
    again = cache.run("merge", {}, work_that_writes("one", calls))
    assert not again.reused
    assert calls == ["one", "one"]
    assert again.digest == made.digest
    assert [file.name for file in again.files.iterdir()] == ["answer.txt"]


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"], ids=["empty", "cut", "list", "no keys"])
def test_a_record_that_cannot_be_read_is_made_again(cache, content):
    calls = []
    made = cache.run("merge", {}, work_that_writes("one", calls))
    (made.files.parent / "step.json").write_text(content)
    assert not cache.run("merge", {}, work_that_writes("one", calls)).reused


def test_work_that_fails_leaves_nothing_and_keeps_what_was_there(cache, tmp_path):
    def fail(directory):
        (directory / "half.txt").write_text("half")
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        cache.run("merge", {"base": 1}, fail)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]

    made = cache.run("merge", {"base": 2}, work_that_writes("one", []))
    (made.files / "answer.txt").write_text("damaged")
    with pytest.raises(RuntimeError, match="no more"):
        cache.run("merge", {"base": 2}, fail)
    assert (made.files / "answer.txt").read_text() == "damaged"


def test_unfinished_work_has_one_place_per_inputs(cache):
    place = cache.scratch("fine-tune", {"seed": 1})
    assert place == cache.scratch("fine-tune", {"seed": 1})
    assert place != cache.scratch("fine-tune", {"seed": 2})
