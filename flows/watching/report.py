"""What a run of watch-weights shows: a table of sources, and one of releases that are followed up."""

from __future__ import annotations

from collections.abc import Sequence

from evals.report.tables import markdown_table
from flows.watching.follow_up import FollowUp
from flows.watching.look import Look
from registry.records import iso_time

SHOWN_CHARACTERS = 19


def watching_report(
    follow: str, looks: Sequence[Look], follow_ups: Sequence[FollowUp], requested_by: str = ""
) -> str:
    """Markdown of one run.

    Args:
        follow: name of the list of sources.
        requested_by: who asked for the run; empty where a schedule did.
    """
    parts = [f"## Weights that {follow} follows"]
    if requested_by.strip():
        parts.append(f"Asked for by {requested_by.strip()}.")
    if looks:
        header = ["source", "state", "revision", "digest", "since", ""]
        parts.append(markdown_table(header, [_row(look) for look in looks]))
    else:
        parts.append(
            f"No source is named. Put a file follow/{follow}.yaml into the directory that PAWL_CONFIGS "
            "names, and list what your champions were made from."
        )
    if follow_ups:
        rows = [
            [f"`{one.release.followed}`", one.release.release_id, one.state, one.text]
            for one in follow_ups
        ]
        parts.append("### Latest releases and their re-evaluation")
        parts.append(markdown_table(["source", "release", "state", ""], rows))
    return "\n\n".join(parts)


def _row(look: Look) -> list[str]:
    revision = look.source.rpartition("@")[2] if look.source.startswith("hf:") else look.source
    return [
        f"`{look.followed}`",
        look.state,
        f"`{revision}`" if revision else "",
        f"`{look.digest[:SHOWN_CHARACTERS]}`" if look.digest else "",
        iso_time(look.since_ms) if look.since_ms else "",
        look.text,
    ]


def failures(looks: Sequence[Look], follow_ups: Sequence[FollowUp]) -> list[str]:
    """What somebody must do something about, one line each."""
    return [look.text for look in looks if look.state == "failed"] + [
        f"release {one.release.release_id} of {one.release.followed}: {one.text}"
        for one in follow_ups
        if one.state == "failed"
    ]
