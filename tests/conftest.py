"""What tests of several packages need: made-up evaluations, a full disk, the cost of an import."""

import resource
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest

from evals.evaluation import Evaluation
from evals.metric import count_metrics, mean_metric
from tests.openai_protocol import ProtocolServer, serving


@pytest.fixture(scope="session")
def evaluation_of():
    """Make an evaluation from per-row counts; `rows_per_document` rows form one document."""

    def make(
        system="candidate", *, tp, fp=0, fn=0, valid=True, exact=True, rows_per_document=1,
        slices=None, data_digest="sha256:data", task="clinical-notes",
    ):  # fmt: skip
        tp = np.asarray(tp)
        rows = len(tp)
        frame = pd.DataFrame(
            {
                "id": [f"r{i}" for i in range(rows)],
                "cluster": [f"d{i // rows_per_document}" for i in range(rows)],
                "prompt_digest": "sha256:p", "raw_output": "{}", "finish_reason": "stop",
                "input_tokens": 9, "output_tokens": 2, "latency_s": 0.5, "valid_json": valid, "schema_conformance": valid,
                "exact_match": exact, "tp": tp, "fp": fp, "fn": fn,
            }
        )  # fmt: skip
        for column in ("tp", "fp", "fn"):
            frame[f"{column}.problems"] = frame[column]
        if slices is not None:
            frame["slice.note_type"] = slices
        shares = (
            mean_metric(name, binary=True)
            for name in ("valid_json", "schema_conformance", "exact_match")
        )
        metrics = (*count_metrics(), *shares, *count_metrics(".problems"))
        return Evaluation(system, f"engine of {system}", task, data_digest, metrics, frame)

    return make


@pytest.fixture
def file_size_limit():
    """Let no file grow beyond a number of bytes: a full disk that needs no privileges."""

    @contextmanager
    def limit(limit_bytes):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limit


@pytest.fixture
def loaded_by_importing():
    """Import modules in a fresh interpreter; returns which of the heavy libraries that loaded."""

    def loaded(modules, heavy):
        code = (
            f"import sys, {', '.join(modules)}\n"
            f"print([name for name in {heavy} if name in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    return loaded


@pytest.fixture
def served():
    """An OpenAI-compatible server that tells its version, so that every POST to it is a question."""
    server = ProtocolServer(version={"version": "0.11.0"})
    with serving(server) as url:
        server.url = url
        yield server
