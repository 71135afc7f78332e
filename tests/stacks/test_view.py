"""A stack's secrets are in no answer about it."""

from uuid import uuid4

from tests.support.api import Api, stack_fields


def test_the_same_secret_is_never_shown(api: Api) -> None:
    """Whatever else a stack has, its secrets are in no answer about it."""
    secrets = {"git_token": "canary-1", "signature_secret": "canary-22"}
    variables = {"DB_PASSWORD": "canary-3", "URL": "https://ada:canary-4@db/x", "PLAIN": "x"}
    fields = stack_fields(name=f"stack {uuid4()}", compose_variables=variables) | secrets
    created = api.client.post("/stacks", json=fields)
    path = f"/stacks/{created.get_json()['uuid']}"
    answers = [created, api.client.patch(path, json={"name": f"stack {uuid4()}"})]
    answers += [api.client.get(where) for where in ("/stacks", path, f"{path}/runs")]
    answers += [api.client.get(f"{path}/{part}") for part in ("stats", "log?entries=9")]
    answers.append(api.client.patch(path, json={"compose_variables": {"PATH": "canary-5"}}))
    assert not [answer.text for answer in answers if "canary" in answer.text]
