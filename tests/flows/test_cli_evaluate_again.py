"""`pawl evaluate --again`: some rows asked twice, and what a policy makes of that."""

import json

import pytest
import yaml

from configs.data import SyntheticNotes
from configs.named_files import SHIPPED
from evals.stability_files import read_stability
from finetune.synthetic.generators import generate_rows

POLICY = {
    "comparisons": [{"metric": "micro_f1", "margin": 0.05}],
    "stability": {"max_changed_answers": 0.05, "max_moved": 0.5},
}


@pytest.fixture
def written(tmp_path):
    """Rows, and the demo's task with answers of a few tokens."""
    rows = tmp_path / "rows.jsonl"
    lines = (json.dumps(row) for row in generate_rows(SyntheticNotes().generator, "test", 8, 17))
    rows.write_text("\n".join(lines))
    task = yaml.safe_load((SHIPPED / "tasks" / "clinical-notes.yaml").read_text())
    (tmp_path / "short.yaml").write_text(yaml.safe_dump(task | {"max_new_tokens": 8}))
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(POLICY))
    return rows, tmp_path / "short.yaml"


def test_rows_are_asked_twice_stored_beside_and_bound_by_a_policy(pawl, written, tmp_path):
    rows, task = written
    out, policy = tmp_path / "out", tmp_path / "policy.yaml"
    ask = ("evaluate", "pawl://tiny-clinical", rows, "--task", task, "--out", out)
    printed = pawl(*ask, "--batch-size", 4, "--again", 6)
    assert printed.code == 0, printed.err
    assert "Stability: 0 of 6 answers changed (0% to 45.9%) when asked again one at a time" in (
        printed.out.replace("\n", " ")
    )
    found = read_stability(out)
    assert (found.rows, found.batch_sizes, found.changed) == (6, (4, 1), ())

    decided = pawl("gate", "decide", policy, "--candidate", out, "--baseline", out)
    assert decided.code == 3, decided.err
    assert "changed_answers on clinical-notes is 0.0000, bounds 0.0000 to 0.3930" in decided.out
    assert "n = 6 rows" in decided.out

    # A later evaluation in the same place forgets what the earlier one asked again.
    assert pawl(*ask, "--batch-size", 4).code == 0
    assert sorted(path.name for path in out.iterdir()) == ["evaluation.json", "examples.parquet"]
    decided = pawl("gate", "decide", policy, "--candidate", out, "--baseline", out)
    assert decided.code == 3
    assert "no row was asked again" in decided.out
