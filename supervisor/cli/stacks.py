"""`supervisor stacks`: what the API does, for people who don't like curl."""

import json
import time
from typing import TYPE_CHECKING, Any

import click
from flask.cli import AppGroup

from supervisor.cli.exits import FAILED, NOBODY_ANSWERS, Ended

if TYPE_CHECKING:
    from supervisor.cli.client import Client

WAIT_SECONDS = 0.5
AGAIN_SECONDS = 2
UNFINISHED = ("pending", "running")
COMMANDS = (
    "stop",
    "start",
    "restart",
    "pause",
    "unpause",
    "redeploy",
    "rollback",
    "suspend",
    "resume",
    "cancel",
)

stacks = AppGroup(
    "stacks",
    help="Talk to a running Supervisor: SUPERVISOR_URL says where it is, SUPERVISOR_API_KEY or"
    " SUPERVISOR_API_KEY_FILE has the key. STACK is a name, a uuid, or how a uuid begins.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print what the API answered.")


@stacks.command("list", with_appcontext=False)
@as_json
def list_stacks(*, as_json: bool) -> None:
    """List all stacks."""
    found = _client().get("/stacks")
    if as_json:
        _print_json(found)
    else:
        from supervisor.cli import tables  # noqa: PLC0415 (other commands need no tables)

        tables.print_stacks(found)


@stacks.command(with_appcontext=False)
@click.argument("stack")
@as_json
def show(stack: str, *, as_json: bool) -> None:
    """Show a stack, its figures and its newest runs."""
    client = _client()
    path = f"/stacks/{client.find(stack)['uuid']}"
    fields = client.get(path)
    if as_json:
        _print_json(fields)
    else:
        from supervisor.cli import tables  # noqa: PLC0415

        tables.print_stack(fields, client.get(f"{path}/runs?count=5")["runs"])


@stacks.command(with_appcontext=False)
@click.argument("stack")
@click.option("--follow", "-f", is_flag=True, help="Show what is printed, until Ctrl-C.")
@click.option(
    "--entries",
    "-n",
    type=click.IntRange(1, 100),
    help="How many finished runs; 10 by default, none before what --follow shows.",
)
@as_json
def log(stack: str, *, follow: bool, entries: int | None, as_json: bool) -> None:
    """Show the newest finished runs of a stack, or follow its log."""
    client = _client()
    path = f"/stacks/{client.find(stack)['uuid']}/log"
    if follow:
        _follow(client, f"{path}?follow=true&entries={entries or 0}", as_json=as_json)
        return
    found = client.get(f"{path}?entries={entries or 10}")
    if as_json:
        _print_json(found)
        return
    from supervisor.cli import tables  # noqa: PLC0415

    for entry in found:
        tables.print_entry(entry)


@stacks.command(with_appcontext=False)
@click.argument("stack")
@click.argument("command", type=click.Choice(COMMANDS), metavar="COMMAND")
@click.option("--reason", help="Why, for suspend.")
@click.option("--until", help="For suspend: a time such as 2030-01-31T12:00:00Z.")
@click.option("--wait", is_flag=True, help="Wait for the run's end; status 1 if it failed.")
def control(stack: str, command: str, *, reason: str | None, until: str | None, wait: bool) -> None:
    """Tell a stack what to do.

    COMMAND is stop, start, restart, pause, unpause, redeploy, rollback, suspend, resume or cancel.
    """
    client = _client()
    body = {"command": command, "reason": reason, "until": until}
    given = {name: value for name, value in body.items() if value is not None}
    run = client.post(f"/stacks/{client.find(stack)['uuid']}/control", given)
    if run and wait:
        _wait(client, run)
    else:
        click.echo(f"queued as run {run.rpartition('/')[2]}" if run else "done")


def _wait(client: "Client", path: str) -> None:
    while (run := client.get(path))["status"] in UNFINISHED:
        time.sleep(WAIT_SECONDS)
    text = f"{run['status']}: {run['message']}"
    if run["status"] not in ("succeeded", "skipped"):
        raise Ended(text)
    click.echo(text)


def _follow(client: "Client", path: str, *, as_json: bool) -> None:
    """Show events; where the stream breaks off, go on after the last one."""
    from supervisor.cli import tables  # noqa: PLC0415

    last: str | None = None
    while True:
        for event, number, data in client.follow(path, last):
            last = number or last
            if event == "close" and data.get("reason") == "deleted":
                click.echo("The stack is deleted.", err=True)
                return
            if event == "close":
                break
            if as_json:
                click.echo(json.dumps(data))
            else:
                tables.print_event(event, data)
        last = _go_on(client, last)


def _go_on(client: "Client", last: str | None) -> str | None:
    """Wait until Supervisor answers again."""
    click.echo("The connection broke off, trying again …", err=True)
    while True:
        time.sleep(AGAIN_SECONDS)
        try:
            client.get("/stacks")
        except Ended as ended:
            if ended.exit_code not in (FAILED, NOBODY_ANSWERS):
                raise
        else:
            return last


def _print_json(found: Any) -> None:
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))


def _client() -> "Client":
    from supervisor.cli.client import Client  # noqa: PLC0415 (not needed without the API)

    return Client()
