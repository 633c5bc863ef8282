"""The pydantic base of every configuration and record: frozen, and no unknown keys."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


def tell_ranges(schema: dict[str, Any]) -> None:
    """Put the range of every number into its description, where forms and editors show it."""
    for field in schema.get("properties", {}).values():
        numbers = [field, *field.get("anyOf", [])]
        told = next((words for words in map(_range_words, numbers) if words), None)
        if told is not None:
            field["description"] = f"{field.get('description', '')} {told}".strip()


def _range_words(field: dict[str, Any]) -> str | None:
    low = field.get("minimum", field.get("exclusiveMinimum"))
    high = field.get("maximum", field.get("exclusiveMaximum"))
    from_low = "at least" if "minimum" in field else "more than"
    to_high = "at most" if "maximum" in field else "less than"
    ends = [
        f"{words} {end:g}" for words, end in ((from_low, low), (to_high, high)) if end is not None
    ]
    return f"Range: {' and '.join(ends)}." if ends else None


class StrictModel(BaseModel):
    """Immutable; unknown keys are refused; field docstrings reach `pawl schema` as descriptions."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        protected_namespaces=(),
        json_schema_extra=tell_ranges,
    )
