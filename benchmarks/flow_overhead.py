"""What Prefect and MLflow cost: one lifecycle as a flow against the same library calls in a script.

Does: run both by turns, each in a process of its own with an empty home, print wall and processor
seconds with their medians and the ratio. Both train, merge, prove the adapter's effect, evaluate, decide
and write the report; the flow also keeps every step by content, tracks, registers and shows. Each is
counted from its first library call to its last, after imports, the start of the embedded server and
the creation of MLflow's tables, and once more as a whole process.
Does not: measure deployments, whose runs start a process first.

    python -m benchmarks.flow_overhead --turns 3 --epochs 3
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from configs.lifecycle import LifecycleConfig

RESULT = "FLOW_OVERHEAD "


def small_lifecycle(epochs: float) -> LifecycleConfig:
    """The demo without quantization and guard tasks."""
    from configs.load import load_gate
    from configs.named_files import SHIPPED
    from configs.yaml_file import read_yaml

    demo = read_yaml(SHIPPED / "lifecycles" / "demo.yaml")
    demo |= {"quantizations": [], "guard_tasks": [], "evaluation": {"batch_size": 64}}
    demo["lora"] |= {"epochs": epochs}
    gate = demo["gate"] if isinstance(demo["gate"], dict) else load_gate(demo["gate"]).model_dump()
    demo["gate"] = gate | {
        "candidates": ["fine-tuned"],
        "comparisons": [{"metric": "micro_f1", "margin": 0.05}],
        "preflight": {"action": "warn"},
    }
    return LifecycleConfig.model_validate(demo)


def as_script(config: LifecycleConfig, directory: Path) -> str:
    """The lifecycle up to its report, without Prefect, MLflow or anything kept; returns the outcome."""
    from configs.load import load_task
    from evals.adapter_effect import require_adapter_effect
    from evals.engines.recorded import RecordedEngine
    from evals.evidence import Evidence
    from evals.gate import decide
    from evals.report.write import write_report
    from evals.runner import evaluate
    from finetune.data import write_rows
    from finetune.data_checks.check_data import check_data
    from finetune.merge import merge_adapter
    from finetune.splits import load_splits
    from finetune.train import train_adapter
    from flows.steps.engines import recording_path, weights_engine
    from flows.steps.fine_tune import PROBED_ROWS
    from flows.steps.resolve import fetch
    from registry.digests import digest_directory

    task = load_task(config.task)
    base = fetch(config.base_model.source)
    splits = load_splits(config.data, task, config.skip_bad_rows, config.seed)
    rows = {name: getattr(splits, name) for name in ("train", "validation", "test")}
    for name, of_split in rows.items():
        write_rows(of_split, directory / f"{name}.jsonl")
    plain = {name: [row.as_dict() for row in of_split] for name, of_split in rows.items()}
    check_data(plain, task, config.data_checks)
    train_adapter(
        base_dir=base, base_name=config.base_model.source, rows_train=rows["train"],
        rows_validation=rows["validation"], task=task, lora=config.lora, seed=config.seed,
        checkpoints_dir=directory / "checkpoints", out_dir=directory / "adapter",
        on_metrics=lambda metrics, step: None, on_progress=lambda done, total: None,
    )  # fmt: skip
    prompts = [task.messages(row.as_dict()) for row in rows["validation"][:PROBED_ROWS]]
    require_adapter_effect(base, directory / "adapter", prompts)
    merge_adapter(base, directory / "adapter", directory / "merged")
    weights = {"base": base, "fine-tuned": directory / "merged"}
    baseline = config.baseline
    engines = {"baseline": RecordedEngine(recording_path(baseline.path), baseline.model)} | {
        name: weights_engine(place, digest_directory(place).digest, config.evaluation)
        for name, place in weights.items()
    }
    found = {
        name: evaluate(engine, task, plain["test"], system=name, data_digest="sha256:test")
        for name, engine in engines.items()
    }
    evidence = Evidence(found, {name: f"sha256:{name}" for name in found})
    decision = decide(config.gate, config.gated_candidates, evidence, seed=config.seed)
    (directory / "report").mkdir()
    write_report(
        directory / "report", decision, found, baseline_description=baseline.model,
        sizes_bytes={}, title=config.name, description=config.description, show_text=task.show_text,
    )  # fmt: skip
    return decision.outcome


def once(kind: str, epochs: float) -> None:
    """Measure one of both in this process and print the figures."""
    from flows.home import home, quiet_libraries, use_embedded_prefect

    quiet_libraries()
    config = small_lifecycle(epochs)
    import peft  # noqa: F401  both sides begin with their libraries loaded
    import trl  # noqa: F401

    if kind == "flow":
        os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] = "300"
        use_embedded_prefect()
        from prefect.client.orchestration import get_client

        from flows.home import model_store
        from flows.lifecycle import lifecycle

        with get_client(sync_client=True) as client:  # starts the embedded server
            client.hello()
        model_store().models()  # creates MLflow's tables
        started, worked = time.perf_counter(), os.times()
        outcome = lifecycle(config).outcome
    else:
        directory = home()
        directory.mkdir(parents=True)
        started, worked = time.perf_counter(), os.times()
        outcome = as_script(config, directory)
    seconds, ended = time.perf_counter() - started, os.times()
    processor = sum(ended[:4]) - sum(worked[:4])
    print(RESULT + json.dumps({"wall": seconds, "processor": processor, "outcome": outcome}))


def measured(kind: str, epochs: float) -> dict[str, float | str]:
    """One of both in a process of its own: `wall`, `processor`, `process` in seconds; `outcome`."""
    with tempfile.TemporaryDirectory() as scratch:
        clean = {
            name: value for name, value in os.environ.items()
            if not name.startswith(("PREFECT_", "PAWL_", "MLFLOW_"))
        }  # fmt: skip
        command = [sys.executable, "-m", __spec__.name, "--once", kind, "--epochs", str(epochs)]
        started = time.perf_counter()
        done = subprocess.run(
            command, env=clean | {"PAWL_HOME": f"{scratch}/home"}, capture_output=True, text=True
        )
        seconds = time.perf_counter() - started
    lines = [line for line in done.stdout.splitlines() if line.startswith(RESULT)]
    if done.returncode != 0 or not lines:
        raise SystemExit(f"{kind} failed:\n{done.stderr[-3000:]}")
    return {**json.loads(lines[-1].removeprefix(RESULT)), "process": seconds}


def main() -> None:
    """Both by turns, then medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--once", choices=["script", "flow"])
    asked = parser.parse_args()
    if asked.once:
        once(asked.once, asked.epochs)
        return
    found: dict[str, list[dict[str, float | str]]] = {"script": [], "flow": []}
    for turn in range(asked.turns):
        for kind in ("script", "flow") if turn % 2 == 0 else ("flow", "script"):
            found[kind].append(measured(kind, asked.epochs))
            print(turn, kind, found[kind][-1], flush=True)
    for figure in ("wall", "processor", "process"):
        medians = {
            kind: statistics.median(float(one[figure]) for one in of_kind)
            for kind, of_kind in found.items()
        }
        print(
            f"{figure}: script {medians['script']:.1f} s, flow {medians['flow']:.1f} s, "
            f"ratio {medians['flow'] / medians['script']:.3f}"
        )


if __name__ == "__main__":
    main()
