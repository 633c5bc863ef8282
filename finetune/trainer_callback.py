"""What happens at every step of a training: losses are judged, told and logged, a wish to stop is heard.

Does: as one callback of the trainer, also as one of several processes. Does not: train
(finetune/train.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from configs.errors import TrainingError

Metrics = Callable[[dict[str, float], int], None]
Progress = Callable[[int, int], None]


def require_finite(loss: float, what: str, step: int) -> None:
    """Refuse a loss or a norm that is not a number.

    Args:
        what: `loss` and so on, for the message.
    Raises:
        TrainingError: when it is not finite.
    """
    if not math.isfinite(loss):
        raise TrainingError(
            f"step {step}",
            f"expected a finite {what}, got {loss}",
            "Lower lora.learning_rate, or look for broken rows; whole checkpoints were kept.",
        )


def _any_process(wants: bool) -> bool:
    """Whether any of the processes wants it: all must leave the loop at the same step."""
    import torch

    if not torch.distributed.is_initialized():
        return wants
    device = torch.accelerator.current_accelerator() or torch.device("cpu")
    wish = torch.tensor(int(wants), device=device)
    torch.distributed.all_reduce(wish, op=torch.distributed.ReduceOp.MAX)
    return bool(wish.item())


def _numbers(logs: Mapping[str, Any]) -> dict[str, float]:
    return {k: float(v) for k, v in logs.items() if isinstance(v, int | float) and k != "step"}


def reporting_callback(
    on_metrics: Metrics, on_progress: Progress, should_stop: Callable[[], bool]
) -> Any:
    """A `TrainerCallback` that reports and stops.

    Args:
        on_metrics, on_progress, should_stop: as of `train_adapter`.
    """
    from transformers import TrainerCallback

    class Reporting(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args, state, control, **kwargs):  # type: ignore[no-untyped-def]
            # Whoever hears a resumed training may not have heard, or kept, what came before.
            for entry in state.log_history:
                on_metrics(_numbers(entry), int(entry["step"]))

        def on_log(self, args, state, control, logs=None, **kwargs):  # type: ignore[no-untyped-def]
            for name in ("loss", "grad_norm"):
                if name in (logs or {}):
                    require_finite(float(logs[name]), name, state.global_step)
            on_metrics(_numbers(logs or {}), state.global_step)

        def on_step_end(self, args, state, control, **kwargs):  # type: ignore[no-untyped-def]
            stop = _any_process(should_stop())
            on_progress(state.global_step, state.max_steps)
            if stop:
                # Logged first: a loss is judged before it is saved.
                control.should_log = control.should_save = control.should_training_stop = True

    return Reporting()
