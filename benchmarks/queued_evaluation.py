"""One light evaluation, as a flow that a worker executes: what `benchmarks.drain_queue` queues.

Does: score recorded answers to a few rows of the demo's test set with the real runner, task and
scorers, once per number; note every start, end and overlap in a file.
Does not: load a model, so that a thousand of them take minutes and not hours.
"""

import fcntl
import json
import os
import time
from pathlib import Path

from prefect import flow

ROWS_EACH = 20
DOCUMENTS, SEED = 200, 17
"""Of configs/lifecycles/demo.yaml, to whose prompts the recording belongs."""


def note(directory: Path, number: int, what: str) -> None:
    """Append a line; one write, so that lines of several processes never mix."""
    line = json.dumps({"number": number, "what": what, "pid": os.getpid(), "at": time.time()})
    handle = os.open(directory / "executions.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, f"{line}\n".encode())
    finally:
        os.close(handle)


@flow(name="queued-evaluation", flow_run_name="evaluation-{number}")
def queued_evaluation(number: int, directory: str) -> None:
    """Evaluate unless an earlier attempt did.

    Args:
        number: which evaluation, from 0.
        directory: where evaluations and notes are kept.
    """
    from configs.load import load_task
    from configs.named_files import SHIPPED
    from evals.engines.recorded import RecordedEngine
    from evals.evaluation import write_evaluation
    from evals.runner import evaluate
    from finetune.synthetic.notes import synthetic_rows

    kept = Path(directory)
    with (kept / f"{number}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note(kept, number, "overlap")
            raise
        note(kept, number, "start")
        if not (kept / str(number) / "evaluation.json").exists():
            rows = list(synthetic_rows("test", DOCUMENTS, SEED))
            first = number * ROWS_EACH % (len(rows) - ROWS_EACH)
            name = "smollm2-135m-clinical-notes"
            evaluation = evaluate(
                RecordedEngine(SHIPPED / "recorded" / f"{name}.jsonl", name),
                load_task("clinical-notes"),
                rows[first : first + ROWS_EACH],
                system=name,
                data_digest=f"demo rows {first} to {first + ROWS_EACH}",
            )
            write_evaluation(evaluation, kept / str(number))
            note(kept, number, "evaluated")
        note(kept, number, "end")
