"""LoRA training on a random Llama of width 32: small enough to train several times for real."""

import json
import math
import shutil
from contextlib import ExitStack

import pytest

from configs.errors import DataError, TrainingError
from finetune.checkpoints import last_whole_checkpoint
from finetune.train import prompt_completion


class Killed(BaseException):
    """Stands for SIGTERM: nothing in the code under test may catch it."""


def killed_at(step):
    def on_progress(done, total):
        if done == step:
            raise Killed

    return on_progress


def curves(metrics):
    """What is drawn over the steps; how long a training took is not."""
    names = ("loss", "grad_norm", "learning_rate", "num_tokens", "validation_loss")
    return [
        (step, name, values[name]) for step, values in metrics for name in names if name in values
    ]


def weights(directory):
    from safetensors.torch import load_file

    return load_file(directory / "adapter_model.safetensors")


def test_the_loss_goes_down(trained):
    _, result, _, _ = trained
    losses = [point["loss"] for point in result.history]
    assert losses[-1] < 0.7 * losses[0]
    assert result.validation_loss < 0.7 * losses[0]
    assert result.train_loss == pytest.approx(sum(losses) / len(losses))


def test_metrics_and_progress_are_reported_at_every_step(trained):
    _, result, metrics, progress = trained
    assert progress == [(step, 6) for step in range(1, 7)]
    logged = {step: values["loss"] for step, values in metrics if "loss" in values}
    assert logged == {int(point["step"]): point["loss"] for point in result.history}
    assert metrics[-1] == (6, {"validation_loss": result.validation_loss})
    assert (result.steps, result.resumed_from_step) == (6, 0)
    assert json.loads(json.dumps(result.as_dict()))["history"][0]["step"] == 1


