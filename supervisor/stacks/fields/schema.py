"""The fields of a stack as the API takes them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate

from supervisor.errors import StackInvalid
from supervisor.security.redact import MASK
from supervisor.stacks.fields import rules, ssh_rules
from supervisor.store.models import Strategy

BLANK = "can't be blank"
TEXT: dict[str, Any] = {"required": BLANK, "null": BLANK, "invalid": "must be text"}
LONGEST_INTERVAL = 31_536_000  # a year, in seconds
MOST_FIELDS = 100
MOST_VARIABLES = 1000
MOST_INCLUDES = 100


class Text(fields.String):
    """A text without control characters, short enough to be shown."""

    def __init__(self, *checks: Any, most: int = 255, form: str = "", **options: Any) -> None:
        too_long = validate.Length(max=most, error=f"is too long (maximum is {most} characters)")
        validators = [rules.not_blank, too_long, rules.printable, *checks]
        limits = _limits(most, form) | {"pattern": rules.PRINTABLE}
        super().__init__(
            validate=_first_of(validators), error_messages=TEXT, metadata=limits, **options
        )


class Path(Text):
    """A path inside the repository, in its plain form."""

    def __init__(self, **options: Any) -> None:
        super().__init__(most=1024, form="repository-path", **options)

    def _deserialize(self, *arguments: Any, **options: Any) -> Any:
        text = super()._deserialize(*arguments, **options)
        rules.not_blank(text)
        return rules.repository_path(text)


class Lines(fields.String):
    """A text of lines, brought into its plain form by a rule."""

    def __init__(self, rule: Callable[[str], str], *, most: int, form: str, **options: Any) -> None:
        too_long = validate.Length(max=most, error=f"is too long (maximum is {most} characters)")
        self._checks, self._rule = _first_of([rules.not_blank, too_long, rules.no_nul]), rule
        super().__init__(error_messages=TEXT, metadata=_limits(most, form), **options)

    def _deserialize(self, *arguments: Any, **options: Any) -> str:
        text = str(super()._deserialize(*arguments, **options))
        self._checks(text)
        return self._rule(text.replace("\r\n", "\n").strip() + "\n")


class Paths(fields.List[str]):
    """A list of paths; counted before each is looked at."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            Path(),
            error_messages={"invalid": "must be a list of paths"},
            metadata={"maxItems": MOST_INCLUDES},
            **options,
        )

    def _deserialize(self, value: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(value, list) and len(value) > MOST_INCLUDES:
            raise ValidationError(f"has more than {MOST_INCLUDES} entries")
        return super()._deserialize(value, *arguments, **options)


class Variables(fields.Field[dict[str, str]]):
    """An object of names and texts."""

    def __init__(self, **options: Any) -> None:
        limits = {
            "type": "object",
            "maxProperties": MOST_VARIABLES,
            "additionalProperties": {"type": "string", "pattern": r"^[^\u0000]*$"},
        }
        super().__init__(metadata=limits, **options)

    def _deserialize(self, value: Any, *arguments: Any, **options: Any) -> dict[str, str]:
        if not isinstance(value, dict):
            raise ValidationError("must be an object of names and values")
        if len(value) > MOST_VARIABLES:
            raise ValidationError(f"has too many entries (maximum is {MOST_VARIABLES})")
        for name, text in value.items():
            rules.variable_name(name)
            if not isinstance(text, str):
                raise ValidationError(f"the value of {name} must be text")
            rules.no_nul(text)
        return value


class Interval(fields.Integer):
    """Whole seconds; "300" is taken as 300, true and 1.5 are not numbers of seconds."""

    def __init__(self, *, zero: bool = False, **options: Any) -> None:
        words = "must be greater than or equal to 0" if zero else "must be greater than 0"
        checks = [
            validate.Range(min=0, min_inclusive=zero, error=words),
            validate.Range(
                max=LONGEST_INTERVAL, error=f"must be less than or equal to {LONGEST_INTERVAL}"
            ),
        ]
        super().__init__(
            validate=_first_of(checks),
            error_messages=TEXT | {"invalid": "is not a number"},
            metadata={
                "type": ["integer", "string"],
                "minimum": 0 if zero else 1,
                "maximum": LONGEST_INTERVAL,
                "pattern": "^[0-9]{1,7}$" if zero else "^[1-9][0-9]{0,6}$",
            },
            **options,
        )

    def _deserialize(self, value: Any, *arguments: Any, **options: Any) -> Any:
        digits = isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value)
        if isinstance(value, bool) or not (isinstance(value, int) or digits):
            raise ValidationError("is not a number")
        return int(value)


