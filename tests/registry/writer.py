"""A process that appends to ledgers: it is told what by JSON on standard input, line by line.

With `crash` it dies by itself after the entry was written, before the alias is set.
"""

import json
import os
import sys
import time
from functools import cache

from configs.errors import RegistryError
from registry.alias_ledger import append
from registry.ledger import LedgerEntry
from registry.store import ModelStore


class CrashingStore(ModelStore):
    def set_alias(self, model, alias, version):
        os._exit(86)


store_at = cache(ModelStore)
for line in sys.stdin:
    told = json.loads(line)
    entry = LedgerEntry(
        number=0, head=told["head"], version=told["version"], kind="promote",
        actor=f"process {os.getpid()}", reason="a race", decision_digest="sha256:d",
    )  # fmt: skip
    store = CrashingStore(told["uri"]) if told.get("crash") else store_at(told["uri"])
    store.models()  # connected, and everything imported
    time.sleep(max(0.0, told.get("at_s", 0.0) - time.time()))
    try:
        answer = {"number": append(store, told["model"], "champion", entry).number}
    except RegistryError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer | {"version": told["version"]}), flush=True)
