"""How weights are named in a configuration."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

WeightsSource = Annotated[str, Field(pattern=r"^(hf://|file://|models:/|pawl://|pypi://).+")]
