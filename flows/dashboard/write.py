"""Write the page about every model as one HTML file."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from configs.durable_files import write_durably
from evals.report.html_page import report_html
from flows.dashboard.facts import gather_facts
from flows.dashboard.page import dashboard
from flows.dashboard.schedule import read_schedule
from flows.evidence_status import judge_evidence
from flows.home import home, model_store, tracking_uri
from registry.reachability import without_password


def write_dashboard(path: Path, alias: str) -> int:
    """Write the page; a file of that name is replaced whole.

    Returns:
        How many models it shows.
    Raises:
        RegistryError: when MLflow is unreachable.
        PrefectError: when `PREFECT_API_URL` names a server that does not answer.
    """
    store = model_store()
    models = gather_facts(store, home() / "pins", alias, partial(judge_evidence, store))
    registry = f"Registry: {without_password(tracking_uri())}"
    with tempfile.TemporaryDirectory() as scratch:
        plots = Path(scratch)
        page = dashboard(models, read_schedule(), plots, datetime.now(UTC), registry)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, report_html(page, plots))
    return len(models)
