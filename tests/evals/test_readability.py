import json

import numpy as np
import pytest

from configs.errors import EvidenceError
from configs.gate_policy import Comparison, Floor, GateConfig
from configs.gate_settings import ReadableReferences
from configs.load import load_task
from evals.decision import Decision
from evals.engines.completion import Completion
from evals.evaluation import READABLE, read_evaluation, write_evaluation
from evals.evidence import Evidence
from evals.gate import decide
from evals.readability import readable_share
from evals.report.write import write_report
from evals.runner import score_completions
from evals.unreadable_answers import best_declaration, require_readable
from finetune.synthetic.generators import generate_rows

TASK = load_task("clinical-notes")
ROWS = list(generate_rows("clinical-notes", "test", 60, 3))
RULE = ReadableReferences()
POLICY = GateConfig(
    comparisons=(Comparison(metric="micro_f1", margin=0.05),), resamples=1000, min_clusters=10
)


def evaluated(system, write, task=TASK, end="stop"):
    """The system's answers to the notes; `write` makes each of the gold answer and a row number."""
    answers = [
        Completion(write(task.answer(row["target"]), number), end, 9)
        for number, row in enumerate(ROWS)
    ]
    return score_completions(
        task, ROWS, answers, system=system, engine=system, data_digest="sha256:d"
    )


def fenced(gold, number):
    return f"```json\n{gold}\n```"


def right(gold, number):
    return gold


