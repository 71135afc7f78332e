"""Whether a run may begin."""

from datetime import timedelta

from supervisor.store.models import (
    DEPLOYING,
    Action,
    Run,
    Trigger,
)

PENDING_LIMIT = 20
LIMITED = (Trigger.API, Trigger.WEBHOOK)
RETRIED = (*DEPLOYING, Action.DELETE)
VAIN_PAUSE = timedelta(seconds=1)


def does_the_same(run: Run, action: Action) -> bool:
    """Tell whether a pending run will do what is asked for."""
    return run.action == action or {run.action, action} <= set(DEPLOYING)
