"""`pawl up` and `pawl down`: a team's stack on this machine, in one command."""

from __future__ import annotations

from typing import Annotated

import typer

Host = Annotated[str, typer.Option(help="Address both servers listen on.")]


def up(
    host: Host = "127.0.0.1",
    address: Annotated[
        str, typer.Option(help="Name by which others reach this machine; default: its host name.")
    ] = "",
    prefect_port: Annotated[int, typer.Option(help="Port of Prefect's API and UI.")] = 4200,
    mlflow_port: Annotated[int, typer.Option(help="Port of MLflow.")] = 5000,
    workers: Annotated[int, typer.Option(help="Workers on this machine.")] = 1,
    runs_per_worker: Annotated[int, typer.Option(help="Runs at once in each worker.")] = 1,
    pool: Annotated[str, typer.Option(help="Work pool of the workers.")] = "default",
    pool_type: Annotated[
        str, typer.Option(help="process, docker or kubernetes: where runs are executed.")
    ] = "process",
    deploy: Annotated[bool, typer.Option(help="Run `pawl deploy` once the servers answer.")] = True,
    auth: Annotated[
        bool, typer.Option("--auth", help="Ask for passwords, made once and kept below PAWL_HOME.")
    ] = False,
) -> None:
    """Run Prefect, MLflow and workers until Ctrl-C; later commands of this home use them."""
    from configs.stack import StackConfig
    from configs.validation import validate
    from flows.home import home
    from flows.stack.up import run_stack

    settings = {
        "host": host, "address": address, "prefect_port": prefect_port, "mlflow_port": mlflow_port,
        "workers": workers, "runs_per_worker": runs_per_worker, "pool": pool,
        "pool_type": pool_type, "deploy": deploy, "auth": auth,
    }  # fmt: skip
    run_stack(validate(StackConfig, settings, "pawl up"), home())


def down() -> None:
    """Stop the stack that `pawl up` runs on this home."""
    from flows import console
    from flows.home import home
    from flows.stack.up import stop_stack

    console.say(stop_stack(home()))
