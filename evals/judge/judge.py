"""Ask a model to judge answers by a rubric.

Does: ask in batches that are kept as they come, take the median of repeated judgements, count and
name what cannot be read. Does not: decide whether the judge deserves belief
(evals/judge/examination.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from configs.baseline import HOW_IT_IS_ASKED, EndpointBaseline
from configs.errors import EvidenceError
from configs.judge import JudgeConfig
from evals.engines.completion import (
    Completion,
    Decoding,
    Engine,
    Message,
    Progress,
    Request,
    prompt_digest,
)
from evals.judge.answer_store import AnswerStore
from evals.judge.judgement import Unreadable, read_judgement, read_verdict
from evals.judge.prompts import (
    Item,
    Pair,
    pair_messages,
    pair_schema,
    point_messages,
    point_schema,
)

BATCH = 64
"""Most questions asked before the answers are stored, which an engine that fails may cost again; for
an endpoint that answers many at once, `BATCH_PER_SLOT` times its concurrency if that is more."""
BATCH_PER_SLOT = 4
SHOWN = 5
"""Most unreadable judgements described in an error."""


@dataclass(frozen=True)
class Scored:
    """What the judge made of one answer."""

    scores: dict[str, int] | None
    """Criterion -> score, the median of the repeats; None if any repeat was unreadable."""
    why: str
    """Why it was unreadable; empty if it was not."""


def judge_digest(config: JudgeConfig, engine_name: str, weights_digest: str = "") -> str:
    """sha256 over who judges by what: model, rubric and length of judgements.

    Args:
        engine_name: `name` of the engine.
        weights_digest: digest of local weights, which can change under one name, and what else of
            their computation changes an answer.
    """
    identity = {
        "model": config.model.model_dump(mode="json", exclude=set(HOW_IT_IS_ASKED)),
        "engine": engine_name,
        "weights": weights_digest,
        "rubric": config.rubric.model_dump(mode="json"),
        "max_new_tokens": config.max_new_tokens,
        "constrained": config.constrained,
    }
    content = json.dumps(identity, ensure_ascii=False, sort_keys=True)
    return "sha256:" + hashlib.sha256(content.encode()).hexdigest()


class Judge:
    """A configured judge that an engine answers for."""

    def __init__(
        self,
        config: JudgeConfig,
        engine: Engine,
        *,
        store: Path | None = None,
        weights_digest: str = "",
    ) -> None:
        """Args:
        store: directory of answers that were paid for already; None keeps none.
        weights_digest: of local weights, see `judge_digest`.
        """
        self.config, self.engine = config, engine
        self.digest = judge_digest(config, engine.name, weights_digest)
        self._store = None if store is None else AnswerStore(store, self.digest)

    @property
    def name(self) -> str:
        """The judge as reports call it."""
        model = self.config.model
        return model.model if isinstance(model, EndpointBaseline) else self.engine.name

    def score(self, items: Sequence[Item], on_progress: Progress | None = None) -> list[Scored]:
        """Judge every answer, in the order given.

        Raises:
            EngineError: when the judge does not answer; what it answered before is kept.
            EvidenceError: when more judgements are unreadable than the configuration tolerates, or
                the store cannot be read or written.
        """
        config = self.config
        chats = [
            (
                f"{item.id} (asked {presentation + 1})",
                point_messages(config.rubric, item, presentation),
            )
            for item in items
            for presentation in range(config.repeats)
        ]
        schema = point_schema(config.rubric) if config.constrained else None
        completions = self._ask(chats, schema, on_progress)
        scored = [
            self._median(completions[start : start + config.repeats])
            for start in range(0, len(completions), config.repeats)
        ]
        self._require_readable(
            [item.id for item in items], [s.why for s in scored], "judgements of answers"
        )
        return scored

    def compare(
        self, pairs: Sequence[Pair], on_progress: Progress | None = None
    ) -> list[tuple[str | None, str | None]]:
        """Compare the answers of every pair in both orders.

        Returns:
            Per pair what the judge said as given and as swapped: `first`, `second` or `tie` by the
            place where the answer stood; None where it cannot be read.

        Raises:
            EngineError: as `score`.
            EvidenceError: as `score`, of unreadable comparisons.
        """
        chats = [
            (
                f"{pair.id} ({'swapped' if swapped else 'as given'})",
                pair_messages(self.config.rubric, pair, swapped),
            )
            for pair in pairs
            for swapped in (False, True)
        ]
        schema = pair_schema() if self.config.constrained else None
        read = [read_verdict(answer) for answer in self._ask(chats, schema, on_progress)]
        self._require_readable(
            [id for id, _ in chats],
            [verdict.why if isinstance(verdict, Unreadable) else "" for verdict in read],
            "comparisons of answers",
        )
        verdicts = [None if isinstance(verdict, Unreadable) else verdict for verdict in read]
        return list(zip(verdicts[::2], verdicts[1::2], strict=True))

    def _median(self, completions: Sequence[Completion]) -> Scored:
        rubric = self.config.rubric
        scores: dict[str, list[int]] = {criterion.name: [] for criterion in rubric.criteria}
        for completion in completions:
            read = read_judgement(completion, rubric)
            if isinstance(read, Unreadable):
                return Scored(None, read.why)
            for name, score in read.scores.items():
                scores[name].append(score)
        return Scored({name: int(median(votes)) for name, votes in scores.items()}, "")

    def _ask(
        self,
        chats: Sequence[tuple[str, list[Message]]],
        schema: dict[str, object] | None,
        on_progress: Progress | None,
    ) -> list[Completion]:
        decoding = Decoding(max_new_tokens=self.config.max_new_tokens, json_schema=schema)
        digests = [prompt_digest(messages, decoding) for _, messages in chats]
        known = self._store.read() if self._store else {}
        open_requests = {
            digest: Request(id, messages, digest)
            for digest, (id, messages) in zip(digests, chats, strict=True)
            if digest not in known
        }
        waiting = list(open_requests.values())
        model = self.config.model
        slots = model.max_concurrency if isinstance(model, EndpointBaseline) else 1
        size = max(BATCH, BATCH_PER_SLOT * slots)
        for start in range(0, len(waiting), size):
            batch = waiting[start : start + size]
            answered = self.engine.answer(batch, decoding)
            added = {r.prompt_digest: a for r, a in zip(batch, answered, strict=True)}
            if self._store:
                self._store.add(added)
            known |= added
            if on_progress is not None:
                on_progress(start + len(batch), len(waiting))
        return [known[digest] for digest in digests]

    def _require_readable(self, ids: Sequence[str], why: Sequence[str], what: str) -> None:
        unreadable = [f"{id} ({problem})" for id, problem in zip(ids, why, strict=True) if problem]
        tolerance = self.config.unreadable_tolerance
        if len(unreadable) > tolerance * len(ids):
            raise EvidenceError(
                f"judge {self.name}",
                f"expected at most {tolerance:.1%} unreadable {what}, got {len(unreadable)} of "
                f"{len(ids)}: {'; '.join(unreadable[:SHOWN])}",
                "Use a judge that follows the form (constrained: true on a server that supports "
                "it), raise max_new_tokens, or declare unreadable_tolerance.",
            )
