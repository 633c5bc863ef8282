import pytest

from configs.errors import EvidenceError
from evals.stability import compare
from evals.stability_files import (
    forget_stability,
    read_second_answers,
    read_stability,
    write_stability,
)


@pytest.fixture
def written(evaluation_of, tmp_path):
    first = evaluation_of("awq", tp=[1] * 40)
    found = compare(first, first, seconds=0.5, batch_sizes=(8, 2))
    write_stability(tmp_path, first, found)
    return first, found


def test_what_is_written_is_read_back(written, tmp_path):
    first, found = written
    assert read_stability(tmp_path) == found
    again = read_second_answers(tmp_path, "awq")
    assert again.system == "awq, asked again"
    assert again.frame["id"].tolist() == first.frame["id"].tolist()


def test_what_is_forgotten_is_gone_and_nothing_else(written, tmp_path):
    (tmp_path / "examples.parquet").write_bytes(b"first answers")
    forget_stability(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["examples.parquet"]
    assert read_second_answers(tmp_path, "awq") is None
    forget_stability(tmp_path)


def test_damage_is_named(written, tmp_path):
    (tmp_path / "stability.json").write_text("{}")
    with pytest.raises(EvidenceError, match=r"stability\.json: expected what asking again changed"):
        read_stability(tmp_path)
    (tmp_path / "again" / "examples.parquet").write_bytes(b"cut")
    with pytest.raises(EvidenceError, match="again: expected a stored evaluation"):
        read_second_answers(tmp_path, "awq")
