"""Decoding in slots against `model.generate`, one row at a time, for every architecture it is used for."""

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    GemmaConfig,
    GraniteConfig,
    LlamaConfig,
    MistralConfig,
    Olmo2Config,
    Phi3Config,
    Qwen2Config,
    Qwen3Config,
    SmolLM3Config,
)  # fmt: skip

from configs.errors import EngineError
from evals.engines.decoding_job import DecodingJob
from evals.engines.generate_decoding import decode_with_generate
from evals.engines.slot_decoding import ARCHITECTURES, can_decode_in_slots, decode_in_slots

VOCABULARY = 40
PAD, ENDS = 0, [2, 3, 4, 5]
SIZE = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "bos_token_id": 1,
    "max_position_embeddings": 128, "eos_token_id": ENDS, "pad_token_id": PAD,
    "initializer_range": 0.6, "tie_word_embeddings": False,
}  # fmt: skip
WINDOW = {"sliding_window": 6}  # shorter than prompts and answers
MIXED = {**WINDOW, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}
MODELS = {
    "gemma": GemmaConfig(**SIZE),
    "gemma3_text": Gemma3TextConfig(**SIZE, **MIXED),
    "granite": GraniteConfig(**SIZE, logits_scaling=2.0, attention_multiplier=0.4),
    "llama": LlamaConfig(**SIZE),
    "mistral": MistralConfig(**SIZE, sliding_window=None),
    "mistral with a window": MistralConfig(**SIZE, **WINDOW),
    "olmo2": Olmo2Config(**SIZE),
    "phi3": Phi3Config(**SIZE, **WINDOW),
    "qwen2": Qwen2Config(**SIZE),
    "qwen2 with a window": Qwen2Config(**SIZE, **MIXED, use_sliding_window=True),
    "qwen3": Qwen3Config(**SIZE),
    "smollm3": SmolLM3Config(**SIZE, no_rope_layers=[1, 0, 1]),
}


def random_model(config):
    torch.manual_seed(11)
    model = AutoModelForCausalLM.from_config(config).eval()
    model.generation_config.eos_token_id = ENDS
    model.generation_config.pad_token_id = PAD
    return model


def random_prompts(shared=9):
    """Prompts of 1 to 24 tokens after a common beginning."""
    generator = torch.Generator().manual_seed(5)
    beginning = torch.randint(6, VOCABULARY, (shared,), generator=generator).tolist()
    return [
        beginning + torch.randint(6, VOCABULARY, (length,), generator=generator).tolist()
        for length in [1, 24, 3, 17, 8, 8, 2, 11, 5, 20, 1, 14, 9]
    ]


def job(prompts, rows_at_once=4, **more):
    settings = {
        "prompts": prompts, "rows_at_once": rows_at_once, "max_new_tokens": 30, "end_tokens": ENDS
    } | more  # fmt: skip
    return DecodingJob(**settings)


def one_by_one(model, prompts):
    answers = []
    for prompt in prompts:
        ids = torch.tensor([prompt])
        with torch.inference_mode():
            output = model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=30, do_sample=False
            )
        answers.append(output[0, len(prompt) :].tolist())
    return answers


def test_every_architecture_it_is_used_for_is_tested():
    assert {config.model_type for config in MODELS.values()} == set(ARCHITECTURES)


@pytest.mark.parametrize("name", MODELS)
def test_rows_answer_as_with_generate_alone(name):
    model, prompts = random_model(MODELS[name]), random_prompts()
    assert can_decode_in_slots(model)
    expected = one_by_one(model, prompts)
    answers = decode_in_slots(model, job(prompts))
    assert [answer.tokens for answer in answers] == expected
    # The test is only worth something if answers differ and rows leave the batch at various times.
    assert len({tuple(tokens) for tokens in expected}) > 5
    assert len({len(tokens) for tokens in expected}) > 2


@pytest.mark.parametrize("rows_at_once", [1, 3, 50])
@pytest.mark.parametrize("shared", [0, 9], ids=["nothing shared", "a shared beginning"])
def test_answers_do_not_depend_on_how_many_rows_are_in_flight(rows_at_once, shared):
    model, prompts = random_model(MODELS["llama"]), random_prompts(shared)
    answers = decode_in_slots(model, job(prompts, rows_at_once))
    assert [answer.tokens for answer in answers] == one_by_one(model, prompts)


def test_equal_prompts_and_a_single_prompt_are_answered():
    model, prompt = random_model(MODELS["llama"]), random_prompts()[1]
    [expected] = one_by_one(model, [prompt])
    for prompts in ([prompt], [prompt] * 3):
        assert [a.tokens for a in decode_in_slots(model, job(prompts))] == [expected] * len(prompts)


