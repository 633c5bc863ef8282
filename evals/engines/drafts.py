"""Guesses of the tokens that an answer will go on with, for several to be checked in one pass.

Does: predict from earlier answers (their skeleton repeats) and from the row's own prompt (extraction
copies from it), and weigh how many guesses are worth checking. Does not: decide any token: a wrong
guess costs time and nothing else.

Speculative decoding with greedy acceptance (Leviathan, Kalman, Matias, "Fast Inference from
Transformers via Speculative Decoding", ICML 2023); guesses by prompt lookup (Saxena 2023).
"""

from __future__ import annotations

from collections.abc import Sequence

CONTEXTS = (4, 2)  # tokens looked back at in earlier answers, most telling first
COPY_CONTEXT = 2  # tokens looked back at in the prompt
MOST_GUESSES = 8  # per row and pass
# A pass reads all weights whatever it computes; that costs about as much as this many tokens. Only
# speed depends on it: measured on a CPU with 135M parameters (benchmarks/engine_speed.py).
TOKENS_PER_WEIGHT_READ = 24


class RowDraft:
    """The tokens of one row so far, and what followed what in its prompt."""

    def __init__(self, prompt: Sequence[int]) -> None:
        self.tokens = list(prompt)
        self.copies: dict[tuple[int, ...], int] = {}
        for end in range(COPY_CONTEXT, len(prompt)):
            self.copies[tuple(prompt[end - COPY_CONTEXT : end])] = prompt[end]


class _Follower:
    """What followed a context last, and how often it was the same as the time before."""

    __slots__ = ("hits", "misses", "token")

    def __init__(self, token: int) -> None:
        self.token, self.hits, self.misses = token, 1, 1

    def observe(self, token: int) -> None:
        if token == self.token:
            self.hits += 1
        else:
            self.misses += 1
            self.token = token

    @property
    def chance(self) -> float:
        return self.hits / (self.hits + self.misses)


class Drafts:
    """Memory of what answers were like, shared by all rows of one call."""

    def __init__(self) -> None:
        self._followers: dict[tuple[int, ...], _Follower] = {}
        self._copied = [1, 2]  # right guesses and all guesses by copying from the prompt

    def learn(self, row: RowDraft, new: Sequence[int]) -> None:
        """Take notice of tokens that a row's answer goes on with."""
        tokens = row.tokens
        for token in new:
            copy = row.copies.get(tuple(tokens[-COPY_CONTEXT:]))
            if copy is not None:
                self._copied[0] += copy == token
                self._copied[1] += 1
            for length in CONTEXTS:
                if len(tokens) < length:
                    continue
                context = tuple(tokens[-length:])
                known = self._followers.get(context)
                if known is None:
                    self._followers[context] = _Follower(token)
                else:
                    known.observe(token)
            tokens.append(token)

    def guess(self, rows: Sequence[RowDraft]) -> list[list[int]]:
        """Guesses per row; together they are those that make the most of a pass."""
        drafts = [self._continue(row) for row in rows]
        likeliest = sorted((-c, row) for row, (_, chances) in enumerate(drafts) for c in chances)
        gained, cost = float(len(rows)), float(TOKENS_PER_WEIGHT_READ + len(rows))
        lengths = [0] * len(rows)
        for chance, row in likeliest:
            if -chance <= gained / cost:
                break  # this guess, and all that are less likely, lower the tokens per cost
            gained, cost = gained - chance, cost + 1
            lengths[row] += 1
        return [tokens[:n] for (tokens, _), n in zip(drafts, lengths, strict=True)]

    def _continue(self, row: RowDraft) -> tuple[list[int], list[float]]:
        """Likely next tokens, and the chance of each that it and all before it are right."""
        context = row.tokens[-max(CONTEXTS) :]
        guessed: list[int] = []
        chances: list[float] = []
        chance = 1.0
        while len(guessed) < MOST_GUESSES:
            token, likely = self._next(context, row)
            chance *= likely
            if chance < 0.1:
                break
            guessed.append(token)
            chances.append(chance)
            context = [*context[1:], token]
        return guessed, chances

    def _next(self, context: list[int], row: RowDraft) -> tuple[int, float]:
        best, likely = 0, 0.0
        copy = row.copies.get(tuple(context[-COPY_CONTEXT:]))
        if copy is not None:
            best, likely = copy, self._copied[0] / self._copied[1]
        for length in CONTEXTS:
            known = self._followers.get(tuple(context[-length:]))
            if known is not None and known.chance > likely:
                best, likely = known.token, known.chance
        return best, likely
