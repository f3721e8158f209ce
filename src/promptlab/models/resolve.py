"""The base model that a name means."""

from __future__ import annotations

import difflib

from promptlab.config import Workspace
from promptlab.errors import ModelError
from promptlab.models.base import Model

_PROVIDERS = ("local", "openai", "fake")


def resolve_model(name: str, *, workspace: Workspace) -> Model:
    """The model of `provider:name`; nothing is loaded or sent yet.

    `local:` weights of this machine, `openai:` by OPENAI_API_KEY and OPENAI_BASE_URL, `fake:` for tests, else an
    endpoint of promptlab.toml. Raises ModelError that says what exists, MissingKeyError and MissingPackageError.
    """
    provider, colon, rest = name.partition(":")
    if not colon or not rest:
        raise ModelError(f"base model {name!r} is not of the form provider:name; {_hint(name, workspace)}")
    if provider == "local":
        from promptlab.models.transformers import local_model

        return local_model(name, workspace=workspace)
    if provider == "fake":
        from promptlab.models.fake import fake_model

        return fake_model(name, folder=workspace.root)
    if provider == "openai":
        from promptlab.models.openai import openai_model

        return openai_model(name, limits=workspace.limits_for(provider))
    if provider == "python":
        raise ModelError(f"base model {name!r}: python models are made in Python, with lab.model(name, predict)")
    endpoint = workspace.endpoints.get(provider)
    if endpoint is None:
        raise ModelError(f"base model {name!r} has an unknown provider {provider!r}; {_hint(provider, workspace)}")
    from promptlab.models.openai import endpoint_model

    return endpoint_model(name, endpoint)


def _hint(text: str, workspace: Workspace) -> str:
    from promptlab.models.packaged import PACKAGED

    providers = [*_PROVIDERS, *sorted(workspace.endpoints)]
    whole = [f"local:{name}" for name in PACKAGED]
    close = difflib.get_close_matches(text, [*PACKAGED, *whole], n=1, cutoff=0.6)
    if close:
        return f"did you mean local:{close[0].removeprefix('local:')}?"
    close = difflib.get_close_matches(text, providers, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}:NAME?"
    return f"providers: {', '.join(providers)}; another server is named in promptlab.toml as [endpoints.NAME]"
