"""What the generators share: seeded randomness per split, and sentences with words to fill in."""

from __future__ import annotations

import random

SPLITS = ("train", "validation", "test")


def split_rng(generator: str, split: str, seed: int) -> random.Random:
    """The only source of randomness of one split.

    Raises:
        ValueError: when `split` is none of `train`, `validation`, `test`.
    """
    if split not in SPLITS:
        raise ValueError(f"split: expected train, validation or test, got {split!r}.")
    return random.Random(f"pawl-{generator}/{seed}/{split}")


def fill(sentence: str, **words: str) -> str:
    """The sentence with `{word}` filled in, and `{Word}` by the same with a capital letter."""
    capitalised = {key.capitalize(): capital(word) for key, word in words.items()}
    return sentence.format(**words, **capitalised)


def capital(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def listed(items: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
