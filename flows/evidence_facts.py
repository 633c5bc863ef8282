"""What the evidence of a lifecycle rests on, as it is now: digests of everything that can change.

Does: read and digest the files that a lifecycle names, without loading a model.
Does not: compare with what was decided (registry/staleness.py).
"""

from __future__ import annotations

import re
from importlib.metadata import version

from configs.baseline import HOW_IT_IS_ASKED, EndpointBaseline, RecordedBaseline
from configs.canonical_json import canonical_json, digest_json
from configs.lifecycle import LifecycleConfig
from configs.load import load_task
from evals.harness.task_files import task_files
from flows.code_version import LIBRARIES
from flows.steps.engines import recording_path
from flows.steps.judging import judge_inputs
from flows.steps.prepare import content_digests, located
from flows.steps.resolve import code_digest, fetch
from registry.digests import digest_directory, digest_file
from registry.staleness import UNKNOWN, EvidenceFacts

_COMMIT = re.compile(r"hf://[^@]+@[0-9a-f]{40}")
NOT_OF_THE_RECIPE = frozenset({"base_model", "description"})
"""Fields of a lifecycle that are asked about apart, or change nothing."""


def facts_now(config: LifecycleConfig, base_digest: str, weights: bool = True) -> EvidenceFacts:
    """What evidence made now by this lifecycle would rest on.

    Args:
        base_digest: of the base weights; empty if that is not known.
        weights: whether to digest local weights of a baseline, which reads every byte of them.
            Without, they are left unknown.
    Raises:
        ConfigError: when the task's file is gone or broken.
        WeightsError: when local weights of the baseline cannot be had.
    """
    libraries = sorted({name for names in LIBRARIES.values() for name in names})
    guards = [[str(digest_file(path)) for path in task_files(g.task)] for g in config.guard_tasks]
    return EvidenceFacts(
        recipe_digest=digest_json(config.model_dump(mode="json", exclude=set(NOT_OF_THE_RECIPE))),
        base_digest=base_digest,
        task_digest=digest_json(load_task(config.task).model_dump(mode="json")),
        data_files_digest=digest_json(content_digests(located(config.data))),
        baseline_digest=_baseline_digest(config, weights),
        judge_digest=digest_json(judge_inputs(config.judge)),
        guards_digest=digest_json(guards),
        code_version=code_digest(),
        libraries=canonical_json({name: version(name) for name in libraries}),
    )


def base_digest_now(config: LifecycleConfig, recorded: str = "") -> str:
    """Digest of the weights that the base model's source names now.

    Args:
        recorded: digest that the source had when it was last resolved; taken on trust only for a
            commit of a repository, which is fixed.
    Raises:
        WeightsError: when they cannot be had.
    """
    if recorded and _COMMIT.fullmatch(config.base_model.source):
        return recorded
    return digest_directory(fetch(config.base_model.source)).digest


def _baseline_digest(config: LifecycleConfig, weights: bool) -> str:
    baseline = config.baseline
    if isinstance(baseline, RecordedBaseline):
        path = recording_path(baseline.path)
        return digest_json(digest_file(path) if path.is_file() else None)
    if isinstance(baseline, EndpointBaseline):
        return digest_json(baseline.model_dump(mode="json", exclude=set(HOW_IT_IS_ASKED)))
    return digest_directory(fetch(baseline.source)).digest if weights else UNKNOWN
