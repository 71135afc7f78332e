"""Webhooks: a forge says that something was pushed, to one stack or to all on its repository."""

import time
from collections.abc import Mapping
from typing import Any, cast

from flask import Blueprint, g, request

from supervisor.api.answers.webhook import (
    AcceptedForAllSchema,
    AcceptedSchema,
    DeliverySchema,
    IgnoredSchema,
)
from supervisor.api.bodies import BODY_BYTES
from supervisor.api.body import Number
from supervisor.api.runs import run_path
from supervisor.api.throttle import Throttle
from supervisor.errors import SignatureInvalid, StackNotFound
from supervisor.forges import bitbucket
from supervisor.forges.signature import Request, may_be_signed
from supervisor.settings.config import Config
from supervisor.settings.parts import part_of
from supervisor.stacks import catalogue
from supervisor.store.models import Stack
from supervisor.store.words import DeliveryResult
from supervisor.triggers import deliveries, webhooks
from supervisor.triggers.webhooks import Received

blueprint = Blueprint("webhook", __name__)

UNSIGNED_TEST = "pong, without a signature: only a push shows whether the secret is right"
COUNT = Number("count", 20, 1, deliveries.KEPT)

accepted_values, ignored_values = AcceptedSchema().dump, IgnoredSchema().dump
for_all_values, delivery_values = AcceptedForAllSchema().dump, DeliverySchema().dump


@blueprint.post("/stacks/<uuid>/webhook")
def receive(uuid: str) -> Any:
    """Take a delivery for one stack."""
    try:
        _refuse_unread(BODY_BYTES)
        found = webhooks.receive(_stack_called(uuid), _arrived(), sha1=_sha1())
    except SignatureInvalid:
        return _refuse()
    if found.result != DeliveryResult.ACCEPTED or found.run is None:
        return ignored_values({"message": found.reason, "result": found.result})
    answer = accepted_values({"message": "Webhook received", "run": found.run.uuid})
    return answer, 202, {"Location": run_path(found.stack, found.run)}


@blueprint.post("/webhook")
def receive_for_repository() -> Any:
    """Take a delivery for every stack on the repository; say for each what was done."""
    try:
        _refuse_unread(webhooks.READ_UNPROVEN_BYTES)
        found = webhooks.receive_for_repository(_arrived(), sha1=_sha1())
    except SignatureInvalid:
        return _refuse()
    accepted = any(each.result == DeliveryResult.ACCEPTED for each in found)
    message = "Webhook received" if accepted else "Nothing to do for any stack"
    stacks = [_received_values(each) for each in found]
    return for_all_values({"message": message, "stacks": stacks}), 202 if accepted else 200


@blueprint.get("/stacks/<uuid>/deliveries")
def index(uuid: str) -> Any:
    """List the newest deliveries and what became of them, newest first."""
    stack = catalogue.find(uuid)
    found = deliveries.newest(stack, COUNT.read())
    return {"deliveries": [delivery_values(delivery) for delivery in found]}


def _refuse_unread(most: int) -> None:
    """Do nothing for an address that sent many bad signatures, where this is one or is large.

    Raise SignatureInvalid. What has the form of a signature is verified: it may be a good one, from
    a forge or a proxy that others call through as well.
    """
    if g.has_key or not part_of(Throttle).is_spent(request.remote_addr or ""):
        return
    if len(g.body) > most or not may_be_signed(_arrived().headers):
        raise SignatureInvalid


def _stack_called(uuid: str) -> Stack:
    try:
        return catalogue.find(uuid)
    except StackNotFound:
        if g.has_key:
            raise
        # Who has neither a key nor a secret learns nothing of which stacks there are.
        raise SignatureInvalid from None


def _arrived() -> Request:
    return Request(cast(Mapping[str, str], request.headers), g.body, time.time())


def _sha1() -> bool:
    return part_of(Config).allow_sha1


def _refuse() -> Any:
    """Answer a bad signature; after many from one address, tell it to wait."""
    if bitbucket.is_unsigned_test(_arrived().headers):
        return ignored_values({"message": UNSIGNED_TEST, "result": DeliveryResult.IGNORED})
    wait = part_of(Throttle).note(request.remote_addr or "")
    if wait:
        return {"error": "Too many bad signatures"}, 429, {"Retry-After": str(wait)}
    return {"error": str(SignatureInvalid())}, 400


def _received_values(found: Received) -> dict[str, Any]:
    return {
        "uuid": found.stack.uuid,
        "name": found.stack.name,
        "result": found.result,
        "reason": found.reason,
        "run": found.run.uuid if found.run else None,
    }
