"""What `supervisor` is: its commands, and how it ends when something is wrong."""

from typing import Any

import click
from flask.cli import AppGroup

from supervisor.cli.backup import backup, restore
from supervisor.cli.check import check
from supervisor.cli.exits import Ended
from supervisor.cli.rotate import rotate_key
from supervisor.cli.stacks import stacks
from supervisor.errors import ConfigInvalid, StorageError, StorageInUse, SupervisorError

STATUS: dict[type[Exception], int] = {ConfigInvalid: 2, StorageInUse: 3}


class Commands(AppGroup):
    """End with a clear line and a status that tells what is wrong."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; raise Ended in place of what went wrong."""
        try:
            return super().invoke(ctx)
        except SupervisorError as error:
            raise Ended(str(error), STATUS.get(type(error), 1)) from None
        except StorageError as error:
            raise Ended(error.reason) from None
        except BrokenPipeError:
            # The reader of the pipe has enough, and click ends quietly.
            raise
        except OSError as error:
            place = f": {error.filename}" if error.filename else ""
            raise Ended(f"{error.strerror or error}{place}") from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def supervisor() -> None:
    """Look after Supervisor, and talk to it."""


for command in (check, backup, restore, rotate_key, stacks):
    supervisor.add_command(command)

if __name__ == "__main__":
    supervisor(prog_name="supervisor")
