"""HTTPS only, and clients behind proxies, over a real connection."""

from tests.conftest import StartService
from tests.support.raw import send
from tests.support.service import API_KEY

KEY = f"Authorization: Bearer {API_KEY}"


def test_a_line_end_in_an_address_stays_in_it(start_service: StartService) -> None:
    service = start_service(SUPERVISOR_FORCE_SSL="true")
    answer = send(service, "GET", "//evil.example/%0d%0aSet-Cookie:%20a=b?x=%0d%0aY:z", KEY)
    assert answer.status == 301
    expected = b"Location: https://localhost//evil.example/%0D%0ASet-Cookie:%20a=b?x=%0d%0aY:z"
    assert expected in answer.head.split(b"\r\n")
    assert send(service, "POST", "/stacks", KEY).status == 403
    assert send(service, "GET", "/up").status == 200
    assert send(service, "HEAD", "/up").status == 200
    secure = send(service, "GET", "/stacks", KEY, "X-Forwarded-Proto: https")
    assert secure.status == 200
    assert b"Strict-Transport-Security: max-age=" in secure.head
    for name in ("X-Forwarded-Ssl: on", "X-Forwarded-Protocol: ssl", "SCRIPT_NAME: /x"):
        assert send(service, "GET", "/stacks", KEY, name).status == 301


def test_bad_signatures_are_counted_for_the_client_not_the_proxy(
    start_service: StartService,
) -> None:
    service = start_service(SUPERVISOR_BAD_SIGNATURES_PER_MINUTE="2")
    stack = service.create_stack(git_repository="https://127.0.0.1:1/x.git")["uuid"]

    def statuses(client: str) -> list[int]:
        headers = {"X-Forwarded-For": client, "X-Hub-Signature-256": "sha256=00"}
        path = f"/stacks/{stack}/webhook"
        return [service.post(path, data=b"{}", headers=headers).status_code for _ in range(3)]

    assert statuses("203.0.113.1") == [400, 400, 429]
    assert statuses("203.0.113.2") == [400, 400, 429]
