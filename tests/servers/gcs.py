"""Google Cloud Storage as its JSON API shows it: list, read whole and in part."""

import base64
import hashlib
import json
from contextlib import contextmanager
from urllib.parse import parse_qs, unquote, urlsplit

from tests.servers.http_fake import answering


class FakeGcs:
    """Buckets in memory; `fail` answers everything with (status, headers, body) instead."""

    def __init__(self):
        self.objects = {}
        """(bucket, name) -> (generation, bytes)"""
        self.fail = None
        self.url = None
        self._generation = 0

    def put(self, bucket, name, content):
        self._generation += 1
        self.objects[bucket, name] = self._generation, content

    def answer(self, method, target, headers):
        if self.fail is not None:
            return self.fail
        parts, query = urlsplit(target), parse_qs(urlsplit(target).query)
        bucket, _, rest = parts.path.partition("/b/")[2].partition("/o")
        name = unquote(rest.removeprefix("/"))
        if not name:
            return self._list(bucket, query.get("prefix", [""])[0])
        if (bucket, name) not in self.objects:
            return 404, {}, b'{"error": {"code": 404, "message": "Not Found"}}'
        generation, content = self.objects[bucket, name]
        if "alt" not in query and "/download/" not in parts.path:
            return self._json(self._facts(bucket, name))
        facts = {"x-goog-generation": generation, "x-goog-hash": f"md5={_md5(content)}"}
        asked = headers.get("range", "")
        if asked.startswith("bytes="):
            start, _, end = asked.removeprefix("bytes=").partition("-")
            last = min(int(end) if end else len(content) - 1, len(content) - 1)
            told = {"content-range": f"bytes {start}-{last}/{len(content)}"}
            return 206, told | facts, content[int(start) : last + 1]
        return 200, facts, content

    def _list(self, bucket, prefix):
        names = sorted(n for b, n in self.objects if b == bucket and n.startswith(prefix))
        if not any(b == bucket for b, _ in self.objects):
            return 404, {}, b'{"error": {"code": 404, "message": "The bucket does not exist."}}'
        return self._json(
            {"kind": "storage#objects", "items": [self._facts(bucket, n) for n in names]}
        )

    def _facts(self, bucket, name):
        generation, content = self.objects[bucket, name]
        return {
            "kind": "storage#object", "bucket": bucket, "name": name, "size": str(len(content)),
            "generation": str(generation), "etag": f"e{generation}", "md5Hash": _md5(content),
            "updated": "2026-01-01T00:00:00.000Z", "timeCreated": "2026-01-01T00:00:00.000Z",
        }  # fmt: skip

    @staticmethod
    def _json(content):
        return 200, {"content-type": "application/json"}, json.dumps(content).encode()


def _md5(content):
    return base64.b64encode(hashlib.md5(content).digest()).decode()


@contextmanager
def fake_gcs():
    """Serve empty buckets; yields them, with the address in `url`."""
    gcs = FakeGcs()
    with answering(gcs.answer) as gcs.url:
        yield gcs
