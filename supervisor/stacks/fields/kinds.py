"""The kinds of fields that a stack has: what each takes, and how it is shown."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

from supervisor.errors import StackInvalid
from supervisor.security.secret import MASK
from supervisor.stacks.fields import rules
from supervisor.stacks.secret_names import is_secret

BLANK = "can't be blank"
NO_VALUE = "is masked, but there is no former value"
TEXT: dict[str, Any] = {"required": BLANK, "null": BLANK, "invalid": "must be text"}
LONGEST_INTERVAL = 31_536_000  # a year, in seconds
MOST_VARIABLES = 1000
MOST_INCLUDES = 100


class StackField(fields.Field[Any]):
    """What a field of a stack says of itself, beside what it takes.

    A secret one is stored encrypted, and shown as asterisks that may be sent back. A change of one
    that redeploys has the stack deployed anew. `limits` are for the description of the API only.
    """

    mask_words = f"It is shown as `{MASK}`; sent back so, it stays as it is. "

    def __init__(
        self,
        words: str,
        *,
        limits: Mapping[str, Any] | None = None,
        example: Any = None,
        secret: bool = False,
        redeploys: bool = False,
        **options: Any,
    ) -> None:
        self.secret, self.redeploys = secret, redeploys
        described = dict(limits or {})
        if words:
            described["description"] = f"{self.mask_words}{words}" if secret else words
        if example is not None:
            described["examples"] = [example]
        super().__init__(metadata=described, **options)

    def empty(self) -> Any:
        """Return what is stored where nothing is given."""
        return None

    def masked(self, value: Any) -> Any:
        """Return what is shown of a secret value."""
        return MASK if value else None

    def unmasked(self, given: Any, former: Any) -> Any:
        """Return the former value where its mask came back; raise StackInvalid without one."""
        return self._former(former) if given == MASK else given

    def _former(self, value: str | None, what: str = "") -> str:
        if value is None:
            raise StackInvalid({str(self.name): [what + NO_VALUE]})
        return value

    def _serialize(self, value: Any, *arguments: Any, **options: Any) -> Any:
        if self.secret:
            return self.masked(value)
        return super()._serialize(value, *arguments, **options)


class Text(StackField, fields.String):
    """A text without control characters, short enough to be shown."""

    def __init__(
        self, words: str, *checks: Any, most: int = 255, form: str = "", **options: Any
    ) -> None:
        validators = [rules.not_blank, _at_most(most), rules.printable, *checks]
        limits = _limits(most, form) | {"pattern": rules.PRINTABLE} | options.pop("limits", {})
        super().__init__(
            words, limits=limits, validate=_first_of(validators), error_messages=TEXT, **options
        )


class Path(Text):
    """A path inside the repository, in its plain form."""

    def __init__(self, words: str, **options: Any) -> None:
        super().__init__(words, most=1024, form="repository-path", **options)

    def _deserialize(self, *arguments: Any, **options: Any) -> Any:
        text = super()._deserialize(*arguments, **options)
        rules.not_blank(text)
        return rules.repository_path(text)


class Lines(StackField, fields.String):
    """A text of lines, brought into its plain form by a rule."""

    def __init__(
        self, words: str, rule: Callable[[str], str], *, most: int, form: str, **options: Any
    ) -> None:
        self._checks = _first_of([rules.not_blank, _at_most(most), rules.no_nul])
        self._rule = rule
        super().__init__(words, limits=_limits(most, form), error_messages=TEXT, **options)

    def _deserialize(self, *arguments: Any, **options: Any) -> str:
        text = str(super()._deserialize(*arguments, **options))
        self._checks(text)
        return self._rule(text.replace("\r\n", "\n").strip() + "\n")


class Choice(StackField, fields.String):
    """One of a few words."""

    def __init__(self, words: str, choices: Any, **options: Any) -> None:
        error = "is not included in the list"
        super().__init__(
            words,
            validate=validate.OneOf(list(choices), error=error),
            error_messages=TEXT | {"null": error},
            **options,
        )


class Paths(StackField, fields.List[str]):
    """A list of paths, none twice; counted before each is looked at."""

    def __init__(self, words: str, **options: Any) -> None:
        super().__init__(
            words,
            cls_or_instance=Path(""),
            limits={"maxItems": MOST_INCLUDES, "uniqueItems": True},
            error_messages={"invalid": "must be a list of paths"},
            **options,
        )

    def empty(self) -> list[str]:
        """Return what is stored where nothing is given."""
        return []

    def _deserialize(self, value: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(value, list) and len(value) > MOST_INCLUDES:
            raise ValidationError(f"has more than {MOST_INCLUDES} entries")
        return super()._deserialize(value, *arguments, **options)


class Variables(StackField):
    """An object of names and texts; of those, only what looks secret is shown as asterisks."""

    mask_words = ""

    def __init__(self, words: str, **options: Any) -> None:
        limits = {
            "type": "object",
            "maxProperties": MOST_VARIABLES,
            "propertyNames": {
                "maxLength": 255,
                "pattern": rules.VARIABLE_NAME,
                "format": "variable",
            },
            "additionalProperties": {"type": "string", "pattern": r"^[^\u0000]*$"},
        }
        super().__init__(words, limits=limits, **options)

    def empty(self) -> dict[str, str]:
        """Return what is stored where nothing is given."""
        return {}

    def masked(self, value: Any) -> Any:
        """Return what is shown: each variable, or its mask."""
        return {name: MASK if is_secret(name, text) else text for name, text in value.items()}

    def unmasked(self, given: Any, former: Any) -> Any:
        """Return each variable's former value where its mask came back, see above."""
        if not isinstance(given, dict):
            return given
        known = former or {}
        return {
            name: self._former(known.get(name), f"{name!r} ") if text == MASK else text
            for name, text in given.items()
        }

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


