"""Text with every key taken out, for error messages, logs and exports."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

MASK = "[redacted]"

_SECRET_NAME = re.compile(r"(^|_)(API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)(_|$)", re.IGNORECASE)
_SHORTEST_ENVIRONMENT_SECRET = 8
_SHORTEST_GIVEN_SECRET = 4

# What keys of well-known services look like, so that a key that stands in no variable of ours is masked too.
# A server may echo one with its middle starred out, therefore `*`.
_SHAPES = re.compile(
    r"""
      \bsk-[A-Za-z0-9_*-]{6,}                  # OpenAI and its many likes
    | \bhf_[A-Za-z0-9*]{16,}                   # Hugging Face
    | \bgh[pousr]_[A-Za-z0-9]{20,}             # GitHub
    | \bgithub_pat_[A-Za-z0-9_]{20,}
    | \bxox[abprs]-[A-Za-z0-9-]{10,}           # Slack
    | \bAKIA[0-9A-Z]{16}\b                     # AWS
    | \bAIza[0-9A-Za-z_-]{30,}                 # Google
    | \bgsk_[A-Za-z0-9]{20,}                   # Groq
    """,
    re.VERBOSE,
)
_BEARER = re.compile(r"\b(Bearer|Basic)(\s+)[A-Za-z0-9._~+/=*-]{8,}", re.IGNORECASE)
_ASSIGNED = re.compile(
    r"(\b(?:api[_-]?key|x-api-key|authorization|access[_-]?token|secret)\b[\"']?\s*[:=]\s*[\"']?)([^\s\"',;&}]{8,})",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/@]+(@)", re.IGNORECASE)


def redact(text: str, *, secrets: Iterable[str] = ()) -> str:
    """The text with each secret replaced by `[redacted]`.

    Masked are: `secrets` (of 4 characters or more), the values of environment variables whose names say key, token,
    secret, password or credentials (of 8 or more), strings shaped like the keys of well-known services, what follows
    `Bearer` or `api_key=`, and passwords in URLs.
    """
    known = {secret for secret in secrets if len(secret) >= _SHORTEST_GIVEN_SECRET} | _environment_secrets()
    for secret in sorted(known, key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = _SHAPES.sub(MASK, text)
    text = _BEARER.sub(rf"\1\2{MASK}", text)
    text = _ASSIGNED.sub(_mask_value, text)
    return _URL_PASSWORD.sub(rf"\1{MASK}\2", text)


def _environment_secrets() -> set[str]:
    return {
        value
        for name, value in os.environ.items()
        if len(value) >= _SHORTEST_ENVIRONMENT_SECRET and _SECRET_NAME.search(name)
    }


def _mask_value(match: re.Match[str]) -> str:
    value = match.group(2)
    # `Authorization: Bearer [redacted]` is done already; masking the word Bearer would only hide the scheme.
    already = value.startswith(MASK) or value.lower() in ("bearer", "basic")
    return match.group(0) if already else match.group(1) + MASK
