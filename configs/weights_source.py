"""How weights are named in a configuration."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

WEIGHTS_PATTERN = r"^(hf://|file://|models:/|pawl://|pypi://|s3://|gs://).+"
WeightsSource = Annotated[str, Field(pattern=WEIGHTS_PATTERN)]
