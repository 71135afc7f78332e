"""A worker that does nothing any more, in a file of its own: it takes gunicorn's whole patience."""

from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import requests

from tests.conftest import StartService
from tests.support.aftermath import all_ended, database_is_sound, leftovers
from tests.support.compose_files import slow
from tests.support.repository import Repository
from tests.support.service import Service, is_alive
from tests.support.waiting import wait_until

pytestmark = pytest.mark.long


@pytest.mark.row("P15")
@pytest.mark.timeout(240)
def test_a_worker_that_stands_still_is_replaced_and_its_run_done_again(
    start_service: StartService, tmp_path: Path
) -> None:
    service = start_service()
    repository = Repository(tmp_path / "slow")
    repository.commit(slow(4))
    uuid = service.create_stack(git_repository=repository.url)["uuid"]
    wait_until(lambda: service.runs(uuid)[0]["step"] == "up", "the deploy goes on")
    (worker,) = psutil.Process(service.pid).children()
    worker.suspend()
    # gunicorn's patience is a minute; a moment later another worker answers.
    wait_until(lambda: not is_alive(worker), "the worker is ended", 90, every=0.5)
    wait_until(lambda: answers_up(service), "another one answers", 30)
    statuses = all_ended(service, uuid)
    assert sorted(statuses.values()) in (["interrupted", "succeeded"], ["interrupted", "skipped"])
    assert service.get(f"/stacks/{uuid}").json()["commit"] == repository.head
    assert leftovers(service) == []
    database_is_sound(service)


def answers_up(service: Service) -> bool:
    with suppress(requests.RequestException):
        return service.get("/up", timeout=2).status_code == 200
    return False
