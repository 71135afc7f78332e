"""What each call of a forge means to a stack that follows refs/heads/main."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.support import forges as sent
from tests.support.forges import BASIC_SECRET, DEV, MAIN, NEW, OLD, TAG, TOKEN, ZEROS, Sent

# Those whose secret is not just any text.
SECRETS = {"Authorization": BASIC_SECRET, "webhook-signature": TOKEN}
HUB, GITEA, FORGEJO, GOGS = (
    "X-Hub-Signature-256",
    "X-Gitea-Signature",
    "X-Forgejo-Signature",
    "X-Gogs-Signature",
)
GITLAB, ATLASSIAN, AZURE = "X-Gitlab-Token", "X-Hub-Signature", "Authorization"


@dataclass(frozen=True)
class Case:
    """A call, the header that proves it, what is read from it, and why it asks for nothing."""

    sent: Sent
    header: str
    forge: str
    references: str
    reason: str | None = None


def _githubs(name: str, header: str, make: Callable[..., Sent]) -> dict[str, Case]:
    """Return what the four that share one shape have in common."""
    forge = name.partition(",")[0]

    def case(payload: object, references: str, reason: str | None = None, **how: object) -> Case:
        return Case(make(payload, **how), header, forge, references, reason)

    return {
        f"{name}: branch": case(sent.push(), MAIN),
        f"{name}: new branch": case(sent.push(before=ZEROS), MAIN),
        f"{name}: other branch": case(sent.push(DEV), DEV, "Another reference was pushed"),
        f"{name}: longer branch": case(sent.push(MAIN + "2"), MAIN + "2", "Another reference"),
        f"{name}: form": case(sent.push(), MAIN, form=True),
        f"{name}: zeros": case(sent.push(after=ZEROS), MAIN, "was deleted; what runs stays"),
        f"{name}: delete": case(
            sent.short("main", "branch"), "", "Nothing to do for the event delete", event="delete"
        ),
        f"{name}: create": case(
            sent.short("main", "branch"), "", "Nothing to do for the event create", event="create"
        ),
        f"{name}: unknown": case({"x": 1}, "", "Nothing to do for the event watch", event="watch"),
        f"{name}: no reference": case({}, "", "The delivery names no reference"),
        f"{name}: no object": case([], "", "The delivery names no reference"),
    }


def _pushed(*sides: tuple[object, object]) -> Sent:
    return sent.bitbucket(sent.cloud_push(*sides))


def _changed(*changes: tuple[str, str, str]) -> Sent:
    return sent.bitbucket(sent.server_push(*changes), "repo:refs_changed")


def _tag(before: str, after: str) -> Sent:
    return sent.gitlab(sent.gitlab_push(TAG, before, after, "tag_push"), "Tag Push Hook")


CLOUD_MAIN, CLOUD_DEV = sent.cloud_side("main"), sent.cloud_side("dev")
CLOUD_TAG = sent.cloud_side("v1", kind="tag")
DELETED = sent.push(after=ZEROS, created=False, deleted=True, forced=False, head_commit=None)

CASES: dict[str, Case] = {
    **_githubs("github", HUB, sent.github),
    **_githubs("gitea", GITEA, sent.gitea),
    **_githubs("gitea, in GitHub's header", HUB, sent.gitea),
    **_githubs("forgejo", FORGEJO, sent.forgejo),
    **_githubs("gogs", GOGS, sent.gogs),
    "github: deleted": Case(sent.github(DELETED), HUB, "github", MAIN, "was deleted"),
    "github: forced": Case(sent.github(sent.push(forced=True)), HUB, "github", MAIN),
    "github: tag": Case(sent.github(sent.push(TAG, ZEROS)), HUB, "github", TAG, "Another"),
    "github: ping": Case(
        sent.github({"zen": "Design for failure.", "hook_id": 7, "hook": {}}, "ping"),
        HUB,
        "github",
        "",
        "pong",
    ),
    "gogs: new tag": Case(
        sent.gogs(sent.short("v1", "tag"), "create"), GOGS, "gogs", TAG, "Another reference"
    ),
    "gitlab: branch": Case(sent.gitlab(sent.gitlab_push()), GITLAB, "gitlab", MAIN),
    "gitlab: new branch": Case(sent.gitlab(sent.gitlab_push(MAIN, ZEROS)), GITLAB, "gitlab", MAIN),
    "gitlab: other branch": Case(
        sent.gitlab(sent.gitlab_push(DEV)), GITLAB, "gitlab", DEV, "Another reference"
    ),
    "gitlab: deleted": Case(
        sent.gitlab(sent.gitlab_push(MAIN, OLD, ZEROS)), GITLAB, "gitlab", MAIN, "was deleted"
    ),
    "gitlab: tag": Case(_tag(ZEROS, NEW), GITLAB, "gitlab", TAG, "Another reference"),
    "gitlab: tag deleted": Case(_tag(OLD, ZEROS), GITLAB, "gitlab", TAG, "Another reference"),
    "gitlab: issue": Case(
        sent.gitlab({"object_kind": "issue"}, "Issue Hook"), GITLAB, "gitlab", "", "Issue Hook"
    ),
    "gitlab: template without fields": Case(
        sent.gitlab({"text": "hello"}), GITLAB, "gitlab", "", "names no reference"
    ),
    "gitlab: system hook": Case(
        sent.gitlab(sent.gitlab_push(), "System Hook"), GITLAB, "gitlab", MAIN
    ),
    "bitbucket cloud: branch": Case(
        _pushed((sent.cloud_side("main", OLD), CLOUD_MAIN)), ATLASSIAN, "bitbucket", MAIN
    ),
    "bitbucket cloud: new branch": Case(_pushed((None, CLOUD_MAIN)), ATLASSIAN, "bitbucket", MAIN),
    "bitbucket cloud: deleted": Case(
        _pushed((CLOUD_MAIN, None)), ATLASSIAN, "bitbucket", MAIN, "was deleted"
    ),
    "bitbucket cloud: several": Case(
        _pushed((None, CLOUD_TAG), (CLOUD_DEV, None), (None, CLOUD_MAIN)),
        ATLASSIAN,
        "bitbucket",
        f"{TAG} {DEV} {MAIN}",
    ),
    "bitbucket cloud: several others": Case(
        _pushed((None, CLOUD_TAG), (CLOUD_DEV, None)),
        ATLASSIAN,
        "bitbucket",
        f"{TAG} {DEV}",
        "Another reference",
    ),
    "bitbucket cloud: nothing": Case(_pushed(), ATLASSIAN, "bitbucket", "", "names no reference"),
    "bitbucket cloud: fork": Case(
        sent.bitbucket({}, "repo:fork"), ATLASSIAN, "bitbucket", "", "the event repo:fork"
    ),
    "bitbucket server: branch": Case(_changed((MAIN, NEW, "UPDATE")), ATLASSIAN, "bitbucket", MAIN),
    "bitbucket server: new branch": Case(
        _changed((MAIN, NEW, "ADD")), ATLASSIAN, "bitbucket", MAIN
    ),
    "bitbucket server: deleted": Case(
        _changed((MAIN, ZEROS, "DELETE")), ATLASSIAN, "bitbucket", MAIN, "was deleted"
    ),
    "bitbucket server: several": Case(
        _changed((DEV, ZEROS, "DELETE"), (TAG, NEW, "ADD"), (MAIN, NEW, "UPDATE")),
        ATLASSIAN,
        "bitbucket",
        f"{DEV} {TAG} {MAIN}",
    ),
    "bitbucket server: ping": Case(
        sent.bitbucket({"test": True}, "diagnostics:ping"), ATLASSIAN, "bitbucket", "", "pong"
    ),
    "azure: branch": Case(sent.azure(sent.azure_push((MAIN, NEW))), AZURE, "azure", MAIN),
    "azure: several": Case(
        sent.azure(sent.azure_push((TAG, NEW), (MAIN, NEW))), AZURE, "azure", f"{TAG} {MAIN}"
    ),
    "azure: deleted": Case(
        sent.azure(sent.azure_push((MAIN, ZEROS))), AZURE, "azure", MAIN, "was deleted"
    ),
    "azure: other": Case(
        sent.azure(sent.azure_push((DEV, NEW))), AZURE, "azure", DEV, "Another reference"
    ),
    "azure: pull request": Case(
        sent.azure(sent.azure_push(event="git.pullrequest.created")),
        AZURE,
        "azure",
        "",
        "the event git.pullrequest.created",
    ),
}
