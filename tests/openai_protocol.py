"""A real HTTP server that speaks the OpenAI protocol; what stands behind it is up to a test.

The server is a fake at the level of the protocol: sockets, status codes, headers and bytes are
real; only the model is missing.
"""

import json
import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OK = 200


def completion_body(text, finish_reason="stop"):
    return json.dumps(
        {
            "id": "c", "object": "chat.completion", "created": 0, "model": "m",
            "choices": [{"index": 0, "finish_reason": finish_reason,
                         "message": {"role": "assistant", "content": text}}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
        }
    ).encode()  # fmt: skip


def error_body(message):
    return json.dumps({"error": {"message": message}}).encode()


class ProtocolServer:
    """Answers `echo <prompt>`; `behave(prompt, attempt)` may return (status, headers, body)."""

    def __init__(self, behave=lambda prompt, attempt: None, version=None):
        self.behave, self.version = behave, version
        self.attempts = Counter()
        self.bodies, self.headers = [], []
        self.in_flight = self.most_in_flight = 0
        self.lock = threading.Lock()

    def handle(self, handler):
        body = json.loads(handler.rfile.read(int(handler.headers["content-length"])))
        prompt = body["messages"][-1]["content"]
        with self.lock:
            self.attempts[prompt] += 1
            attempt = self.attempts[prompt]
            self.bodies.append(body)
            self.headers.append({k.lower(): v for k, v in handler.headers.items()})
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            status, headers, content = self.behave(prompt, attempt) or (
                OK, {}, completion_body(f"echo {prompt}"))  # fmt: skip
        finally:
            with self.lock:
                self.in_flight -= 1
        headers = {"content-type": "application/json", "content-length": len(content)} | headers
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, str(value))
        handler.end_headers()
        handler.wfile.write(content)


@contextmanager
def serving(server):
    """Let `server.handle(handler)` answer every POST on a socket; yields the address up to `/v1`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            try:
                server.handle(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client gave up first, as some tests want

        def do_GET(self):
            version = server.version if self.path == "/version" else None
            content = json.dumps(version).encode()
            self.send_response(200 if version is not None else 404)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            return

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{httpd.server_address[1]}/v1"
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()
