"""What every rule of a gate's policy has, whatever it is about.

Does: declare error rates, references and the base of rules. Does not: declare any rule
(configs/gate_policy.py, configs/critical_labels.py).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from configs.strict_model import StrictModel

Fraction = Annotated[float, Field(gt=0, lt=1)]
Alpha = Annotated[float, Field(gt=0, lt=0.5)]
Reference = Literal["baseline", "champion", "base", "unquantized"]


class Rule(StrictModel):
    """What every rule of a policy has."""

    required: bool = True
    """Whether the rule must hold. A rule that is not required is reported and blocks nothing."""

    alpha: Alpha | None = None
    """One-sided error rate of this rule. Empty: that of the policy."""
