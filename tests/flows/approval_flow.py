"""A flow that a deployment of the tests runs: the lifecycle of a file."""

from prefect import flow

from configs.load import load_lifecycle
from flows.lifecycle import run_lifecycle
from flows.lifecycle_summary import LifecycleSummary


@flow(name="approval-test", persist_result=False)
def run_from_file(path: str, requested_by: str) -> LifecycleSummary:
    """Run a lifecycle."""
    return run_lifecycle(load_lifecycle(path), requested_by)
