"""Every check fires on what it is for, and on nothing else."""

from dataclasses import replace

import pytest

from flows.doctor import machine_checks, mlflow_checks, prefect_checks
from flows.doctor.checks import CHECKS, examine
from flows.doctor.facts import Facts, KnownAutomation, Mlflow, Requirement, is_loopback

MEMORY = "prefect.server.concurrency.lease_storage.memory"
TWIN = KnownAutomation("mine", True, frozenset({"model.weights.released"}), runs_deployment=True)
BROKEN = {
    machine_checks.python_version: [("machine", {"python": (3, 10)}, "error", "3.10")],
    machine_checks.fastapi_version: [
        ("machine", {"unmet": (Requirement("fastapi<0.151", "0.160"),)}, "error", "fastapi<0.151"),
        ("machine", {"unmet": (Requirement("fastapi<0.151", None),)}, "error", "missing"),
    ],
    machine_checks.library_versions: [
        ("machine", {"unmet": (Requirement("peft>=9", "1"),)}, "error", "'peft>=9'"),
    ],
    machine_checks.torch_and_gpu: [
        ("machine", {"torch_accelerator": None}, "error", "CPU only"),
    ],
    machine_checks.home_is_writable: [
        ("home", {"problem": "Read-only file system"}, "error", "Read-only"),
    ],
    machine_checks.home_is_shared: [
        ("home", {"chosen": False}, "warning", "PAWL_HOME"),
        ("prefect", {"run_homes": frozenset({"/srv/other"})}, "warning", "PAWL_HOME=/srv/other"),
    ],
    machine_checks.disk_space: [
        ("home", {"free_bytes": 40 * 10**9}, "warning", "48.0 GB needed"),
        ("home", {"free_bytes": 10 * 10**9}, "error", "48.0 GB needed"),
        ("home", {"free_bytes": 10**9, "largest_weights_bytes": 0}, "warning", "5.0 GB"),
    ],
    prefect_checks.server_answers: [
        ("prefect", {"problem": "Connection refused"}, "error", "Connection refused"),
    ],
    prefect_checks.server_is_lasting: [("prefect", {"api_url": None}, "error", "PREFECT_API_URL")],
    prefect_checks.versions_agree: [
        ("prefect", {"server_version": "3.8.1"}, "warning", "prefect==3.8.8"),
    ],
    prefect_checks.needs_credentials: [
        ("prefect", {"needs_credentials": False}, "error", "AUTH_STRING"),
    ],
    prefect_checks.cross_origin: [("prefect", {"cors_origins": "*"}, "warning", "CORS")],
    prefect_checks.leases_survive: [
        ("prefect", {"lease_storage": MEMORY}, "error", "filesystem"),
        ("prefect", {"lease_storage": MEMORY, "limits": ()}, "warning", "filesystem"),
    ],
    prefect_checks.slots_are_in_use: [
        ("prefect", {"active_runs": 0}, "warning", "gcl update gpu --active-slots 0"),
    ],
    prefect_checks.vanished_runs_are_noticed: [
        ("prefect", {"automations": (TWIN,)}, "warning", "pawl deploy"),
    ],
    prefect_checks.heartbeats_are_frequent: [
        ("prefect", {"heartbeat_s": None}, "error", "HEARTBEAT_FREQUENCY=36"),
        ("prefect", {"heartbeat_s": 180}, "error", "HEARTBEAT_FREQUENCY=36"),
        ("prefect", {"heartbeat_s": 60}, "warning", "HEARTBEAT_FREQUENCY=36"),
    ],
    prefect_checks.crashed_runs_are_picked_up: [
        ("prefect", {"left_crashed": ("brave-otter",)}, "warning", "brave-otter"),
    ],
    prefect_checks.workers_poll: [
        ("prefect", {"pools_without_worker": ("gpu",)}, "warning", "worker start --pool gpu"),
    ],
    prefect_checks.links_lead_here: [
        ("prefect", {"ui_url": "http://127.0.0.1:4200"}, "warning", "PREFECT_UI_URL"),
        ("prefect", {"ui_url": None}, "warning", "PREFECT_UI_URL"),
    ],
    prefect_checks.prefect_clock: [
        ("prefect", {"clock_ahead_s": 9.0}, "warning", "9 s ahead of"),
        ("prefect", {"clock_ahead_s": -3600.0}, "error", "3600 s behind"),
    ],
    mlflow_checks.store_answers: [
        ("mlflow", {"problem": "timed out"}, "error", "timed out"),
        ("mlflow", {"driver_missing": "psycopg"}, "error", "postgresql+psycopg2://"),
    ],
    mlflow_checks.own_name_is_allowed: [
        ("mlflow", {"refuses_our_host": True}, "error", "--allowed-hosts"),
    ],
    mlflow_checks.foreign_names_are_refused: [
        ("mlflow", {"accepts_foreign_host": True}, "warning", "DNS rebinding"),
    ],
    mlflow_checks.store_needs_credentials: [
        ("mlflow", {"needs_credentials": False}, "error", "basic-auth"),
    ],
    mlflow_checks.mlflow_clock: [("mlflow", {"clock_ahead_s": 61.0}, "error", "61 s ahead of")],
}  # fmt: skip
CASES = [(check, *case) for check, cases in BROKEN.items() for case in cases]


def changed(facts: Facts, part, values):
    return replace(facts, **{part: replace(getattr(facts, part), **values)})


def told(finding):
    return f"{finding.what} {finding.where} {finding.cure}"


