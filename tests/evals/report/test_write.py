import base64
import dataclasses
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import yaml

from configs.gate_policy import Comparison, GateConfig, TokenPrices
from evals.evaluation import Evaluation
from evals.metric import mean_metric
from evals.report.write import write_report

SECRET = "Haverstock"
EVIL = '<script>alert("x")</script><img src=http://evil.example/a.png onerror=alert(1)>'
VOID = {"meta", "img", "wbr", "br"}


class Page(HTMLParser):
    """Elements with their attributes, and the text of each kind of element."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.open, self.texts = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def text_of(self, tag):
        return [text for name, text in self.texts if name == tag]


def cells(markdown):
    for block in markdown.split("\n\n"):
        if block.startswith("|"):
            yield [re.split(r"(?<!\\)\|", line)[1:-1] for line in block.splitlines()]


def answering(evaluation, outputs):
    return dataclasses.replace(evaluation, frame=evaluation.frame.assign(raw_output=outputs))


@pytest.fixture
def outspoken(systems):
    """Systems whose every answer names a person and carries HTML."""
    return {
        name: answering(e, [f"{SECRET} {name} row{i} {EVIL}" for i in range(e.rows)])
        for name, e in systems.items()
    }


def test_the_verdict_comes_first_and_sections_follow_in_order(report_of):
    markdown, page = report_of(
        lineage={"base": "sha256:1"}, extra_sections={"Data checks": "None."}
    )
    lines = [line for line in markdown.splitlines() if line]
    assert lines[0] == "# demo: promote"
    assert lines[1].startswith("**Promote awq: it does as well as the baseline")
    assert lines[2].startswith("Statistics: one-sided alpha 0.05")
    titles = ["Scores", "Checks", "Slices", "Worst regressions", "How answers were read", "Costs",
              "Lineage", "Policy", "What was assumed", "Data checks"]  # fmt: skip
    assert re.findall(r"^## (.*)$", markdown, re.M) == titles
    assert Page(page).text_of("h2") == titles
    assert Page(page).text_of("h1") == ["demo: "]
    assert {"class": "verdict"} in Page(page).of("p")


def test_answers_are_withheld_unless_allowed(report_of, outspoken):
    for text in report_of(evaluations=outspoken):
        assert SECRET not in text
        assert not re.search(r"\brow\d", text)
        assert "The answers themselves are not shown" in text
    for text in report_of(evaluations=outspoken, show_text=True):
        assert SECRET in text
        assert "not shown" not in text


def test_regressions_come_with_what_showing_them_costs(report_of):
    for text in report_of():
        section = text.partition("Worst regressions")[2]
        assert "they no longer count as unseen" in section
        assert "tune on regressions of validation rows" in section


def test_withheld_rows_still_have_ids_scores_changes_and_lengths(report_of, outspoken):
    markdown, page = report_of(evaluations=outspoken)
    row = next(line for line in markdown.splitlines() if re.match(r"\| r\d+ \| d\d+ \|", line))
    assert re.search(
        r"\| 0\.89 \| 0\.57 \| micro_recall, problems \| 105 → 100 \| stop → stop", row
    )
    assert not Page(page).of("ins")


def test_shown_answers_are_a_diff_of_words_and_never_markup(report_of, outspoken):
    markdown, page = report_of(
        evaluations=outspoken, show_text=True, title=EVIL, description=EVIL,
        baseline_description=EVIL, lineage={EVIL: EVIL}, extra_sections={EVIL: f"Text.\n\n{EVIL}"},
    )  # fmt: skip
    parsed = Page(page)
    assert not parsed.open
    assert not parsed.of("script")
    assert len(parsed.of("img")) == 2
    assert "baseline" in parsed.text_of("del")
    assert "awq" in parsed.text_of("ins")
    assert "```diff\n" in markdown
    assert "\n- baseline\n+ awq\n" in markdown


def test_the_page_asks_for_nothing_and_may_run_nothing(report_of, tmp_path):
    _, page = report_of()
    parsed = Page(page)
    policy = next(m["content"] for m in parsed.of("meta") if "http-equiv" in m)
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert not {"link", "script", "iframe", "form", "a"} & {tag for tag, _ in parsed.elements}
    assert "url(" not in page
    plots = [
        base64.b64decode(i["src"].removeprefix("data:image/png;base64,")) for i in parsed.of("img")
    ]
    assert plots == [(tmp_path / f"{name}.png").read_bytes() for name in ("scores", "differences")]
    assert all(plot.startswith(b"\x89PNG") for plot in plots)


def test_the_page_can_be_read_without_seeing_it(report_of, check_of, decision_of):
    decision = decision_of(
        {"awq": [check_of("reject", -0.2)], "fp8": [check_of("inconclusive", -0.04)]}
    )
    _, page = report_of(decision)
    parsed = Page(page)
    assert parsed.of("html") == [{"lang": "en"}]
    assert len(parsed.of("h1")) == len(parsed.of("main")) == 1
    assert all(cell.get("scope") in ("col", "row") for cell in parsed.of("th"))
    assert len(parsed.text_of("caption")) >= len(parsed.of("table"))
    scores, differences = (image["alt"] for image in parsed.of("img"))
    assert re.search(r"awq 0\.\d{3} \(0\.\d{3} to 0\.\d{3}\), 80 rows, 40 documents", scores)
    assert "against baseline -0.200 (-0.230 to -0.170), must be above -0.05" in differences
    assert {"✗ fails", "? cannot be told"} <= set(parsed.text_of("td"))
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_every_score_has_an_interval_and_every_table_of_scores_n(report_of):
    markdown, _ = report_of()
    scored = 0
    for header, _, *rows in cells(markdown):
        assert len({len(row) for row in (header, *rows)}) == 1
        names = [name.strip() for name in header]
        if names[0] not in ("system", "slice", "candidate"):
            continue
        scored += 1
        for row in rows:
            assert re.search(r"\d+ rows, \d+ documents", row[names.index("n")])
            measured = [
                c for n, c in zip(names, row, strict=True) if n.startswith(("micro", "value"))
            ]
            assert all(re.search(r"\d \(\S+ to \S+\)", cell) for cell in measured)
    assert scored == 5
    assert r"ward \| night" in markdown


def test_lineage_evidence_digest_reasons_and_policy_are_whole(report_of, check_of, decision_of):
    decision = decision_of(
        {"awq": [check_of()]}, evidence={"awq": "sha256:e", "arc/awq": "sha256:g"}
    )
    markdown, page = report_of(decision, lineage={"adapter": "sha256:d"})
    for text in (markdown, page):
        assert all(
            digest in text for digest in ("sha256:d", "sha256:e", "sha256:g", decision.digest)
        )
        assert "evaluation of arc/awq" in text
    assert "- The gate's own sentence." in markdown
    policy = yaml.safe_load(re.search(r"```yaml\n(.*?)```", markdown, re.S)[1])
    assert GateConfig.model_validate_json(json.dumps(policy)) == decision.policy


def test_what_was_assumed_names_baseline_methods_and_prices(report_of, check_of, decision_of):
    policy = GateConfig(
        comparisons=(Comparison(metric="micro_f1", margin=0.05),),
        prices=TokenPrices(input_per_million=0.5, output_per_million=2, currency="EUR"),
    )
    markdown, _ = report_of(decision_of({"awq": [check_of()]}, policy=policy))
    assumed = markdown.partition("## What was assumed")[2]
    assert "- The baseline is recorded answers of a 70B model." in assumed
    assert "BCa bootstrap" in assumed
    assert "0.5 EUR per million tokens read, 2 per million written" in assumed


def test_a_task_of_mean_metrics_with_guards_is_reported(
    report_of, evaluation_of, check_of, decision_of
):
    def graded(system, right, task="triage"):
        frame = evaluation_of(system, tp=[1] * len(right)).frame[
            ["id", "cluster", "prompt_digest", "raw_output", "finish_reason", "input_tokens",
             "output_tokens", "latency_s"]
        ].assign(accuracy=right)  # fmt: skip
        metrics = (mean_metric("accuracy", binary=True),)
        return Evaluation(system, "engine", task, "sha256:d", metrics, frame)

    good, worse = np.ones(50), np.where(np.arange(50) < 2, 0, 1)
    checks = [
        check_of(metric="accuracy", task="triage"),
        check_of(metric="accuracy", task="arc_easy", reference="base"),
    ]
    markdown, page = report_of(
        decision_of({"awq": checks}),
        {"awq": graded("awq", worse), "baseline": graded("baseline", good)},
        guard_evaluations={"arc_easy": {"base": graded("base", good, "arc_easy")}},
    )
    assert "| awq | 0.960 (" in markdown
    assert "### arc_easy" in markdown
    assert "| base | 1.000 (" in markdown
    assert "| r0 | d0 | 1.00 | 0.00 |" in markdown
    assert "Slices" not in Page(page).text_of("h2")
    assert "### awq against base\n" not in markdown


def test_regressions_are_those_of_the_most_wanted_candidate_that_is_not_rejected(
    report_of, systems, check_of, decision_of
):
    decision = decision_of({"base": [check_of("reject", -0.4)], "awq": [check_of("inconclusive")]})
    markdown, _ = report_of(decision)
    assert "### awq against baseline" in markdown
    assert "### base against" not in markdown


def test_a_candidate_that_loses_nowhere_has_no_table_of_losses(report_of, systems):
    markdown, _ = report_of(evaluations={"awq": systems["awq"], "baseline": systems["awq"]})
    assert "awq loses on no row." in markdown


def test_the_same_inputs_give_the_same_bytes(tmp_path, systems, check_of, decision_of):
    decision = decision_of({"awq": [check_of(slice="cost = $5 and $6")]})
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        write_report(
            tmp_path / place, decision, systems, sizes_bytes={}, baseline_description="b",
            title="demo", description="",
        )  # fmt: skip
    written = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert written == ["differences.png", "report.html", "report.md", "scores.png"]
    for name in written:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
