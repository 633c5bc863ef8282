"""Questions about synthetic notes, for `nel eval run --bench`."""

from pathlib import Path

from nemo_evaluator.environments.custom import benchmark, scorer
from nemo_evaluator.scoring import ScorerInput, exact_match


@benchmark(
    name="note-reading",
    dataset=str(Path(__file__).with_name("questions.jsonl")),
    prompt="{text}\n{question}",
    target_field="answer",
)
@scorer
def score(sample: ScorerInput) -> dict:
    return exact_match(sample)
