"""What a stack's values may look like; each rule raises ValidationError with its message."""

import posixpath
import re
import unicodedata

from marshmallow import ValidationError

from supervisor.commands.git import address

COMMIT = re.compile(r"[0-9a-f]{40}\Z")
# git check-ref-format(1): what no reference may contain.
BAD_IN_REFERENCE = re.compile(
    r"\.\.|@\{|//|[\x00-\x20\x7f~^:?*\[\\]|(^|/)\.|\.lock(/|$)|[./]$|^/|^@$"
)
VARIABLE_NAME = "^[A-Za-z_][A-Za-z0-9_]*$"
VARIABLE = re.compile(VARIABLE_NAME.replace("$", r"\Z"))
# What the command lines themselves, or a program they start, read from their environment: older
# Compose releases copy an env file's variables there.
RESERVED_VARIABLE = re.compile(
    r"(PATH|HOME|SHELL|USER|PWD|TMPDIR|IFS|ENV|BASH_ENV|GODEBUG|TTY_DISPLAY_RATE"
    r"|(HTTP|HTTPS|ALL|FTP|NO)_PROXY"
    r"|(LD|DYLD|DOCKER|COMPOSE|BUILDKIT|BUILDX|GIT|SSH|SSL|XDG|PYTHON|SUPERVISOR|OTEL)_.*)\Z",
    re.IGNORECASE,
)
HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,99}\Z")
RESERVED_HEADERS = {"host", "cookie", "connection", "transfer-encoding"}
NUL_OR_HALF = re.compile("[\0\ud800-\udfff]")
BIDIRECTIONAL = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# What `printable` and `not_blank` take, for the description of the API.
_UNPRINTABLE = r"\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
PRINTABLE = rf"^[^{_UNPRINTABLE}]*[^\s{_UNPRINTABLE}][^{_UNPRINTABLE}]*$"


def printable(text: str) -> None:
    """Refuse control characters, bidirectional overrides and lone surrogates."""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValidationError("contains control characters")
    if BIDIRECTIONAL.search(text):
        raise ValidationError("contains characters that change the direction of writing")


def no_nul(text: str) -> None:
    """Refuse what no file and no command can carry."""
    if NUL_OR_HALF.search(text):
        raise ValidationError("contains NUL or half a character")


def not_blank(text: str) -> None:
    """Refuse an empty text."""
    if not text.strip():
        raise ValidationError("can't be blank")


def repository(url: str) -> None:
    """Take http, https, ssh and file URLs without credentials."""
    try:
        address.check(url)
    except ValueError as error:
        raise ValidationError(str(error)) from None


def reference(name: str) -> None:
    """Take a full reference, a short branch or tag name, or a full commit id."""
    if name.startswith("-") or BAD_IN_REFERENCE.search(name) or len(name) > 255:
        raise ValidationError("is not a valid reference")
    if name.startswith("refs/") and not re.match(r"refs/(heads|tags)/.", name):
        raise ValidationError("must be below refs/heads/ or refs/tags/")


def repository_path(path: str) -> str:
    """Return a relative path in its plain form; refuse what leaves the repository or is no path."""
    if "://" in path or ":" in path or path.startswith(("/", "~")):
        raise ValidationError("must be a path inside the repository")
    parts = path.split("/")
    plain = posixpath.normpath(path)
    if ".." in parts or plain in (".", "") or plain.startswith(("-", "~")) or len(path) > 1024:
        raise ValidationError("must be a path inside the repository")
    if plain.split("/")[0].lower() == ".git":
        raise ValidationError("must be a path inside the repository")
    return plain


def variable_name(name: str) -> None:
    """Refuse names that no shell could set, and names that steer the command line itself."""
    if not VARIABLE.match(name) or len(name) > 255:
        raise ValidationError(f"{name[:60]!r} is not a valid variable name")
    if RESERVED_VARIABLE.match(name):
        raise ValidationError(f"{name[:60]!r} is reserved")


def header(name: str) -> None:
    """Take a header's name that arrives here unharmed."""
    if not HEADER.match(name) or name.lower() in RESERVED_HEADERS:
        raise ValidationError("is not a valid header name")
