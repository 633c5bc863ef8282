"""What answers cost, what they may cost at most, and what they will probably cost.

Does: arithmetic on tokens and prices. Does not: know what a vendor bills for requests that failed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from configs.gate_policy import TokenPrices
from evals.baseline_bank.answers import BankedAnswer
from evals.engines.completion import Completion, Decoding, Message, Request

TOKENS_PER_WORD = 1.3
"""Rule of thumb for English: 100 tokens are about 75 words (OpenAI help centre, "What are tokens
and how to count them?")."""
TEMPLATE_TOKENS = 64
"""Generous allowance for what a chat template adds to one message (a default system prompt too)."""


@dataclass(frozen=True)
class Estimate:
    """What asking the rest would take."""

    rows: int
    """Rows without an answer."""
    prompts: int
    """Different prompts among them: what would be asked, and paid."""
    input_tokens: int
    """From the number of words."""
    output_tokens: int
    """From the mean of the answers recorded, or else the longest that is allowed."""
    output_is_upper_bound: bool
    """Whether no recorded answer could be averaged."""
    cost: float | None
    """None without a price."""


def token_cost(price: TokenPrices, input_tokens: float, output_tokens: float) -> float:
    """Price of so many tokens, in the currency of the price."""
    paid = input_tokens * price.input_per_million + output_tokens * price.output_per_million
    return paid / 1_000_000


def worst_case(price: TokenPrices, request: Request, decoding: Decoding) -> float:
    """Most that one answer can cost: a token is at least one byte, and the answer is full length."""
    return token_cost(price, _most_input_tokens(request.messages), decoding.max_new_tokens)


def answer_cost(
    price: TokenPrices | None, request: Request, completion: Completion, decoding: Decoding
) -> float | None:
    """Cost of an answer; where the source reports no tokens, the most they can be."""
    if price is None:
        return None
    sent = completion.input_tokens or _most_input_tokens(request.messages)
    written = completion.output_tokens
    if not written and not completion.input_tokens:
        written = decoding.max_new_tokens
    return token_cost(price, sent, written)


def estimate(
    price: TokenPrices | None,
    missing: Sequence[Request],
    decoding: Decoding,
    recorded: Sequence[BankedAnswer],
) -> Estimate:
    """Estimate what asking `missing` takes, without asking.

    Args:
        recorded: answers of the same model to the same task.
    """
    prompts = {request.prompt_digest: request for request in missing}
    sent = sum(_probable_input_tokens(request.messages) for request in prompts.values())
    known = [answer.output_tokens for answer in recorded if answer.output_tokens]
    per_answer = sum(known) / len(known) if known else decoding.max_new_tokens
    written = math.ceil(per_answer * len(prompts))
    return Estimate(
        rows=len(missing),
        prompts=len(prompts),
        input_tokens=sent,
        output_tokens=written,
        output_is_upper_bound=not known,
        cost=None if price is None else token_cost(price, sent, written),
    )


def _most_input_tokens(messages: Sequence[Message]) -> int:
    return sum(len(m["content"].encode("utf-8", "replace")) + TEMPLATE_TOKENS for m in messages)


def _probable_input_tokens(messages: Sequence[Message]) -> int:
    return math.ceil(TOKENS_PER_WORD * sum(len(m["content"].split()) for m in messages))
