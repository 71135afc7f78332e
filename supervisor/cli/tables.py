"""Stacks and their logs for people: tables, and colours where a terminal has them."""

import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from supervisor.cli.exits import printable

COLOURS = {
    "active": "green",
    "succeeded": "green",
    "running": "cyan",
    "pending": "cyan",
    "skipped": "yellow",
    "stopped": "yellow",
    "paused": "yellow",
    "suspended": "yellow",
    "interrupted": "yellow",
    "cancelled": "yellow",
    "rolled_back": "red",
    "rollback_failed": "red",
    "failed": "red",
    "deleting": "red",
}
COLUMNS = ("name", "uuid", "state", "healthy", "commit", "last_run", "last_status")
SHORT = {"uuid": 8, "commit": 8}
TIMES = ("last_run", "created_at")
TO_MINUTES, TO_SECONDS = 16, 19  # so many characters of a time

# Without a terminal, lines are as long as they have to be: a program that reads a pipe finds
# nothing cut.
WIDE = None if sys.stdout.isatty() else 10_000

console = Console(highlight=False, soft_wrap=True, width=WIDE)


def print_stacks(stacks: list[dict[str, Any]]) -> None:
    """Print one line for each stack."""
    _print_rows(COLUMNS, [stack | {"state": _state(stack)} for stack in stacks])


def _state(stack: dict[str, Any]) -> str:
    state: str = stack["state"]
    return "suspended" if stack["suspended"] and state == "active" else state


def print_stack(fields: dict[str, Any], runs: list[dict[str, Any]]) -> None:
    """Print a stack's fields, then its newest runs."""
    table = Table.grid(padding=(0, 2))
    for name, value in fields.items():
        table.add_row(Text(name, "bold"), _cell(value))
    console.print(table)
    if runs:
        console.print()
        _print_rows(("created_at", "action", "trigger", "status", "message"), runs)


def print_entry(entry: dict[str, Any]) -> None:
    """Print a finished run with its exact end: `status` has one of two words only."""
    end = entry["outcome"]
    line = Text().append(f"{_time(entry['run_at'], TO_SECONDS)} ", "dim")
    line.append(f"{entry['action']} {end}", f"bold {COLOURS.get(end, '')}".strip())
    line.append(" ").append_text(_cell(entry["message"]))
    console.print(line)


def print_event(event: str, data: dict[str, Any]) -> None:
    """Print a line of a run's output, or the run's end."""
    if event == "message":
        print_entry(data)
        return
    text = printable(data["message"])
    console.print(Text(text, "bold cyan" if text.startswith("==> ") else ""))


def _print_rows(columns: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        # Only what may be long gives way in a narrow terminal.
        table.add_column(column.replace("_", " "), no_wrap=column not in ("name", "message"))
    for row in rows:
        table.add_row(*(_column_cell(column, row[column]) for column in columns))
    console.print(table, soft_wrap=False)


def _column_cell(column: str, value: Any) -> Text:
    if value and column in TIMES:
        value = _time(value, TO_MINUTES)
    return _cell(value, SHORT.get(column))


def _time(text: str, length: int) -> str:
    """Return a time that is cut, which is UTC as all times of the API, and says so."""
    return f"{text[:length]}Z"


def _cell(value: Any, length: int | None = None) -> Text:
    if value is None:
        return Text("-", "dim")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, dict):
        value = "\n".join(f"{name}={printable(text)}" for name, text in value.items())
    elif isinstance(value, list):
        value = "\n".join(map(printable, value))
    text = "\n".join(printable(line) for line in str(value).splitlines())[:length]
    return Text(text or "-", COLOURS.get(text, ""))
