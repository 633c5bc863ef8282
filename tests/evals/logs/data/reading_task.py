"""Questions about synthetic notes, for `inspect eval`; a mock model answers them."""

import json
from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Score, accuracy, match, mean, scorer
from inspect_ai.solver import generate

ROWS = [json.loads(line) for line in Path(__file__).with_name("questions.jsonl").open()]
BY_TEXT = {f"{row['text']}\n{row['question']}": row for row in ROWS}


def mock(wrong, breaks=()):
    """A model that gives these rows a wrong answer, and raises on others."""

    def answer(messages, tools, tool_choice, config):
        row = BY_TEXT[messages[-1].text]
        place = ROWS.index(row)
        if place in breaks:
            raise RuntimeError("the server broke off")
        text = "I do not know" if place in wrong else row["answer"]
        output = ModelOutput.from_content("mockllm", text, "max_tokens" if place == 3 else "stop")
        output.usage = ModelUsage(input_tokens=40 + place, output_tokens=3, total_tokens=43 + place)
        output.time = 0.25
        return output

    return get_model("mockllm/model", custom_outputs=answer, memoize=False)


def samples():
    return [
        Sample(id=row["id"], input=text, target=row["answer"], metadata={"patient": row["patient"]})
        for text, row in BY_TEXT.items()
    ]


@scorer(metrics=[mean()])
def grade():
    """A grade from 1 to 10, as model-graded scorers give."""

    async def score(state, target):
        return Score(value=9 if target.text in state.output.completion else 2)

    return score


@scorer(metrics={"hit": [mean()], "short": [accuracy()]})
def parts():
    """Two numbers by name."""

    async def score(state, target):
        text = state.output.completion
        return Score(
            value={"hit": float(target.text in text), "short": "C" if len(text) < 12 else "I"}
        )

    return score


def chosen(wrong, breaks):
    return [int(n) for n in str(wrong).split("-")] if wrong != "" else [], [
        int(n) for n in str(breaks).split("-")
    ] if breaks != "" else []


@task
def note_reading(wrong: str = "", breaks: str = "", graded: bool = False):
    wrong_rows, broken_rows = chosen(wrong, breaks)
    return Task(
        dataset=samples(),
        solver=generate(),
        scorer=[match(location="any"), grade()] if graded else [match(location="any"), parts()],
        model=mock(wrong_rows, broken_rows),
    )
