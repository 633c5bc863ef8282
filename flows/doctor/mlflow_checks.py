"""Checks of MLflow: reachable, under its name, and not open to everybody."""

from __future__ import annotations

from flows.doctor.clock import clock_finding
from flows.doctor.facts import Facts, is_loopback
from flows.doctor.finding import Finding, ok


def store_answers(facts: Facts) -> Finding:
    """Models and evidence are kept there."""
    mlflow = facts.mlflow
    if mlflow.driver_missing:
        return Finding(
            "error",
            f"Its address asks for the driver {mlflow.driver_missing}, which is not installed.",
            mlflow.uri,
            "pip install 'pawl-llm[postgresql]' and write postgresql+psycopg2:// in the address.",
        )
    if mlflow.problem:
        return Finding(
            "error", f"No answer: {mlflow.problem}.", mlflow.uri,
            "Start it, or correct MLFLOW_TRACKING_URI.",
        )  # fmt: skip
    return ok("MLflow answers.", mlflow.uri)


def own_name_is_allowed(facts: Facts) -> Finding | None:
    """MLflow refuses requests whose Host header it was not told of, names of containers too."""
    mlflow = facts.mlflow
    if mlflow.refuses_our_host is None:
        return None
    if mlflow.refuses_our_host:
        return Finding(
            "error",
            "MLflow refuses requests under the name in its address.",
            mlflow.uri,
            "Start it with --allowed-hosts and that name, with and without the port.",
        )
    return ok("MLflow accepts its own name.", mlflow.uri)


def foreign_names_are_refused(facts: Facts) -> Finding | None:
    """Accepting every Host header opens the server to pages that rebind a name to its address."""
    mlflow = facts.mlflow
    if mlflow.accepts_foreign_host is None:
        return None
    if mlflow.accepts_foreign_host:
        return Finding(
            "warning",
            "MLflow accepts any Host header: a web page can reach it by DNS rebinding.",
            mlflow.uri,
            "Start it with --allowed-hosts and its own names instead of *.",
        )
    return ok("MLflow refuses names that are not its own.", mlflow.uri)


def store_needs_credentials(facts: Facts) -> Finding | None:
    """Off loopback, whoever reaches MLflow can move the alias that production follows."""
    mlflow = facts.mlflow
    if mlflow.needs_credentials is None:
        return None
    if is_loopback(mlflow.uri) and is_loopback(mlflow.bound_to):
        return None
    if not mlflow.needs_credentials:
        return Finding(
            "error",
            "Other machines reach MLflow and it asks for no credentials: anybody can edit models.",
            mlflow.uri,
            "Start it with --app-name basic-auth, and let only the promoter edit.",
        )
    return ok("MLflow asks for credentials.", mlflow.uri)


def mlflow_clock(facts: Facts) -> Finding | None:
    """Ages of evidence and approvals go by MLflow's clock."""
    return clock_finding(facts.mlflow.clock_ahead_s, facts.mlflow.uri, "MLflow")


CHECKS = (
    store_answers, own_name_is_allowed, foreign_names_are_refused, store_needs_credentials,
    mlflow_clock,
)  # fmt: skip
