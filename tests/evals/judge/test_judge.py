import pytest

from configs.errors import EngineError, EvidenceError
from evals.judge.judge import BATCH, judge_digest
from evals.judge.prompts import Item, Pair, pair_schema, point_schema
from tests.evals.judge.conftest import honest, judgement


def items(*qualities):
    return [Item(f"r{i}", f"question {i}", "gold", f"quality {q}") for i, q in enumerate(qualities)]


def test_scores_come_in_the_order_of_the_answers(judge_that):
    judge, _ = judge_that()
    assert [s.scores["quality"] for s in judge.score(items(4, 0, 2))] == [4, 0, 2]


def test_an_unreadable_judgement_is_named_and_ends_it_by_default(judge_that):
    judge, _ = judge_that(lambda texts: "4" if "question 1" in texts[0] else honest(texts))
    with pytest.raises(
        EvidenceError, match=r"0\.0% unreadable.*got 1 of 3: r1 \(expected one JSON"
    ):
        judge.score(items(4, 0, 2))


def test_declared_tolerance_lets_it_pass_as_unreadable(judge_that):
    judge, _ = judge_that(
        lambda texts: "4" if "question 1" in texts[0] else honest(texts), unreadable_tolerance=0.4
    )
    scored = judge.score(items(4, 0, 2))
    assert [s.scores for s in scored] == [{"quality": 4}, None, {"quality": 2}]
    assert "one JSON object" in scored[1].why


def test_one_more_than_the_tolerance_is_refused(judge_that):
    judge, _ = judge_that(
        lambda texts: honest(texts) if "question 0" in texts[0] else "?", unreadable_tolerance=0.4
    )
    with pytest.raises(EvidenceError, match=r"got 2 of 3: r1.*; r2"):
        judge.score(items(4, 0, 2))


def test_repeats_show_the_rubric_in_other_orders_and_the_median_counts(judge_that):
    votes = iter([1, 4, 3])
    judge, server = judge_that(lambda texts: judgement(next(votes)), repeats=3)
    assert judge.score(items(0))[0].scores == {"quality": 3}
    assert len(set(server.prompts)) == 3


def test_one_unreadable_repeat_makes_the_answer_unreadable(judge_that):
    said = iter([judgement(4), "4", judgement(4)])
    judge, _ = judge_that(lambda texts: next(said), repeats=3, unreadable_tolerance=0.4)
    with pytest.raises(EvidenceError, match="got 1 of 1"):
        judge.score(items(4))


def test_the_same_question_is_asked_once(judge_that):
    judge, server = judge_that()
    same = [Item(f"r{i}", "question", "gold", "quality 2") for i in range(5)]
    assert [s.scores["quality"] for s in judge.score(same)] == [2] * 5
    assert len(server.prompts) == 1


def test_what_was_paid_for_is_never_asked_again(judge_that, tmp_path):
    judge, server = judge_that(store=tmp_path)
    first = judge.score(items(4, 0, 2))
    assert judge.score(items(4, 0, 2)) == first
    assert len(server.prompts) == 3
    judge.score(items(4, 0, 2, 1))
    assert len(server.prompts) == 4


def test_what_was_answered_before_a_failure_is_kept(judge_that, tmp_path):
    down = {"question 70"}
    judge, server = judge_that(
        lambda texts: (500, "") if texts[0] in down else honest(texts), store=tmp_path,
    )  # fmt: skip
    many = items(*(i % 5 for i in range(BATCH + 20)))
    with pytest.raises(EngineError, match="HTTP 500"):
        judge.score(many)
    asked = len(server.prompts)
    down.clear()
    assert [s.scores["quality"] for s in judge.score(many)] == [i % 5 for i in range(BATCH + 20)]
    assert len(server.prompts) - asked == 20


def test_pairs_are_compared_in_both_orders(judge_that):
    judge, server = judge_that()
    pairs = [
        Pair("p0", "d0", "q0", "gold", ("quality 3", "quality 1")),
        Pair("p1", "d1", "q1", "gold", ("quality 2", "quality 2 too")),
    ]
    assert judge.compare(pairs) == [("first", "second"), ("tie", "tie")]
    assert len(server.prompts) == 4


def test_another_model_rubric_or_length_is_another_judge(config_of, rubric):
    base = config_of()
    reworded = rubric.model_copy(update={"prompt": rubric.prompt + "Be strict."})
    other_model = {"kind": "endpoint", "base_url": "http://127.0.0.1:1/v1", "model": "small"}
    changed = [
        config_of(rubric=reworded), config_of(max_new_tokens=99), config_of(model=other_model),
        config_of(constrained=True),
    ]  # fmt: skip
    digests = [judge_digest(config, "e") for config in (base, *changed)]
    digests += [judge_digest(base, "f"), judge_digest(base, "e", "sha256:w")]
    assert len(set(digests)) == 7
    slower = {**base.model.model_dump(), "timeout_s": 5, "max_concurrency": 1}
    assert judge_digest(config_of(model=slower, repeats=3), "e") == digests[0]


def test_a_constrained_judge_is_held_to_the_form_of_the_rubric(judge_that, rubric):
    judge, server = judge_that(constrained=True)
    judge.score(items(4))
    judge.compare([Pair("p0", "d0", "q0", "gold", ("quality 3", "quality 1"))])
    asked = [body["response_format"]["json_schema"]["schema"] for body in server.bodies]
    assert asked == [point_schema(rubric), pair_schema(), pair_schema()]
