"""From marshmallow's schemas to those of OpenAPI 3.1."""

from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_cls
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import fields

from supervisor.stacks.fields.answers import Answer


class Converter(OpenAPIConverter):
    """As apispec has it, with all that our fields and answers say of themselves."""

    def metadata2properties(self, field: fields.Field[Any], **_more: Any) -> dict[str, Any]:
        """Return what is said of a field; apispec's own leaves out what is new in 3.1."""
        return dict(field.metadata)

    def schema2jsonschema(self, schema: Answer) -> dict[str, Any]:
        """Return an answer's schema; its fields are always there, in this order."""
        found: dict[str, Any] = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        found["required"] = list(found["properties"])
        if schema.words:
            found["description"] = schema.words
        if schema.examples:
            found["examples"] = list(schema.examples)
        return found


class Plugin(MarshmallowPlugin):
    """Give each answer that is not inline a name in the description: that of its class."""

    Converter = Converter

    def __init__(self) -> None:
        super().__init__(schema_name_resolver=_name)  # type: ignore[arg-type]


def _name(schema: Any) -> str | None:
    """Return no name for what is described where it stands."""
    found: Any = resolve_schema_cls(schema)
    return None if found.inline else str(found.__name__).removesuffix("Schema")
