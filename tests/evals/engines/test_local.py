"""Local generation on a tiny random Llama: what it says is noise, but it must be the same noise."""

import json
from contextlib import chdir
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import configs
from configs.errors import EngineError
from evals.engines.completion import Decoding, Request, StopAnswering
from evals.engines.local import LocalEngine

WORDS = ["takes", "aspirin", "daily", "no", "rash", "note", "of", "oral", "fever", "mg"]
SPECIAL = ["<unk>", "<s>", "</s>", "<user>", "<assistant>"]
LONGEST = 64
TWELVE = Decoding(max_new_tokens=12)


def save_tiny_model(directory, chat_template=True, pad_token=None):
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    vocabulary = {word: i for i, word in enumerate(SPECIAL + WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>",
        pad_token=pad_token, additional_special_tokens=["<user>", "<assistant>"],
    )  # fmt: skip
    if chat_template:
        fast.chat_template = (
            "<s> {% for m in messages %}<user> {{ m['content'] }} {% endfor %}<assistant>"
        )
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=LONGEST,
        bos_token_id=1, eos_token_id=2, initializer_range=0.6,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    model.save_pretrained(directory)
    fast.save_pretrained(directory)
    return directory


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


def requests(*texts):
    return [
        Request(f"r{i}", [{"role": "user", "content": text}], f"sha256:{i}")
        for i, text in enumerate(texts)
    ]


def many_requests():
    return requests(
        *(" ".join(WORDS[(i * j) % len(WORDS)] for j in range(1, 2 + i)) for i in range(20))
    )


def answers(model_dir, batch_size, asked, decoding=TWELVE):
    given = LocalEngine(model_dir, "tiny", batch_size, "float32").answer(asked, decoding)
    return [replace(answer, latency_s=0) for answer in given]


def test_a_row_answers_the_same_in_a_batch_and_alone(model_dir):
    alone = answers(model_dir, 1, many_requests())
    assert answers(model_dir, 7, many_requests()) == alone
    # The promise is only worth something if rows differ and some stop early.
    assert len({a.text for a in alone}) > 5
    assert {a.finish_reason for a in alone} == {"stop", "length"}


def test_an_answer_ends_at_its_stop_token_or_at_the_limit(model_dir):
    for answer in answers(model_dir, 7, many_requests()):
        assert "</s>" not in answer.text
        assert (answer.finish_reason == "length") <= (answer.output_tokens == 12)
        assert len(answer.text.split()) <= answer.output_tokens


def test_progress_reaches_the_number_of_rows(model_dir):
    progress = []
    engine = LocalEngine(model_dir, "tiny", 8, "float32")
    engine.answer(
        many_requests(),
        Decoding(max_new_tokens=2),
        lambda done, total: progress.append((done, total)),
    )
    assert progress == sorted(set(progress))
    assert len(progress) > 2
    assert progress[-1] == (20, 20)


def test_answering_stops_when_told_and_the_engine_can_be_asked_again(model_dir):
    progress = []

    def enough_after_six(done, total):
        progress.append(done)
        if done >= 6:
            raise StopAnswering

    engine = LocalEngine(model_dir, "tiny", 4, "float32")
    with pytest.raises(StopAnswering):
        engine.answer(many_requests(), TWELVE, enough_after_six)
    assert progress[-1] < 20
    again = engine.answer(many_requests(), TWELVE)
    assert [a.text for a in again] == [a.text for a in answers(model_dir, 1, many_requests())]


def test_an_answer_knows_its_prompt_and_its_time(model_dir):
    engine = LocalEngine(model_dir, "tiny", 2, "float32")
    [short, long] = engine.answer(requests("note", "note of rash"), TWELVE)
    assert (short.input_tokens, long.input_tokens) == (4, 6)
    assert 0 < short.latency_s < 60


def test_sampling_settings_of_the_checkpoint_are_not_followed(tmp_path, model_dir):
    from transformers import GenerationConfig

    sampling = save_tiny_model(tmp_path)
    GenerationConfig(
        do_sample=True, temperature=5.0, repetition_penalty=3.0, eos_token_id=2
    ).save_pretrained(sampling)
    assert answers(sampling, 4, many_requests()) == answers(model_dir, 4, many_requests())


def test_an_adapter_changes_the_answers(tmp_path, model_dir):
    import torch
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(5)
    lora = LoraConfig(
        r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM"
    )
    get_peft_model(AutoModelForCausalLM.from_pretrained(model_dir), lora).save_pretrained(tmp_path)
    adapted = LocalEngine(model_dir, "tiny", 4, "float32", adapter_dir=tmp_path)
    with_adapter = [a.text for a in adapted.answer(many_requests(), TWELVE)]
    assert with_adapter != [a.text for a in answers(model_dir, 4, many_requests())]
    # The adapter alone, merged into the weights, says the same.
    merged = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(model_dir), tmp_path)
    merged.merge_and_unload().save_pretrained(tmp_path / "merged")
    AutoTokenizer.from_pretrained(model_dir).save_pretrained(tmp_path / "merged")
    assert [a.text for a in answers(tmp_path / "merged", 4, many_requests())] == with_adapter


def test_no_requests_need_no_model(tmp_path):
    assert answers(tmp_path / "nowhere", 4, []) == []


