import pytest

from configs.errors import ConfigError
from configs.load import load_task
from evals.scorers.registry import SCORERS, metrics_of, row_fields_of, score_answers, scorers_of
from evals.scorers.scorer import FP_LEFT_OUT
from finetune.synthetic.generators import GENERATORS, generate_rows

TASKS = ("clinical-notes", "phee", "message-triage", "discharge-summary", "guideline-qa")
LISTS = {"type": "object", "properties": {"drug": {"type": "array"}}}


def changed(name="clinical-notes", **settings):
    return load_task(name).model_copy(update=settings)


@pytest.mark.parametrize("name", TASKS)
def test_every_shipped_task_measures_what_its_columns_hold(name):
    task = load_task(name)
    row = {"target": {"answer": "x", "citation": "P1"}, "context": "x", "key_facts": ["x"]}
    row["target"] = {"extraction": {}, "classification": "urgent", "summarisation": "x",
                     "grounded-qa": row["target"]}[task.kind]  # fmt: skip
    [columns] = score_answers(task, ["x"], [row])
    counted = {name for name in columns if not name.startswith(FP_LEFT_OUT)}
    assert {c for metric in metrics_of(task) for c in metric.columns} == counted


@pytest.mark.parametrize("name", GENERATORS)
def test_gold_answers_are_scored_as_perfect_and_nonsense_as_bad(name):
    task = load_task(name)
    rows = list(generate_rows(name, "test", 20, 3))

    def primary(texts):
        from evals.metric import ROWS

        scored = score_answers(task, texts, rows)
        totals = {column: sum(line[column] for line in scored) for column in scored[0]}
        totals[ROWS] = len(rows)
        ratios = metrics_of(task)[0].ratios
        return [
            sum(weight * totals[c] for c, weight in ratio.numerator.items())
            / sum(weight * totals[c] for c, weight in ratio.denominator.items())
            for ratio in ratios
        ]

    assert primary([task.answer(row["target"]) for row in rows]) == pytest.approx(
        [1.0] * len(metrics_of(task)[0].ratios)
    )
    assert max(primary(["nonsense"] * len(rows))) == 0


def test_every_scorer_says_what_it_measures():
    assert all(len(scorer.measures) > 20 for scorer in SCORERS.values())


def test_scorers_are_those_declared_or_those_of_the_kind():
    assert list(scorers_of(load_task("phee"))) == ["extraction", "phee-arguments"]
    assert list(scorers_of(load_task("guideline-qa"))) == ["answer", "grounding"]


def test_the_primary_metric_comes_first():
    assert [m.name for m in metrics_of(load_task("message-triage"))][:2] == ["macro_f1", "accuracy"]
    assert metrics_of(changed(primary_metric="exact_match"))[0].name == "exact_match"
    names = [
        sorted(m.name for m in metrics_of(changed(primary_metric=p))) for p in (None, "micro_f1")
    ]
    assert names[0] == names[1]


def test_an_unknown_scorer_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match=r"expected some of extraction, .*got 'rogue'"):
        scorers_of(changed(scorers=("rogue",)))


def test_an_unknown_primary_metric_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match=r"primary_metric of task clinical-notes.*got 'f1'"):
        metrics_of(changed(primary_metric="f1"))


def test_two_scorers_of_one_metric_are_refused():
    with pytest.raises(ConfigError, match=r"got exact_match, schema_conformance, valid_json from"):
        metrics_of(changed("guideline-qa", scorers=("answer", "extraction"), output_schema=LISTS))


def test_rows_need_what_prompt_scorers_clusters_and_slices_need():
    assert row_fields_of(load_task("guideline-qa")) == (
        "id", "target", "context", "question", "doc_id", "answerable", "rule", "unseen_drug",
    )  # fmt: skip
    assert "key_facts" in row_fields_of(load_task("discharge-summary"))
