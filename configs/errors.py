"""Errors for the person who must act.

Does: give every expected failure one form, `where: expected rule, got value. Next action.`
Does not: wrap programming mistakes, which stay ordinary exceptions with a traceback.
"""

from __future__ import annotations


class PawlError(Exception):
    """An expected failure; the CLI prints `str(error)` without a traceback and exits with 1.

    Args:
        where: the file, field, row or endpoint concerned, most general first.
        problem: what was expected and what was found, without the final full stop.
        action: what the reader should do next, one sentence.
    """

    def __init__(self, where: str, problem: str, action: str) -> None:
        self.where, self.problem, self.action = where, problem, action
        end = "" if problem.endswith("?") else "."
        super().__init__(f"{where}: {problem.removesuffix('.')}{end} {action}")

    def __reduce__(self) -> tuple[type[PawlError], tuple[str, str, str]]:
        return type(self), (self.where, self.problem, self.action)


class ConfigError(PawlError):
    """A configuration file is malformed or breaks a rule of its schema."""


class DataError(PawlError):
    """A data file or a row in it cannot be used."""


class WeightsError(PawlError):
    """Model weights are missing, unsafe to load, or not the ones that were configured."""


class TrainingError(PawlError):
    """Fine-tuning cannot go on (for example, the loss became NaN)."""


class EngineError(PawlError):
    """A model that was asked to answer did not, or answered with nonsense."""


class EvidenceError(PawlError):
    """Evaluations cannot be compared: empty, unpaired or of different data."""


class RegistryError(PawlError):
    """The model registry is unreachable or its records contradict each other."""


class PinError(PawlError):
    """A pin does not match the bytes it names."""


class PrefectError(PawlError):
    """A Prefect server is unreachable, refuses a request, or lacks what was asked for."""


class StackError(PawlError):
    """Servers or workers that `pawl up` runs on this machine do not start, run or stop as they must."""
