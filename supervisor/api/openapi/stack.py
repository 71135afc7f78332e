"""A stack's fields as they are taken and shown, from the schema that checks them."""

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow.openapi import OpenAPIConverter

from supervisor.api.openapi.answers import SHOWN_STACK, strict
from supervisor.security.redact import MASK
from supervisor.stacks.fields import rules
from supervisor.stacks.fields.schema import StackSchema

SECRET = f"It is shown as `{MASK}`; sent back so, it stays as it is. "
# What each field is, and an example.
WORDS: dict[str, dict[str, Any]] = {
    "name": {
        "description": "Unique, also where only upper and lower case differ.",
        "examples": ["website"],
    },
    "git_repository": {
        "description": "A URL with `https`, `http`, `ssh` or `file`, without credentials in it.",
        "examples": ["https://git.example.org/you/website.git"],
    },
    "git_reference": {
        "description": "A branch or tag, in full or short, or a full commit id.",
        "examples": ["refs/heads/main"],
    },
    "git_username": {
        "description": "For repositories that ask for a login; without a colon.",
        "examples": ["deploy"],
    },
    "git_token": {
        "description": f"{SECRET}A password or an access token for the repository.",
        "examples": ["glpat-0123456789"],
    },
    "git_ssh_key": {
        "description": f"{SECRET}A private key in OpenSSH's or PEM form, without a passphrase.",
    },
    "git_known_hosts": {
        "description": "Lines of a known_hosts file; with it, no other known hosts count.",
    },
    "submodules": {"description": "Whether submodules are checked out too.", "default": False},
    "shallow": {
        "description": "Whether only the commits that are deployed are fetched.",
        "default": False,
    },
    "compose_file": {
        "description": "A path inside the repository.",
        "examples": ["compose.yml"],
    },
    "compose_includes": {
        "description": "More compose files; later ones win. None is named twice.",
        "uniqueItems": True,
        "examples": [["compose.production.yml"]],
    },
    "compose_variables": {
        "description": "Variables for Compose. Those that look secret are shown as asterisks.",
        "propertyNames": {"maxLength": 255, "pattern": rules.VARIABLE_NAME, "format": "variable"},
        "examples": [{"COLOUR": "blue"}],
    },
    "strategy": {"description": "How the stack learns of new commits.", "examples": ["polling"]},
    "polling_interval": {
        "description": "Seconds; needed for `polling`, a safety net with `webhook`.",
        "examples": [300],
    },
    "signature_header": {
        "description": "The header that the forge puts its signature into; needed for `webhook`.",
        "examples": ["X-Hub-Signature-256"],
    },
    "signature_secret": {
        "description": f"{SECRET}What deliveries are signed with; needed for `webhook`.",
        "minLength": 8,
        "examples": ["long and random"],
    },
    "signature_secret_overlap": {
        "description": "Seconds for which a former secret stays valid beside a new one.",
        "examples": [3600],
    },
    "health_timeout": {
        "description": "Seconds that a deploy waits for the services to be healthy; 0: not at all.",
        "default": 120,
    },
    "rollback": {
        "description": "Whether the last good commit is brought back when a deploy fails.",
        "default": True,
    },
    "self_heal": {
        "description": "Whether what was changed from outside is put back.",
        "default": True,
    },
}
NEEDED = {"polling": ["polling_interval"], "webhook": ["signature_header", "signature_secret"]}
EXAMPLE = {
    "name": "website",
    "git_repository": "https://git.example.org/you/website.git",
    "git_reference": "refs/heads/main",
    "compose_file": "compose.yml",
    "strategy": "polling",
    "polling_interval": 300,
}


def schemas(spec: APISpec) -> dict[str, dict[str, Any]]:
    """Return what creates a stack, what changes one, and what is shown of one."""
    fields = _fields(spec)
    required = [name for name, field in StackSchema().fields.items() if field.required]
    new = {
        "type": "object",
        "properties": fields,
        "required": required,
        "additionalProperties": False,
        "anyOf": [_by_strategy(name, needed) for name, needed in NEEDED.items()],
        "examples": [EXAMPLE],
    }
    read_only = {name: schema | {"readOnly": True} for name, schema in SHOWN_STACK.items()}
    change = {
        "type": "object",
        "description": "What is given is changed, the rest stays. What is only shown may be sent"
        " back, and is ignored.",
        "properties": fields | read_only,
        "additionalProperties": False,
        "examples": [{"git_reference": "refs/tags/v2"}],
    }
    readable = {name: field for name, field in fields.items() if not field.get("writeOnly")}
    shown = strict(readable | read_only)
    return {"NewStack": new, "StackChange": change, "Stack": shown}


def _fields(spec: APISpec) -> dict[str, dict[str, Any]]:
    converter = OpenAPIConverter(spec.openapi_version, lambda _schema: None, spec)
    return {
        name: converter.field2property(field) | WORDS[name]
        for name, field in StackSchema().fields.items()
    }


def _by_strategy(strategy: str, needed: list[str]) -> dict[str, Any]:
    """Return which fields a strategy needs, and that they may not be null then."""
    given = {name: {"not": {"type": "null"}} for name in needed}
    return {
        "title": strategy,
        "properties": {"strategy": {"const": strategy}, **given},
        "required": ["strategy", *needed],
    }