def worse(gold, number):
    """Misses the first half of the items in two of five rows."""
    if number % 5 > 1:
        return gold
    return json.dumps({k: v[len(v) // 2 + 1 :] for k, v in json.loads(gold).items()})


def decided(candidate, baseline, policy=POLICY, **others):
    named = {"awq": candidate, "baseline": baseline, **others}
    return decide(policy, ["awq"], Evidence(named, dict.fromkeys(named, "sha256:e")), seed=1)


def test_a_perfect_baseline_in_code_fences_is_refused_with_share_example_and_cure():
    with pytest.raises(EvidenceError) as caught:
        require_readable(evaluated("baseline", fenced), TASK, RULE)
    message = str(caught.value)
    documents = len({row["doc_id"] for row in ROWS})
    assert (
        "answers of baseline to clinical-notes: expected at least 50% that can be read" in message
    )
    assert "as strict JSON: one JSON object and nothing around it" in message
    assert f"got 0% (95% interval 0% to 6%; 0 of {len(ROWS)} rows of {documents} docum" in message
    assert f'for example row {ROWS[0]["id"]}: \'```json\\n{{"medications"' in message
    assert f"Declare `answer_format: [fenced]` in the task, which reads {len(ROWS)} of" in message
    assert "or set `constrained: true`" in message
    assert "record the baseline again" in message


def test_with_the_declaration_the_same_answers_are_right_and_the_worse_candidate_is_rejected():
    declared = TASK.model_copy(update={"answer_format": ("fenced",)})
    baseline, candidate = evaluated("baseline", fenced, declared), evaluated("awq", worse, declared)
    require_readable(baseline, declared, RULE)
    assert baseline.frame["exact_match"].all()
    decision = decided(candidate, baseline)
    assert decision.outcome == "reject"
    assert "could be read" not in " ".join(decision.reasons)
    asked = [
        evaluated("baseline", fenced, task).frame["prompt_digest"] for task in (TASK, declared)
    ]
    assert asked[0].equals(asked[1])


def test_a_task_that_shows_no_text_names_the_row_alone():
    hidden = TASK.model_copy(update={"show_text": False, "contains_phi": True})
    with pytest.raises(EvidenceError) as caught:
        require_readable(evaluated("baseline", fenced, hidden), hidden, RULE)
    assert f"the answer to row {ROWS[0]['id']} (the task shows no text)" in str(caught.value)
    assert "medications" not in str(caught.value)


def test_answers_that_were_cut_off_are_told_to_need_more_tokens():
    short = evaluated("baseline", lambda gold, number: gold[: len(gold) // 2], end="length")
    with pytest.raises(EvidenceError) as caught:
        require_readable(short, TASK, RULE)
    assert f"{len(ROWS)} were cut off at 256 tokens" in str(caught.value)
    assert "Raise max_new_tokens above 256" in str(caught.value)
    assert "answer_format: [" not in str(caught.value)


def test_a_long_example_is_shortened():
    with pytest.raises(EvidenceError, match="and 4700 more characters"):
        require_readable(evaluated("baseline", lambda gold, number: "x" * 5000), TASK, RULE)


def test_the_strictest_of_the_declarations_that_read_most_is_proposed():
    gold = '{"problems": []}'
    thought, both = f"<think>x</think>{gold}", f"<think>x</think>\n```\n{gold}\n```"
    assert best_declaration([gold], ["stop"], TASK) == ((), 1)
    assert best_declaration([gold, thought], ["stop"] * 2, TASK) == (("after-thinking",), 2)
    assert best_declaration([both, thought], ["stop"] * 2, TASK)[0] == ("after-thinking", "fenced")


def test_a_policy_that_warns_or_asks_for_less_lets_it_pass():
    baseline = evaluated("baseline", fenced)
    require_readable(baseline, TASK, ReadableReferences(action="warn"))
    half = evaluated("baseline", lambda gold, n: gold if n % 10 < 4 else fenced(gold, n))
    require_readable(half, TASK, ReadableReferences(minimum=0.3))
    with pytest.raises(EvidenceError, match="got 40%"):
        require_readable(half, TASK, RULE)


def test_no_decision_promotes_against_what_cannot_be_read(tmp_path):
    baseline, candidate = evaluated("baseline", fenced), evaluated("awq", right)
    decision = decided(candidate, baseline)
    [check] = decision.results[0].checks
    assert (decision.outcome, check.reason, check.p_value) == (
        "inconclusive", "reference-unreadable", 1.0,
    )  # fmt: skip
    assert decision.further_documents is None
    assert decision.reasons[1].startswith("Of the answers of baseline only 0% (95% interval")
    assert "says nothing, because too few answers of baseline could be read" in decision.reasons[2]
    assert Decision.model_validate_json(decision.canonical_json()) == decision
    write_report(
        tmp_path, decision, {"awq": candidate, "baseline": baseline}, sizes_bytes={},
        baseline_description="recorded", title="t", description="",
    )  # fmt: skip
    report = (tmp_path / "report.md").read_text()
    assert "because most answers of the baseline could not be read" in report
    assert "does better than" not in report
    assert "Answers of every system were read as strict JSON" in report


def test_a_champion_that_cannot_be_read_promotes_nobody_either():
    lower = evaluated("baseline", worse)
    decision = decided(evaluated("awq", right), lower, champion=evaluated("champion", fenced))
    outcomes = {check.reference: check.outcome for check in decision.results[0].checks}
    assert outcomes == {"baseline": "promote", "champion": "inconclusive"}
    assert decision.outcome == "inconclusive"


def test_a_candidate_that_loses_even_against_it_still_fails():
    mixed = evaluated("baseline", lambda gold, n: gold if n % 5 < 2 else fenced(gold, n))
    decision = decided(evaluated("awq", lambda gold, n: "no JSON"), mixed)
    assert decision.results[0].checks[0].reason == "fails"
    assert decision.outcome == "reject"


def test_a_policy_told_otherwise_decides_and_its_report_warns_in_the_verdict(tmp_path):
    policy = POLICY.model_copy(update={"readable_references": ReadableReferences(action="warn")})
    baseline, candidate = evaluated("baseline", fenced), evaluated("awq", right)
    decision = decided(candidate, baseline, policy)
    assert decision.outcome == "promote"
    write_report(
        tmp_path, decision, {"awq": candidate, "baseline": baseline}, sizes_bytes={},
        baseline_description="recorded", title="t", description="",
    )  # fmt: skip
    lines = [line for line in (tmp_path / "report.md").read_text().splitlines() if line]
    assert "Of the answers of baseline only 0%" in lines[1]
    assert "so it may be better than its scores say" in lines[1]


def test_between_the_two_limits_a_decision_warns():
    mostly = evaluated("baseline", lambda gold, n: gold if n % 10 < 7 else fenced(gold, n))
    decision = decided(evaluated("awq", right), mostly)
    assert decision.outcome == "promote"
    assert decision.reasons[1].startswith("Of the answers of baseline only 70%")


def test_answers_read_by_different_declarations_are_not_compared():
    declared = TASK.model_copy(update={"answer_format": ("fenced",)})
    with pytest.raises(EvidenceError, match="expected answers that were read alike"):
        decided(evaluated("awq", right), evaluated("baseline", fenced, declared))


def test_what_was_read_and_how_is_stored(tmp_path):
    write_evaluation(evaluated("baseline", fenced), tmp_path)
    again = read_evaluation(tmp_path, "champion")
    assert again.reading == TASK.reading
    assert readable_share(again).readable == 0


def test_evaluations_stored_before_that_tell_by_their_metrics(tmp_path, evaluation_of):
    older = evaluation_of("baseline", tp=np.ones(20), valid=np.arange(20) < 6)
    write_evaluation(older, tmp_path)
    facts = json.loads((tmp_path / "evaluation.json").read_text())
    del facts["reading"]
    (tmp_path / "evaluation.json").write_text(json.dumps(facts))
    again = read_evaluation(tmp_path, "baseline")
    assert READABLE not in again.frame
    assert again.reading == ""
    assert readable_share(again).value == pytest.approx(0.3)
    decision = decided(evaluation_of("awq", tp=np.ones(20)), again)
    assert decision.results[0].checks[0].reason == "reference-unreadable"


def test_a_system_of_which_nothing_tells_is_not_judged(evaluation_of):
    silent = evaluation_of("baseline", tp=np.ones(20))
    silent.frame.drop(columns=["valid_json"], inplace=True)
    assert readable_share(silent) is None


def test_floors_are_no_matter_of_a_reference():
    policy = POLICY.model_copy(update={"floors": (Floor(metric="valid_json", minimum=0.5),)})
    [comparison, floor] = decided(
        evaluated("awq", right), evaluated("baseline", fenced), policy
    ).results[0].checks  # fmt: skip
    assert comparison.outcome == "inconclusive"
    assert floor.outcome == "promote"
