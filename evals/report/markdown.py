"""A report as GitHub-flavoured markdown, which MLflow and Prefect show.

Does: escape every text that is not markdown already. Does not: embed plots, which those pages show
beside it.
"""

from __future__ import annotations

import re

from evals.report.blocks import Block, Bullets, Code, Diff, Figure, Heading, Markdown, Report, Table
from evals.report.blocks import Text as Paragraph
from evals.report.tables import markdown_table

# An underscore inside a word is no emphasis, and escaping it would make names unreadable.
SPECIAL = re.compile(r"[\\`*\[\]|#~]|(?<![^\W_])_|_(?![^\W_])")
HIGHEST_INSIDE = 3
"""Level of a heading right below that of a section."""
DIFF_SIGNS = {"same": "  ", "deleted": "- ", "inserted": "+ "}


def escaped(text: str) -> str:
    """Text that markdown shows as it is, on one line; HTML in it is shown, not obeyed."""
    flat = " ".join(text.split())
    harmless = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return SPECIAL.sub(lambda found: "\\" + found[0], harmless)


def code_span(text: str) -> str:
    """Text for machines inside a line; empty for an empty text."""
    if not text:
        return ""
    fence = "`" * (_longest_run(text) + 1)
    return f"{fence}{text}{fence}" if len(fence) == 1 else f"{fence} {text} {fence}"


def code_block(text: str, language: str) -> str:
    """Text for machines in lines of its own, however many backticks are in it."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def table_markdown(table: Table) -> str:
    """A table whose cells are escaped."""
    rows = [
        [
            code_span(cell) if column in table.code_columns else _cell(cell)
            for column, cell in enumerate(row)
        ]
        for row in table.rows
    ]
    return markdown_table([_cell(name) for name in table.header], rows)


def _cell(text: str) -> str:
    return escaped(text).replace("\\|", "|")  # `markdown_table` escapes pipes itself


def below_section(text: str) -> str:
    """Markdown whose headings are moved down, so that none is as high as that of a section."""
    from markdown_it import MarkdownIt

    found = [token for token in MarkdownIt().parse(text) if token.type == "heading_open"]
    lines = text.splitlines()
    shift = max(0, HIGHEST_INSIDE - min((int(token.tag[1]) for token in found), default=6))
    for token in found:
        if token.map and token.markup.startswith("#"):
            lines[token.map[0]] = "#" * shift + lines[token.map[0]].lstrip()
    return "\n".join(lines)


def _diff(diff: Diff) -> str:
    lines = [
        f"{DIFF_SIGNS[piece.kind]}{line}"
        for piece in diff.pieces
        for line in piece.text.splitlines()
        if line.strip()
    ]
    return f"{escaped(diff.label)}\n\n{code_block(chr(10).join(lines), 'diff')}"


def _block(block: Block) -> str:
    match block:
        case Paragraph(text):
            return escaped(text)
        case Heading(text):
            return f"### {escaped(text)}"
        case Bullets(items):
            return "\n".join(f"- {escaped(item)}" for item in items)
        case Table():
            return table_markdown(block)
        case Code(text, language):
            return code_block(text, language)
        case Figure(file, caption, _):
            return f"{escaped(caption)} See {code_span(file)} beside this report."
        case Diff():
            return _diff(block)
        case Markdown(text):
            return text.strip()


def report_markdown(report: Report) -> str:
    """The whole report."""
    parts = [
        f"# {escaped(report.title)}" + (f": {report.outcome}" if report.outcome else ""),
        f"**{escaped(report.verdict)}**",
        escaped(report.statistics),
        *map(escaped, report.introduction),
    ]
    for section in report.sections:
        parts += [f"## {escaped(section.title)}", *map(_block, section.blocks)]
    return "\n\n".join(part for part in parts if part) + "\n"
