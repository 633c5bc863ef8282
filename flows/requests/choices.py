"""Drop-downs of the forms: names of configuration files.

Does: list the names in the JSON Schema, as they are when it is made. Does not: refuse a name that is
gone by the time of the run; configs/named_files.py does that, and names the nearest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from configs.named_files import configuration_names

AS_DECLARED = "as declared"
"""First of the choices where a file already says which."""


def listing(folder: str, *before: str) -> Callable[[dict[str, Any]], None]:
    """For `json_schema_extra` of a field: let the form offer these choices.

    Args:
        folder: whose file names are offered, such as `lifecycles`.
        before: choices that come before them.
    """

    def add_names(schema: dict[str, Any]) -> None:
        schema["enum"] = [*before, *configuration_names(folder)]

    return add_names


LifecycleName = Annotated[str, Field(json_schema_extra=listing("lifecycles"))]
GateChoice = Annotated[str, Field(json_schema_extra=listing("gates", AS_DECLARED))]
