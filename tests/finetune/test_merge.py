import json
import shutil

import pytest

from configs.errors import WeightsError
from finetune.merge import merge_adapter
from finetune.weights import refuse_unsafe_weights

TEXT = '<|system|>JSON.<|end|><|user|>3 has gout.<|end|><|assistant|>{"problems": ['


@pytest.fixture(scope="module")
def merged_dir(base_dir, trained, tmp_path_factory):
    out_dir = tmp_path_factory.mktemp("merged") / "model"
    merge_adapter(base_dir, trained[0] / "adapter", out_dir)
    return out_dir


def logits(model, tokenizer):
    import torch

    with torch.inference_mode():
        return model.eval()(**tokenizer(TEXT, return_tensors="pt")).logits


def load(directory):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(directory, local_files_only=True)
    return model, AutoTokenizer.from_pretrained(directory, local_files_only=True)


def test_the_merged_model_says_what_base_and_adapter_say(base_dir, trained, merged_dir):
    import torch
    from peft import PeftModel

    base, tokenizer = load(base_dir)
    of_base = logits(base, tokenizer)
    of_both = logits(PeftModel.from_pretrained(base, trained[0] / "adapter"), tokenizer)
    of_merged = logits(*load(merged_dir))
    # float32: x(W + sBA) and xW + s(xA)B round differently, in the seventh digit.
    torch.testing.assert_close(of_merged, of_both, rtol=1e-4, atol=1e-4)
    assert (of_merged - of_base).abs().max() > 0.1  # far above that tolerance


def test_tokenizer_and_chat_template_are_carried(base_dir, merged_dir):
    (_, before), (_, after) = load(base_dir), load(merged_dir)
    assert after.chat_template == before.chat_template
    assert after.get_vocab() == before.get_vocab()
    assert (after.eos_token, after.pad_token) == ("<|end|>", "<|pad|>")


def test_the_merged_model_is_ordinary_safe_weights(merged_dir):
    refuse_unsafe_weights(merged_dir)
    assert not list(merged_dir.glob("adapter*"))
    assert json.loads((merged_dir / "config.json").read_text())["dtype"] == "float32"


def test_the_sum_is_stored_in_the_precision_of_the_base(save_base, trained, tmp_path):
    import torch

    base = save_base(tmp_path / "base", break_it=lambda model: model.to(torch.bfloat16))
    merge_adapter(base, trained[0] / "adapter", tmp_path / "model")
    model, _ = load(tmp_path / "model")
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}


def test_merging_twice_gives_the_same_bytes(base_dir, trained, merged_dir, tmp_path):
    merge_adapter(base_dir, trained[0] / "adapter", tmp_path / "model")
    for path in merged_dir.iterdir():
        assert (tmp_path / "model" / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_full_disk_leaves_no_merged_model(base_dir, trained, tmp_path, file_size_limit):
    with (
        file_size_limit(20_000),
        pytest.raises(WeightsError, match=r"merged model in .* but the disk is full"),
    ):
        merge_adapter(base_dir, trained[0] / "adapter", tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_an_adapter_that_merging_dropped_leaves_nothing(base_dir, trained, tmp_path, monkeypatch):
    from peft import LoraModel

    monkeypatch.setattr(LoraModel, "merge_and_unload", LoraModel.unload)
    with pytest.raises(WeightsError, match=r"a loss of at most 0\.5 .* layers that differ most"):
        merge_adapter(base_dir, trained[0] / "adapter", tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_layer_that_was_written_wrong_is_named(base_dir, trained, tmp_path, monkeypatch):
    from peft import LoraModel

    whole = LoraModel.merge_and_unload

    def spoiled(self):
        model = whole(self)
        model.model.layers[1].mlp.up_proj.weight.data *= 1.5
        return model

    monkeypatch.setattr(LoraModel, "merge_and_unload", spoiled)
    with pytest.raises(WeightsError, match=r"differ most: model\.layers\.1\.mlp\.up_proj"):
        merge_adapter(base_dir, trained[0] / "adapter", tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_an_adapter_on_tied_embeddings_cannot_be_merged(base_dir, tmp_path):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(base_dir, tie_word_embeddings=True)
    model.tie_weights()
    model.save_pretrained(tmp_path / "tied")
    AutoTokenizer.from_pretrained(base_dir).save_pretrained(tmp_path / "tied")
    torch.manual_seed(5)
    lora = LoraConfig(
        r=4, target_modules=["lm_head"], init_lora_weights=False, task_type="CAUSAL_LM"
    )
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "tied")
    get_peft_model(base, lora).save_pretrained(tmp_path / "adapter", save_embedding_layers=False)
    with pytest.raises(WeightsError, match=r"lm_head .*tied embeddings cannot be merged"):
        merge_adapter(tmp_path / "tied", tmp_path / "adapter", tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_an_adapter_of_zeros_merges_to_the_base(base_dir, tmp_path):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    lora = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    base = AutoModelForCausalLM.from_pretrained(base_dir)
    get_peft_model(base, lora).save_pretrained(tmp_path / "adapter")
    merge_adapter(base_dir, tmp_path / "adapter", tmp_path / "model")
    torch.testing.assert_close(logits(*load(tmp_path / "model")), logits(*load(base_dir)))


def test_an_adapter_of_another_model_is_refused(base_dir, trained, tmp_path):
    from safetensors.torch import load_file, save_file

    adapter = shutil.copytree(trained[0] / "adapter", tmp_path / "adapter")
    file = adapter / "adapter_model.safetensors"
    tensors = load_file(file)
    renamed = {name.replace("layers.1.mlp", "layers.1.ffn"): t for name, t in tensors.items()}
    save_file(renamed, file, metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"missing adapter keys.*layers\.1\.mlp"):
        merge_adapter(base_dir, adapter, tmp_path / "model")
    assert not (tmp_path / "model").exists()
