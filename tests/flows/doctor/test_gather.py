"""Facts of real installations: files, servers, and clocks that are wrong."""

import json
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from flows.doctor.ask_mlflow import ask_mlflow
from flows.doctor.ask_prefect import HEARTBEAT, _rarest_heartbeat, ask_prefect
from flows.doctor.clock import WARNING_S
from flows.doctor.date_header import clock_ahead_s
from flows.doctor.facts import Limit
from flows.doctor.gather import look_at_home, look_at_machine, unmet_requirements
from tests.servers.prefect_server import PrefectServer, copy_of_migrated
from tests.servers.processes import free_port


def test_requirements_that_are_not_met_are_found_and_extras_left_out():
    installed = httpx.__version__
    lines = [
        f"httpx=={installed}", "httpx<0.1", "no-such-library>=1", 'absent>=3; extra == "dev"',
        'absent>=3; python_version < "3"',
    ]  # fmt: skip

    found = [(one.needed, one.installed) for one in unmet_requirements(lines)]

    assert found == [("httpx<0.1", installed), ("no-such-library>=1", None)]


def test_this_machine_is_described_without_importing_torch(loaded_by_importing):
    assert look_at_machine().torch is not None
    assert loaded_by_importing(["flows.doctor.gather"], ["torch", "mlflow", "pandas"]) == "[]"


def test_the_largest_model_counts_all_its_shards(tmp_path):
    for model, sizes in (("small", [30]), ("large", [20, 25])):
        directory = tmp_path / "models" / model
        directory.mkdir(parents=True)
        for number, size in enumerate(sizes):
            (directory / f"{number}.safetensors").write_bytes(b"x" * size)
    (tmp_path / "models" / "gone.safetensors").symlink_to(tmp_path / "nowhere")

    home = look_at_home(tmp_path, chosen=True)

    assert home.largest_weights_bytes == 45
    assert home.problem is None
    assert home.free_bytes > 0
    assert {path.name for path in tmp_path.iterdir()} == {"models"}


def test_a_home_that_does_not_exist_is_not_made(tmp_path):
    home = look_at_home(tmp_path / "a" / "b", chosen=False)

    assert home.problem is None
    assert not (tmp_path / "a").exists()


def test_a_home_where_nothing_can_be_written_is_told_with_the_reason(tmp_path):
    (tmp_path / "file").write_text("")

    assert look_at_home(tmp_path / "file" / "home", chosen=True).problem == "Not a directory"


@contextmanager
def http_server(answer):
    """A server that answers every GET and HEAD by `answer(handler)`; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answer(self)

        def do_HEAD(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            """Say nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("ahead_s", [0, 3600, -3600])
def test_a_difference_of_clocks_is_measured(ahead_s):
    def answer(handler):
        told = datetime.now(UTC) + timedelta(seconds=ahead_s)
        handler.send_response_only(200)
        handler.send_header("Date", format_datetime(told, usegmt=True))
        handler.end_headers()

    with http_server(answer) as url:
        found = clock_ahead_s(httpx.get(url))

    assert found == pytest.approx(ahead_s, abs=3)
    assert ahead_s or found == 0


def test_an_answer_without_a_date_tells_nothing_of_the_clock():
    assert clock_ahead_s(httpx.Response(200)) is None


def test_crashed_runs_that_nothing_picked_up_are_named(prefect_server, monkeypatch):
    request = prefect_server.request
    flow_id = request("POST", "/flows/", json={"name": "left lying"})["id"]
    runs = {}
    for name, starts, tags in (("lies", 1, ["pawl"]), ("gave-up", 5, ["pawl"]), ("else", 1, [])):
        body = {"name": name, "flow_id": flow_id, "tags": tags}
        runs[name] = request("POST", "/flow_runs/", json=body)["id"]
        for state in ["RUNNING"] * starts + ["CRASHED"]:
            body = {"state": {"type": state}, "force": True}
            request("POST", f"/flow_runs/{runs[name]}/set_state", json=body)
    with temporary_settings({PREFECT_API_URL: prefect_server.api_url}):
        assert "lies" not in ask_prefect().left_crashed  # it may still be picked up
        monkeypatch.setattr("flows.doctor.ask_prefect.PICKED_UP_WITHIN", timedelta(0))
        found = ask_prefect().left_crashed
    for run in runs.values():
        request("DELETE", f"/flow_runs/{run}")
    assert {"lies", "gave-up", "else"} & set(found) == {"lies"}


def test_a_prefect_server_tells_what_the_checks_need(prefect_server):
    name = "doctor-limit"
    limit = {"name": name, "limit": 2, "active_slots": 1}
    made = prefect_server.request("POST", "/v2/concurrency_limits/", json=limit)
    flow_id = prefect_server.request("POST", "/flows/", json={"name": "doctored"})["id"]
    environment = {"PAWL_HOME": "/srv/doctored", HEARTBEAT: "30"}
    body = {"name": "doctored", "flow_id": flow_id, "tags": ["pawl"]}
    body["job_variables"] = {"env": environment}
    deployed = prefect_server.request("POST", "/deployments/", json=body)
    try:
        with temporary_settings({PREFECT_API_URL: prefect_server.api_url}):
            found = ask_prefect()
    finally:
        prefect_server.request("DELETE", f"/v2/concurrency_limits/{made['id']}")
        prefect_server.request("DELETE", f"/deployments/{deployed['id']}")

    assert found.answered and not found.remote
    assert found.server_version == found.client_version
    assert found.needs_credentials is False
    assert found.cors_origins == "*"
    assert found.lease_storage.endswith("filesystem")
    assert Limit(name, 1) in found.limits
    assert found.active_runs is not None
    assert "/srv/doctored" in found.run_homes
    assert abs(found.clock_ahead_s) < WARNING_S  # a busy server's header may be stale


