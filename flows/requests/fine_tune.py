"""The form of the deployment `fine-tune`: an adapter with settings of one's own, up to the gate."""

from __future__ import annotations

from pydantic import Field

from configs.lifecycle import LifecycleConfig, LoraConfig
from configs.load import load_lifecycle
from configs.quantization import QuantizationConfig, Scheme
from configs.strict_model import StrictModel
from flows.requests.choices import LifecycleName
from flows.requests.lifecycle import LifecycleChanges, changed


class FineTuneRequest(StrictModel):
    """Fine-tune with these settings; everything else is as the lifecycle declares it."""

    lifecycle: LifecycleName = "demo"
    """Whose base model, data, task, baseline and gate are used."""

    lora: LoraConfig = LoraConfig()
    """Fine-tuning, instead of the lifecycle's."""

    quantizations: list[Scheme] = Field(default_factory=list)
    """Quantized candidates to make besides the fine-tuned model: fp8-dynamic needs no data, awq is
    4-bit. Settings of a scheme that the lifecycle has are kept."""

    changes: LifecycleChanges = LifecycleChanges()
    """What else differs from the file."""

    requested_by: str = ""
    """Who asks, for the audit trail."""


def fine_tuning_of(request: FineTuneRequest) -> LifecycleConfig:
    """The lifecycle that is asked for.

    Candidates of the gate that are not made are left out of it; the gate's other rules stay.

    Raises:
        ConfigError: when a file is gone or broken by now, or the settings contradict it.
    """
    declared = load_lifecycle(request.lifecycle)
    known = {quantization.scheme: quantization for quantization in declared.quantizations}
    made = [known.get(s, QuantizationConfig(scheme=s)) for s in dict.fromkeys(request.quantizations)]
    candidates = [
        name
        for name in declared.gate.candidates
        if name == "fine-tuned" or name in request.quantizations
    ]
    gate = declared.gate.model_dump(mode="json") | {"candidates": candidates}
    return changed(
        declared,
        request.changes,
        request.lifecycle,
        lora=request.lora.model_dump(mode="json"),
        quantizations=[quantization.model_dump(mode="json") for quantization in made],
        gate=gate,
    )