def test_an_installation_in_order_has_only_ok_findings(healthy):
    findings = examine(healthy)

    assert {finding.severity for finding in findings} == {"ok"}
    assert len(findings) >= 23
    assert not [finding for finding in findings if finding.cure]


@pytest.mark.parametrize(("check", "part", "values", "severity", "says"), CASES)
def test_a_check_fires_on_what_it_is_for(healthy, check, part, values, severity, says):
    finding = check(changed(healthy, part, values))

    assert finding.severity == severity
    assert says in told(finding)
    assert finding.cure.strip() and "\n" not in finding.cure


@pytest.mark.parametrize(("check", "part", "values", "severity", "says"), CASES)
def test_no_other_check_takes_it_for_its_own(healthy, check, part, values, severity, says):
    others = [one for one in CHECKS if one is not check]
    findings = [one(changed(healthy, part, values)) for one in others]

    assert all(finding is None or finding.severity == "ok" for finding in findings)


def test_every_check_has_a_case_where_it_fires():
    of_automations = {prefect_checks.automations_act_once, prefect_checks.automations_are_on}
    assert BROKEN.keys() | of_automations == set(CHECKS)


def test_two_automations_that_fire_on_one_event_are_named(healthy):
    known = healthy.prefect.automations
    others = changed(healthy, "prefect", {"automations": (*known, TWIN)})
    same = changed(healthy, "prefect", {"automations": (*known, known[1])})
    off = changed(healthy, "prefect", {"automations": (*known, replace(TWIN, enabled=False))})

    assert "mine" in prefect_checks.automations_act_once(others).what
    assert "2 times" in prefect_checks.automations_act_once(same).what
    assert prefect_checks.automations_act_once(off).severity == "ok"


def test_a_paused_automation_of_pawl_is_named_and_that_of_others_is_not(healthy):
    watching, releasing = healthy.prefect.automations
    others = replace(TWIN, enabled=False)
    paused = changed(
        healthy, "prefect", {"automations": (watching, replace(releasing, enabled=False), others)}
    )

    finding = prefect_checks.automations_are_on(paused)

    assert finding.severity == "warning"
    assert releasing.name in finding.what and "mine" not in finding.what


def test_a_server_for_this_machine_alone_needs_neither_credentials_nor_origins(healthy):
    alone = changed(
        healthy, "prefect",
        {"api_url": "http://127.0.0.1:4200/api", "bound_to": "127.0.0.1", "cors_origins": "*",
         "needs_credentials": False, "ui_url": "http://127.0.0.1:4200"},
    )  # fmt: skip
    alone = changed(alone, "mlflow", {"uri": "http://localhost:5000", "needs_credentials": False})

    assert {finding.severity for finding in examine(alone)} == {"ok"}


def test_a_server_bound_to_every_address_is_not_for_this_machine_alone(healthy):
    bound = changed(
        healthy, "prefect",
        {"api_url": "http://127.0.0.1:4200/api", "bound_to": "0.0.0.0", "needs_credentials": False},
    )  # fmt: skip

    assert prefect_checks.needs_credentials(bound).severity == "error"


def test_an_mlflow_that_others_reach_needs_credentials_whatever_we_call_it(healthy):
    open_to_all = {
        "uri": "http://127.0.0.1:5000",
        "needs_credentials": False,
        "bound_to": "10.0.0.3",
    }

    found = mlflow_checks.store_needs_credentials(changed(healthy, "mlflow", open_to_all))

    assert found.severity == "error"


@pytest.mark.parametrize(
    ("uri", "shared"),
    [
        ("sqlite:////srv/mlflow.db", False), ("http://127.0.0.1:5000", False),
        ("postgresql+psycopg2://pawl:***@localhost/mlflow", False), ("/srv/mlruns", False),
        ("postgresql+psycopg2://pawl:***@db.example/mlflow", True), ("https://m.example", True),
    ],
)  # fmt: skip
def test_only_models_that_others_can_see_ask_for_a_lasting_prefect_server(healthy, uri, shared):
    embedded = changed(healthy, "prefect", {"api_url": None})

    finding = prefect_checks.server_is_lasting(replace(embedded, mlflow=Mlflow(uri)))

    assert (finding.severity == "error") is shared


def test_no_server_at_all_is_fine_on_one_machine(healthy):
    embedded = replace(
        changed(healthy, "prefect", {"api_url": None}), mlflow=Mlflow("sqlite:////srv/mlflow.db")
    )

    findings = examine(embedded)

    assert {finding.severity for finding in findings} == {"ok"}
    assert not [finding for finding in findings if "automation" in finding.where]


def test_of_a_server_that_does_not_answer_nothing_else_is_claimed(healthy):
    silent = changed(healthy, "prefect", {"problem": "timed out"})

    about_prefect = [f(silent) for f in prefect_checks.CHECKS if f(silent) is not None]

    assert [finding.severity for finding in about_prefect] == ["error"]


@pytest.mark.parametrize(
    ("address", "alone"),
    [
        ("http://127.0.0.1:4200/api", True), ("http://[::1]:4200", True), ("localhost", True),
        ("127.0.0.5", True), (None, True), ("0.0.0.0", False), ("http://10.0.0.3", False),
        ("https://prefect.example/api", False), ("http://localhost.example", False),
    ],
)  # fmt: skip
def test_loopback_is_told_from_addresses_of_others(address, alone):
    assert is_loopback(address) is alone
