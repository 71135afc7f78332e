"""/stacks/<uuid>/webhook: a forge says that something was pushed."""

from typing import Any

from flask import Blueprint, g, request

from supervisor import stacks, vault
from supervisor.api.runs import run_path
from supervisor.errors import SignatureInvalid, StackNotFound, WrongStrategy
from supervisor.models import Action, Strategy, Trigger
from supervisor.webhooks.signature import is_valid

blueprint = Blueprint("webhook", __name__)


@blueprint.post("/stacks/<uuid>/webhook")
def receive(uuid: str) -> Any:
    """Queue a deploy of whatever the reference points to; the payload chooses nothing."""
    stack = stacks.find(uuid)
    if stack.deleting:
        raise StackNotFound
    secret = vault.secrets_of(stack).signature_secret
    signature = request.headers.get(stack.signature_header or "")
    if secret and not is_valid(signature, secret, g.body):
        raise SignatureInvalid
    if stack.strategy != Strategy.WEBHOOK or not secret:
        raise WrongStrategy
    run = stacks.submit(uuid, Action.DEPLOY, Trigger.WEBHOOK)
    answer = {"message": "Webhook received", "run": run.uuid}
    return answer, 202, {"Location": run_path(stack, run)}
