"""Does Pawl score harness tasks as lm_eval's own command line does, to the last printed digit?

Does: run both on the same weights in float32 on the CPU, print both side by side, and exit with 1
if any score or any log-likelihood differs.

    PAWL_DATA=DATA python -m benchmarks.harness_equality MODEL_DIR --tasks arc-easy-500 --limit 50
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from configs.harness import HarnessTask
from evals.evaluation import Evaluation
from evals.harness.evaluate import evaluate_harness_task
from evals.harness.models import local_harness_model
from evals.harness.tasks import SHIPPED
from evals.stats.estimates import estimate


def lm_eval_cli(
    model_dir: Path, tasks: list[str], output: Path, *, limit: int | None, chat: bool, batch: int
) -> dict[str, Any]:
    """Scores and samples of `lm_eval run`: `{"results": ..., "samples": {task: [...]}}`."""
    command = [
        sys.executable, "-m", "lm_eval", "run", "--model", "hf",
        "--model_args", f"pretrained={model_dir},dtype=float32",
        "--tasks", *tasks, "--include_path", str(SHIPPED), "--device", "cpu",
        "--batch_size", str(batch), "--output_path", str(output), "--log_samples",
    ]  # fmt: skip
    command += ["--limit", str(limit)] if limit is not None else []
    command += ["--apply_chat_template"] if chat else []
    subprocess.run(command, check=True, capture_output=True, text=True)
    (results,) = output.rglob("results_*.json")
    samples = {}
    for task in tasks:
        (path,) = output.rglob(f"samples_{task}_*.jsonl")
        samples[task] = [json.loads(line) for line in path.read_text().splitlines()]
    return {"results": json.loads(results.read_text())["results"], "samples": samples}


def compare(evaluation: Evaluation, task: str, cli: dict[str, Any]) -> bool:
    """Print both sides of one task; whether they are equal."""
    equal = True
    for metric in evaluation.metrics:
        key = metric.name.replace(".", ",") if "." in metric.name else f"{metric.name},none"
        ours = f"{estimate(evaluation, metric.name, resamples=200).value:.4f}"
        theirs = f"{cli['results'][task][key]:.4f}"
        equal &= ours == theirs
        print(f"{task:16} {metric.name:12} n={evaluation.rows:<5} pawl {ours}   lm_eval {theirs}")
    cli_responses = {
        f"{task}-{sample['doc_id']}": json.loads(json.dumps(sample["resps"]))
        for sample in cli["samples"][task]
    }
    frame = evaluation.frame
    differ = sum(
        str(json.loads(raw)["responses"]) != _as_numbers(cli_responses[row])
        for row, raw in zip(frame["id"], frame["raw_output"], strict=True)
    )
    print(f"{task:16} questions whose log-likelihoods or texts differ: {differ}")
    return equal and differ == 0


def _as_numbers(responses: list[Any]) -> str:
    """lm_eval writes log-likelihoods to its samples as strings."""
    return str(
        [
            [
                [float(answer[0]), answer[1] == "True"] if isinstance(answer, list) else answer
                for answer in repeats
            ]
            for repeats in responses
        ]
    )


def main() -> int:
    """Compare on every task that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model_dir", type=Path)
    parser.add_argument("--tasks", nargs="+", default=["note-reading"])
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--chat", action="store_true", help="ask in the model's chat template")
    parser.add_argument("--batch-size", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as output:
        cli = lm_eval_cli(
            options.model_dir, options.tasks, Path(output),
            limit=options.limit, chat=options.chat, batch=options.batch_size,
        )  # fmt: skip
    model = local_harness_model(
        options.model_dir, name="model", dtype="float32", batch_size=options.batch_size
    )
    equal = True
    for task in options.tasks:
        asked = HarnessTask(task=task, limit=options.limit, apply_chat_template=options.chat)
        equal &= compare(evaluate_harness_task(model, asked, system="model"), task, cli)
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
