"""The reliability page can be written: every promise and fault has its test, every test the guard it was seen red without."""

from tests.promises import red
from tests.promises.catalog import FAULTS, PROMISES, marked


def test_every_promise_and_every_fault_has_a_test() -> None:
    assert PROMISES.keys() - {number for shown in marked().values() for number in shown.promises} == set()
    assert FAULTS.keys() - {fault for shown in marked().values() for fault in shown.faults} == set()


def test_no_test_is_marked_with_what_nobody_knows() -> None:
    assert {fault for shown in marked().values() for fault in shown.faults} <= FAULTS.keys()


def test_every_marked_test_has_a_guard_whose_text_is_there() -> None:
    assert red.without_match() + red.without_guard() == []
