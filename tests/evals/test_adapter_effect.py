"""Adapters that work, and the ways in which they silently do not."""

import pytest

from configs.errors import EngineError, EvidenceError
from evals.adapter_effect import require_adapter_effect

PROMPTS = [[{"role": "user", "content": "3 has gout."}], [{"role": "user", "content": "no rash"}]]


@pytest.fixture(scope="module")
def base_dir():
    from pathlib import Path

    import configs

    return Path(configs.__file__).parent / "models" / "tiny-clinical"


@pytest.fixture
def save_adapter(base_dir, tmp_path):
    """Write an adapter of the base; `change` may edit its tensors first."""

    def save(change=lambda tensors: tensors, trained=True):
        import torch
        from peft import LoraConfig, get_peft_model
        from safetensors.torch import load_file, save_file
        from transformers import AutoModelForCausalLM

        torch.manual_seed(5)
        lora = LoraConfig(
            r=4, target_modules="all-linear", init_lora_weights=not trained, task_type="CAUSAL_LM"
        )
        base = AutoModelForCausalLM.from_pretrained(base_dir, dtype=torch.float32)
        get_peft_model(base, lora).save_pretrained(tmp_path)
        file = tmp_path / "adapter_model.safetensors"
        save_file(change(load_file(file)), file, metadata={"format": "pt"})
        return tmp_path

    return save


def test_the_effect_of_a_trained_adapter_is_measured(base_dir, save_adapter):
    effect = require_adapter_effect(base_dir, save_adapter(), PROMPTS)
    assert effect.largest_change > 0.01
    assert 0 < effect.next_tokens_changed <= 1
    assert effect.tokens > 10


def test_an_untrained_adapter_is_found(base_dir, save_adapter):
    with pytest.raises(EvidenceError, match="LoRA B matrices that training has moved"):
        require_adapter_effect(base_dir, save_adapter(trained=False), PROMPTS)


def test_tensors_that_the_loader_cannot_place_are_found(base_dir, save_adapter):
    def rename(tensors):
        return {name.replace("model.layers", "decoder.layers"): t for name, t in tensors.items()}

    with pytest.raises(EvidenceError, match=r"got none of 84, first .*decoder\.layers\.0"):
        require_adapter_effect(base_dir, save_adapter(rename), PROMPTS)


def test_one_layer_that_is_left_out_is_found(base_dir, save_adapter):
    def rename(tensors):
        return {name.replace("layers.5.mlp", "layers.5.ffn"): t for name, t in tensors.items()}

    with pytest.raises(EvidenceError, match=r"got none of 6, first .*layers\.5\.ffn"):
        require_adapter_effect(base_dir, save_adapter(rename), PROMPTS)


def test_an_adapter_lost_in_rounding_is_found(base_dir, save_adapter):
    with pytest.raises(EvidenceError, match="moves some logit"):
        require_adapter_effect(
            base_dir,
            save_adapter(lambda tensors: {name: t * 1e-6 for name, t in tensors.items()}),
            PROMPTS,
        )


def test_it_needs_prompts_and_a_base(base_dir, save_adapter, tmp_path):
    adapter = save_adapter()
    with pytest.raises(EvidenceError, match="expected prompts"):
        require_adapter_effect(base_dir, adapter, [])
    with pytest.raises(EngineError, match="expected loadable weights"):
        require_adapter_effect(tmp_path / "nowhere", adapter, PROMPTS)
