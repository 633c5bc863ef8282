import pytest

from configs.load import load_task
from evals.documents import documents_of_evaluations, documents_of_rows
from evals.evaluation import INPUT_DIGEST


@pytest.fixture
def task():
    return load_task("clinical-notes")


def rows_of(texts):
    return [{"id": f"r{n}", "doc_id": f"d{n}", "text": text} for n, text in enumerate(texts)]


TEXTS = [f"Note number {n} of a patient who feels well." for n in range(4)]


def test_rows_with_the_same_text_are_one_document(task):
    found = documents_of_rows(task, rows_of([*TEXTS, TEXTS[0] + "  "]))
    assert len(found.documents) == 4
    assert found.known_by_text
    [first] = documents_of_rows(task, rows_of(TEXTS[:1])).documents.digests
    assert found.ids([first]) == ("r0", "r4")


def test_a_changed_prompt_or_name_of_the_task_asks_about_the_same_documents(task):
    other = task.model_copy(
        update={"name": "other", "system_prompt": "Be brief.", "user_prompt": "Read: {text}\n{id}"}
    )
    rows = rows_of(TEXTS)
    assert documents_of_rows(task, rows).documents == documents_of_rows(other, rows).documents


def test_passages_are_the_document_of_a_question(task):
    qa = load_task("guideline-qa")
    passage = [{"id": "p1", "text": "Give paracetamol first, and ibuprofen only after that."}]
    rows = [
        {"id": f"q{n}", "question": question, "context": passage}
        for n, question in enumerate(["What is given first?", "And after that?"])
    ]
    assert set(qa.prompt_fields) == {"question", "context"}
    assert len(documents_of_rows(qa, rows).documents) == 1


def test_evaluations_that_keep_digests_know_the_documents_of_their_rows(task, evaluation_of):
    from evals.documents import row_digest

    rows = rows_of(TEXTS)
    evaluation = evaluation_of(tp=[1] * 4)
    evaluation.frame[INPUT_DIGEST] = [row_digest(task, row) for row in rows]
    found = documents_of_evaluations([evaluation])
    assert found.known_by_text
    assert found.documents == documents_of_rows(task, rows).documents


def test_a_reference_with_more_rows_adds_their_documents(task, evaluation_of):
    part, whole = evaluation_of(tp=[1] * 2), evaluation_of(tp=[1] * 4)
    part.frame[INPUT_DIGEST] = ["a" * 12, "b" * 12]
    whole.frame[INPUT_DIGEST] = ["a" * 12, "b" * 12, "c" * 12, "d" * 12]
    assert len(documents_of_evaluations([part, whole]).documents) == 4


def test_older_evaluations_are_known_by_data_digest_and_document_key(evaluation_of):
    old = evaluation_of(tp=[1] * 6, rows_per_document=2)
    found = documents_of_evaluations([old])
    assert not found.known_by_text
    assert len(found.documents) == 3
    assert found.documents == documents_of_evaluations([evaluation_of(tp=[1] * 3)]).documents
    other = documents_of_evaluations([evaluation_of(tp=[1] * 6, data_digest="sha256:other")])
    assert not found.documents.shared_with(other.documents)


def test_one_evaluation_with_digests_makes_up_for_an_older_one(evaluation_of):
    old, new = evaluation_of(tp=[1] * 2), evaluation_of(tp=[1] * 2)
    new.frame[INPUT_DIGEST] = ["a" * 12, "b" * 12]
    found = documents_of_evaluations([old, new])
    assert found.known_by_text
    assert found.documents.digests == {"a" * 12, "b" * 12}
