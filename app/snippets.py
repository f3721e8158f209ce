"""What the Playground shows, to paste elsewhere: Python, curl, or a suite in YAML. Keys are never in it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from promptlab.config import Workspace
from promptlab.types import Message

OPENAI = "https://api.openai.com/v1"
OWN_PROVIDERS = ("local", "fake", "python")


def python(reference: str, models: Sequence[str], inputs: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """A script that asks the same."""
    arguments = [repr(reference), repr(list(models)), repr(dict(inputs))]
    if settings:
        arguments.append(f"settings={dict(settings)!r}")
    call = ",\n    ".join(arguments)
    return (
        "from promptlab import Lab\n\n"
        f"for answer in Lab().try_prompt(\n    {call},\n):\n"
        "    print(answer.model, answer.text, answer.error or '')\n"
    )


def curl(model: str, messages: Sequence[Message], settings: Mapping[str, Any], workspace: Workspace) -> str | None:
    """The request to the model's server; None for a model without one. The key is a variable of the shell."""
    provider, _, name = model.partition(":")
    if provider in OWN_PROVIDERS or not name:
        return None
    endpoint = workspace.endpoints.get(provider)
    url = endpoint.base_url if endpoint else OPENAI
    key = endpoint.api_key_env if endpoint else "OPENAI_API_KEY"
    body = {
        "model": name,
        "messages": [{"role": message.role, "content": message.content} for message in messages],
        **{key: value for key, value in settings.items() if value is not None},
    }
    lines = [f"curl {shlex.quote(url.rstrip('/') + '/chat/completions')}"]
    lines += [f'-H "Authorization: Bearer ${key}"'] if key else []
    lines += [
        "-H 'Content-Type: application/json'",
        f"-d {shlex.quote(json.dumps(body, indent=2, ensure_ascii=False))}",
    ]
    return " \\\n  ".join(lines) + "\n"


def suite(
    reference: str,
    models: Sequence[str],
    inputs: Mapping[str, Any],
    settings: Mapping[str, Any],
    *,
    expected: Any = None,
) -> str:
    """A suite of this one case: a beginning for evals/NAME.yaml."""
    from ruamel.yaml import YAML

    case: dict[str, Any] = {"id": "1", "inputs": dict(inputs)}
    if expected is not None:
        case["expected"] = expected
    document: dict[str, Any] = {
        "name": reference.partition("@")[0] or "draft",
        "prompts": [reference],
        "models": list(models),
    }
    document |= {"settings": dict(settings)} if settings else {}
    document |= {"cases": [case], "evaluators": ["exact_match"] if expected is not None else ["word_count"]}
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # its default None decides the type
    yaml.width = 1_000_000
    stream = StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()
