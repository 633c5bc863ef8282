"""Answer the questions over the OpenAI protocol, right but for the rows named.

    python answering.py PORT WRONG [BROKEN]    # places of rows in questions.jsonl, such as 2-5

Rows that are BROKEN get status 400; row 3 says that it was cut off.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROWS = [json.loads(line) for line in Path(__file__).with_name("questions.jsonl").open()]
PLACES = {f"{row['text']}\n{row['question']}": place for place, row in enumerate(ROWS)}
WRONG, BROKEN = ([int(n) for n in part.split("-") if n] for part in [*sys.argv[2:], "", ""][:2])


def body(model, place):
    text = "I do not know" if place in WRONG else ROWS[place]["answer"]
    finish = "length" if place == 3 else "stop"
    message = {"role": "assistant", "content": text}
    return {
        "id": "c", "object": "chat.completion", "created": 0, "model": model,
        "choices": [{"index": 0, "finish_reason": finish, "message": message}],
        "usage": {"prompt_tokens": 40 + place, "completion_tokens": 3, "total_tokens": 43 + place},
    }  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        place = PLACES[asked["messages"][-1]["content"]]
        broken = place in BROKEN
        said = {"error": {"message": "too long"}} if broken else body(asked["model"], place)
        content = json.dumps(said).encode()
        self.send_response(400 if broken else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        return


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
