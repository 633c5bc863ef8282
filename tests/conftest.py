"""Evaluations made of numbers instead of answers, for tests of what follows from the numbers."""

import numpy as np
import pandas as pd
import pytest

from evals.evaluation import Evaluation


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
                "output_tokens": 2, "valid_json": valid, "schema_conformance": valid,
                "exact_match": exact, "tp": tp, "fp": fp, "fn": fn,
            }
        )  # fmt: skip
        for column in ("tp", "fp", "fn"):
            frame[f"{column}.problems"] = frame[column]
        if slices is not None:
            frame["slice.note_type"] = slices
        return Evaluation(system, f"engine of {system}", task, data_digest, ("problems",), frame)

    return make
