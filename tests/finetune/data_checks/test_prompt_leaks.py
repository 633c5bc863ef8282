import pytest

from configs.data_checks import DataChecks
from configs.task import FewShotExample
from finetune.data_checks.prompt_leaks import (
    gold_in_instructions,
    instructions_of,
    label_in_fields,
    label_in_text,
    prompt_examples,
    target_in_prompt,
)

POLICY = DataChecks()
TEXT = ("text",)
GOLD = {"drug": ["cisplatin"], "effect": ["deafness"], "route": []}


def with_example(task, text, target):
    example = FewShotExample(input={"text": text}, target=target)
    return task.model_copy(update={"few_shot": (example,)})


def test_instructions_are_everything_but_the_row(triage, prose):
    task = with_example(triage, prose(1), "routine")
    assert instructions_of(task) == (triage.system_prompt, prose(1), "routine", " ")


def test_a_few_shot_example_that_is_almost_an_evaluation_row_is_refused_and_named(
    triage, rows_of, prose
):
    words = prose(1, 40).split()
    task = with_example(triage, " ".join(["edited", *words[1:]]), "routine")
    test = rows_of("test", [prose(2, 40), prose(1, 40)])
    found = prompt_examples(test, task, TEXT, POLICY)
    assert (found.severity, found.ids) == ("refuse", ("test-1",))


def test_an_evaluation_row_inside_a_long_system_prompt_is_refused(triage, rows_of, prose):
    prompt = f"{prose(3, 50)} For example: {prose(1)} is urgent. {prose(4, 50)}"
    task = triage.model_copy(update={"system_prompt": prompt})
    found = prompt_examples(rows_of("test", [prose(1), prose(2)]), task, TEXT, POLICY)
    assert found.ids == ("test-0",)


def test_a_short_text_counts_as_a_whole_example_and_not_as_a_label_or_a_few_words_of_one(
    triage, rows_of
):
    test = rows_of("test", ["Urgent", "Help me", "so sick today"])
    assert prompt_examples(test, triage, TEXT, POLICY).severity == "ok"
    task = with_example(triage, "help me!", "urgent")
    assert prompt_examples(test, task, TEXT, POLICY).ids == ("test-1",)


def test_a_prompt_made_from_the_target_is_refused(triage, rows_of, prose):
    task = triage.model_copy(update={"user_prompt": "{text} ({target})"})
    found = target_in_prompt(rows_of("test", [prose(1)]), task, POLICY)
    assert (found.severity, found.ids) == ("refuse", ("test-0",))
    assert "names the field `target`" in found.sentence


def test_a_text_that_holds_its_json_answer_is_refused_however_it_is_spaced(extraction, rows_of):
    leaked = 'Deaf after cisplatin. {"drug":["cisplatin"],\n "effect": ["deafness"]}'
    test = rows_of("test", ["Deafness after cisplatin.", leaked], target=GOLD)
    found = target_in_prompt(test, extraction, POLICY)
    assert (found.severity, found.ids) == ("refuse", ("test-1",))


def test_an_empty_answer_is_no_leak(extraction, rows_of):
    test = rows_of("test", ["Returns {} as always."], target={"drug": []})
    assert target_in_prompt(test, extraction, POLICY).severity == "ok"


def test_a_summary_that_stands_in_its_letter_is_refused_unless_it_is_a_phrase(
    triage, rows_of, prose
):
    task = triage.model_copy(update={"kind": "summarisation", "labels": ()})
    texts = [f"{prose(i, 40)} {prose(i + 50, words)}" for i, words in ((1, 12), (2, 5))]
    test = rows_of("test", texts, target=[prose(51, 12), prose(52, 5)])
    assert target_in_prompt(test, task, POLICY).ids == ("test-0",)


@pytest.fixture
def labels():
    return ["urgent", "routine"] * 40


@pytest.fixture
def texts(prose):
    return [prose(i) for i in range(80)]


def test_an_id_in_the_prompt_that_says_the_label_is_refused(triage, rows_of, texts, labels):
    task = triage.model_copy(update={"user_prompt": "{case}: {text}"})
    cases = [f"{label}_{i:03d}" for i, label in enumerate(labels)]
    (found,) = label_in_fields(rows_of("test", texts, labels, case=cases), task, POLICY)
    assert (found.check, found.severity, found.count) == ("label_in_fields.case", "refuse", 80)
    assert found.numbers[0].value == pytest.approx(0.5)  # all rows; half of them by chance


@pytest.mark.parametrize(
    "cases", [["a routine visit"] * 80, ["urgent or routine"] * 80, ["urgent", "urgent", "routine", "routine"] * 20],
    ids=["always one label", "always both", "unrelated to the label"],
)  # fmt: skip
def test_a_field_that_says_labels_whatever_the_label_is_no_leak(
    triage, rows_of, texts, labels, cases
):
    task = triage.model_copy(update={"user_prompt": "{case}: {text}"})
    (found,) = label_in_fields(rows_of("test", texts, labels, case=cases), task, POLICY)
    assert found.severity == "ok"
    assert abs(found.numbers[0].value) < 0.01


def test_a_field_that_does_not_reach_the_prompt_is_not_looked_at(triage, rows_of, texts, labels):
    assert label_in_fields(rows_of("test", texts, labels, case=labels), triage, POLICY) == []


def test_texts_that_say_their_label_are_reported_when_most_do(triage, rows_of, texts):
    labels = ["urgent", "routine", "soon", "later"] * 20
    task = triage.model_copy(update={"labels": tuple(labels[:4])})
    said = [f"{text} {label}" for text, label in zip(texts, labels, strict=True)]
    found = label_in_text(rows_of("test", said, labels), task, POLICY)
    assert (found.severity, found.count) == ("warn", 80)
    few = [*said[:10], *texts[10:]]
    assert label_in_text(rows_of("test", few, labels), task, POLICY).severity == "ok"


def gold(split, rows_of, prose, drugs):
    targets = [{"drug": [drug], "effect": [], "route": ["oral"]} for drug in drugs]
    return rows_of(split, [prose(i) for i in range(len(drugs))], target=targets)


@pytest.mark.parametrize(
    ("instructions", "severity"),
    [
        ("Drugs such as testadrug1 and testadrug2, or testadrug3 given oral.", "warn"),
        ("Drugs such as traindrug1 and testadrug1.", "ok"),
        ("Drugs given by the route oral or rectal.", "ok"),
    ],
)
def test_instructions_that_know_the_evaluation_rows_are_reported(
    extraction, rows_of, prose, instructions, severity
):
    train = gold("train", rows_of, prose, [f"traindrug{i % 20}" for i in range(100)])
    test = gold("test", rows_of, prose, [f"testadrug{i % 20}" for i in range(60)])
    task = extraction.model_copy(update={"system_prompt": instructions})
    found = gold_in_instructions(train, test, task, POLICY)
    assert found.severity == severity
    assert (found.numbers[0].p_value < 0.01) == (severity == "warn")
