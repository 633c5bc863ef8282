"""Checks of the Prefect server: what is lost at a restart, who may use it, and what watches runs."""

from __future__ import annotations

from collections import Counter

from flows.automations.declared import PREFIX
from flows.doctor.clock import clock_finding
from flows.doctor.facts import Facts, KnownAutomation, Prefect, is_loopback
from flows.doctor.finding import Finding, ok

HEARTBEAT = "prefect.flow-run.heartbeat"
RELEASE = "model.weights.released"
MISSED_HEARTBEATS = 2
"""Heartbeats that may get lost before a run counts as vanished."""


def server_answers(facts: Facts) -> Finding | None:
    """Whatever is configured must answer."""
    prefect = facts.prefect
    if prefect.api_url is None:
        return None
    if prefect.problem is not None:
        return Finding(
            "error",
            f"No answer to what was asked: {prefect.problem}.",
            prefect.api_url,
            "Start it, correct PREFECT_API_URL, or set PREFECT_API_AUTH_STRING to the server's.",
        )
    return ok(f"Prefect {prefect.server_version} answers.", prefect.api_url)


def server_is_lasting(facts: Facts) -> Finding | None:
    """An ephemeral server loses part of its history, and nobody else can see it."""
    if facts.prefect.api_url is not None:
        return None
    if facts.mlflow.is_shared:
        return Finding(
            "error",
            "Models are shared but each run starts a Prefect server of its own, which loses history.",
            "PREFECT_API_URL",
            "Run `prefect server start` and set PREFECT_API_URL for everybody.",
        )
    return ok(
        "Each run starts a Prefect server of its own: fine on one machine.", "PREFECT_API_URL"
    )


def versions_agree(facts: Facts) -> Finding | None:
    """Prefect supports servers that are not older than their clients."""
    prefect = facts.prefect
    if not prefect.answered or prefect.server_version is None:
        return None
    if prefect.server_version != prefect.client_version:
        return Finding(
            "warning",
            f"The server is Prefect {prefect.server_version}, this machine {prefect.client_version}.",
            prefect.api_url or "",
            f"pip install 'prefect=={prefect.client_version}' where the server runs.",
        )
    return ok(f"Server and client are Prefect {prefect.client_version}.", prefect.api_url or "")


def needs_credentials(facts: Facts) -> Finding | None:
    """Off loopback, whoever reaches the API can run code on the workers."""
    prefect = facts.prefect
    if not prefect.answered or prefect.needs_credentials is None:
        return None
    where = "PREFECT_SERVER_API_AUTH_STRING"
    if prefect.remote and not prefect.needs_credentials:
        return Finding(
            "error",
            "Other machines reach the server and it asks for no credentials.",
            where,
            f"Set {where}=user:password on the server, PREFECT_API_AUTH_STRING on all clients.",
        )
    asks = "asks for credentials" if prefect.needs_credentials else "is for this machine alone"
    return ok(f"The server {asks}.", where)


def cross_origin(facts: Facts) -> Finding | None:
    """With CORS `*` any page that a colleague has open can use the server through the browser."""
    prefect = facts.prefect
    if not prefect.answered or prefect.cors_origins is None:
        return None
    where = "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS"
    if prefect.remote and "*" in prefect.cors_origins:
        return Finding(
            "warning",
            "Any web page may use the server through the browser of whoever has it open.",
            where,
            f"Set {where} on the server to the address of its own UI.",
        )
    return ok(f"Pages from `{prefect.cors_origins}` may use the server.", where)


def leases_survive(facts: Facts) -> Finding | None:
    """Leases in memory are forgotten at a restart, and the slots that they held stay taken."""
    prefect = facts.prefect
    if not prefect.answered or prefect.lease_storage is None:
        return None
    where = "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"
    kind = prefect.lease_storage.rpartition(".")[2]
    if kind == "memory":
        return Finding(
            "error" if prefect.limits else "warning",
            "Leases of concurrency slots are in memory: a restart leaks every slot in use for ever.",
            where,
            f"Set {where}=prefect.server.concurrency.lease_storage.filesystem on the server.",
        )
    return ok(f"Leases of concurrency slots survive a restart ({kind}).", where)


def slots_are_in_use(facts: Facts) -> Finding | None:
    """Slots that are taken while no run is active."""
    prefect = facts.prefect
    if not prefect.answered or prefect.active_runs is None or not prefect.limits:
        return None
    taken = [limit for limit in prefect.limits if limit.active_slots]
    if taken and not prefect.active_runs:
        named = ", ".join(f"{limit.name} ({limit.active_slots})" for limit in taken)
        return Finding(
            "warning",
            f"Slots are taken but no run is active: {named}.",
            f"concurrency limit {taken[0].name}",
            f"If it stays so for 5 minutes: prefect gcl update {taken[0].name} --active-slots 0",
        )
    return ok("No concurrency slot is taken without a run.", "concurrency limits")


def _watching_heartbeats(prefect: Prefect) -> list[KnownAutomation]:
    return [
        one for one in prefect.automations
        if one.enabled and one.proactive and HEARTBEAT in one.events
    ]  # fmt: skip


def vanished_runs_are_noticed(facts: Facts) -> Finding | None:
    """When worker and run die together, only a missing heartbeat tells."""
    prefect = facts.prefect
    if not prefect.answered:
        return None
    watching = _watching_heartbeats(prefect)
    if not watching:
        return Finding(
            "warning",
            "Nothing marks a run crashed when its worker dies with it: it stays Running for ever.",
            "automations",
            "Run `pawl deploy`, and enable its automation if somebody paused it.",
        )
    return ok(f"`{watching[0].name}` notices runs that vanish.", "automations")


