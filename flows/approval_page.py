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
    """What stands above the form in the dialog of **Resume**; that is narrow, so without intervals."""
    said = f"**Your last answer did not count: {objection}.**\n\n" if objection else ""
    listed = "\n".join(f"- {reason}" for reason in reasons)
    return (
        f"{said}**Make {model} version {version} champion?** The gate promotes it:\n\n{listed}\n\n"
        + markdown_table(
            list(score_header), [[cell.split(" (")[0] for cell in row] for row in score_rows]
        )
        + f"\n\nAsked for by {', '.join(stands.requested_by)}; {stands.missing}. "
        f"The time for it ends at {stands.expires}. The whole report with intervals is the artifact "
        "`gate` of this run (tab Artifacts)."
    )
