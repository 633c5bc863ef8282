"""Make strings comparable: by a task's own rule, and by the published rules of QA and of PHEE.

Does: normalize and cut into tokens. Does not: compare.
"""

from __future__ import annotations

import re
import string

from configs.normalization import Normalization

_STRIPPED = string.punctuation + "“”‘’«»"
_ARTICLES = frozenset(("a", "an", "the"))
_PUNCTUATION_BUT_DECIMAL_POINTS = re.compile(
    rf"(?<!\d)\.|\.(?!\d)|[{re.escape(string.punctuation.replace('.', ''))}]"
)
_WORD = re.compile(r"[^\W_]+")
_WORD_OR_DECIMAL = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+")


def normalize(text: str, rule: Normalization) -> str:
    """Apply the task's normalization to one string."""
    if rule.lowercase:
        text = text.casefold()
    if rule.collapse_whitespace:
        text = " ".join(text.split())
    return text.strip(_STRIPPED + " ") if rule.strip_punctuation else text


def squad_tokens(text: str) -> list[str]:
    """Lower-case words without punctuation and without a, an, the.

    Punctuation is taken out, not split at: `10-day` becomes `10day`. Source: `normalize_answer` of
    the official SQuAD 1.1 evaluation script (Rajpurkar et al. 2016, arXiv 1606.05250, section 6.1),
    except that a point between digits stays: there, 2.5 mg would equal 25 mg.
    """
    words = _PUNCTUATION_BUT_DECIMAL_POINTS.sub("", text.lower()).split()
    return [word for word in words if word not in _ARTICLES]


def phee_tokens(text: str) -> list[str]:
    """Lower-case words without a, an, the; punctuation splits: `10-day` becomes `10`, `day`.

    Source: the scoring of Sun et al. 2024 (arXiv 2402.15663): lower case, punctuation splits tokens,
    articles are dropped.
    """
    return [word for word in _WORD.findall(text.lower()) if word not in _ARTICLES]


def words(text: str) -> list[str]:
    """Case-folded runs of letters and digits; a decimal number such as `2.5` is one word."""
    return _WORD_OR_DECIMAL.findall(text.casefold())
