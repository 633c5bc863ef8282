"""The examples in the docstrings of evals/stats run and give what they say."""

import doctest
import importlib
import pkgutil

import pytest

import evals.stats

MODULES = [f"evals.stats.{module.name}" for module in pkgutil.iter_modules(evals.stats.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_say(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


def test_there_are_examples():
    examples = [
        example
        for name in MODULES
        for case in doctest.DocTestFinder().find(importlib.import_module(name))
        for example in case.examples
    ]
    assert len(examples) >= 10
