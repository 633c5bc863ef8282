"""Quantization of a random Llama of width 32 by the real llm-compressor."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import WeightsError
from configs.quantization import QuantizationConfig
from finetune.calibration import calibration_texts
from finetune.quantize import fitting_group_size, quantize
from finetune.weights import refuse_unsafe_weights

FP8 = QuantizationConfig(scheme="fp8-dynamic")
AWQ = QuantizationConfig(scheme="awq", grid_points=3, calibration_rows=4)


@pytest.mark.parametrize(
    ("wanted", "widths", "fitting"),
    [
        (128, [256, 512], 128),
        (128, [576, 1536], 64),
        (96, [576, 1536], 96),
        (64, [576, 1536], 64),
        (128, [32, 48], 16),
    ],
)
def test_the_group_size_is_lowered_to_what_divides_every_width(wanted, widths, fitting):
    assert fitting_group_size(wanted, widths) == fitting


@given(
    wanted=st.integers(8, 256),
    widths=st.lists(st.integers(1, 256).map(lambda n: 8 * n), min_size=1, max_size=5),
)
def test_the_group_size_is_the_wanted_one_or_the_largest_power_of_two_that_fits(wanted, widths):
    def fits(candidate):
        return all(width % candidate == 0 for width in widths)

    size = fitting_group_size(wanted, widths)
    assert 8 <= size <= wanted
    assert fits(size)
    if size != wanted:
        assert not fits(wanted)
        assert size.bit_count() == 1
        assert size * 2 > wanted or not fits(size * 2)


@pytest.mark.parametrize("widths", [[7], [32, 36], [31, 48]])
def test_widths_that_no_group_size_divides_are_refused(widths):
    with pytest.raises(WeightsError) as raised:
        fitting_group_size(128, widths)
    assert f"expected a size of 8 or more that divides {widths}" in str(raised.value)
    assert "Use fp8-dynamic" in str(raised.value)


def load(directory):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(directory, local_files_only=True)
    return model.eval(), AutoTokenizer.from_pretrained(directory, local_files_only=True)


def similarity(directory, other, text):
    """Mean over the tokens of a text of the cosine between the logits of two models."""
    import torch

    def logits(place):
        model, tokenizer = load(place)
        with torch.inference_mode():
            return model(**tokenizer(text, return_tensors="pt")).logits[0].float()

    return torch.cosine_similarity(logits(directory), logits(other), dim=-1).mean().item()


@pytest.fixture(scope="module")
def texts(base_dir, rows, task):
    return calibration_texts(base_dir, rows[:4], task)


@pytest.fixture(scope="module")
def made(base_dir, texts, tmp_path_factory):
    """Both schemes made once: directory and result by name."""
    out = tmp_path_factory.mktemp("quantized")
    return {
        config.scheme: (
            out / config.scheme,
            quantize(base_dir, out / config.scheme, config, texts, seed=1),
        )
        for config in (FP8, AWQ)
    }


@pytest.mark.parametrize("scheme", ["fp8-dynamic", "awq"])
def test_a_quantized_model_reloads_and_says_nearly_the_same(made, base_dir, texts, scheme):
    directory, _ = made[scheme]
    refuse_unsafe_weights(directory)
    least = similarity(directory, base_dir, texts[0])
    assert 0.9 < least < 0.999999  # quantization lost something, but not the model


@pytest.mark.parametrize("scheme", ["fp8-dynamic", "awq"])
def test_a_quantized_model_is_smaller(made, base_dir, scheme):
    directory, result = made[scheme]
    assert result.bytes_before == (base_dir / "model.safetensors").stat().st_size
    assert result.bytes_after == sum(p.stat().st_size for p in directory.glob("*.safetensors"))
    assert result.bytes_after < 0.8 * result.bytes_before
    assert result.as_dict()["scheme"] == scheme


@pytest.mark.parametrize(
    ("scheme", "bits", "kind"), [("fp8-dynamic", 8, "float"), ("awq", 4, "int")]
)
def test_the_config_says_compressed_tensors(made, scheme, bits, kind):
    config = json.loads((made[scheme][0] / "config.json").read_text())["quantization_config"]
    assert config["quant_method"] == "compressed-tensors"
    assert config["ignore"] == ["lm_head"]
    [group] = config["config_groups"].values()
    assert (group["weights"]["num_bits"], group["weights"]["type"]) == (bits, kind)


def test_fp8_needs_no_groups_and_scales_activations_per_token(made):
    directory, result = made["fp8-dynamic"]
    config = json.loads((directory / "config.json").read_text())["quantization_config"]
    [group] = config["config_groups"].values()
    assert result.group_size is None
    assert (group["input_activations"]["dynamic"], group["input_activations"]["strategy"]) == (
        True,
        "token",
    )


def test_awq_adapts_its_group_size_to_the_widths_of_the_model(made):
    directory, result = made["awq"]
    assert (AWQ.group_size, result.group_size) == (128, 16)  # widths are 32 and 48
    config = json.loads((directory / "config.json").read_text())["quantization_config"]
    [group] = config["config_groups"].values()
    assert group["weights"]["group_size"] == 16


@pytest.mark.parametrize("scheme", ["fp8-dynamic", "awq"])
def test_tokenizer_and_chat_template_are_carried(made, base_dir, scheme):
    from transformers import AutoTokenizer

    before, after = (AutoTokenizer.from_pretrained(d) for d in (base_dir, made[scheme][0]))
    assert after.chat_template == before.chat_template
    assert after.get_vocab() == before.get_vocab()
    # Cutting calibration texts must not teach the served tokenizer to cut prompts.
    saved = json.loads((made[scheme][0] / "tokenizer.json").read_text())
    assert (saved["truncation"], saved["padding"]) == (None, None)


def test_awq_without_calibration_rows_is_refused(base_dir, tmp_path):
    with pytest.raises(WeightsError) as raised:
        quantize(base_dir, tmp_path / "awq", AWQ, [], seed=1)
    assert str(raised.value) == (
        "quantizations.awq: expected calibration rows, got none. Give validation rows."
    )
    assert not (tmp_path / "awq").exists()


def test_fp8_needs_no_calibration_and_the_same_input_gives_the_same_bytes(made, base_dir, tmp_path):
    quantize(base_dir, tmp_path / "fp8", FP8, [], seed=2)
    name = "model.safetensors"
    assert (tmp_path / "fp8" / name).read_bytes() == (made["fp8-dynamic"][0] / name).read_bytes()


def test_the_same_calibration_gives_the_same_awq_bytes(made, base_dir, texts, tmp_path):
    quantize(base_dir, tmp_path / "awq", AWQ, texts, seed=1)
    name = "model.safetensors"
    assert (tmp_path / "awq" / name).read_bytes() == (made["awq"][0] / name).read_bytes()


def test_long_calibration_texts_are_cut(made, base_dir, texts, tmp_path):
    cut = AWQ.model_copy(update={"calibration_max_len_tokens": 16})
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base_dir)
    short = [tokenizer.decode(tokenizer(text)["input_ids"][:16]) for text in texts]
    assert all(len(text) < len(whole) for text, whole in zip(short, texts, strict=True))
    for name, calibration in (("cut", texts), ("short", short)):
        quantize(base_dir, tmp_path / name, cut, calibration, seed=1)
    bytes_of = {p.name: (p / "model.safetensors").read_bytes() for p in tmp_path.iterdir()}
    assert bytes_of["cut"] == bytes_of["short"]
    assert bytes_of["cut"] != (made["awq"][0] / "model.safetensors").read_bytes()


def test_nothing_is_left_changed_behind(base_dir, tmp_path, monkeypatch, texts):
    """Neither the library's pinning nor the working directory, even when quantizing fails."""
    import llmcompressor
    from llmcompressor.pipelines.cache import IntermediatesCache

    pinning, here = IntermediatesCache.pin_memory, Path.cwd()
    during = []

    def fail(**arguments):
        during.append((IntermediatesCache.pin_memory, Path.cwd()))
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(llmcompressor, "oneshot", fail)
        with pytest.raises(RuntimeError, match="out of memory"):
            quantize(base_dir, tmp_path / "awq", AWQ, texts, seed=1)
    [(patched, scratch)] = during
    assert scratch != here
    assert not scratch.exists()
    assert Path.cwd() == here
    assert IntermediatesCache.pin_memory is pinning
    assert list(tmp_path.iterdir()) == []
    import torch

    assert (patched is pinning) == torch.accelerator.is_available()


def test_a_full_disk_leaves_no_quantized_model(base_dir, tmp_path, file_size_limit):
    with file_size_limit(20_000), pytest.raises(WeightsError, match="the disk is full"):
        quantize(base_dir, tmp_path / "fp8", FP8, [], seed=1)
    assert list(tmp_path.iterdir()) == []
