import dataclasses
import json
import re

import numpy as np
import pytest

from configs.critical_labels import CriticalLabel
from configs.gate_policy import Comparison, GateConfig
from configs.load import load_task
from evals.critical_misses import Gold
from evals.evidence import Evidence
from evals.gate import decide
from evals.report.critical import MISSES_FILE, MOST_SHOWN

SECRET = "Haverstock"
ROWS = 200
RULE = CriticalLabel(field="problems", margin=0.15, minimum=0.7, references=("baseline",))


@pytest.fixture
def shown(report_of, evaluation_of, tmp_path):
    """The section on critical labels of a gate in which awq misses the one problem of `missed`
    rows, the whole report, and the file beside it."""

    def make(missed=20, rules=(RULE,), **changes):
        gold = {f"r{n}": {"problems": [f"{SECRET} {n}"]} for n in range(ROWS)}
        systems = {}
        for name, lost in (("awq", missed), ("baseline", 5)):
            there = np.arange(ROWS) >= lost
            made = evaluation_of(name, tp=there.astype(int), fn=(~there).astype(int))
            answers = [
                json.dumps(gold[f"r{n}"]) if there[n] else '{"problems": []}' for n in range(ROWS)
            ]
            frame = made.frame.assign(raw_output=answers)
            systems[name] = dataclasses.replace(made, frame=frame)
        policy = GateConfig(
            comparisons=(Comparison(metric="micro_f1", margin=0.3),), critical=rules, resamples=1000
        )
        evidence = Evidence(systems, {name: f"sha256:{name}" for name in systems})
        decision = decide(policy, ["awq"], evidence, seed=1)
        markdown, page = report_of(
            decision=decision,
            evaluations=systems,
            gold=Gold(load_task("clinical-notes"), gold),
            **changes,
        )
        section = re.search(r"^## Critical labels\n(.*?)^## ", markdown, re.M | re.S)
        assert (section is None) == ("Critical labels" not in page)
        path = tmp_path / MISSES_FILE
        kept = json.loads(path.read_text()) if path.exists() else None
        return section and section[1], markdown, page, kept

    return make


def test_every_rule_has_a_line_with_both_systems_n_interval_and_verdict(shown):
    section, *_ = shown()
    [line] = [line for line in section.splitlines() if line.startswith("| recall of problems |")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1] == "200"
    assert re.fullmatch(r"0\.900 \(0\.8\d\d to 0\.9\d\d\), 200 documents", cells[2])
    assert re.fullmatch(r"0\.975 \(0\.9\d\d to 0\.9\d\d\), 200 documents", cells[3])
    assert re.match(r"above -0.15 against the baseline, is -0.075 \(-0.1\d\d to", cells[4])
    assert "; above 0.7, is 0.900 (" in cells[4]
    assert cells[5] == "✓ holds"


def test_a_rule_that_fails_says_which_part_of_it(shown):
    section, markdown, *_ = shown(missed=60)
    assert re.search(r"above -0.15 against the baseline, is -0.275 \([^)]*\): ✗ fails", section)
    assert "| ✗ fails |" in section
    assert "at recall of problems it is 27.5 points worse than the baseline" in markdown


def test_false_negatives_are_listed_with_what_was_missed(shown):
    section, _, page, kept = shown(missed=20, show_text=True)
    assert "awq misses 20 in 20 rows. The same list is in" in section
    assert f"| r0 | d0 | 1 | 1 | {SECRET} 0 |" in section
    assert len(re.findall(r"^\| r\d+ \|", section, re.M)) == 20
    assert f"{SECRET} 19" in page
    assert kept["candidate"] == "awq"
    [rule] = kept["rules"]
    assert (rule["rule"], len(rule["rows"])) == ("recall of problems", 20)
    assert rule["rows"][0]["texts"] == [f"{SECRET} 0"]


def test_no_text_is_shown_or_written_unless_allowed(shown):
    section, markdown, page, kept = shown(missed=20)
    assert SECRET not in markdown + page + json.dumps(kept)
    assert "| r0 | d0 | 1 | 1 |" in section
    assert "What was missed is not shown, because it may name people" in section
    assert kept["rules"][0]["rows"][0]["texts"] == []


def test_a_long_list_is_cut_and_says_how_many_are_left_and_where_all_are(shown):
    section, _, _, kept = shown(missed=80)
    assert len(re.findall(r"^\| r\d+ \|", section, re.M)) == MOST_SHOWN == 50
    assert f"awq misses 80 in 80 rows. 50 are listed; 30 more are in {MISSES_FILE}" in section
    assert len(kept["rules"][0]["rows"]) == 80


def test_a_candidate_that_misses_none_is_told_so(shown):
    section, *_, kept = shown(missed=0)
    assert "awq misses none." in section
    assert kept["rules"][0]["rows"] == []


def test_a_policy_without_critical_rules_has_no_section_and_no_file(shown):
    section, *_, kept = shown(rules=())
    assert (section, kept) == (None, None)


def test_too_few_carriers_are_told_in_the_section_and_in_the_verdict(shown):
    rule = RULE.model_copy(update={"min_documents": 300})
    section, markdown, *_ = shown(missed=5, rules=(rule,))
    assert "? cannot be told, too few documents" in section
    assert (
        "Open: for recall of problems at least 300 documents must carry it, and 200 of the test "
        "set do. 1 more rule cannot be told either." in markdown
    )


def test_what_nobody_has_is_nothing_to_count(shown, evaluation_of):
    from evals.report.critical import _value_cell

    nothing = evaluation_of("awq", tp=np.zeros(3, int))
    assert _value_cell(RULE, "awq", {"awq": nothing}) == "nothing to count"


def test_the_verdict_of_a_promotion_names_what_is_critical(shown):
    _, markdown, *_ = shown(missed=5)
    assert (
        "Promote awq: it does as well as the baseline, within the 30 points that may be lost; what "
        "is critical holds (recall of problems). Judged on 200 cases" in markdown
    )


def test_a_rule_against_a_champion_that_does_not_exist_yet_is_not_said_to_hold(shown):
    rule = RULE.model_copy(update={"references": ("champion",), "minimum": None})
    section, *_ = shown(rules=(rule,))
    assert "| nothing to compare with yet |" in section
    assert "holds |" not in section