def test_the_adapter_is_safetensors_and_names_its_base_by_name(trained, base_dir):
    work, result, _, _ = trained
    files = {path.name for path in (work / "adapter").iterdir()}
    assert files == {"adapter_model.safetensors", "adapter_config.json"}
    config = json.loads((work / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "pawl://tiny"
    assert str(base_dir) not in json.dumps(config)
    assert (config["r"], config["lora_alpha"]) == (4, 16)
    assert len(config["target_modules"]) == 14  # seven linear layers in each of two blocks
    assert sum(t.numel() for t in weights(work / "adapter").values()) == (
        result.trainable_parameters
    )


def test_the_order_of_modules_does_not_depend_on_the_process(trained):
    config = json.loads((trained[0] / "adapter" / "adapter_config.json").read_text())
    assert config["target_modules"] == sorted(config["target_modules"])


def test_only_the_completion_is_learned(train, base_dir, task, rows, lora, tmp_path, monkeypatch):
    from transformers import AutoTokenizer
    from trl import SFTTrainer

    batches = []
    compute_loss = SFTTrainer.compute_loss

    def keep_batch(self, model, inputs, *arguments, **named):
        batches.append({key: value.clone() for key, value in inputs.items()})
        return compute_loss(self, model, inputs, *arguments, **named)

    monkeypatch.setattr(SFTTrainer, "compute_loss", keep_batch)
    train(tmp_path, lora=lora.model_copy(update={"epochs": 1}))
    tokenizer = AutoTokenizer.from_pretrained(base_dir)
    expected = set()
    for row in rows:
        example = prompt_completion(row, task)
        prompt = tokenizer.apply_chat_template(
            example["prompt"], tokenize=False, add_generation_prompt=True
        )
        expected.add((prompt, f"{task.answer(row.target)}<|end|>"))
    seen = set()
    for batch in batches:
        for ids, labels in zip(batch["input_ids"], batch["labels"], strict=True):
            learned = labels != -100
            assert (ids[learned] == labels[learned]).all()
            prompt = tokenizer.decode(ids[~learned]).replace("<|pad|>", "")
            seen.add((prompt, tokenizer.decode(ids[learned])))
    assert seen == expected


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(trained, train, tmp_path):
    names = ("adapter_model.safetensors", "adapter_config.json")
    train(tmp_path / "same")
    train(tmp_path / "other", seed=18)
    for name in names:
        first = (trained[0] / "adapter" / name).read_bytes()
        assert (tmp_path / "same" / "adapter" / name).read_bytes() == first
    assert (tmp_path / "other" / "adapter" / names[0]).read_bytes() != (
        trained[0] / "adapter" / names[0]
    ).read_bytes()


def test_a_killed_training_resumes_and_ends_bit_identical(trained, train, tmp_path):
    work, undisturbed, every_metric, _ = trained
    with pytest.raises(Killed):
        train(tmp_path, on_progress=killed_at(3))
    assert not (tmp_path / "adapter").exists()
    steps, metrics = [], []
    result = train(
        tmp_path,
        on_progress=lambda done, total: steps.append(done),
        on_metrics=lambda values, step: metrics.append((step, values)),
    )
    assert result.resumed_from_step == 2
    assert steps == [3, 4, 5, 6]
    assert result.history == undisturbed.history
    assert curves(metrics) == curves(every_metric)
    assert (result.train_loss, result.validation_loss) == (
        undisturbed.train_loss,
        undisturbed.validation_loss,
    )
    for path in (work / "adapter").iterdir():
        assert (tmp_path / "adapter" / path.name).read_bytes() == path.read_bytes(), path.name


def test_every_checkpoint_falls_on_a_logged_step(train, rows, lora, tmp_path):
    """So that a loss is judged before it is saved, and a resumed training has every log."""
    many = lora.model_copy(update={"epochs": 8, "batch_size": 3, "checkpoints": 10})
    result = train(tmp_path, lora=many)
    logged = {point["step"] for point in result.history}
    saved = [int(path.name[11:]) for path in (tmp_path / "checkpoints").glob("checkpoint-*")]
    assert result.steps == 64
    assert len(logged) == 32
    assert len(saved) == 2
    assert set(saved) <= logged


def test_a_loss_that_is_not_finite_stops_the_training(train, save_base, tmp_path):
    def break_it(model):
        model.model.layers[1].mlp.down_proj.weight.data[0, 0] = math.nan

    base = save_base(tmp_path / "broken", break_it=break_it)
    with pytest.raises(TrainingError, match="step 1: expected a finite loss, got nan"):
        train(tmp_path, base_dir=base)
    assert not (tmp_path / "adapter").exists()
    assert not list((tmp_path / "checkpoints").glob("checkpoint-*"))


# The adapter has 18 kB and the optimizer's state 53 kB, so these stop one or the other.
@pytest.mark.parametrize("limit_bytes", [10_000, 30_000], ids=["safetensors", "torch"])
def test_a_disk_that_fills_up_keeps_whole_checkpoints_and_leaves_no_adapter(
    train, trained, tmp_path, file_size_limit, limit_bytes
):
    def fill_disk(done, total):
        if done == 3:  # between the checkpoints of steps 2 and 4
            disk.enter_context(file_size_limit(limit_bytes))

    with ExitStack() as disk, pytest.raises(TrainingError) as raised:
        train(tmp_path, on_progress=fill_disk)
    assert str(raised.value) == (
        f"checkpoint in {tmp_path / 'checkpoints'}: expected to write it, but the disk is full. "
        "Free space and run again: training resumes from the last whole checkpoint."
    )
    assert not (tmp_path / "adapter").exists()
    assert last_whole_checkpoint(tmp_path / "checkpoints").name == "checkpoint-2"
    assert train(tmp_path).resumed_from_step == 2
    assert weights(tmp_path / "adapter").keys() == weights(trained[0] / "adapter").keys()


def test_a_disk_that_is_full_at_the_end_leaves_no_adapter(
    train, trained, tmp_path, file_size_limit
):
    shutil.copytree(trained[0] / "checkpoints", tmp_path / "checkpoints")
    with file_size_limit(10_000), pytest.raises(TrainingError, match="the disk is full"):
        train(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoints"]


def test_a_half_written_checkpoint_is_ignored(tmp_path):
    assert last_whole_checkpoint(tmp_path / "none") is None
    for step, state in ((9, "{}"), (10, "{}"), (12, '{"epoch": '), (14, ""), (16, None)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if state is not None:
            (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(state)
    (tmp_path / "checkpoint-20-copy").mkdir()
    (tmp_path / "checkpoint-20-copy" / "trainer_state.json").write_text("{}")
    assert last_whole_checkpoint(tmp_path).name == "checkpoint-10"


def test_rows_longer_than_allowed_are_named_with_their_length(train, rows, lora, tmp_path):
    # <|system|>JSON.<|end|> 7, <|user|>so so so so 14 has asthma.<|end|> 28,
    # <|assistant|>{"problems": ["asthma"]}<|end|> 26 tokens, of one byte or one marker each.
    with pytest.raises(DataError) as raised:
        train(tmp_path, lora=lora.model_copy(update={"max_len_tokens": 60}))
    assert str(raised.value) == (
        "lora.max_len_tokens: expected rows of at most 60 tokens, got 2 longer: r14 (61), r19 (61). "
        "Raise it to 61, or take these rows out."
    )
    assert not (tmp_path / "checkpoints").exists()
    train(tmp_path, lora=lora.model_copy(update={"max_len_tokens": 61, "epochs": 0.1}))


def test_a_tokenizer_without_chat_template_is_refused(train, save_base, tmp_path):
    base = save_base(tmp_path / "plain", chat_template=None)
    with pytest.raises(
        TrainingError, match="pawl://tiny: expected a tokenizer with a chat template"
    ):
        train(tmp_path, base_dir=base)
    assert not (tmp_path / "adapter").exists()
