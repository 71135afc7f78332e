"""Only trusted proxies say who a client is."""

from collections.abc import Iterator

import pytest

from supervisor.api.forwarded import Forwarded
from supervisor.settings.networks import PRIVATE_NETWORKS, parse_networks
from tests.support.api import Api, application, close

PROXIES = PRIVATE_NETWORKS
SECURE = {"X-Forwarded-Proto": "https"}


@pytest.fixture(scope="module")
def distrustful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    storage = tmp_path_factory.mktemp("distrustful") / "storage"
    api = application(storage, force_ssl=True, trusted_proxies=parse_networks("none"))
    yield api
    close(api)


# Who is believed


@pytest.mark.parametrize(
    ("peer", "believed"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:172.17.0.1", True),
        ("10.1.2.3", True),
        ("192.168.7.7", True),
        ("fd00::7", True),
        ("172.32.0.1", False),
        ("203.0.113.9", False),
        ("2001:db8::1", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_a_private_address_is_believed_unless_said_otherwise(
    secured: Api, distrustful: Api, peer: str, believed: bool
) -> None:
    for api, status in ((secured, 200 if believed else 301), (distrustful, 301)):
        answer = api.client.get("/stacks", headers=SECURE, environ_overrides={"REMOTE_ADDR": peer})
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "6.6.6.6, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("127.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("127.0.0.1", "[2001:db8::9]:4711", "2001:db8::9"),
        ("127.0.0.1", "2001:db8::9", "2001:db8::9"),
        ("127.0.0.1", "10.0.0.1, 10.0.0.2", "10.0.0.1"),
        ("127.0.0.1", "203.0.113.9, unknown", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("198.51.100.1", "203.0.113.9", "198.51.100.1"),
    ],
)
def test_the_client_is_the_last_one_that_no_trusted_proxy_is(
    peer: str, forwarded_for: str, client: str
) -> None:
    seen: list[str] = []
    app = Forwarded(lambda environ, _: seen.append(environ["REMOTE_ADDR"]) or [], PROXIES)
    app({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded_for}, None)
    assert seen == [client]
