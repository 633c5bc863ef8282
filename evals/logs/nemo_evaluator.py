"""Read what NVIDIA NeMo Evaluator 0.3 writes: eval-*.json with results.jsonl and trajectories.jsonl.

Does: take the rewards of one run, with tokens and seconds from its trajectories. Does not: import
nemo_evaluator, or read the reports of 0.1 and 0.2, which keep no scores per sample.

Tried with logs that 0.3.0 wrote (`nel eval run`). The bundle eval-*.json is written last, so a directory
with step logs and no bundle is a run that did not finish.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from configs.errors import EvidenceError
from evals.logs.files import JsonObject, damaged, json_lines, json_object, listed
from evals.logs.tool_log import (
    FinishReason,
    LogFormat,
    LoggedMetric,
    LoggedRun,
    LoggedSample,
    ToolLog,
)

TOOL = "NeMo Evaluator"
KNOWN_VERSION = "0.3."
STEP_LOG = "verified_log.jsonl"
REWARD = "reward"
DIGITS = 4


def recognise(path: Path) -> LoggedRun | None:
    """The run of a bundle, or of the bundle beside a results.jsonl."""
    if path.suffix == ".jsonl":
        return _of_results(path) if path.name == "results.jsonl" else None
    bundle = json_object(path)
    if bundle is None or not {"run_id", "config_hash", "sdk_version", "benchmark"} <= bundle.keys():
        return None
    version = str(bundle["sdk_version"])
    if not version.startswith(KNOWN_VERSION):
        raise EvidenceError(
            str(path), f"expected a log of NeMo Evaluator {KNOWN_VERSION}x, got one of {version}",
            "Run the evaluation with a version that is known.",
        )  # fmt: skip
    model = str(bundle.get("config", {}).get("model", "unknown"))
    return LoggedRun(path, (str(bundle["benchmark"]["name"]),), model)


def read(path: Path, task: str) -> ToolLog:
    """Read one run.

    Raises:
        EvidenceError: when samples are missing, or are not those of the run.
    """
    bundle = json_object(path) or {}
    results = path.with_name("results.jsonl")
    if not results.is_file():
        raise EvidenceError(
            str(path), "expected the samples beside it in results.jsonl, found none",
            "Copy the whole directory of the benchmark.",
        )  # fmt: skip
    rows = json_lines(results)
    _require_whole(path, bundle, results, rows)
    steps = _steps(path.with_name("trajectories.jsonl"))
    samples = [_sample(results, row, steps) for row in rows]
    scores = bundle["benchmark"]["scores"]
    names = dict.fromkeys(name for sample in samples for name in sample.scores)
    printed = {REWARD: scores.get("pass@1") or scores.get("mean_reward")} | {
        name: scores.get(f"scorer:{name}") for name in names if name != REWARD
    }
    return ToolLog(
        tool=TOOL,
        version=str(bundle["sdk_version"]),
        model=str(bundle.get("config", {}).get("model", "unknown")),
        task=task,
        path=path,
        metrics=[
            LoggedMetric(name, printed=(printed[name] or {}).get("value"), digits=DIGITS)
            for name in names
        ],
        samples=samples,
        left_out={
            name: "it joins the repeats of a sample otherwise than by their mean"
            for name in scores
            if name.startswith("pass@") and name != "pass@1"
        },
    )


def unfinished(directory: Path) -> str | None:
    """Step logs without a bundle: how many samples they hold."""
    logs = sorted(directory.rglob(STEP_LOG))
    if not logs:
        return None
    with logs[0].open(encoding="utf-8") as file:
        done = sum(1 for line in file if line.strip())
    return f"eval-*.json beside {logs[0]}, which has {done} scored samples"


def _of_results(path: Path) -> LoggedRun | None:
    bundles = sorted(path.parent.glob("eval-*.json"))
    if len(bundles) != 1:
        raise EvidenceError(
            str(path),
            f"expected one eval-*.json beside it, found {listed([b.name for b in bundles]) or 'none'}",
            "Name the eval-*.json of the run that wrote it.",
        )
    return recognise(bundles[0])


def _require_whole(path: Path, bundle: JsonObject, results: Path, rows: list[JsonObject]) -> None:
    config = bundle.get("config", {})
    if config.get("shard") and not config.get("n_shards"):
        raise EvidenceError(
            str(path), f"expected a whole run, got shard {config['shard']['idx']} of "
            f"{config['shard']['total']}", "Merge the shards, and import the merged run.",
        )  # fmt: skip
    repeats = int(bundle["benchmark"].get("repeats") or 1)
    planned = config.get("shuffle", {}).get("ds_effective_size", bundle["benchmark"]["samples"])
    if not len(rows) == bundle["n_results"] == planned * repeats:
        counts: dict[Any, int] = {}
        for row in rows:
            counts[row.get("problem_idx")] = counts.get(row.get("problem_idx"), 0) + 1
        short = [str(index) for index, count in counts.items() if count < repeats]
        names = f"; too few answers to {listed(short)}" if short else ""
        raise EvidenceError(
            str(results),
            f"expected {planned * repeats} answers ({planned} samples, {repeats} each), of which "
            f"{path.name} counts {bundle['n_results']}, got {len(rows)}{names}",
            "Finish the run with `nel eval run --resume`, or copy all of its files.",
        )


def _steps(path: Path) -> dict[tuple[int, int], JsonObject]:
    if not path.is_file():
        return {}
    return {(step["problem_idx"], step["repeat"]): step for step in json_lines(path)}


def _sample(path: Path, row: JsonObject, steps: dict[tuple[int, int], JsonObject]) -> LoggedSample:
    name = f"problem_idx {row.get('problem_idx')}"
    try:
        key = (int(row["problem_idx"]), int(row["repeat"]))
        model = steps.get(key, {}).get("model") or {}
        tokens = model.get("tokens") or {}
        return LoggedSample(
            log_id=str(key[0]),
            repeat=key[1],
            input_text=str(row["prompt"]),
            content=[row["prompt"], row["expected_answer"]],
            prompt=str(row["prompt"]),
            raw_output=str(row["model_response"]),
            scores={REWARD: row["reward"]}
            | {
                scorer.removeprefix("scorer:"): value
                for scorer, value in (row.get("scorer_rewards") or {}).items()
            },
            fields={
                key: row.get(key)
                for key in ("problem_idx", "prompt", "expected_answer", "metadata")
            },
            finish_reason=_finish_reason(model.get("finish_reason")),
            input_tokens=int(tokens.get("prompt") or 0),
            output_tokens=int(tokens.get("completion") or 0),
            latency_s=float(row.get("latency_ms") or 0.0) / 1000,
            problem=_problem(row.get("scoring_details") or {}),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise damaged(path, name, error) from error


def _finish_reason(reason: str | None) -> FinishReason:
    if not reason:
        return "unknown"
    return "length" if reason == "length" else "stop"


def _problem(details: JsonObject) -> str | None:
    """NeMo scores a failed answer or judgement 0 and goes on."""
    if details.get("error_category") or details.get("error"):
        return f"error: {details.get('error') or details['error_category']}"
    judge = details.get("judge")
    if isinstance(judge, dict) and judge.get("error"):
        return f"error of the judge: {judge['error']}"
    for name, result in details.items():
        if name.startswith("scorer:") and isinstance(result, dict) and result.get("error"):
            return f"error of the {name}: {result['error']}"
    return None


FORMAT = LogFormat(
    tool=TOOL,
    looks_like="eval-*.json with results.jsonl (nel eval run)",
    suffixes=(".json", ".jsonl"),
    recognise=recognise,
    read=read,
    unfinished=unfinished,
)
