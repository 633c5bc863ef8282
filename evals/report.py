"""The report a person reads: scores with n and intervals, comparison, decision.

Does: markdown, and one self-contained HTML file with plots. Does not: compute scores itself.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path

from evals.decision import Decision
from evals.evaluation import SLICE_PREFIX, Evaluation
from evals.plots import write_plots
from evals.stats import Estimate, estimate

SHOWN_METRICS = (
    "micro_f1",
    "micro_precision",
    "micro_recall",
    "valid_json",
    "schema_conformance",
    "exact_match",
)
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
       color: #1d2733; }
table { border-collapse: collapse; display: block; margin: 1rem 0; overflow-x: auto;
        font-size: 0.88rem; }
th, td { border: 1px solid #c9d1da; padding: 0.35rem 0.6rem; text-align: left; }
th { background: #eef2f6; }
img { max-width: 100%; margin: 1rem 0; }
code { background: #eef2f6; padding: 0 0.2rem; overflow-wrap: anywhere; }
.promote { color: #14713a; } .reject { color: #a61b1b; } .inconclusive { color: #8a5a00; }
"""


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A GitHub-style markdown table; a pipe in a cell is escaped."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    return "\n".join([line(header), "|" + " --- |" * len(header), *map(line, rows)])


def _cell(found: Estimate) -> str:
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def score_cells(
    evaluations: Mapping[str, Evaluation],
    sizes_bytes: Mapping[str, int] | None = None,
    metrics: Sequence[str] = SHOWN_METRICS,
) -> tuple[list[str], list[list[str]]]:
    """Header and cells of a score table: per system the metrics with 95% intervals, n and size."""
    rows = []
    for system, evaluation in evaluations.items():
        scores = [_cell(estimate(evaluation, metric)) for metric in metrics]
        size = (sizes_bytes or {}).get(system)
        n = f"{evaluation.rows} rows, {evaluation.clusters} documents"
        rows.append([system, *scores, n, f"{size / 1e6:.2f} MB" if size else ""])
    return ["system", *metrics, "n", "size"], rows


def score_table(
    evaluations: Mapping[str, Evaluation], sizes_bytes: Mapping[str, int] | None = None
) -> str:
    """Markdown table: one line per system, every metric with its 95% interval, n, size on disk."""
    return markdown_table(*score_cells(evaluations, sizes_bytes))


def field_table(evaluations: Mapping[str, Evaluation]) -> str:
    """Markdown table of micro-F1 per field with 95% intervals."""
    fields = next(iter(evaluations.values())).fields
    rows = [
        [system, *(_cell(estimate(e, "micro_f1", field=field)) for field in fields)]
        for system, e in evaluations.items()
    ]
    return markdown_table(["system", *fields], rows)


def slice_table(evaluations: Mapping[str, Evaluation]) -> str:
    """Markdown table of micro-F1 per slice with 95% intervals; empty when no slice is declared."""
    frame = next(iter(evaluations.values())).frame
    columns = [column for column in frame.columns if column.startswith(SLICE_PREFIX)]
    rows = []
    for column in columns:
        for value in sorted(frame[column].unique()):
            cells, n = [], ""
            for e in evaluations.values():
                part = estimate(e, "micro_f1", frame=e.frame[e.frame[column] == value])
                cells.append(_cell(part))
                n = f"{part.rows} rows, {part.clusters} documents"
            rows.append([f"{column.removeprefix(SLICE_PREFIX)} = {value}", *cells, n])
    return markdown_table(["slice", *evaluations, "n"], rows) if rows else ""


def report_markdown(
    decision: Decision,
    evaluations: Mapping[str, Evaluation],
    *,
    sizes_bytes: Mapping[str, int],
    baseline_description: str,
    title: str,
    description: str,
) -> str:
    """The whole report as markdown."""
    sections = [
        f"# {title}: {decision.outcome}",
        description,
        f"The baseline is {baseline_description}.",
        "## Scores",
        "Fractions with 95% intervals; documents are resampled whole. Size is that of the "
        "safetensors files.",
        score_table(evaluations, sizes_bytes),
        "## Decision",
        "\n".join(f"- {reason}" for reason in decision.reasons),
        f"Decision digest `{decision.digest}`.",
        "## Micro-F1 by field",
        field_table(evaluations),
    ]
    if slices := slice_table(evaluations):
        sections += ["## Slices", "Micro-F1 by slice.", slices]
    return "\n\n".join(section for section in sections if section) + "\n"


def write_report(
    directory: Path,
    decision: Decision,
    evaluations: Mapping[str, Evaluation],
    *,
    sizes_bytes: Mapping[str, int],
    baseline_description: str,
    title: str,
    description: str,
) -> None:
    """Write `report.md`, `report.html`, `scores.png` and `differences.png`."""
    from markdown_it import MarkdownIt

    markdown = report_markdown(
        decision,
        evaluations,
        sizes_bytes=sizes_bytes,
        baseline_description=baseline_description,
        title=title,
        description=description,
    )
    (directory / "report.md").write_text(markdown, encoding="utf-8")
    images = ""
    for name, path in write_plots(directory, decision, evaluations).items():
        encoded = base64.b64encode(path.read_bytes()).decode()
        images += f'<img alt="{name}" src="data:image/png;base64,{encoded}">\n'
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    head, first_section, rest = body.partition("<h2>")
    coloured = head.replace("<h1>", f'<h1 class="{decision.outcome}">', 1)
    (directory / "report.html").write_text(
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body>{coloured}{images}{first_section}{rest}</body></html>\n",
        encoding="utf-8",
    )
