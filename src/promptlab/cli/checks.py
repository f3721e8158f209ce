"""What `promptlab doctor` looks at: nothing is imported that is slow, nothing is created, no key is ever shown."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import promptlab
from promptlab.cli import words
from promptlab.config import CONFIG_NAME, Endpoint, cache_folder
from promptlab.errors import UsageError
from promptlab.lab import Lab

_EXTRAS = {
    "openai": ("openai",),
    "local": ("torch", "transformers", "gguf"),
    "app": ("streamlit",),
    "sklearn": ("sklearn",),
    "postgres": ("psycopg",),
}
_LITTLE_BYTES = 2_000_000_000
_CONNECT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. serious: promptlab cannot be used before it is mended."""

    text: str
    good: bool = True
    serious: bool = False

    @property
    def mark(self) -> str:
        """✓, ✗ where it is serious, else -."""
        return "✓" if self.good else "✗" if self.serious else "-"

    @property
    def style(self) -> str:
        """The colour of the mark."""
        return "green" if self.good else "red" if self.serious else "yellow"


def examine(lab: Lab, *, network: bool) -> Iterator[tuple[str, Sequence[Finding]]]:
    """Findings by title, each as soon as it is known. network: also connect to the named endpoints."""
    yield "promptlab", [_python(), *_packages()]
    yield "workspace", [_workspace(lab), _database(lab), _disk(lab.workspace.root)]
    yield "base models", _models(lab)
    yield "keys", _keys(lab)
    if network:
        found = [_reach(endpoint) for endpoint in lab.workspace.endpoints.values()]
        yield "endpoints", found or [Finding("none named in promptlab.toml", good=False)]


def _python() -> Finding:
    return Finding(f"promptlab {promptlab.__version__}, Python {platform.python_version()}, {platform.system()}")


def _packages() -> list[Finding]:
    findings = []
    for extra, modules in _EXTRAS.items():
        missing = [module for module in modules if importlib.util.find_spec(module) is None]
        if missing:
            text = f"[{extra}] lacks {', '.join(missing)}; for it: pip install 'promptlab-workbench[{extra}]'"
            findings.append(Finding(text, good=False))
        else:
            findings.append(Finding(f"[{extra}] is installed"))
    return findings


def _workspace(lab: Lab) -> Finding:
    root = lab.workspace.root
    if not (root / CONFIG_NAME).is_file():
        return Finding(f"{root} (no {CONFIG_NAME} here; promptlab init writes one)", good=False)
    prompts = len(list(lab.workspace.prompts.glob("*.j2")))
    suites = len(list((root / "evals").glob("*.yaml")))
    return Finding(f"{root}: {words.plural(prompts, 'prompt file')}, {words.plural(suites, 'suite')}")


def _database(lab: Lab) -> Finding:
    # Not through the Lab, which would create or migrate it: a look changes nothing.
    from promptlab.store.database import Database

    url = lab.workspace.db_url
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        folder = next((parent for parent in path.parents if parent.is_dir()), path.parent)
        if not os.access(path if path.exists() else folder, os.W_OK):
            return Finding(f"database {path}: cannot be written; name another with --db", good=False, serious=True)
        if not path.exists():
            return Finding(f"database {path}: not there yet, created when first used")
    try:
        with Database.open(url, read_only=True) as database:
            stats = database.stats()
    except UsageError as error:
        return Finding(str(error), good=False, serious=True)
    runs = words.plural(stats.rows.get("run", 0), "run")
    return Finding(f"database {stats.name}: schema {stats.revision}, {runs}, {words.size(stats.bytes)}, writable")


def _disk(root: Path) -> Finding:
    free = shutil.disk_usage(root).free
    cache = cache_folder()
    return Finding(f"{words.size(free)} free; base models are kept in {cache}", good=free > _LITTLE_BYTES)


def _models(lab: Lab) -> list[Finding]:
    return [
        Finding(f"{entry.name}: {entry.state}" + (f", {entry.detail}" if entry.detail else ""), entry.state == "ready")
        for entry in lab.base_models()
    ]


def _keys(lab: Lab) -> list[Finding]:
    named = {endpoint.api_key_env for endpoint in lab.workspace.endpoints.values() if endpoint.api_key_env}
    findings = []
    for variable in ("OPENAI_API_KEY", *sorted(named)):
        is_set = bool(os.environ.get(variable))
        findings.append(Finding(f"{variable} is {'set' if is_set else 'not set'}", good=is_set))
    return findings


def _reach(endpoint: Endpoint) -> Finding:
    parts = urlsplit(endpoint.base_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    said = f"{endpoint.name} at {parts.hostname}:{port}"
    try:
        socket.create_connection((parts.hostname or "", port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        return Finding(f"{said} does not answer: {error.strerror or error}; is it running?", good=False)
    return Finding(f"{said} answers")
