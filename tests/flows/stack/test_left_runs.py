import math

from flows.stack.left_runs import OpenRun, left_behind

NOW = 1000.0


def found(run, **started):
    return left_behind([run], started, NOW) == [run]


def test_a_run_of_an_earlier_process_of_a_worker_is_left_behind():
    assert found(OpenRun("r", "RUNNING", 500, "a"), a=600)
    assert found(OpenRun("r", "PENDING", 500, "a"), a=600)


def test_a_run_of_a_workers_present_process_is_in_good_hands():
    assert not found(OpenRun("r", "RUNNING", 700, "a"), a=600)


def test_all_runs_of_a_stopped_worker_are_left_behind():
    assert found(OpenRun("r", "RUNNING", 999, "a"), a=math.inf)


def test_runs_of_workers_elsewhere_are_none_of_our_business():
    assert not found(OpenRun("r", "RUNNING", 1, "b"), a=600)


def test_a_run_that_was_taken_by_nobody_who_said_so_is_left_behind_after_a_minute():
    assert found(OpenRun("r", "PENDING", NOW - 61, None), a=1)
    assert not found(OpenRun("r", "PENDING", NOW - 59, None), a=1)


def test_a_run_without_a_worker_that_runs_was_started_by_a_person():
    assert not found(OpenRun("r", "RUNNING", 1, None), a=600)
