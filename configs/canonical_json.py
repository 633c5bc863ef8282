"""One text for a JSON-able value, and its digest: equal values, equal bytes on every machine."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> str:
    """The value as JSON with sorted keys and no white space; letters beyond ASCII as they are."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def digest_json(value: Any) -> str:
    """`sha256:...` of `canonical_json` in UTF-8."""
    return "sha256:" + hashlib.sha256(canonical_json(value).encode()).hexdigest()
