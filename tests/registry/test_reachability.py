import socket
import subprocess
import sys
import time

import pytest

from configs.errors import RegistryError
from registry.reachability import without_password
from registry.store import ModelStore

SECRET = "s3cr3t"
LIMIT_S = 10


def refusal(uri):
    """What a store says that cannot be used, within the limit."""
    started = time.monotonic()
    with pytest.raises(RegistryError) as refused:
        ModelStore(uri).models()
    assert time.monotonic() - started < LIMIT_S
    assert SECRET not in str(refused.value)
    return str(refused.value)


@pytest.fixture
def closed_port():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # but does not listen
        yield closed.getsockname()[1]


@pytest.mark.parametrize(
    "uri",
    [
        "http://ada:s3cr3t@127.0.0.1:{port}",
        "postgresql+psycopg2://ada:s3cr3t@127.0.0.1:{port}/mlflow",
        "postgresql+psycopg2://ada:/s3cr3t?#@127.0.0.1:{port}/mlflow",
        "postgresql+psycopg2://ada@127.0.0.1:{port}/mlflow?password=s3cr3t&sslmode=disable",
    ],
)
def test_a_closed_port_is_reported_within_seconds_and_without_password(uri, closed_port):
    said = refusal(uri.format(port=closed_port))
    assert said.startswith(f"MLflow at {uri.partition(':')[0]}://ada")
    assert f"127.0.0.1:{closed_port}" in said and "***" in said
    assert "unreachable while connecting: " in said
    assert "refused" in said
    assert said.endswith("Start it, or correct MLFLOW_TRACKING_URI; nothing was lost, run again.")


def test_a_server_that_accepts_but_never_answers_is_given_up_on(monkeypatch):
    monkeypatch.setattr("registry.reachability.ANSWER_TIMEOUT_S", 1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        assert "timed out" in refusal(f"http://127.0.0.1:{port}")
        monkeypatch.setattr("registry.reachability.CONNECT_TIMEOUT_S", 2)
        assert "timeout expired" in refusal(f"postgresql+psycopg2://a:{SECRET}@127.0.0.1:{port}/m")


def test_a_wrong_password_and_a_missing_database_are_reported_at_once(postgresql_uri):
    password = postgresql_uri.partition("pawl:")[2].partition("@")[0]
    said = refusal(postgresql_uri.replace(password, SECRET))
    assert 'password authentication failed for user "pawl"' in said
    missing = refusal(postgresql_uri.removesuffix("postgres") + "absent")
    assert 'database "absent" does not exist' in missing
    assert password not in missing


@pytest.mark.parametrize(
    ("scheme", "driver"), [("postgresql+psycopg2", "psycopg2"), ("postgresql+psycopg", "psycopg")]
)
def test_a_missing_driver_is_named_with_what_helps(postgresql_uri, monkeypatch, scheme, driver):
    monkeypatch.setitem(sys.modules, driver, None)  # as if it were not installed
    said = refusal(postgresql_uri.replace("postgresql+psycopg2", scheme))
    assert f"expected its driver {driver}, found none" in said
    assert said.endswith("pip install 'pawl-llm[postgresql]', and write postgresql+psycopg2://.")


@pytest.mark.parametrize(
    "uri",
    [
        "sqlite:////proc/no/mlflow.db",
        "sqlite:////",
        "sqlite:////etc/hostname",
        "nonsense://ada:s3cr3t@host",
        "http://[::1",
        "http://ada:s3cr3t@127.0.0.1:99999",
        "http://",
        "postgresql+absent://ada:s3cr3t@127.0.0.1/mlflow",
    ],
)
def test_an_address_that_leads_nowhere_is_reported(uri):
    assert refusal(uri).startswith(f"MLflow at {without_password(uri)}: ")


def test_a_server_that_is_no_mlflow_is_reported(tmp_path):
    code = "import http.server as h; s = h.HTTPServer(('127.0.0.1', 0), h.SimpleHTTPRequestHandler)"
    code += "; print(s.server_port, flush=True); s.serve_forever()"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    ) as other:  # fmt: skip
        try:
            said = refusal(f"http://127.0.0.1:{int(other.stdout.readline())}")
        finally:
            other.kill()
    assert "failed with error code 404" in said
    assert "Correct MLFLOW_TRACKING_URI if it names no MLflow" in said


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sqlite:////home/ada@work/mlflow.db", "sqlite:////home/ada@work/mlflow.db"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("https://ada@host:443/x", "https://ada@host:443/x"),
        ("https://ada:p@host:443/x", "https://ada:***@host:443/x"),
        ("https://:p@host", "https://:***@host"),
        ("postgresql://ada:p@ss:w/o?r#d@h:1/d", "postgresql://ada:***@h:1/d"),
        ("postgresql:///d?host=/run&password=p&user=a", "postgresql:///d?host=/run&password=***&user=a"),
        ("at 'http://a:p@h/x' with a@b", "at 'http://a:***@h/x' with a@b"),
    ],
)  # fmt: skip
def test_passwords_are_hidden_and_the_rest_is_shown(text, shown):
    assert without_password(text) == shown
