"""Answers that a JSON Schema accepts, token by token, through llguidance.

Does: compile a schema for a tokenizer; choose the best token among those that keep the answer valid.
Does not: end an answer that reaches its token limit: such an answer is cut off and invalid. Imported
only together with torch.

Properties come in the order of the schema. White space is that of `json.dumps` (", " and ": "),
which is what fine-tuning teaches here (configs/task.py); a free choice of it would let a model that
is unsure write white space for ever.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer

from configs.errors import EngineError

WHITE_SPACE: Any = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
BYTE_LEVEL = {
    "type": "ByteLevel",
    "add_prefix_space": True,
    "trim_offsets": True,
    "use_regex": True,
}
PROBE = '{"näh": ["2 cm", 1.5]}'


class JsonGrammar:
    """A schema compiled for a tokenizer; `start` gives the state of one answer."""

    def __init__(
        self, schema: dict[str, Any], tokenizer: Any, end_tokens: Sequence[int], vocabulary: int
    ) -> None:
        """Args:
            vocabulary: number of logits per token.

        Raises:
            EngineError: when llguidance does not support the schema or the tokenizer.
        """
        self.tokenizer = _byte_tokenizer(tokenizer, end_tokens, vocabulary)
        self.grammar = LLMatcher.grammar_from_json_schema(schema, overrides=WHITE_SPACE)
        if problem := LLMatcher.validate_grammar(self.grammar, self.tokenizer):
            raise EngineError(
                "json_schema",
                f"expected a schema that llguidance supports, got: {' '.join(problem.split())}",
                "Take this keyword out of the task's schema, or leave structured output off.",
            )
        self._fresh = LLMatcher(self.tokenizer, self.grammar)

    def start(self) -> JsonConstraint:
        """The constraint of a new answer."""
        return JsonConstraint(self._fresh.deep_copy())


class JsonConstraint:
    """What one answer may go on with."""

    def __init__(self, matcher: LLMatcher) -> None:
        self._matcher = matcher

    def choose(self, logits: torch.Tensor, best: int) -> int:
        """The allowed token of highest logit, taken as the next token.

        Args:
            logits: one per word of the vocabulary.
            best: the token of highest logit, allowed or not; a model that knows its format is
                right nearly always, and then no mask is needed.
        """
        if not self._matcher.validate_tokens([best]):
            bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
            allowed = torch.from_numpy(np.unpackbits(bits, bitorder="little")[: len(logits)] == 1)
            allowed = allowed.to(logits.device)
            best = int(logits[: len(allowed)].masked_fill(~allowed, float("-inf")).argmax())
        if not self._matcher.consume_token(best):
            raise EngineError(
                "json_schema", f"expected a token to go on with, got: {self._matcher.get_error()}",
                "Simplify the task's schema, or leave structured output off.",
            )  # fmt: skip
        return best

    @property
    def complete(self) -> bool:
        """Whether the JSON value is whole and nothing may follow."""
        return bool(self._matcher.is_stopped())


def _byte_tokenizer(tokenizer: Any, end_tokens: Sequence[int], vocabulary: int) -> LLTokenizer:
    try:
        backend = copy(tokenizer.backend_tokenizer)
        backend.no_padding()
        backend.no_truncation()
        content = json.loads(backend.to_str())
        # A tokenizer converted from GGUF carries a chain of decoders, of which llguidance follows
        # the first only; the pre-tokenizer says what the words are made of.
        if '"ByteLevel"' in json.dumps(content["pre_tokenizer"]):
            content["decoder"] = BYTE_LEVEL
        followed = LLTokenizer(
            json.dumps(content), n_vocab=max(vocabulary, len(tokenizer)), eos_token=list(end_tokens)
        )
        problem = _difference(tokenizer, followed)
    except (AttributeError, ValueError, RuntimeError) as error:
        problem = str(error)
    if problem:
        raise EngineError(
            "json_schema",
            f"expected a tokenizer that llguidance can follow byte by byte, got: {problem}",
            "Use a model with a byte-level tokenizer, or leave structured output off.",
        )
    return followed


def _difference(tokenizer: Any, followed: LLTokenizer) -> str:
    tokens = tokenizer(PROBE, add_special_tokens=False)["input_ids"]
    read = followed.decode_bytes(tokens).decode(errors="replace")
    return "" if read == PROBE else f"{read!r} for {PROBE!r}"
