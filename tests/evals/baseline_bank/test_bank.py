import multiprocessing
import threading

import pytest

from evals.baseline_bank.bank import RECORD, BaselineBank
from evals.baseline_bank.errors import BankError
from tests.evals.baseline_bank.conftest import IDENTITY, answer_to, changed, questions


def recorded(bank, identity=IDENTITY, rows=1, **options):
    with bank.recording(identity, "big", **options) as opened:
        known = {answer.id for answer in opened.log.answers}
        opened.log.append(
            answer_to(q, answered_at=bank.clock()) for q in questions(rows) if q.id not in known
        )
    return bank.get(identity)


def test_a_record_is_found_again_with_its_answers_and_totals(bank):
    recorded(bank, rows=3)
    entry = BaselineBank(bank.directory, bank.clock).require(IDENTITY)
    assert [answer.id for answer in entry.answers] == ["r0", "r1", "r2"]
    assert entry.record.identity == IDENTITY
    assert entry.record.totals.rows == 3
    assert entry.record.totals.output_tokens == 15
    assert bank.find(IDENTITY.key[:6]).key == IDENTITY.key


def test_a_missing_record_names_what_differs_in_the_nearest_one(bank):
    recorded(bank)
    recorded(bank, changed(revision="older", model="small"))
    with pytest.raises(BankError, match=r'model\.revision: expected "b", got "a"\).*record'):
        bank.require(changed(revision="b"))


def test_without_any_record_of_the_task_none_is_said_to_be_near(bank):
    recorded(bank, changed(task="other"))
    with pytest.raises(BankError, match=r"expected recorded answers, got none\. Record them"):
        bank.require(IDENTITY)


def test_a_record_is_refused_from_the_moment_it_expires(bank, clock):
    recorded(bank, expires_days=2)
    clock.wait(days=1.99)
    bank.require(IDENTITY)
    clock.wait(days=0.01)
    with pytest.raises(BankError, match=r"not expired, got one that did on 2026-01-03.*--renew"):
        bank.require(IDENTITY)
    with pytest.raises(BankError, match="not expired"):
        recorded(bank)


def test_the_age_is_that_of_the_oldest_answer(bank, clock):
    recorded(bank)
    clock.wait(days=10)
    recorded(bank, rows=2)
    bank.require(IDENTITY, max_age_days=10)
    clock.wait(days=0.5)
    with pytest.raises(BankError, match=r"last 10 days, got one of 2026-01-01.*10\.5 days old"):
        bank.require(IDENTITY, max_age_days=10)


def test_renewing_sets_an_expired_record_aside_and_keeps_a_fresh_one(bank, clock):
    recorded(bank, expires_days=2)
    assert len(recorded(bank, rows=2, renew=True).answers) == 2
    clock.wait(days=3)
    entry = recorded(bank, renew=True)
    assert entry.since == clock.now
    assert len(bank.entries()) == 1
    [aside] = bank.directory.glob("*.before-*")
    assert len((aside / "answers.jsonl").read_text().splitlines()) == 2


def test_a_record_under_a_key_that_is_not_its_own_is_refused(bank):
    place = recorded(bank, changed(revision="b")).directory
    place.rename(bank.directory / IDENTITY.key)
    with pytest.raises(BankError, match=r'model\.revision: expected "a", got "b"'):
        bank.require(IDENTITY)


def test_answers_without_their_description_are_refused(bank):
    (recorded(bank).directory / RECORD).unlink()
    with pytest.raises(BankError, match="expected the description of the answers beside it"):
        bank.get(IDENTITY)


def test_an_unknown_key_and_an_ambiguous_one_are_refused(bank):
    with pytest.raises(BankError, match="got none"):
        bank.find("")
    recorded(bank)
    recorded(bank, changed(revision="b"))
    with pytest.raises(BankError, match=f"got .*{IDENTITY.key[:12]}"):
        bank.find("")


def hold(directory, ready, release):
    with BaselineBank(directory).recording(IDENTITY, "big"):
        ready.set()
        release.wait(30)


def test_a_second_recorder_is_kept_out_and_may_wait(bank):
    context = multiprocessing.get_context("spawn")
    ready, release = context.Event(), context.Event()
    other = context.Process(target=hold, args=(bank.directory, ready, release))
    other.start()
    try:
        assert ready.wait(30)
        with pytest.raises(BankError, match="only recorder of it, got another one at work"):
            recorded(bank)
        recorded(bank, changed(revision="b"))
        threading.Timer(0.2, release.set).start()
        assert len(recorded(bank, wait_s=20).answers) == 1
    finally:
        release.set()
        other.join()


def test_a_directory_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BankError, match="expected to write there"):
        recorded(BaselineBank(tmp_path / "file" / "baselines"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
