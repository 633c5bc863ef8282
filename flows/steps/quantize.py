"""Step 4b: one quantized candidate per requested scheme."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State

from configs.quantization import QuantizationConfig
from configs.task import TaskConfig
from evals.report.tables import markdown_table
from finetune.calibration import calibration_texts
from finetune.quantize import quantize
from flows.code_version import code_version
from flows.gpu_slots import on_gpu
from flows.step_cache import StepCache, StepOutcome
from flows.steps.prepare import read_split, split_digest
from flows.steps.step_state import publish, step, step_state


@step(name="quantize", task_run_name="quantize {quantization.scheme}")
def quantize_candidate(
    quantization: QuantizationConfig,
    task_config: TaskConfig,
    merged: StepOutcome,
    prepared: StepOutcome,
    seed: int,
    cache: StepCache,
) -> State[Any] | StepOutcome:
    """Quantize the merged model, calibrated on validation rows where the scheme needs data."""
    inputs = {
        "model": merged.digest,
        "quantization": quantization.model_dump(mode="json"),
        "calibration": split_digest(prepared, "validation"),
        "seed": seed,
        "task": task_config.model_dump(mode="json"),
        "code": code_version("finetune"),
    }

    def work(directory: Path) -> dict[str, Any]:
        rows = read_split(prepared, "validation", task_config)[: quantization.calibration_rows]
        texts = calibration_texts(merged.files, rows, task_config)
        result = quantize(merged.files, directory, quantization, texts, seed)
        return result.as_dict()

    outcome = cache.run(f"quantize-{quantization.scheme}", inputs, on_gpu(work))
    before, after = outcome.result["bytes_before"], outcome.result["bytes_after"]
    publish(
        f"quantize-{quantization.scheme}",
        f"## {quantization.scheme}\n\n"
        + markdown_table(
            ["", "bytes"],
            [
                ["before", f"{before:,}"],
                ["after", f"{after:,}"],
                ["after / before", f"{after / before:.3f}"],
            ],
        )
        + f"\n\nDigest `{outcome.digest}`",
        f"Size before and after {quantization.scheme}",
    )
    return step_state(outcome, f"{before / 1e6:.2f} MB to {after / 1e6:.2f} MB")
