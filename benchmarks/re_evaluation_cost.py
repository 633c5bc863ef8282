"""What evaluating again costs when nothing, or one of many things, has changed.

Does: time an evaluation matrix of copies of the shipped tiny model, each with one tensor nudged: the
first run, a run with nothing changed, and one with one candidate changed. Then time a lifecycle, and
`re-evaluate` on its champion with nothing changed. Each run is a process of its own on one Prefect
server, as a scheduled run would be. Does not: check scores.

Run: `python -m benchmarks.re_evaluation_cost [--candidates 10] [--documents 200] [--lifecycle demo]`
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from configs.named_files import SHIPPED

TINY = SHIPPED / "models" / "tiny-clinical"
NUDGE = 0.05
"""Added to one tensor; large enough not to be lost in bfloat16."""
MATRIX_RUN = """
import json, sys, time
from prefect import flow
from configs.evaluation_matrix import load_matrix
from flows.home import quiet_libraries
quiet_libraries()
from flows.evaluation_matrix import run_matrix
started = time.monotonic()
summary = flow(name="evaluate-matrix")(run_matrix)(load_matrix(sys.argv[1]))
count = lambda outcome: sum(cell.outcome == outcome for cell in summary.cells)
print(json.dumps({
    "done": count("done"), "reused": count("reused"), "failed": count("failed"),
    "work_s": sum(cell.seconds for cell in summary.cells if cell.outcome == "done"),
    "flow_s": time.monotonic() - started,
}))
"""

LIFECYCLE_RUN = """
import json, sys, time
from configs.load import load_lifecycle
from flows.home import quiet_libraries
quiet_libraries()
from flows.lifecycle import lifecycle
started = time.monotonic()
summary = lifecycle(load_lifecycle(sys.argv[1]))
steps = [step for step in summary.steps if not step.reused]
print(json.dumps({
    "done": len(steps), "reused": len(summary.steps) - len(steps), "failed": 0,
    "work_s": sum(step.seconds for step in steps), "flow_s": time.monotonic() - started,
}))
"""
RE_EVALUATION_RUN = """
import json, time
from flows.home import quiet_libraries
quiet_libraries()
from flows.deployed.re_evaluate import re_evaluate
from flows.requests.re_evaluate import ReEvaluateRequest
started = time.monotonic()
state = re_evaluate(ReEvaluateRequest(reason="age"), return_state=True)
assert state.name == "Unchanged", state
print(json.dumps({
    "done": 0, "reused": 1, "failed": 0, "work_s": 0.0, "flow_s": time.monotonic() - started,
}))
"""


def nudged_copy(directory: Path, by: float) -> None:
    """A copy of the tiny model whose first tensor differs by `by`."""
    from safetensors.torch import load_file, save_file

    if not directory.exists():
        shutil.copytree(TINY, directory)
    path = directory / "model.safetensors"
    tensors = load_file(TINY / "model.safetensors")
    tensors["model.norm.weight"] = tensors["model.norm.weight"] + by
    save_file(tensors, path, metadata={"format": "pt"})


def write_matrix(directory: Path, candidates: int, documents: int) -> Path:
    """The matrix of the benchmark: candidates x one task."""
    data = {
        "kind": "synthetic", "generator": "clinical-notes", "train_documents": 2,
        "validation_documents": 2, "test_documents": documents,
    }  # fmt: skip
    content: dict[str, Any] = {
        "name": "re-evaluation-cost",
        "candidates": [
            {"name": f"candidate-{n}", "source": f"file://{directory / f'candidate-{n}'}"}
            for n in range(candidates)
        ],
        "tasks": [{"task": "clinical-notes", "data": data}],
        "evaluation": {"batch_size": 64},
        "parallel": 1,
    }
    path = directory / "matrix.yaml"
    path.write_text(json.dumps(content))
    return path


def timed(code: str, environment: dict[str, str], *arguments: str) -> dict[str, float]:
    """One run in a process of its own: cells or steps, seconds of work, of the flow, and in all."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found | {"wall_s": time.monotonic() - started}


def measure(candidates: int, documents: int, lifecycle: str) -> dict[str, dict[str, float]]:
    """The runs by name, on one Prefect server; each `first` is what those after it are held against."""
    from tests.servers.prefect_server import PrefectServer

    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        for number in range(candidates):
            nudged_copy(directory / f"candidate-{number}", NUDGE * (number + 1))
        matrix = str(write_matrix(directory, candidates, documents))
        prefect_home = directory / "prefect"
        prefect_home.mkdir()
        server = PrefectServer(prefect_home)
        try:
            server.start()
            environment = server.environment(PAWL_HOME=directory / "home", OMP_NUM_THREADS=1)
            runs = {"matrix, first": timed(MATRIX_RUN, environment, matrix)}
            runs["matrix, unchanged"] = timed(MATRIX_RUN, environment, matrix)
            nudged_copy(directory / "candidate-0", NUDGE * (candidates + 1))
            runs["matrix, one changed"] = timed(MATRIX_RUN, environment, matrix)
            runs["lifecycle, first"] = timed(LIFECYCLE_RUN, environment, lifecycle)
            runs["lifecycle, unchanged"] = timed(LIFECYCLE_RUN, environment, lifecycle)
            runs["re-evaluate, unchanged"] = timed(RE_EVALUATION_RUN, environment)
        finally:
            server.close()
    return runs


def main() -> None:
    """Run the benchmark and print a markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=10)
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--lifecycle", default="demo")
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    runs = measure(options.candidates, options.documents, options.lifecycle)
    print(f"{options.candidates} candidates, {options.documents} documents; {options.lifecycle}\n")
    print(
        "| run | done | reused | work, s | of first | flow, s | of first | process, s | of first |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    first: dict[str, float] = {}
    for name, run in runs.items():
        first = run if name.endswith("first") else first
        times = " | ".join(
            f"{run[unit]:.2f} | {run[unit] / first[unit]:.3f}"
            for unit in ("work_s", "flow_s", "wall_s")
        )
        print(f"| {name} | {run['done']:.0f} | {run['reused']:.0f} | {times} |")
    if options.json:
        options.json.write_text(json.dumps(runs, indent=2))


if __name__ == "__main__":
    main()
