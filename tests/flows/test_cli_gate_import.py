"""Two existing runs of another tool are compared from the command line."""

from pathlib import Path

from typer.testing import CliRunner

from configs.errors import EvidenceError
from flows.cli import app

NEMO = Path(__file__).parents[1] / "evals" / "logs" / "data" / "nemo"
POLICY = """
comparisons:
  - {metric: reward, margin: 0.9, references: [baseline]}
min_clusters: 5
"""


def pawl(*arguments):
    return CliRunner().invoke(app, [str(part) for part in arguments])


def test_two_runs_are_imported_and_decided_on(tmp_path):
    for name in ("candidate", "baseline"):
        found = pawl("gate", "import", NEMO / name, "--out", tmp_path / name)
        assert found.exit_code == 0, found.output
    assert "reward = 0.7500 (NeMo Evaluator reports 0.7500)" in found.output
    (tmp_path / "policy.yaml").write_text(POLICY)
    places = ("--candidate", tmp_path / "candidate", "--baseline", tmp_path / "baseline")
    decided = pawl("gate", "decide", tmp_path / "policy.yaml", *places)
    assert decided.exit_code == 0, decided.output


def test_failed_samples_leave_nothing_behind_unless_they_are_scored_wrong(tmp_path):
    out = tmp_path / "out"
    refused = pawl("gate", "import", NEMO / "broken", "--out", out)
    assert isinstance(refused.exception, EvidenceError)
    assert not out.exists()
    found = pawl("gate", "import", NEMO / "broken", "--out", out, "--errors-as-wrong")
    assert "Scored as wrong, 1: 5 (error: Model returned HTTP 400" in found.output


def test_a_ceiling_refuses_what_the_log_does_not_have(tmp_path):
    for name in ("candidate", "baseline"):
        (tmp_path / "log" / name).mkdir(parents=True)
        for file in (NEMO / name).iterdir():
            if file.name != "trajectories.jsonl":
                (tmp_path / "log" / name / file.name).write_bytes(file.read_bytes())
        pawl("gate", "import", tmp_path / "log" / name, "--out", tmp_path / name)
    prices = "prices: {input_per_million: 1, output_per_million: 1}\n"
    ceiling = "ceilings: [{measure: cost_per_1k_documents, maximum: 1}]\n"
    (tmp_path / "policy.yaml").write_text(POLICY + prices + ceiling)
    places = ("--candidate", tmp_path / "candidate", "--baseline", tmp_path / "baseline")
    decided = pawl("gate", "decide", tmp_path / "policy.yaml", *places)
    assert isinstance(decided.exception, EvidenceError)
    assert "expected token counts of every row" in str(decided.exception)