def test_guesses_save_passes_and_change_nothing():
    model = random_model(MODELS["llama"])
    prompts = [prompt for prompt in random_prompts() for _ in range(3)]  # answers repeat
    passes = []
    counting = model.register_forward_hook(lambda *_: passes.append(1))
    answers = decode_in_slots(model, job(prompts, rows_at_once=1))
    counting.remove()
    assert [a.tokens for a in answers] == one_by_one(model, prompts)
    assert len(passes) < sum(len(answer.tokens) for answer in answers) / 1.5


def test_the_reason_of_the_end_is_told():
    model, prompts = random_model(MODELS["llama"]), random_prompts()
    for answer in decode_in_slots(model, job(prompts)):
        assert answer.finish_reason == ("stop" if answer.tokens[-1] in ENDS else "length")
        assert answer.finish_reason == "stop" or len(answer.tokens) == 30


def test_the_model_attends_as_before_afterwards():
    model, prompts = random_model(MODELS["llama"]), random_prompts()
    before = model.config._attn_implementation
    with pytest.raises(EngineError):
        decode_in_slots(model, job(prompts, on_finished=fail))
    assert model.config._attn_implementation == before


def fail(finished):
    raise EngineError("test", "expected nothing, got this", "Nothing.")


def test_a_lora_adapter_counts():
    from peft import LoraConfig, get_peft_model

    prompts = random_prompts()
    plain = one_by_one(random_model(MODELS["llama"]), prompts)
    lora = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False)
    adapted = get_peft_model(random_model(MODELS["llama"]), lora).eval()
    assert can_decode_in_slots(adapted)
    answers = [answer.tokens for answer in decode_in_slots(adapted, job(prompts))]
    assert answers == [
        adapted.generate(
            input_ids=torch.tensor([p]), attention_mask=torch.ones(1, len(p)), max_new_tokens=30
        )[0, len(p) :].tolist()
        for p in prompts
    ]
    assert answers != plain


UNPROVED = {
    "an architecture that was not tried": Gemma2Config(**SIZE, **MIXED),
    "rotary frequencies that depend on the longest row": LlamaConfig(
        **SIZE,
        rope_parameters={"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0},
    ),
    "attention that looks ahead": Gemma3TextConfig(
        **SIZE, **MIXED, use_bidirectional_attention=True
    ),
}


@pytest.mark.parametrize("why", UNPROVED)
def test_a_model_it_is_not_proved_for_is_left_to_generate(why):
    assert not can_decode_in_slots(random_model(UNPROVED[why]))


def test_an_adapter_that_needs_more_than_its_layers_is_left_to_generate():
    from peft import LoraConfig, PromptTuningConfig, get_peft_model

    for adapter in (
        PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4),
        LoraConfig(task_type="CAUSAL_LM", alora_invocation_tokens=[7]),
    ):
        assert not can_decode_in_slots(get_peft_model(random_model(MODELS["llama"]), adapter))


@pytest.mark.parametrize("name", ["llama", "gemma2"])
def test_decoding_through_generate_does_the_same_job(name):
    config = {**MODELS, "gemma2": Gemma2Config(**SIZE, **MIXED)}[name]
    model, prompts = random_model(config), random_prompts()
    answers = decode_with_generate(model, job(prompts), PAD)
    assert [answer.tokens for answer in answers] == one_by_one(model, prompts)
    for answer in answers:
        assert answer.finish_reason == ("stop" if answer.tokens[-1] in ENDS else "length")


class OnlyEven:
    """Even tokens, five of them."""

    def __init__(self):
        self.taken = 0

    def choose(self, logits, best):
        self.taken += 1
        return 2 * int(logits[6::2].argmax()) + 6

    @property
    def complete(self):
        return self.taken == 5


def test_both_decoders_keep_to_a_constraint_and_to_the_end_of_a_text():
    model, prompts = random_model(MODELS["llama"]), random_prompts()
    for more in ({"new_constraint": OnlyEven}, {"ends_text": lambda tokens: tokens[-1] % 7 == 0}):
        in_slots = decode_in_slots(model, job(prompts, **more))
        generated = decode_with_generate(model, job(prompts, **more), PAD)
        assert [(a.tokens, a.finish_reason) for a in in_slots] == [
            (a.tokens, a.finish_reason) for a in generated
        ]
    assert any(answer.tokens[-1] % 7 == 0 for answer in in_slots)
    for answer in decode_in_slots(model, job(prompts, new_constraint=OnlyEven)):
        assert len(answer.tokens) == 5
        assert all(token % 2 == 0 for token in answer.tokens)
