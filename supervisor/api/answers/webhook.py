"""What a forge is answered, and what became of its deliveries."""

from marshmallow import fields

from supervisor.stacks.fields.answers import Answer, Count, Time, Word
from supervisor.store.words import DeliveryResult


class AcceptedSchema(Answer):
    """A delivery led to a run."""

    examples = ({"message": "Webhook received", "run": "0b7d3c1e-6f5a-4f0e-9a53-0d6a3a1f2c44"},)
    message = fields.String()
    run = fields.UUID()


class IgnoredSchema(Answer):
    """A delivery asks for nothing."""

    message = fields.String(allow_none=True)
    result = Word(DeliveryResult)


class ReceivedSchema(Answer):
    """What a delivery for all stacks on a repository meant for one of them."""

    inline = True
    uuid = fields.UUID()
    name = fields.String()
    result = Word(DeliveryResult)
    reason = fields.String(allow_none=True)
    run = fields.UUID(allow_none=True)


class AcceptedForAllSchema(Answer):
    """What a delivery meant for each stack on the repository."""

    message = fields.String()
    stacks = fields.Nested(ReceivedSchema, many=True)


class DeliverySchema(Answer):
    """What became of a call of a forge."""

    at = Time()
    forge = fields.String()
    event = fields.String()
    references = fields.String(allow_none=True)
    delivery_id = fields.String(allow_none=True)
    who = fields.String(allow_none=True)
    result = Word(DeliveryResult)
    reason = fields.String(allow_none=True)
    run = fields.UUID(attribute="run_uuid", allow_none=True)
    count = Count()


class DeliveriesSchema(Answer):
    """The newest deliveries."""

    deliveries = fields.Nested(DeliverySchema, many=True)
