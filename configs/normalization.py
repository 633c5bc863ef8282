"""Which differences between two strings do not count.

Does: declare them. Does not: apply them (evals/scorers/text.py).
"""

from __future__ import annotations

from configs.strict_model import StrictModel


class Normalization(StrictModel):
    """How strings are made comparable before they count as equal."""

    lowercase: bool = True
    """Compare without regard to case (Unicode casefold)."""

    collapse_whitespace: bool = True
    """Treat any run of white space as one space and ignore it at the ends."""

    strip_punctuation: bool = True
    """Ignore punctuation at both ends of a string."""
