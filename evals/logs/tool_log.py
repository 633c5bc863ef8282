"""What every reader of a tool's log gives: a run with its samples, and the scores of each.

Does: declare it. Does not: read files (one module per tool), or make an evaluation of it
(evals/logs/as_evaluation.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

FinishReason = Literal["stop", "length", "unknown"]


@dataclass(frozen=True)
class LoggedSample:
    """One answer to one sample, as the tool logged it."""

    log_id: str
    """The tool's own id of the sample."""
    repeat: int
    """Which answer to the sample it is, from 0: inspect's epochs, NeMo's repeats."""
    input_text: str
    """What the model was asked about, without what a chat template or examples add."""
    content: Any
    """Input, choices and target as JSON values: what makes it this sample, whichever model answers."""
    prompt: str
    """What the model was sent, as far as the log says."""
    raw_output: str
    """The answer."""
    scores: Mapping[str, Any]
    """Metric -> value as logged; a number where the tool can make one of it."""
    fields: Mapping[str, Any]
    """What `--cluster` can name, nested as in the log."""
    finish_reason: FinishReason = "unknown"
    input_tokens: int = 0
    """0 where the log does not say."""
    output_tokens: int = 0
    """0 where the log does not say."""
    latency_s: float = 0.0
    """0 where the log does not say."""
    problem: str | None = None
    """Why the score does not count: an error, or a limit that halted the sample."""

    @property
    def name(self) -> str:
        """How a message calls it."""
        return self.log_id if self.repeat == 0 else f"{self.log_id} (answer {self.repeat + 1})"


@dataclass(frozen=True)
class LoggedMetric:
    """One metric that has a value per sample."""

    name: str
    higher_is_better: bool = True
    printed: float | None = None
    """The mean that the tool itself wrote; None where it wrote none that covers these samples."""
    digits: int | None = None
    """Decimals that the tool rounds it to; None: not rounded."""
    reason_against: str | None = None
    """Why it cannot be imported, where the log already tells."""


@dataclass(frozen=True)
class ToolLog:
    """One task of one run."""

    tool: str
    version: str
    model: str
    task: str
    path: Path
    """The file that names the run."""
    metrics: Sequence[LoggedMetric]
    """In the tool's order."""
    samples: Sequence[LoggedSample]
    left_out: Mapping[str, str] = field(default_factory=dict)
    """What the tool reports that has no value per sample: metric -> reason."""


@dataclass(frozen=True)
class LoggedRun:
    """A run found at a path, before its samples are read."""

    path: Path
    """The file that names it."""
    tasks: tuple[str, ...]
    model: str


@dataclass(frozen=True)
class LogFormat:
    """How the logs of one tool are recognised and read."""

    tool: str
    looks_like: str
    """What its files are, in words."""
    suffixes: tuple[str, ...]
    """Of the files that name a run."""
    recognise: Callable[[Path], LoggedRun | None]
    """The run that a file names, by its content; None when it is something else. Raises EvidenceError
    for a log of the tool that cannot be used, such as one of an unknown version."""
    read: Callable[[Path, str], ToolLog]
    """Read one task of the run that a file names. Raises EvidenceError when it is not whole."""
    unfinished: Callable[[Path], str | None]
    """Whether a directory without a run holds one that was never finished: what is missing, or None."""
