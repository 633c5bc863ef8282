"""What a report is made of, independent of how it is written down.

Does: hold plain, unescaped text. Does not: escape or lay out (evals/report/markdown.py,
evals/report/html_page.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from evals.decision import Outcome


@dataclass(frozen=True)
class Text:
    """One paragraph."""

    text: str


@dataclass(frozen=True)
class Heading:
    """A heading below that of the section."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table whose first column names the rows."""

    caption: str
    """What it shows, for who cannot see it."""
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    outcomes: tuple[Outcome, ...] = ()
    """One per row, to colour it; the cells say it in words too."""
    code_columns: tuple[int, ...] = ()
    """Columns of digests and other text for machines."""


@dataclass(frozen=True)
class Code:
    """Text for machines, kept as it is."""

    text: str
    language: str


@dataclass(frozen=True)
class Figure:
    """A plot beside the report."""

    file: str
    """Name of the PNG in the directory of the report."""
    caption: str
    alternative: str
    """The same in words."""


@dataclass(frozen=True)
class DiffPiece:
    """A run of words that two texts share, or that only one has."""

    kind: Literal["same", "deleted", "inserted"]
    text: str


@dataclass(frozen=True)
class Diff:
    """How one text became another."""

    label: str
    pieces: tuple[DiffPiece, ...]


@dataclass(frozen=True)
class Markdown:
    """Text that arrives as markdown."""

    text: str


Block = Text | Heading | Bullets | Table | Code | Figure | Diff | Markdown


@dataclass(frozen=True)
class Section:
    """One heading and what is below it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Report:
    """The whole page, the verdict first."""

    title: str
    outcome: Outcome | None
    """None for a page that is about more than one decision."""
    verdict: str
    """In plain words."""
    statistics: str
    """What is behind it, such as error rates; one line."""
    introduction: tuple[str, ...]
    sections: tuple[Section, ...]