@pytest.mark.parametrize(("frequencies", "rarest"), [((30, 45), 45), ((30, None), 77), ((), 77)])
def test_the_rarest_heartbeat_of_deployments_counts(frequencies, rarest):
    environments = [{HEARTBEAT: str(seconds)} if seconds else {} for seconds in frequencies]

    assert _rarest_heartbeat(environments, local=77) == rarest
    assert _rarest_heartbeat([*environments, {}], local=None) is None


@pytest.fixture(scope="module")
def guarded(migrated_prefect, tmp_path_factory):
    """A Prefect server that asks for credentials."""
    directory = tmp_path_factory.mktemp("prefect-guarded")
    copy_of_migrated(migrated_prefect, directory)
    server = PrefectServer(directory, settings={"PREFECT_SERVER_API_AUTH_STRING": "ada:s3cret"})
    try:
        yield server.start()
    finally:
        server.close()


def test_a_server_with_credentials_is_told_from_an_open_one(guarded):
    with temporary_settings({PREFECT_API_URL: guarded.api_url, PREFECT_API_AUTH_STRING: "ada:no"}):
        refused = ask_prefect()
    with temporary_settings(
        {PREFECT_API_URL: guarded.api_url, PREFECT_API_AUTH_STRING: "ada:s3cret"}
    ):
        known = ask_prefect()

    assert "401" in refused.problem
    assert "s3cret" not in f"{known}"
    assert known.needs_credentials is True and known.problem is None


def test_nothing_that_listens_is_a_problem_and_not_an_exception():
    nowhere = f"http://127.0.0.1:{free_port()}"
    with temporary_settings({PREFECT_API_URL: f"{nowhere}/api"}):
        assert ask_prefect().problem
    assert ask_mlflow(nowhere, {}).problem


def test_an_mlflow_server_is_asked_under_its_own_and_a_foreign_name(http_uri):
    found = ask_mlflow(http_uri, {})

    assert found.problem is None
    assert found.refuses_our_host is False
    assert found.accepts_foreign_host is False
    assert found.needs_credentials is False
    assert abs(found.clock_ahead_s) < WARNING_S  # a busy server's header may be stale


@pytest.mark.parametrize(
    ("refused", "ours", "foreign"),
    [(lambda host: True, True, False), (lambda host: False, False, True)],
)
def test_an_mlflow_that_refuses_its_own_name_or_none_is_told(refused, ours, foreign):
    def answer(handler):
        bad = refused(handler.headers["Host"])
        text = b"Invalid Host header - possible DNS rebinding attack detected" if bad else b"{}"
        handler.send_response(403 if bad else 200)
        handler.end_headers()
        handler.wfile.write(text)

    with http_server(answer) as url:
        found = ask_mlflow(url, {})

    assert (found.refuses_our_host, found.accepts_foreign_host) == (ours, foreign)
    assert found.problem is None


def test_credentials_for_mlflow_come_from_its_own_variables():
    def answer(handler):
        known = handler.headers.get("Authorization") == "Bearer t0ken"
        handler.send_response(200 if known else 401)
        handler.end_headers()

    with http_server(answer) as url:
        known, unknown = ask_mlflow(url, {"MLFLOW_TRACKING_TOKEN": "t0ken"}), ask_mlflow(url, {})

    assert known.needs_credentials is True and known.problem is None
    assert "401" in unknown.problem


def test_a_database_whose_driver_is_missing_is_told_apart_from_one_that_is_down():
    down = f"postgresql+psycopg2://pawl:secret@127.0.0.1:{free_port()}/mlflow"

    assert ask_mlflow("mssql+pymssql://pawl@127.0.0.1/mlflow", {}).driver_missing == "pymssql"
    found = ask_mlflow(down, {})
    assert found.driver_missing is None
    assert found.problem
    assert "secret" not in f"{found}"


def test_asking_makes_no_database_file(tmp_path):
    file = tmp_path / "mlflow.db"

    assert ask_mlflow(f"sqlite:///{file}", {}).problem is None
    assert not file.exists()


def test_doctor_examines_real_servers_in_seconds(run_pawl, guarded, http_uri, tmp_path):
    started = time.monotonic()

    done = run_pawl(
        "doctor", home=tmp_path / "home", cwd=tmp_path,
        PREFECT_API_URL=guarded.api_url, PREFECT_API_AUTH_STRING="ada:s3cret",
        MLFLOW_TRACKING_URI=http_uri, PREFECT_HOME=str(tmp_path),
    )  # fmt: skip

    seconds = time.monotonic() - started
    words = " ".join(done.out.replace("│", " ").split())
    assert done.code == 0, done.out
    for said in ("MLflow refuses names", "leases of concurrency slots survive", "clocks of this"):
        assert said.lower() in words.lower()
    assert "Nothing marks a run crashed" in words
    assert seconds < 30


def test_doctor_exits_with_1_on_an_error_and_its_json_holds_every_finding(pawl, monkeypatch):
    fine = pawl("doctor", "--json")
    assert fine.code == 0, fine.out
    findings = json.loads(fine.out)
    assert {"severity", "what", "where", "cure"} == findings[0].keys()

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    broken = pawl("doctor")

    assert broken.code == 1
    assert "correct MLFLOW_TRACKING_URI" in " ".join(broken.out.split())
    assert "1 error" in broken.out
