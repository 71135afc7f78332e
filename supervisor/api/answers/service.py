"""How Supervisor itself fares, and what every error looks like."""

from marshmallow import fields

from supervisor.diagnostics.problems import CHECKS
from supervisor.stacks.fields.answers import Answer, Word


class PartsSchema(Answer):
    """A word for each part of the service; the names are those of the checks."""

    inline = True


class WellSchema(Answer):
    """All is well."""

    code = fields.Integer(metadata={"const": 200})
    status = fields.Nested(
        PartsSchema.from_dict({name: fields.String(metadata={"const": "ok"}) for name in CHECKS})
    )


class ProblemSchema(Answer):
    """What is wrong with one part."""

    inline = True
    name = Word(CHECKS)
    exception = fields.String()
    message = fields.String()


class NotWellSchema(Answer):
    """Something is wrong."""

    code = fields.Integer(metadata={"const": 503})
    errors = fields.Nested(ProblemSchema, many=True, metadata={"minItems": 1})


class ErrorSchema(Answer):
    """What went wrong."""

    examples = ({"error": "Stack not found"},)
    error = fields.String()


class InvalidSchema(Answer):
    """What is wrong with each of some fields."""

    words = "Which fields are wrong, and why; nothing was changed."
    examples = ({"error": {"name": ["can't be blank"]}},)
    error = fields.Dict(
        values=fields.List(fields.String(), metadata={"minItems": 1}),
        metadata={"minProperties": 1},
    )
