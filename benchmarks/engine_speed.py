"""How much faster does LocalEngine answer than lm_eval's hf backend, and does it answer the same?

Does: let both answer the same rows with the same weights in float32 in one process, at the same
number of rows at once and at lm_eval's default of 1, print tokens per second side by side, and exit
with 1 if any answer differs. Does not: count loading, or the first answer of each.

    python -m benchmarks.engine_speed MODEL_DIR --task clinical-notes --data test.jsonl
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from configs.load import load_task
from evals.engines.checkpoint import load_checkpoint
from evals.engines.completion import Completion, Decoding, Request, prompt_digest
from evals.engines.local import LocalEngine


def lm_eval_answers(
    model_dir: Path, batch_size: int, texts: Sequence[str], max_new_tokens: int, end: Sequence[str]
) -> Callable[[int], list[str]]:
    """A function that answers the first n texts through lm_eval's hf backend."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    backend = HFLM(
        pretrained=str(model_dir), dtype="float32", batch_size=batch_size, device="cpu",
        add_bos_token=False,
    )  # fmt: skip
    settings = {"until": list(end), "max_gen_toks": max_new_tokens, "do_sample": False}

    def answer(count: int) -> list[str]:
        instances = [
            Instance("generate_until", {}, (text, settings), i)
            for i, text in enumerate(texts[:count])
        ]
        given: list[str] = backend.generate_until(instances, disable_tqdm=True)
        return given

    return answer


def timed(answer: Callable[[], Any]) -> tuple[Any, float]:
    """What `answer` gives, and the seconds it took."""
    started = time.perf_counter()
    given = answer()
    return given, time.perf_counter() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model_dir", type=Path)
    parser.add_argument("--task", required=True)
    parser.add_argument("--data", type=Path, required=True, help="JSONL rows with a text")
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--rows-at-once", type=int, nargs="+", default=[16, 1])
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()

    import torch

    task = load_task(arguments.task)
    rows = [json.loads(line) for line in arguments.data.read_text().splitlines()]
    decoding = Decoding(max_new_tokens=task.max_new_tokens)
    requests = []
    for row in rows[: arguments.rows]:
        messages = task.messages(row["text"])
        requests.append(Request(row["id"], messages, prompt_digest(messages, decoding)))
    model, tokenizer = load_checkpoint(arguments.model_dir, "float32")
    texts = [
        tokenizer.apply_chat_template(r.messages, add_generation_prompt=True, tokenize=False)
        for r in requests
    ]
    end = [tokenizer.decode([token]) for token in model.generation_config.eos_token_id]
    del model
    print(
        f"{arguments.model_dir}\n{len(requests)} rows of {arguments.task}, median of "
        f"{arguments.repeats}, float32, {torch.get_num_threads()} thread(s)"
    )
    same = True
    for rows_at_once in arguments.rows_at_once:
        engine = LocalEngine(arguments.model_dir, "local", rows_at_once, "float32")
        theirs = lm_eval_answers(arguments.model_dir, rows_at_once, texts, task.max_new_tokens, end)
        engine.answer(requests[:1], decoding)
        theirs(1)
        our_times, their_times = [], []
        for _ in range(arguments.repeats):  # in turn, so that both meet the same load
            ours, seconds = timed(lambda e=engine: e.answer(requests, decoding))
            our_times.append(seconds)
            given, seconds = timed(lambda t=theirs: t(len(texts)))
            their_times.append(seconds)
        times = statistics.median(our_times), statistics.median(their_times)
        same &= report(rows_at_once, ours, times[0], given, times[1])
    return 0 if same else 1


def report(
    rows_at_once: int,
    ours: Sequence[Completion],
    our_time: float,
    theirs: Sequence[str],
    their_time: float,
) -> bool:
    """Print one line; whether all answers are the same."""
    tokens = sum(answer.output_tokens for answer in ours)
    prompt = sorted(answer.input_tokens for answer in ours)
    lengths = sorted(answer.output_tokens for answer in ours)
    equal = sum(a.text == b for a, b in zip(ours, theirs, strict=True))
    print(
        f"{rows_at_once:3} rows at once: pawl {tokens / our_time:8.1f} tokens/s   lm_eval "
        f"{tokens / their_time:8.1f} tokens/s   {their_time / our_time:5.2f} times as fast   "
        f"same answers {equal} of {len(ours)}   (prompts of {prompt[0]} to {prompt[-1]} tokens, "
        f"answers of {lengths[0]} to {lengths[-1]}, {tokens} in all)",
        flush=True,
    )
    return equal == len(ours)


if __name__ == "__main__":
    sys.exit(main())
