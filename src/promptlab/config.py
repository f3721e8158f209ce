"""Settings: where the workspace is, which database it uses, which endpoints it names.

The workspace is the nearest folder upward with a `promptlab.toml` (or PROMPTLAB_HOME), else the current folder.
Precedence: an argument, then the environment, then promptlab.toml, then the default.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from promptlab.config_keys import problems
from promptlab.errors import WorkspaceError

CONFIG_NAME = "promptlab.toml"
DEADLINE_SECONDS = 120.0
"""How long a whole call may take where promptlab.toml does not say."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be asked of a provider: None: no limit that is known beforehand.

    max_concurrency: the most calls in flight, from 1. deadline_seconds: how long a whole call may take.
    """

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    max_concurrency: int | None = None
    deadline_seconds: float = DEADLINE_SECONDS


@dataclass(frozen=True, slots=True)
class PriceOverride:
    """A price of the user's own, in US dollars for a million tokens; None: unknown, for cached input: as all input."""

    input_usd_per_million: float | None = None
    output_usd_per_million: float | None = None
    cached_input_usd_per_million: float | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A named OpenAI-compatible server; `name:model` is then a base model.

    api_key_env: the *name* of an environment variable; the key itself is never held here.
    """

    name: str
    base_url: str
    api_key_env: str | None = None
    input_usd_per_million: float | None = None
    output_usd_per_million: float | None = None
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    max_concurrency: int | None = None
    deadline_seconds: float | None = None

    @property
    def limits(self) -> Limits:
        """What may be asked of it."""
        return Limits(
            self.requests_per_minute,
            self.tokens_per_minute,
            self.max_concurrency,
            DEADLINE_SECONDS if self.deadline_seconds is None else self.deadline_seconds,
        )


@dataclass(frozen=True, slots=True)
class Workspace:
    """One workspace: its folder, its database and what promptlab.toml says."""

    root: Path
    db_url: str
    artifacts: Path
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    threads: int | None = None
    """Threads for local models; None takes the number of free cores."""
    prices: Mapping[str, PriceOverride] = field(default_factory=dict)
    """The user's own prices by model name or pattern, such as `openai:gpt-4o-mini` or `ollama:*`."""
    openai: Limits = Limits()
    """What may be asked of `openai:`."""

    @property
    def prompts(self) -> Path:
        """The folder of prompt files."""
        return self.root / "prompts"

    def limits_for(self, provider: str) -> Limits:
        """What may be asked of `openai` or a named endpoint; no limits for any other provider."""
        if provider == "openai":
            return self.openai
        endpoint = self.endpoints.get(provider)
        return Limits() if endpoint is None else endpoint.limits


def find_workspace(start: Path | None = None, *, db: str | None = None, configured: bool = True) -> Workspace:
    """The workspace that `start` (default: the current folder) lies in.

    db: a database URL or a file path; it wins over PROMPTLAB_DB. configured: as its promptlab.toml says, else by the
    defaults. Raises WorkspaceError.
    """
    root = _find_root(start)
    settings = _read_config(root / CONFIG_NAME) if configured else {}
    db_url = _database_url(db or os.environ.get("PROMPTLAB_DB"), root)
    return Workspace(
        root=root,
        db_url=db_url,
        artifacts=_artifact_folder(db_url, root),
        endpoints={name: Endpoint(name=name, **table) for name, table in settings.get("endpoints", {}).items()},
        threads=settings.get("local", {}).get("threads"),
        prices={name: PriceOverride(**table) for name, table in settings.get("prices", {}).items()},
        openai=Limits(**settings.get("openai", {})),
    )


def cache_folder() -> Path:
    """The user's cache, where converted base models live; PROMPTLAB_CACHE overrides it."""
    override = os.environ.get("PROMPTLAB_CACHE")
    if override:
        return Path(override).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("promptlab", appauthor=False)


def _find_root(start: Path | None) -> Path:
    home = os.environ.get("PROMPTLAB_HOME")
    if start is None and home:
        root = Path(home).expanduser().resolve()
        if not root.is_dir():
            raise WorkspaceError(f"PROMPTLAB_HOME is {home}, which is not a folder; create it or unset it")
        return root
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / CONFIG_NAME).is_file():
            return folder
    return here


def _database_url(db: str | None, root: Path) -> str:
    if db is None:
        return f"sqlite:///{root / '.promptlab' / 'lab.db'}"
    if "://" in db:
        return db
    return f"sqlite:///{Path(db).expanduser().resolve()}"


def _artifact_folder(db_url: str, root: Path) -> Path:
    override = os.environ.get("PROMPTLAB_ARTIFACTS")
    if override:
        return Path(override).expanduser().resolve()
    if db_url.startswith("sqlite:///"):
        return Path(db_url.removeprefix("sqlite:///")).parent / "artifacts"
    return root / ".promptlab" / "artifacts"


def _read_config(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    settings = read_toml(path)
    for problem in problems(settings):
        where = f"{path}, {problem.title}" if problem.title else str(path)
        raise WorkspaceError(f"{where}: {problem.message}")
    return settings


def read_toml(path: Path) -> dict[str, Any]:
    """What a TOML file says, unchecked. Raises WorkspaceError where it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WorkspaceError(f"{path}: not valid TOML: {error}") from error
    except RecursionError as error:
        raise WorkspaceError(f"{path}: not valid TOML: nested too deeply") from error
    except OSError as error:
        raise WorkspaceError(f"{path}: cannot be read: {error.strerror}") from error
