"""What descriptions of requests are put together from."""

from typing import Any

from supervisor.api.answers.service import ErrorSchema, InvalidSchema
from supervisor.api.body import Number
from supervisor.stacks.fields.answers import Answer

JSON = "application/json"
UUID = {"type": "string", "format": "uuid"}
Described = dict[str, Any]

ERRORS = {
    301: "It came in clear: `Location` has the same address with https",
    400: "The JSON is broken, a parameter is out of range, or the signature is wrong",
    401: "The key is missing or wrong",
    403: "It came in clear, where plain HTTP is refused",
    404: "There is no such stack or run",
    408: "The body did not arrive within 10 seconds",
    409: "Not now, or not with this stack: it does not follow webhooks, it is Supervisor's own, or"
    " there are too many stacks, runs or plans",
    413: "The body is larger than 1 MiB, or than 128 KiB where a webhook has no signature",
    415: "The body is not JSON in UTF-8",
    422: "The commit cannot be deployed",
    429: "Too many logs are followed, or too many bad signatures came from this address",
    500: "Something broke; the reason is in Supervisor's own log",
    503: "The database cannot be used now, or too many bodies without a key are on their way",
    507: "The disk is full; nothing was accepted",
}
HEADERS = {
    301: {"Location": {"schema": {"type": "string"}}},
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    429: {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds, for webhooks."}},
    503: {"Retry-After": {"schema": {"type": "string"}, "description": "Where it will help."}},
}
READS = (301, 401, 403, 500, 503)
WRITES = (401, 403, 408, 413, 500, 503, 507)
WITH_BODY = (*WRITES, 400, 415)
DELIVERED = (400, 403, 408, 413, 429, 500, 503)


def error(status: int, schema: type[Answer] = ErrorSchema) -> Described:
    """Return the answer that a status stands for."""
    answer = content(ERRORS[status], schema)
    return answer | {"headers": HEADERS[status]} if status in HEADERS else answer


def content(description: str, schema: type[Answer] | Described) -> Described:
    """Return an answer with a body."""
    return {"description": description, "content": {JSON: {"schema": schema}}}


def list_of(schema: type[Answer]) -> Described:
    """Return a list of such answers."""
    return {"type": "array", "items": schema}


def reference(name: str) -> Described:
    """Return a reference to what is described by hand."""
    return {"$ref": f"#/components/schemas/{name}"}


def located(answer: Described, what: str, *, always: bool = True) -> Described:
    """Return the answer with a Location."""
    header = {"schema": {"type": "string", "format": "uri-reference"}, "description": what}
    return answer | {"headers": {"Location": header | {"required": always}}}


def operation(
    name: str,
    tag: str,
    summary: str,
    answers: dict[int, Described],
    errors: tuple[int, ...],
    **more: Any,
) -> Described:
    """Return a described request; the answers win over what the errors say in general."""
    general = {n: {"$ref": f"#/components/responses/Error{n}"} for n in errors}
    every = general | answers
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "responses": {str(status): every[status] for status in sorted(every)},
        **more,
    }


def takes(schema: str, *examples: Described, required: bool = True) -> Described:
    """Return a JSON body."""
    body: Described = {"schema": reference(schema)}
    if examples:
        body["examples"] = {f"example-{n}": {"value": e} for n, e in enumerate(examples, start=1)}
    return {"required": required, "content": {JSON: body}}


def in_path(name: str) -> Described:
    """Return a parameter of the path."""
    return {"name": name, "in": "path", "required": True, "schema": UUID}


def in_query(name: str, schema: Described, text: str) -> Described:
    """Return a parameter of the query."""
    return {"name": name, "in": "query", "schema": schema, "description": text}


def number(rule: Number, text: str) -> Described:
    """Return a query parameter as its rule has it."""
    limits = {"minimum": rule.least, "maximum": rule.most, "default": rule.default}
    return in_query(rule.name, {"type": "integer", **limits}, text)


FLAG = {"type": "boolean", "default": False}
NO_CONTENT = {"description": "Done, or queued"}
RUN_PLACE = "The run that was queued, or joined"
ANY_BODY = {
    "description": "What the forge sends; the signature is over its raw bytes.",
    "content": {
        JSON: {"schema": {}, "example": {"ref": "refs/heads/main"}},
        "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
    },
}
BY_SIGNATURE: list[Described] = [{"signature": []}]
INVALID = error(422, InvalidSchema) | {"description": "Fields are wrong; nothing was changed"}
