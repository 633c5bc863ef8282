import json

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
