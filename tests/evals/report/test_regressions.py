import dataclasses

from evals.evaluation import Evaluation
from evals.metric import mean_metric
from evals.report.regressions import row_scores, word_diff, worst_regressions


def rows_of(found):
    return [row.id for row in found]


def test_rows_are_ordered_by_what_the_candidate_lost_and_gains_are_left_out(evaluation_of):
    # Per-row F1 of the candidate is 1, 2/3, 0, 1, 4/5, and of the reference 1 but for row 3.
    candidate = evaluation_of("awq", tp=[4, 2, 0, 4, 2], fn=[0, 2, 4, 0, 1])
    reference = evaluation_of("baseline", tp=[4, 4, 4, 1, 3], fn=[0, 0, 0, 3, 0])
    found = worst_regressions(candidate, reference, "micro_f1")
    assert rows_of(found) == ["r2", "r1", "r4"]
    assert [row.reference_score for row in found] == [1, 1, 1]
    assert [round(row.candidate_score, 4) for row in found] == [0, 0.6667, 0.8]
    assert rows_of(worst_regressions(candidate, reference, "micro_f1", most=1)) == ["r2"]


def test_rows_are_paired_by_id_not_by_position(evaluation_of):
    reference = evaluation_of("baseline", tp=[4, 4, 4])
    candidate = evaluation_of("awq", tp=[4, 0, 2], fn=[0, 4, 2])
    shuffled = dataclasses.replace(candidate, frame=candidate.frame.iloc[[2, 0, 1]])
    assert rows_of(worst_regressions(shuffled, reference, "micro_f1")) == ["r1", "r2"]


def test_a_candidate_that_stopped_early_is_compared_on_what_it_answered(evaluation_of):
    reference = evaluation_of("baseline", tp=[4, 4, 4])
    candidate = evaluation_of("awq", tp=[4, 0, 0], fn=[0, 4, 4])
    part = dataclasses.replace(candidate, frame=candidate.frame.iloc[:2])
    assert rows_of(worst_regressions(part, reference, "micro_f1")) == ["r1"]
    none = dataclasses.replace(candidate, frame=candidate.frame.iloc[:0])
    assert worst_regressions(none, reference, "micro_f1") == ()


def test_equal_losses_stay_in_the_order_of_the_rows(evaluation_of):
    candidate = evaluation_of("awq", tp=[0] * 4, fn=[1] * 4)
    reference = evaluation_of("baseline", tp=[1] * 4)
    assert rows_of(worst_regressions(candidate, reference, "micro_f1", most=3)) == [
        "r0",
        "r1",
        "r2",
    ]


def test_where_lower_is_better_a_rise_is_the_loss(evaluation_of):
    def rated(system, harm):
        frame = evaluation_of(system, tp=[1, 1, 1]).frame.assign(harm=harm)
        metric = mean_metric("harm").model_copy(update={"higher_is_better": False})
        return Evaluation(system, "engine", "triage", "sha256:d", (metric,), frame)

    found = worst_regressions(
        rated("awq", [0.1, 0.9, 0.0]), rated("baseline", [0.1, 0.2, 0.5]), "harm"
    )
    assert rows_of(found) == ["r1"]


def test_what_changed_names_fields_and_metrics_whose_score_of_the_row_differs(evaluation_of):
    candidate = evaluation_of("awq", tp=[2, 4], fn=[2, 0], exact=[False, True])
    reference = evaluation_of("baseline", tp=[4, 4])
    [row] = worst_regressions(candidate, reference, "micro_f1")
    assert row.changed == ("micro_recall", "exact_match", "problems")


def test_a_row_with_nothing_to_count_scores_one(evaluation_of):
    evaluation = evaluation_of(tp=[0, 1], fp=[0, 1], fn=[0, 0], rows_per_document=2)
    scores = row_scores(evaluation.frame, evaluation.metric("micro_precision"))
    assert scores.tolist() == [1.0, 0.5]


def test_word_diff_gives_back_both_texts_and_marks_whole_words():
    before = '{"drugs": ["aspirin", "warfarin"], "note": "stable today"}'
    after = '{"drugs": ["aspirin", "heparin"], "note": "stable again"}'
    pieces = word_diff(before, after)
    assert "".join(p.text for p in pieces if p.kind != "inserted") == before
    assert "".join(p.text for p in pieces if p.kind != "deleted") == after
    assert [p.text for p in pieces if p.kind == "deleted"] == ['"warfarin"', '"stable today"']
    assert [p.text for p in word_diff("a b c", "a x c") if p.kind == "inserted"] == ["x"]


def test_an_endless_answer_is_cut_and_the_cut_is_told():
    [same] = word_diff("la " * 3000, "la " * 3000)
    assert same.text.endswith("… (5000 more characters)")
    assert len(same.text) < 4100
