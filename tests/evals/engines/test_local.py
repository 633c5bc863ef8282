"""Local generation on a tiny random Llama: what it says is noise, but it must be the same noise."""

import pytest

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
    return LocalEngine(model_dir, "tiny", batch_size, "float32").answer(asked, decoding)


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
    engine.answer(many_requests(), Decoding(max_new_tokens=2), lambda done, total: progress.append((done, total)))
    assert progress == [(8, 20), (16, 20), (20, 20)]


def test_sampling_settings_of_the_checkpoint_are_not_followed(tmp_path, model_dir):
    from transformers import GenerationConfig

    sampling = save_tiny_model(tmp_path)
    GenerationConfig(
        do_sample=True, temperature=5.0, repetition_penalty=3.0, eos_token_id=2
    ).save_pretrained(sampling)
    assert answers(sampling, 4, many_requests()) == answers(model_dir, 4, many_requests())


def test_an_adapter_changes_the_answers(tmp_path, model_dir):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(5)
    lora = LoraConfig(
        r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM"
    )
    get_peft_model(AutoModelForCausalLM.from_pretrained(model_dir), lora).save_pretrained(tmp_path)
    adapted = LocalEngine(model_dir, "tiny", 4, "float32", adapter_dir=tmp_path)
    assert adapted.answer(many_requests(), TWELVE) != answers(model_dir, 4, many_requests())


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
