"""What is understood of each forge's calls, by the functions alone."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.commands.git.address import repository_key
from supervisor.forges import understand
from supervisor.forges.push import Change, Push
from supervisor.forges.signature import is_valid
from tests.support import forges as sent
from tests.support.forge_cases import CASES, HUB, SECRETS, Case
from tests.support.forges import DEV, FORM, MAIN, NEW, REPOSITORY, TAG, ZEROS, Sent
from tests.support.service import SIGNATURE_SECRET

each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def told(call: Sent) -> Push:
    return understand(call.request().headers, call.body)


def secret_of(case: Case) -> str:
    return SECRETS.get(case.header, SIGNATURE_SECRET)


@each_case
def test_what_a_call_means_to_a_stack(case: Case) -> None:
    delivery = told(case.sent)
    assert (delivery.forge, delivery.references) == (case.forge, case.references)
    refusal = delivery.refusal(MAIN)
    assert refusal is None if case.reason is None else case.reason in str(refusal)
    assert not delivery.unconditional


@each_case
def test_its_signature_is_the_secrets_and_no_others(case: Case) -> None:
    request, secret = case.sent.request(), secret_of(case)
    assert is_valid(request, case.header, [secret])
    assert is_valid(request, case.header.swapcase(), ["another secret", secret])
    assert not is_valid(request, case.header, ["another:secret", "", "whsec_AAAA"])
    assert not is_valid(request, "X-Another-Header", [secret])
    assert not is_valid(request, case.header, [])


@each_case
def test_a_changed_body_is_not_signed(case: Case) -> None:
    request = Sent(case.sent.headers, case.sent.body.replace(b"a", b"b") + b" ").request()
    whole_body_counts = case.header not in ("X-Gitlab-Token", "Authorization")
    assert is_valid(request, case.header, [secret_of(case)]) != whole_body_counts


@pytest.mark.parametrize(
    "call",
    [
        sent.github(sent.push(), secret=None),
        sent.github(sent.push(), secret=None).with_headers(X_Hub_Signature_256="sha256="),
        sent.gitea(sent.push(), secret=None),
        sent.forgejo(sent.push(), secret=None),
        sent.gitea(sent.push(), secret=None, form=True),
        sent.gogs(sent.push(), secret=None),
        sent.gitlab(sent.gitlab_push(), secret=None),
        sent.gitlab(sent.gitlab_push(), secret=None).with_headers(X_Gitlab_Token=""),
        sent.bitbucket(sent.cloud_push(), secret=None),
        sent.azure(sent.azure_push(), secret=None),
        sent.azure(sent.azure_push(), secret=None).with_headers(Authorization="Basic "),
    ],
)
def test_a_forge_without_a_secret_proves_nothing(call: Sent) -> None:
    names = {*call.headers, *(case.header for case in CASES.values())}
    for name in names:
        assert not is_valid(call.request(), name, [SIGNATURE_SECRET, ""], sha1=True)
        assert not is_valid(call.request(), name, ["", ""], sha1=True)


# Which forge speaks, where one sends the headers of several


def test_the_most_particular_forge_is_believed() -> None:
    everything = sent.forgejo(sent.push())
    assert told(everything).forge == "forgejo"
    assert told(sent.gitea(sent.push())).forge == "gitea"
    assert told(sent.gogs(sent.push())).forge == "gogs"
    by_github = sent.github(sent.push()).with_headers(X_Gitea_Event="push", X_Gitea_Delivery="7")
    assert (told(by_github).forge, told(by_github).id) == ("gitea", "7")


@pytest.mark.parametrize(
    ("call", "header"),
    [
        (sent.github(sent.push()), "X-GitHub-Delivery"),
        (sent.gitea(sent.push()), "X-Gitea-Delivery"),
        (sent.forgejo(sent.push()), "X-Forgejo-Delivery"),
        (sent.gogs(sent.push()), "X-Gogs-Delivery"),
        (sent.gitlab(sent.gitlab_push()), "Idempotency-Key"),
        (sent.gitlab_signed(sent.gitlab_push()), "webhook-id"),
        (sent.bitbucket(sent.cloud_push()), "X-Request-UUID"),
        (sent.bitbucket(sent.server_push(), "repo:refs_changed"), "X-Request-Id"),
    ],
)
def test_a_delivery_is_known_by_the_id_that_a_repetition_keeps(call: Sent, header: str) -> None:
    assert told(call).id == call.headers[header]


def test_azure_has_the_id_in_its_body() -> None:
    payload = sent.azure_push((MAIN, NEW))
    assert told(sent.azure(payload)).id == payload["id"]


@pytest.mark.parametrize(
    ("call", "who"),
    [
        (sent.github(sent.push()), "ada"),
        (sent.github(sent.push(pusher={"login": "bob"})), "bob"),
        (sent.gitlab(sent.gitlab_push()), "ada"),
        (sent.bitbucket(sent.cloud_push()), "Ada"),
        (sent.bitbucket(sent.server_push(), "repo:refs_changed"), "ada"),
        (sent.azure(sent.azure_push((MAIN, NEW))), "Ada"),
    ],
)
def test_who_pushed_is_told(call: Sent, who: str) -> None:
    assert told(call).who == who


def test_what_a_change_says_is_kept_as_a_hint() -> None:
    assert told(sent.github(sent.push(forced=True))).changes == (Change(MAIN, NEW, forced=True),)
    (deleted,) = told(sent.github(sent.push(after=ZEROS, deleted=True))).changes
    assert deleted.deleted
    (longer,) = told(sent.github(sent.push(after="0" * 64))).changes  # a repository with SHA-256
    assert longer.deleted


def test_a_tag_in_gogs_is_told_by_create_alone() -> None:
    assert told(sent.gogs(sent.short("v1", "tag"), "create")).refusal(TAG) is None
    assert told(sent.gogs(sent.short("v1", "tag"), "delete")).refusal(TAG) is not None
    # The others push the tag, and tell of it a second time.
    for make in (sent.github, sent.gitea, sent.forgejo):
        assert told(make(sent.short("v1", "tag"), "create")).refusal(TAG) is not None


# References


@pytest.mark.parametrize(
    ("followed", "pushed", "concerned"),
    [
        (MAIN, MAIN, True),
        ("main", MAIN, True),
        (MAIN, "main", True),
        ("main", "main", True),
        (TAG, TAG, True),
        ("v1", TAG, True),
        ("v1", "refs/heads/v1", True),
        (MAIN, "refs/tags/main", False),
        (MAIN, DEV, False),
        (MAIN, "refs/heads/Main", False),
        ("main", "refs/heads/feature/main", False),
        ("feature/main", "refs/heads/feature/main", True),
        (MAIN, "refs/heads/main/x", False),
        (MAIN, "refs/remotes/origin/main", False),
        (MAIN, "refs/heads/refs/heads/main", False),
        (NEW, MAIN, False),
    ],
)
def test_only_the_followed_reference_is_meant(followed: str, pushed: str, concerned: bool) -> None:
    delivery = told(sent.github(sent.push(pushed)))
    assert (delivery.refusal(followed) is None) == concerned


def test_a_reference_that_one_push_deletes_and_makes_is_there() -> None:
    both = Push("x", "push", changes=(Change(MAIN, ZEROS, deleted=True), Change(MAIN, NEW)))
    assert both.refusal(MAIN) is None
    assert told(sent.github(sent.push("refs/heads/" + "x" * 2000))).refusal(MAIN)


def test_many_references_are_told_in_a_short_reason() -> None:
    many = [(f"refs/heads/{'x' * 200}{number}", NEW, "ADD") for number in range(3000)]
    call = sent.bitbucket(sent.server_push(*many), "repo:refs_changed")
    reason = told(call).refusal(MAIN)
    assert reason
    assert len(reason) <= 500


# A plain request


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"x", b'{"ref": ""}', b'{"commit": "1"}'])
def test_a_plain_request_that_names_nothing_concerns_whom_it_is_sent_to(body: bytes) -> None:
    delivery = told(Sent({}, body))
    assert (delivery.forge, delivery.unconditional) == ("generic", True)
    assert delivery.refusal(MAIN) is delivery.refusal(NEW) is None


def test_a_plain_request_may_name_a_reference_and_a_repository() -> None:
    plain = told(Sent({}, json.dumps({"ref": "main", "repository": REPOSITORY}).encode()))
    assert plain.refusal(MAIN) is None
    assert plain.refusal(DEV)
    assert plain.repositories == (REPOSITORY,)
    gone = told(Sent({}, json.dumps({"ref": MAIN, "deleted": True}).encode()))
    assert "was deleted" in str(gone.refusal(MAIN))


# Bodies and headers of any kind

KEYS = (
    *(
        "ref",
        "after",
        "deleted",
        "repository",
        "project",
        "pusher",
        "push",
        "changes",
        "new",
        "old",
    ),
    *("name", "type", "target", "links", "clone", "href", "id", "resource", "refUpdates"),
    *("eventType", "publisherId"),
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)
EVENTS = {
    "X-Forgejo-Event": "push",
    "X-Gitea-Event": "push",
    "X-Gogs-Event": "create",
    "X-Gitlab-Event": "Push Hook",
    "X-Event-Key": "repo:push",
    "X-event-key": "repo:refs_changed",
    "X-GitHub-Event": "push",
    "X-None": "",
}


@given(st.sampled_from(sorted(EVENTS)), JSON_VALUES, st.booleans())
def test_a_body_of_any_shape_is_understood(name: str, payload: Any, form: bool) -> None:
    _, body, content_type = sent.encoded(payload, form=form)
    delivery = told(Sent({name: EVENTS[name], "Content-Type": content_type}, body))
    assert delivery.refusal(MAIN) is None or delivery.refusal(MAIN)
    assert all(text.isprintable() for text in (delivery.references, delivery.event))


@given(st.sampled_from(sorted(EVENTS)), st.text(st.characters(max_codepoint=255)), st.binary())
def test_a_header_of_any_kind_is_understood(name: str, value: str, body: bytes) -> None:
    value = value.replace("\n", "").replace("\r", "")
    for content_type in ("application/json", FORM, value):
        delivery = told(Sent({name: value, "Content-Type": content_type}, body))
        assert delivery.event.isprintable()


@each_case
def test_the_repository_is_read_from_every_forges_body(case: Case) -> None:
    keys = {repository_key(address) for address in told(case.sent).repositories}
    assert keys <= {"git.example.org/ada/shop"}
    assert keys or case.reason


def test_the_vector_of_githubs_documentation() -> None:
    vector = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    call = Sent({HUB: vector}, b"Hello, World!")
    assert is_valid(call.request(), HUB, ["It's a Secret to Everybody"])
    assert not is_valid(Sent({HUB: vector}, b"Hello, World?").request(), HUB, ["It's a Secret"])
