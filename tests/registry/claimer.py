"""A process that claims keys: it is told what by JSON on standard input, line by line."""

import json
import sys
import time
from functools import cache

from registry.claims import claim, take_over
from registry.store import ModelStore

store_at = cache(ModelStore)
for line in sys.stdin:
    told = json.loads(line)
    store = store_at(told["uri"])
    store.models()  # connected, and everything imported
    time.sleep(max(0.0, told["at_s"] - time.time()))
    if told["from"] is None:
        found = claim(store, told["key"], told["holder"])
    else:
        found = take_over(store, told["key"], told["from"], told["holder"])
    print(found.model_dump_json(), flush=True)
