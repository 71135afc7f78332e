"""What schemathesis is told about our formats, and how it finds what is there."""

import os
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import schemathesis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import strategies as st
from schemathesis import Case, HookContext

WORD = r"[a-z][a-z0-9]{0,11}"
FORMATS = {
    "git-repository": rf"file:///nowhere/{WORD}\.git",
    "git-reference": rf"(refs/(heads|tags)/)?{WORD}",
    "user-name": WORD,
    "repository-path": rf"{WORD}/{WORD}\.yml",
    "header-name": rf"X-{WORD}",
    "variable": r"[A-Z]{1,3}_[a-z]{1,9}",
    "known-hosts": rf"{WORD} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA[a-z]{{4}}",
}
for name, pattern in FORMATS.items():
    schemathesis.openapi.format(name, st.from_regex(pattern, fullmatch=True))
KEY = Ed25519PrivateKey.generate().private_bytes(
    Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
)
schemathesis.openapi.format("private-key", st.just(KEY.decode()))


@schemathesis.hook
def filter_case(context: HookContext, case: Case) -> bool:
    """Leave out null in the place of a list, which schemathesis takes for a list of wrong items."""
    return not (isinstance(case.body, dict) and case.body.get("compose_includes", ()) is None)


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Aim at what is there, and at nobody outside of this machine."""
    if isinstance(case.body, dict):
        keep_at_home(case.body)
    if case.meta and case.meta.phase.name.value != "stateful" and case.method != "DELETE":
        for name in case.path_parameters.keys() & {"uuid", "run_uuid"}:
            if is_uuid(case.path_parameters[name]):
                case.path_parameters[name] = os.environ[f"FUZZED_{name.upper()}"]
    if is_uuid(case.query.get("before")):
        case.query["before"] = os.environ["FUZZED_RUN_UUID"]
    if case.query.get("follow") in (True, "true"):
        # From the beginning, so that there is something to be sent at once.
        case.headers["Last-Event-ID"] = "0"


def keep_at_home(body: dict[str, Any]) -> None:
    """Let no repository be asked that is on another machine."""
    url = body.get("git_repository")
    if isinstance(url, str) and urlsplit(url).scheme in ("http", "https", "ssh"):
        body["git_repository"] = "file:///nowhere/at/all.git"


def is_uuid(text: Any) -> bool:
    """Tell whether a parameter was meant to be valid."""
    try:
        return str(UUID(text)) == text
    except (AttributeError, TypeError, ValueError):
        return False
