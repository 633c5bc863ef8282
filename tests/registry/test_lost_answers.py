"""What happens when MLflow does what it was told, but its answer never arrives."""

import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from configs.errors import RegistryError
from registry.alias_ledger import append, ledger_name, read_ledger
from registry.ledger import LedgerEntry
from registry.store import ModelStore

HOP_HEADERS = ("transfer-encoding", "connection", "content-length")


@pytest.fixture
def lossy_line(http_uri):
    """A line to the MLflow server that passes every request on, and loses answers when told to."""

    class Line(BaseHTTPRequestHandler):
        answers_to_lose = 0
        lost = 0

        def pass_on(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept = {
                k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")
            }
            request = urllib.request.Request(
                http_uri + self.path, body or None, kept, method=self.command
            )
            try:
                with urllib.request.urlopen(request) as answer:
                    status, headers, content = answer.status, answer.headers, answer.read()
            except urllib.error.HTTPError as error:
                status, headers, content = error.code, error.headers, error.read()
            if "model-versions/create" in self.path and Line.answers_to_lose > Line.lost:
                Line.lost += 1
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in HOP_HEADERS:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = do_HEAD = pass_on

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Line)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Line, ModelStore(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


@pytest.fixture
def direct(http_uri, model):
    """The store behind the line, with two versions of a model."""
    store = ModelStore(http_uri)
    store.create_model(model)
    run_id = store.start_run("versions", {})
    for _ in range(2):
        store.create_version(model, f"runs:/{run_id}/pawl", {}, run_id=run_id)
    return store


def entry(version, head):
    return LedgerEntry(
        number=0, head=head, version=version, kind="promote", actor="ada", reason="better",
        decision_digest="sha256:d",
    )  # fmt: skip


@pytest.mark.parametrize("lost", [1, 100], ids=["once", "every time"])
def test_a_change_whose_answer_was_lost_takes_effect_once(lossy_line, direct, model, lost):
    line, store = lossy_line
    line.answers_to_lose = lost
    written = append(store, model, "champion", entry(1, head=0))
    assert line.lost >= 1
    state = read_ledger(direct, model, "champion")
    assert state.effective == (written,)
    assert {refused.token for refused in state.refused} <= {written.token}
    assert len(direct.versions(ledger_name(model, "champion"))) == line.lost + (lost == 1)
    assert direct.alias(model, "champion") == 1


def test_a_change_that_lost_its_race_and_its_answer_is_not_taken_for_a_success(
    lossy_line, direct, model
):
    line, store = lossy_line
    append(direct, model, "champion", entry(1, head=0))
    line.answers_to_lose = 100
    with pytest.raises(RegistryError, match="Look at `pawl status`, then try again"):
        append(store, model, "champion", entry(2, head=0))
    assert line.lost >= 1
    assert direct.alias(model, "champion") == 1
