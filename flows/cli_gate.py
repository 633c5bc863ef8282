"""`pawl gate`: decide from stored evaluations, and measure a policy's own error rates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli_gate_import import import_log

app = typer.Typer(
    help="Decide from stored evaluations; measure a policy's error rates.", no_args_is_help=True
)
Policy = Annotated[
    str,
    typer.Argument(help="Policy: a YAML file, the name of one shipped, or a lifecycle's gate."),
]
Candidate = Annotated[Path, typer.Option(help="Evaluation directory of the candidate.")]
Baseline = Annotated[Path, typer.Option(help="Evaluation directory of the baseline.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all resampling.")]
app.command("import")(import_log)
EXIT_CODES = {"promote": 0, "reject": 2, "inconclusive": 3}


@app.command()
def decide(
    policy: Policy,
    candidate: Candidate,
    baseline: Baseline,
    champion: Annotated[
        Path | None, typer.Option(help="Evaluation directory of the champion, if there is one.")
    ] = None,
    seed: Seed = 17,
    out: Annotated[Path | None, typer.Option(help="Write the decision here, as JSON.")] = None,
    uncounted: Annotated[
        bool,
        typer.Option("--uncounted", help="Claim no look; the decision says so in its first line."),
    ] = False,
    selftest: Annotated[
        bool, typer.Option(help="Say how often the policy promotes losses planted in these scores.")
    ] = True,
) -> None:
    """Decide from stored evaluations; exits with 0 promote, 2 reject, 3 inconclusive.

    A policy with an alpha budget claims a look on the test documents, in the MLflow of
    MLFLOW_TRACKING_URI, else of PAWL_HOME; where the budget is used up, nothing is decided.
    """
    from configs.load import load_policy
    from flows import console
    from flows.single_evaluation import decide_from_files

    rules = load_policy(policy)
    decision = decide_from_files(
        rules, candidate, baseline, champion, seed, out,
        counted=not uncounted, tests_itself=selftest,
    )  # fmt: skip
    console.print_decision(decision)
    raise typer.Exit(EXIT_CODES[decision.outcome])


@app.command()
def selftest(
    policy: Policy,
    candidate: Candidate,
    baseline: Baseline,
    trials: Annotated[int, typer.Option(min=20, help="Gates per line of the table.")] = 400,
    candidates: Annotated[
        int, typer.Option(min=1, help="How many candidates may be promoted in one gate.")
    ] = 1,
    seed: Seed = 17,
) -> None:
    """How often the policy promotes what it must not, and misses what it should promote.

    Pairs whose true difference is known are made from the two recorded systems: none (A/A), half
    the margin, the margin, twice the margin. Exits with 2 if a false-promotion rate is above alpha
    beyond what chance explains.
    """
    from configs.load import load_policy
    from flows import console
    from flows.single_evaluation import selftest_from_files

    found = selftest_from_files(load_policy(policy), candidate, baseline, trials, candidates, seed)
    console.print_selftest(found)
    raise typer.Exit(0 if found.keeps_alpha else 2)
