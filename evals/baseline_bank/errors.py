"""Why the bank does not hand out, or does not go on recording, a baseline's answers."""

from __future__ import annotations

from configs.errors import EngineError


class BankError(EngineError):
    """A baseline record is absent, expired, of something else, damaged, or in use."""


class BudgetReached(BankError):
    """The next answer might cost more than is left; what was answered is kept."""
