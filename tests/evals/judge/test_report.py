from markdown_it import MarkdownIt

from evals.judge.examination import examine, unexamined
from evals.judge.rectified_evaluation import judged_means
from evals.judge.report import JudgeReport, judge_report_markdown
from tests.evals.judge.conftest import honest


def test_a_report_says_what_is_known_and_what_is_not(judge_that, labels_of, judged_evaluation_of):
    judge, _ = judge_that(honest, human_labels="labels.jsonl")
    report = examine(judge, labels_of(40))
    means = judged_means(
        judged_evaluation_of("awq|4", [0.5, 0.75]), judge.config.rubric, (), alpha=0.05
    )
    text = judge_report_markdown(report, means)
    for expected in (
        "Admitted as evidence", "kappa (quadratic weights)", "80 rows, 40 documents",
        "verdicts change with the order", "at equal human scores", "judge itself", "awq\\|4",
    ):  # fmt: skip
        assert expected in text
    tokens = MarkdownIt().enable("table").parse(text)
    assert sum(token.type == "table_open" for token in tokens) == 3


def test_a_refused_judge_and_an_unchecked_one_are_called_so(judge_that, labels_of):
    judge, _ = judge_that(honest, human_labels="labels.jsonl")
    refused = judge_report_markdown(examine(judge, labels_of(5)))
    assert "**Refused as evidence**: expected labels of at least 30 documents" in refused
    unchecked, _ = judge_that(honest)
    text = judge_report_markdown(unexamined(unchecked))
    assert "**Not calibrated**" in text
    assert "Position bias was not measured" in text


def test_a_report_survives_json(judge_that, labels_of):
    judge, _ = judge_that(honest, human_labels="labels.jsonl")
    report = examine(judge, labels_of(10))
    assert JudgeReport.model_validate_json(report.model_dump_json()) == report