def heartbeats_are_frequent(facts: Facts) -> Finding | None:
    """Heartbeats rarer than the automation waits for would mark living runs crashed."""
    prefect = facts.prefect
    watching = _watching_heartbeats(prefect)
    if not prefect.answered or not watching:
        return None
    where = "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"
    shortest = min(one.within_s for one in watching)
    wanted = int(shortest / (MISSED_HEARTBEATS + 0.5))
    cure = f"Set {where}={wanted} for every worker and deployment."
    if prefect.heartbeat_s is None:
        return Finding("error", "Runs send no heartbeats.", where, cure)
    if prefect.heartbeat_s >= shortest:
        return Finding(
            "error",
            f"A heartbeat every {prefect.heartbeat_s} s, but {shortest:g} s without one marks a "
            "living run as crashed.",
            where,
            cure,
        )
    if prefect.heartbeat_s * MISSED_HEARTBEATS > shortest:
        return Finding(
            "warning",
            f"A heartbeat every {prefect.heartbeat_s} s and {shortest:g} s of patience: one lost "
            "heartbeat marks a living run as crashed.",
            where,
            cure,
        )
    return ok(f"A heartbeat every {prefect.heartbeat_s} s, {shortest:g} s of patience.", where)


def automations_act_once(facts: Facts) -> Finding | None:
    """Two automations that fire on one event act twice."""
    prefect = facts.prefect
    if not prefect.answered:
        return None
    enabled = [one for one in prefect.automations if one.enabled]
    names = Counter(one.name for one in enabled if one.name.startswith(PREFIX))
    if twice := sorted(name for name, number in names.items() if number > 1):
        return Finding(
            "warning",
            f"`{twice[0]}` exists {names[twice[0]]} times: every message or run comes as often.",
            "automations",
            "Run `pawl deploy`: it keeps one of each.",
        )
    starting = [one.name for one in enabled if one.runs_deployment and RELEASE in one.events]
    if len(starting) > 1:
        return Finding(
            "warning",
            f"{len(starting)} automations start runs on {RELEASE}: {', '.join(sorted(starting))}.",
            "automations",
            "Delete those that are not Pawl's own; a release is re-evaluated once all the same.",
        )
    return ok("No automation acts twice on one event.", "automations")


def crashed_runs_are_picked_up(facts: Facts) -> Finding | None:
    """On SQLite, Prefect 3.8.8 gives an event up after four times `database is locked`, and with it what an
    automation would have done."""
    prefect = facts.prefect
    if not prefect.answered or not prefect.deployments:
        return None
    if prefect.left_crashed:
        return Finding(
            "warning",
            f"Crashed and not picked up: {', '.join(prefect.left_crashed)}.",
            "flow runs",
            "Press Retry on their pages; finished steps are used again. A team's server: PostgreSQL.",
        )
    return ok("No crashed run was left lying.", "flow runs")


def automations_are_on(facts: Facts) -> Finding | None:
    """What a person paused and forgot."""
    prefect = facts.prefect
    ours = [one for one in prefect.automations if one.name.startswith(PREFIX)]
    if not prefect.answered or not ours:
        return None
    paused = sorted(one.name for one in ours if not one.enabled)
    if paused:
        return Finding(
            "warning",
            f"Paused: {', '.join(paused)}.",
            "automations",
            "Switch them on at the Automations page if that is no longer meant.",
        )
    return ok(f"All {len(ours)} automations of Pawl are on.", "automations")


def workers_poll(facts: Facts) -> Finding | None:
    """A deployment whose pool has no worker never starts."""
    prefect = facts.prefect
    if not prefect.answered or not prefect.deployments:
        return None
    if prefect.pools_without_worker:
        pool = prefect.pools_without_worker[0]
        return Finding(
            "warning",
            f"No worker polls {', '.join(prefect.pools_without_worker)}: runs there stay late.",
            f"work pool {pool}",
            f"prefect worker start --pool {pool}",
        )
    return ok(f"Workers poll the pools of {prefect.deployments} deployments.", "work pools")


def links_lead_here(facts: Facts) -> Finding | None:
    """Links in messages are made by the server from its own settings."""
    prefect = facts.prefect
    if not prefect.answered or not prefect.remote:
        return None
    if is_loopback(prefect.ui_url):
        return Finding(
            "warning",
            f"Links in messages lead to {prefect.ui_url or 'nowhere'}, which is the reader's own machine.",
            "PREFECT_UI_URL",
            "Set PREFECT_UI_URL on the server to the address that people open.",
        )
    return ok(f"Links in messages lead to {prefect.ui_url}.", "PREFECT_UI_URL")


def prefect_clock(facts: Facts) -> Finding | None:
    """Automations compare times of clients with the server's."""
    if not facts.prefect.answered:
        return None
    return clock_finding(facts.prefect.clock_ahead_s, facts.prefect.api_url or "", "Prefect")


CHECKS = (
    server_answers, server_is_lasting, versions_agree, needs_credentials, cross_origin,
    leases_survive, slots_are_in_use, vanished_runs_are_noticed, heartbeats_are_frequent,
    automations_act_once, crashed_runs_are_picked_up, automations_are_on, workers_poll, links_lead_here, prefect_clock,
)  # fmt: skip
