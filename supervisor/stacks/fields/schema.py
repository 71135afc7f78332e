"""The fields of a stack: each is declared here, and nowhere else.

What takes fields, stores, shows and describes them goes by what is said of each here.
"""

from collections.abc import Mapping
from typing import Any, cast

from marshmallow import RAISE, Schema, ValidationError, post_load, validate

from supervisor.errors import StackInvalid
from supervisor.stacks.fields import rules, ssh_rules
from supervisor.stacks.fields.kinds import (
    BLANK,
    Choice,
    Interval,
    Lines,
    Path,
    Paths,
    StackField,
    Switch,
    Text,
    Variables,
)
from supervisor.store.words import Strategy

MOST_FIELDS = 100
# What each strategy needs.
NEEDED = {
    Strategy.POLLING: ("polling_interval",),
    Strategy.WEBHOOK: ("signature_header", "signature_secret"),
}


class StackSchema(Schema):
    """Check each field by itself; `consistent` looks at them together.

    They are shown in this order. One that is only taken in is `load_only`.
    """

    class Meta:
        """Name unknown fields instead of dropping them: a typo must not be silent."""

        unknown = RAISE

    error_messages = {"unknown": "is not a known field"}  # noqa: RUF012

    name = Text(
        "Unique, also where only upper and lower case differ.",
        example="website",
        required=True,
    )
    git_repository = Text(
        "A URL with `https`, `http`, `ssh` or `file`, without credentials in it.",
        rules.repository,
        most=2048,
        form="git-repository",
        example="https://git.example.org/you/website.git",
        redeploys=True,
        required=True,
    )
    git_reference = Text(
        "A branch or tag, in full or short, or a full commit id.",
        rules.reference,
        form="git-reference",
        example="refs/heads/main",
        redeploys=True,
        required=True,
    )
    git_username = Text(
        "For repositories that ask for a login; without a colon.",
        form="user-name",
        example="deploy",
        redeploys=True,
        allow_none=True,
    )
    git_token = Text(
        "A password or an access token for the repository.",
        most=4096,
        example="glpat-0123456789",
        secret=True,
        redeploys=True,
        allow_none=True,
    )
    git_ssh_key = Lines(
        "A private key in OpenSSH's or PEM form, without a passphrase.",
        ssh_rules.private_key,
        most=16_384,
        form="private-key",
        secret=True,
        redeploys=True,
        allow_none=True,
    )
    git_known_hosts = Lines(
        "Lines of a known_hosts file; with it, no other known hosts count.",
        ssh_rules.known_hosts,
        most=65_536,
        form="known-hosts",
        redeploys=True,
        allow_none=True,
    )
    submodules = Switch(
        "Whether submodules are checked out too.",
        redeploys=True,
        load_default=False,
    )
    shallow = Switch(
        "Whether only the commits that are deployed are fetched.",
        load_default=False,
    )
    compose_file = Path(
        "A path inside the repository.",
        example="compose.yml",
        redeploys=True,
        required=True,
    )
    compose_includes = Paths(
        "More compose files; later ones win. None is named twice.",
        example=["compose.production.yml"],
        redeploys=True,
        allow_none=True,
    )
    compose_variables = Variables(
        "Variables for Compose. Those that look secret are shown as asterisks.",
        example={"COLOUR": "blue"},
        secret=True,
        redeploys=True,
        allow_none=True,
    )
    strategy = Choice(
        "How the stack learns of new commits.",
        Strategy,
        example="polling",
        required=True,
    )
    polling_interval = Interval(
        "Seconds; needed for `polling`, a safety net with `webhook`.",
        example=300,
        allow_none=True,
    )
    signature_header = Text(
        "The header that the forge puts its signature into; needed for `webhook`.",
        rules.header,
        form="header-name",
        example="X-Hub-Signature-256",
        allow_none=True,
    )
    signature_secret = Text(
        "What deliveries are signed with; needed for `webhook`.",
        validate.Length(min=8, error="is too short (minimum is 8 characters)"),
        most=4096,
        limits={"minLength": 8},
        example="long and random",
        secret=True,
        allow_none=True,
    )
    signature_secret_overlap = Interval(
        "Seconds for which a former secret stays valid beside a new one.",
        zero=True,
        example=3600,
        load_only=True,
    )
    health_timeout = Interval(
        "Seconds that a deploy waits for the services to be healthy; 0: not at all.",
        zero=True,
        load_default=120,
    )
    rollback = Switch(
        "Whether the last good commit is brought back when a deploy fails.",
        load_default=True,
    )
    self_heal = Switch(
        "Whether what was changed from outside is put back.",
        load_default=True,
    )

    @post_load
    def fill_in(self, values: dict[str, Any], **_options: Any) -> dict[str, Any]:
        """Read null as empty where a field is a list or an object."""
        return {
            name: FIELDS[name].empty() if value is None else value for name, value in values.items()
        }


SCHEMA = StackSchema()
FIELDS = cast(Mapping[str, StackField], SCHEMA.fields)
SECRET_FIELDS = tuple(name for name, field in FIELDS.items() if field.secret)
COLUMNS = tuple(n for n, field in FIELDS.items() if not (field.secret or field.load_only))
REDEPLOYING = frozenset(name for name, field in FIELDS.items() if field.redeploys)


def load(given: Mapping[str, Any], *, partial: bool) -> dict[str, Any]:
    """Check the fields one by one; raise StackInvalid with the messages of all."""
    if len(given) > MOST_FIELDS:
        raise StackInvalid({"stack": [f"has more than {MOST_FIELDS} fields"]})
    try:
        values: dict[str, Any] = SCHEMA.load(given, partial=partial)
    except ValidationError as error:
        messages = error.normalized_messages()  # type: ignore[no-untyped-call]
        raise StackInvalid(_flat(messages)) from None
    return values


def _flat(messages: Mapping[str, Any]) -> dict[str, list[str]]:
    """Bring the messages of a list's items into the one list of the field."""
    return {
        name: found if isinstance(found, list) else [m for each in found.values() for m in each]
        for name, found in messages.items()
    }


def consistent(stack: Mapping[str, Any]) -> None:
    """Check the fields together; raise StackInvalid."""
    messages: dict[str, list[str]] = {}
    for name in NEEDED[stack["strategy"]]:
        if stack.get(name) is None:
            messages[name] = [BLANK]
    header, secret = stack.get("signature_header"), stack.get("signature_secret")
    if header and header.lower() == "authorization" and secret and ":" not in secret:
        messages["signature_secret"] = ["must be user:password where the header is Authorization"]
    files = [stack["compose_file"], *(stack.get("compose_includes") or [])]
    if len(set(files)) < len(files):
        messages["compose_includes"] = ["names a file twice"]
    if stack.get("git_username") and ":" in stack["git_username"]:
        messages["git_username"] = ["must not contain a colon"]
    if messages:
        raise StackInvalid(messages)
