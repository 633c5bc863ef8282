"""A process that notes releases: it is told what by JSON on standard input, line by line.

It reads the ledger and says so; what it is told next, it notes on what it read.
"""

import json
import sys
import time
from functools import cache

from registry.releases import latest_release, note_release
from registry.store import ModelStore

store_at = cache(ModelStore)
for line in sys.stdin:
    told = json.loads(line)
    store, followed = store_at(told["uri"]), told["followed"]
    seen = latest_release(store, followed)
    print("ready", flush=True)
    told = json.loads(sys.stdin.readline())
    time.sleep(max(0.0, told["at_s"] - time.time()))
    noted = note_release(store, followed, followed, told["digest"], seen, True)
    print(json.dumps(None if noted is None else noted.release_id), flush=True)