class Interval(StackField, fields.Integer):
    """Whole seconds; "300" is taken as 300, true and 1.5 are not numbers of seconds."""

    def __init__(self, words: str, *, zero: bool = False, **options: Any) -> None:
        too_small = "must be greater than or equal to 0" if zero else "must be greater than 0"
        too_large = f"must be less than or equal to {LONGEST_INTERVAL}"
        checks = [
            validate.Range(min=0, min_inclusive=zero, error=too_small),
            validate.Range(max=LONGEST_INTERVAL, error=too_large),
        ]
        super().__init__(
            words,
            limits={
                "type": ["integer", "string"],
                "minimum": 0 if zero else 1,
                "maximum": LONGEST_INTERVAL,
                "pattern": "^[0-9]{1,7}$" if zero else "^[1-9][0-9]{0,6}$",
            },
            validate=_first_of(checks),
            error_messages=TEXT | {"invalid": "is not a number"},
            **options,
        )

    def _deserialize(self, value: Any, *arguments: Any, **options: Any) -> Any:
        digits = isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value)
        if isinstance(value, bool) or not (isinstance(value, int) or digits):
            raise ValidationError("is not a number")
        return int(value)


class Switch(StackField, fields.Boolean):
    """true or false, nothing else."""

    def __init__(self, words: str, **options: Any) -> None:
        super().__init__(words, error_messages=TEXT, **options)

    def _deserialize(self, value: Any, *_arguments: Any, **_options: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("must be true or false")
        return value


def _at_most(most: int) -> validate.Length:
    return validate.Length(max=most, error=f"is too long (maximum is {most} characters)")


def _limits(most: int, form: str) -> dict[str, Any]:
    """Return for the API's description how long a text may be, and the name of its form."""
    return {"minLength": 1, "maxLength": most} | ({"format": form} if form else {})


def _first_of(checks: list[Any]) -> Any:
    """Stop at the first rule that is broken: one clear message instead of all that follow."""

    def check(value: Any) -> None:
        for rule in checks:
            rule(value)

    return check
