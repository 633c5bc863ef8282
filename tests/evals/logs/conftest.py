"""Logs that inspect_ai and NeMo Evaluator wrote (data/README.md), copied to where a test may change them."""

import gzip
import json
import shutil
from pathlib import Path

import pytest

DATA = Path(__file__).parent / "data"


@pytest.fixture
def inspect_log(tmp_path):
    """Path of a log of inspect_ai by name; `edit(header)` may change a JSON log first."""

    def copy(name, edit=None):
        if (DATA / "inspect" / f"{name}.eval").exists():
            return Path(shutil.copy(DATA / "inspect" / f"{name}.eval", tmp_path))
        log = json.loads(gzip.decompress((DATA / "inspect" / f"{name}.json.gz").read_bytes()))
        if edit is not None:
            edit(log)
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(log))
        return path

    return copy


@pytest.fixture
def nemo_log(tmp_path):
    """Directory of a log of NeMo Evaluator by name; `edit(rows)` may change its results first."""

    def copy(name, edit=None):
        directory = Path(shutil.copytree(DATA / "nemo" / name, tmp_path / name))
        if edit is not None:
            rows = [json.loads(line) for line in (directory / "results.jsonl").open()]
            edit(rows)
            (directory / "results.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
        return directory

    return copy


def bundle_of(directory):
    """What NeMo Evaluator says about a run."""
    return json.loads(next(directory.glob("eval-*.json")).read_text())
