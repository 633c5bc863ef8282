"""The form of the deployment `fine-tune`: an adapter with settings of one's own, up to the gate."""

from __future__ import annotations

from pydantic import Field

from configs.lifecycle import LifecycleConfig, LoraConfig
from configs.load import load_lifecycle
from configs.quantization import QuantizationConfig, Scheme
from configs.strict_model import StrictModel
from flows.requests.choices import LifecycleName
from flows.requests.lifecycle import LifecycleChanges, validated, with_changes


class FineTuneRequest(StrictModel):
    """Fine-tune with these settings; everything else is as the lifecycle declares it."""

    lifecycle: LifecycleName = "demo"
    """Whose base model, data, task, baseline and gate are used."""

    lora: LoraConfig = Field(default=LoraConfig(), title="LoRA")
    """Fine-tuning, instead of the lifecycle's."""

    quantizations: list[Scheme] = Field(default_factory=list)
    """Quantized candidates to make besides the fine-tuned model: fp8-dynamic needs no data, awq is
    4-bit and calibrated. Settings of a scheme that the lifecycle has are kept."""

    changes: LifecycleChanges = LifecycleChanges()
    """What else differs from the file."""

    requested_by: str = ""
    """Who asks, for the audit trail."""


def fine_tuning_of(request: FineTuneRequest) -> LifecycleConfig:
    """The lifecycle that is asked for.

    Candidates of the gate that are not made are left out of it; its other rules stay.

    Raises:
        ConfigError: when a file is gone or broken by now, the settings contradict it, or none of the
            gate's candidates is made.
    """
    declared = load_lifecycle(request.lifecycle)
    known = {quantization.scheme: quantization for quantization in declared.quantizations}
    schemes = tuple(dict.fromkeys(request.quantizations))
    made = [known.get(scheme, QuantizationConfig(scheme=scheme)) for scheme in schemes]
    content = with_changes(declared, request.changes) | {
        "lora": request.lora.model_dump(mode="json"),
        "quantizations": [quantization.model_dump(mode="json") for quantization in made],
    }
    wanted = content["gate"]["candidates"]
    kept = [candidate for candidate in wanted if candidate in ("fine-tuned", *schemes)]
    # Empty would mean all: where nothing is left of a list, its refusal says what to add.
    content["gate"]["candidates"] = kept or wanted
    return validated(content, request.lifecycle)
