"""Checks, exercises and the bug museum's mechanism."""

import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gentutor import bugs
from gentutor.checks import LINE, CheckFailed, check, check_answer

finite = st.floats(-1e6, 1e6)


@given(finite, finite, st.floats(0, 10))
def test_holds_exactly_when_within_tolerance(measured, expected, atol):
    if abs(measured - expected) <= atol:
        assert check("a.b", measured, expected, atol=atol) == measured
    else:
        with pytest.raises(CheckFailed):
            check("a.b", measured, expected, atol=atol)


@pytest.mark.parametrize("bad", [math.nan, [1.0, math.nan]])
def test_nan_fails(bad):
    for how in (dict(expected=1.0, atol=9), dict(at_least=-9), dict(at_most=9)):
        with pytest.raises(CheckFailed):
            check("a.b", bad, **how)


def test_infinity():
    check("a.b", math.inf, math.inf)
    for how in (dict(expected=-math.inf), dict(expected=0.0, atol=1e300), dict(at_most=1e300)):
        with pytest.raises(CheckFailed):
            check("a.b", math.inf, **how)


def test_worst_entry_decides_for_arrays_and_tensors(capsys):
    assert check("a.b", torch.tensor([1.0, 1.3, 0.9]), 1.0, atol=0.4) == pytest.approx(1.3)
    with pytest.raises(CheckFailed, match=r"measured 2, at most 1"):
        check("a.b", np.array([0.0, 2.0]), at_most=1)
    with pytest.raises(CheckFailed, match="measured -1, at least 0, at most 1"):
        check("a.b", [0.5, -1], at_least=0, at_most=1)


def test_line_has_the_form_that_the_book_reads(capsys):
    check("kl.a-b", 0.25, 0.2, atol=0.1)
    check("kl.c", 3, at_least=2, at_most=4)
    first, second = map(LINE.match, capsys.readouterr().out.splitlines())
    assert first.groups() == ("kl.a-b", "0.25", "expected 0.2 ± 0.1")
    assert second.groups() == ("kl.c", "3", "at least 2, at most 4")


@pytest.mark.parametrize("call", [
    dict(id="nodot", measured=1, expected=1), dict(id="a.B", measured=1, expected=1), dict(id="a.b", measured=1),
    dict(id="a.b", measured=1, expected=1, at_most=2), dict(id="a.b", measured=1, at_most=2, atol=1),
    dict(id="a.b", measured=[], at_most=2), dict(id="a.b", measured=[1, 2], expected=[1, 2, 3]),
    dict(id="a.b", measured=1, at_most=math.inf), dict(id="a.b", measured="x", at_most=1), dict(id="a.b", measured=1, expected=1, atol=math.nan),
])
def test_a_call_that_is_no_check_is_refused(call):
    with pytest.raises(ValueError):
        check(**call)


def test_answers(capsys):
    slips = {0.5: "that is half of it"}
    for answer in (None, 1.0, 0.5, 2.0, 0.1):
        check_answer("a.1", answer, 1.0, slips=slips)
    lines = capsys.readouterr().out.splitlines()
    assert [re.search(r"· (not answered|right|not yet)", line).group(1) for line in lines] == [
        "not answered", "right", "not yet", "not yet", "not yet"]
    assert "that is half of it" in lines[2] and "too large" in lines[3] and "too small" in lines[4]
    with pytest.raises(ValueError, match="expected"):
        check_answer("a.1", "one", 1.0)


@pytest.fixture
def bug(monkeypatch):
    entry = bugs.Bug("math", "sqrt", lambda right: lambda x: x, "a root forgotten", "a.root")
    monkeypatch.setitem(bugs.BUGS, "a.no-root", entry)


def test_planted_restores_whatever_happens(bug):
    right = math.sqrt
    with pytest.raises(KeyError, match="boom"), bugs.planted("a.no-root"):
        assert math.sqrt(9) == 9
        raise KeyError("boom")
    assert math.sqrt is right
    with pytest.raises(KeyError, match="no bug"), bugs.planted("a.none"):
        pass


def test_caught(bug, capsys):
    bugs.caught("a.no-root", lambda: check("a.root", math.sqrt(9), 3))
    assert capsys.readouterr().out == "🐞 a.no-root · a root forgotten · caught by a.root\n"
    with pytest.raises(AssertionError, match="every check passed"):
        bugs.caught("a.no-root", lambda: check("a.root", 3, 3))
    with pytest.raises(AssertionError, match="a.other"):
        bugs.caught("a.no-root", lambda: check("a.other", math.sqrt(9), 3))