class Switch(fields.Boolean):
    """true or false, nothing else."""

    def __init__(self, **options: Any) -> None:
        super().__init__(error_messages=TEXT, **options)

    def _deserialize(self, value: Any, *_arguments: Any, **_options: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("must be true or false")
        return value


def _limits(most: int, form: str) -> dict[str, Any]:
    """Return for the API's description how long a text may be, and the name of its form."""
    return {"minLength": 1, "maxLength": most} | ({"format": form} if form else {})


def _first_of(checks: list[Any]) -> Any:
    """Stop at the first rule that is broken: one clear message instead of all that follow."""

    def check(value: Any) -> None:
        for rule in checks:
            rule(value)

    return check


class StackSchema(Schema):
    """Check each field by itself; `consistent` looks at them together."""

    class Meta:
        """Name unknown fields instead of dropping them: a typo must not be silent."""

        unknown = RAISE

    error_messages = {"unknown": "is not a known field"}  # noqa: RUF012

    name = Text(required=True)
    git_repository = Text(rules.repository, form="git-repository", most=2048, required=True)
    git_reference = Text(rules.reference, form="git-reference", required=True)
    git_username = Text(form="user-name", allow_none=True)
    git_token = Text(most=4096, allow_none=True)
    git_ssh_key = Lines(ssh_rules.private_key, form="private-key", most=16_384, allow_none=True)
    git_known_hosts = Lines(ssh_rules.known_hosts, form="known-hosts", most=65_536, allow_none=True)
    submodules = Switch()
    shallow = Switch()
    compose_file = Path(required=True)
    compose_includes = Paths(allow_none=True)
    compose_variables = Variables(allow_none=True)
    strategy = fields.String(
        required=True,
        validate=validate.OneOf(list(Strategy), error="is not included in the list"),
        error_messages=TEXT | {"null": "is not included in the list"},
    )
    polling_interval = Interval(allow_none=True)
    health_timeout = Interval(zero=True)
    rollback = Switch()
    self_heal = Switch()
    signature_header = Text(rules.header, form="header-name", allow_none=True)
    signature_secret_overlap = Interval(zero=True, load_only=True)
    signature_secret = Text(
        validate.Length(min=8, error="is too short (minimum is 8 characters)"),
        most=4096,
        allow_none=True,
    )

    @post_load
    def fill_in(self, values: dict[str, Any], **_options: Any) -> dict[str, Any]:
        """Read null as empty where a field is a list or an object."""
        for name, empty in (("compose_includes", list), ("compose_variables", dict)):
            if name in values and values[name] is None:
                values[name] = empty()
        return values


def load(given: Mapping[str, Any], *, partial: bool) -> dict[str, Any]:
    """Check the fields one by one; raise StackInvalid with the messages of all."""
    if len(given) > MOST_FIELDS:
        raise StackInvalid({"stack": [f"has more than {MOST_FIELDS} fields"]})
    try:
        values: dict[str, Any] = StackSchema(partial=partial).load(given)
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
    by_strategy = {
        Strategy.POLLING: ("polling_interval",),
        Strategy.WEBHOOK: ("signature_header", "signature_secret"),
    }
    for name in by_strategy[stack["strategy"]]:
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


def is_mask(value: Any) -> bool:
    """Tell whether a value is the asterisks that stand for a secret."""
    return bool(value == MASK)
