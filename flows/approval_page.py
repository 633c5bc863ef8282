"""What people read before they approve: pure text from typed facts."""

from __future__ import annotations

from collections.abc import Sequence

from evals.report.tables import markdown_table
from registry.approvals import Standing

HEADLINES = {
    "waiting": "Waiting for approval",
    "approved": "Approved",
    "rejected": "Rejected",
    "expired": "Approval expired",
    "not-asked": "Nobody was asked",
}


def approval_markdown(model: str, version: int, stands: Standing, objection: str = "") -> str:
    """The run's artifact: where the approval stands, who said what, what did not count and why."""
    rows = [
        ["asked for by", ", ".join(stands.requested_by)],
        ["approved by", ", ".join(stands.approved_by) or "nobody yet"],
        ["missing", stands.missing or "nothing"],
        ["time ends", stands.expires],
    ]
    said = f"> The last answer did not count: {objection}.\n\n" if objection else ""
    how = (
        "\n\nTo answer: **Resume** on this run's page, or in a terminal "
        f"`pawl approve {model} {version}` or `pawl refuse {model} {version}`."
    )
    return (
        f"## {HEADLINES[stands.status]}: {model} version {version}\n\n{said}"
        + markdown_table(["", ""], rows)
        + (how if stands.status == "waiting" else "")
    )


def question_markdown(
    model: str,
    version: int,
    stands: Standing,
    reasons: Sequence[str],
    score_header: Sequence[str],
    score_rows: Sequence[Sequence[str]],
    objection: str = "",
) -> str:
    """What stands above the form in the dialog of **Resume**, where lists fit and tables are cut off."""
    said = f"**Your last answer did not count: {objection}.**\n\n" if objection else ""
    listed = "\n".join(f"- {reason}" for reason in reasons)
    return (
        f"{said}**Make {model} version {version} champion?** The gate promotes it:\n\n{listed}\n\n"
        f"Scores with 95% intervals:\n\n{_score_list(score_header, score_rows)}\n\n"
        f"Asked for by {', '.join(stands.requested_by)}; {stands.missing}. "
        f"The time for it ends at {stands.expires}. The whole report is the artifact `gate` of this "
        "run (tab Artifacts)."
    )


def _score_list(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(
        f"- **{row[0]}**: "
        + "; ".join(
            f"{name} {cell}" for name, cell in zip(header[1:], row[1:], strict=True) if cell
        )
        for row in rows
    )