def test_a_row_beyond_the_context_length_is_named(model_dir):
    asked = requests("note", " ".join(["note"] * LONGEST))
    with pytest.raises(EngineError, match=f"row r1: expected at most {LONGEST} tokens"):
        answers(model_dir, 4, asked)


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(EngineError, match="expected loadable weights"):
        answers(tmp_path / "nowhere", 1, requests("note"))


def test_pickled_weights_are_not_loaded(tmp_path):
    import torch

    directory = save_tiny_model(tmp_path)
    weights = directory / "model.safetensors"
    torch.save({"w": torch.zeros(1)}, directory / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(EngineError, match="expected loadable weights"):
        answers(directory, 1, requests("note"))


def test_a_checkpoint_without_a_chat_template_is_refused(tmp_path):
    with pytest.raises(EngineError, match="expected a chat template"):
        answers(save_tiny_model(tmp_path, chat_template=False), 1, requests("note"))


def test_a_stop_string_ends_an_answer_and_is_not_part_of_it(model_dir):
    free = answers(model_dir, 7, many_requests())
    word = free[0].text.split()[1]
    stopped = answers(model_dir, 7, many_requests(), Decoding(max_new_tokens=12, stop=(word,)))
    assert [a.text for a in stopped] == [a.text.partition(word)[0] for a in free]
    assert all(
        a.finish_reason == "stop" for a, b in zip(stopped, free, strict=True) if word in b.text
    )
    assert sum(a.output_tokens for a in stopped) < sum(a.output_tokens for a in free)


SCHEMA = {
    "type": "object", "additionalProperties": False, "required": ["problems", "count"],
    "properties": {
        "problems": {"type": "array", "maxItems": 2, "items": {"type": "string", "maxLength": 8}},
        "count": {"type": "integer", "minimum": 0, "maximum": 99},
    },
}  # fmt: skip


def test_a_model_that_knows_no_json_answers_within_the_schema_in_its_order():
    shipped = Path(configs.__file__).parent / "models" / "tiny-clinical"
    asked = requests("3 has gout.", "no rash", "fever and cough since Monday")
    constrained = answers(shipped, 2, asked, Decoding(max_new_tokens=100, json_schema=SCHEMA))
    for answer in constrained:
        assert answer.finish_reason == "stop"
        value = json.loads(answer.text)
        Draft202012Validator(SCHEMA).validate(value)
        assert list(value) == ["problems", "count"]
        assert answer.text == json.dumps(value, ensure_ascii=False)  # the white space of training
    assert constrained == answers(
        shipped, 1, asked, Decoding(max_new_tokens=100, json_schema=SCHEMA)
    )
    free = answers(shipped, 2, asked, Decoding(max_new_tokens=40))
    assert not any(a.text.startswith('{"problems": [') for a in free)


def test_an_answer_within_a_schema_that_is_cut_off_says_so():
    shipped = Path(configs.__file__).parent / "models" / "tiny-clinical"
    [answer] = answers(shipped, 2, requests("x"), Decoding(max_new_tokens=3, json_schema=SCHEMA))
    assert (answer.finish_reason, answer.output_tokens) == ("length", 3)


def test_a_schema_that_cannot_be_enforced_is_refused_before_anything_is_answered():
    shipped = Path(configs.__file__).parent / "models" / "tiny-clinical"
    schema = {"type": "array", "uniqueItems": True, "items": {"type": "string"}}
    with pytest.raises(EngineError, match="uniqueItems"):
        answers(shipped, 2, requests("x"), Decoding(max_new_tokens=3, json_schema=schema))


def test_a_tokenizer_of_words_cannot_follow_a_schema(model_dir):
    with pytest.raises(EngineError, match="byte-level tokenizer"):
        answers(model_dir, 2, requests("note"), Decoding(max_new_tokens=3, json_schema=SCHEMA))


def test_a_quantized_checkpoint_answers_as_generate_does(tmp_path):
    import torch
    from llmcompressor import oneshot
    from llmcompressor.modifiers.quantization import QuantizationModifier
    from transformers import AutoModelForCausalLM, AutoTokenizer

    directory = save_tiny_model(tmp_path / "plain")
    model = AutoModelForCausalLM.from_pretrained(directory)
    recipe = QuantizationModifier(targets="Linear", scheme="FP8_DYNAMIC", ignore=["lm_head"])
    with chdir(tmp_path):
        oneshot(model=model, recipe=[recipe])
    model.save_pretrained(tmp_path / "fp8", save_compressed=True)
    AutoTokenizer.from_pretrained(directory).save_pretrained(tmp_path / "fp8")
    given = answers(tmp_path / "fp8", 7, many_requests())

    from evals.engines.checkpoint import load_checkpoint

    loaded, tokenizer = load_checkpoint(tmp_path / "fp8", "float32")
    for request, answer in zip(many_requests(), given, strict=True):
        prompt = tokenizer.apply_chat_template(
            request.messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        with torch.inference_mode():
            output = loaded.generate(**prompt, max_new_tokens=12)
        new = output[0, prompt["input_ids"].shape[1] :]
        assert tokenizer.decode(new, skip_special_tokens=True) == answer.text
