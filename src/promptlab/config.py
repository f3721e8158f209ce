"""Settings: where the workspace is, which database it uses, which endpoints it names.

The workspace is the nearest folder upward with a `promptlab.toml` (or PROMPTLAB_HOME), else the current folder.
Precedence: an argument, then the environment, then promptlab.toml, then the default.
"""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from promptlab.errors import WorkspaceError

CONFIG_NAME = "promptlab.toml"
RESERVED_PROVIDERS = frozenset({"openai", "local", "fake", "python"})
DEADLINE_SECONDS = 120.0
"""How long a whole call may take where promptlab.toml does not say."""

_PRICE_KEYS = ("input_usd_per_million", "output_usd_per_million", "cached_input_usd_per_million")
_LIMIT_KEYS = ("requests_per_minute", "tokens_per_minute", "max_concurrency", "deadline_seconds")


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


def find_workspace(start: Path | None = None, *, db: str | None = None) -> Workspace:
    """The workspace that `start` (default: the current folder) lies in.

    db: a database URL or a file path; it wins over PROMPTLAB_DB. Raises WorkspaceError.
    """
    root = _find_root(start)
    path = root / CONFIG_NAME
    settings = _read_config(path)
    db_url = _database_url(db or os.environ.get("PROMPTLAB_DB"), root)
    return Workspace(
        root=root,
        db_url=db_url,
        artifacts=_artifact_folder(db_url, root),
        endpoints=_endpoints(settings.get("endpoints", {}), path),
        threads=settings.get("local", {}).get("threads"),
        prices=_prices(settings.get("prices", {}), path),
        openai=_openai(settings.get("openai", {}), path),
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
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WorkspaceError(f"{path}: not valid TOML: {error}") from error
    except OSError as error:
        raise WorkspaceError(f"{path}: cannot be read: {error.strerror}") from error
    _refuse_unknown(settings, {"endpoints", "local", "openai", "prices"}, where=str(path))
    local = settings.get("local", {})
    if not isinstance(local, dict):
        raise WorkspaceError(f"{path}: [local] is a table, with `threads`")
    _refuse_unknown(local, {"threads"}, where=f"{path}, [local]")
    threads = local.get("threads")
    if threads is not None and (not isinstance(threads, int) or isinstance(threads, bool) or threads < 1):
        raise WorkspaceError(f"{path}, [local]: threads is {threads!r}; it is a whole number from 1")
    return settings


def _endpoints(tables: Any, path: Path) -> dict[str, Endpoint]:
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise WorkspaceError(f"{path}: endpoints are tables: [endpoints.NAME] with base_url")
    return {name: _endpoint(name, table, path) for name, table in tables.items()}


def _endpoint(name: str, table: dict[str, Any], path: Path) -> Endpoint:
    where = f"{path}, [endpoints.{name}]"
    if name in RESERVED_PROVIDERS:
        raise WorkspaceError(f"{where}: {name!r} is a provider of promptlab; choose another name")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise WorkspaceError(f"{where}: a name has letters, digits, `-`, `_` and `.` only")
    known = {item.name for item in fields(Endpoint)} - {"name"}
    if "api_key" in table:
        raise WorkspaceError(f"{where}: a key never stands in a file; name its environment variable in api_key_env")
    _refuse_unknown(table, known, where=where)
    base_url = table.get("base_url")
    if not isinstance(base_url, str) or not base_url.startswith(("http://", "https://")):
        raise WorkspaceError(f"{where}: base_url is {base_url!r}; it is needed, and starts with http:// or https://")
    if not isinstance(table.get("api_key_env", ""), str):
        raise WorkspaceError(f"{where}: api_key_env is {table['api_key_env']!r}; it is text")
    _check_prices(table, where=where)
    _check_limits(table, where=where)
    return Endpoint(name=name, **table)


def _openai(table: Any, path: Path) -> Limits:
    where = f"{path}, [openai]"
    if not isinstance(table, dict):
        raise WorkspaceError(f"{path}: [openai] is a table, with any of {', '.join(_LIMIT_KEYS)}")
    if "base_url" in table:
        raise WorkspaceError(
            f"{where}: base_url is not set here; set OPENAI_BASE_URL, or name the server in [endpoints.NAME]"
        )
    _refuse_unknown(table, set(_LIMIT_KEYS), where=where)
    _check_limits(table, where=where)
    return Limits(**table)


def _prices(tables: Any, path: Path) -> dict[str, PriceOverride]:
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise WorkspaceError(f'{path}: prices are tables: [prices."PROVIDER:MODEL"] with {_PRICE_KEYS[0]}')
    return {name: _price(name, table, path) for name, table in tables.items()}


def _price(name: str, table: dict[str, Any], path: Path) -> PriceOverride:
    where = f'{path}, [prices."{name}"]'
    provider, _, model = name.partition(":")
    if not provider or not model:
        raise WorkspaceError(f"{where}: the name is {name!r}; it is PROVIDER:MODEL, such as openai:gpt-4o-mini")
    if provider in ("local", "python"):
        raise WorkspaceError(f"{where}: {provider} models run on this machine and cost nothing; remove the table")
    _refuse_unknown(table, set(_PRICE_KEYS), where=where)
    _check_prices(table, where=where)
    if not {"input_usd_per_million", "output_usd_per_million"} & set(table):
        raise WorkspaceError(f"{where}: input_usd_per_million and output_usd_per_million are missing")
    return PriceOverride(**table)


def _check_prices(table: Mapping[str, Any], *, where: str) -> None:
    for key in _given(table, _PRICE_KEYS):
        if not _is_number(table[key]) or table[key] < 0:
            raise WorkspaceError(f"{where}: {key} is {table[key]!r}; it is a number from 0")


def _check_limits(table: Mapping[str, Any], *, where: str) -> None:
    for key in _given(table, _LIMIT_KEYS):
        value = table[key]
        if key == "max_concurrency":
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise WorkspaceError(f"{where}: {key} is {value!r}; it is a whole number from 1")
        # Of 0 a minute, or within 0 seconds, no call could ever be made.
        elif not _is_number(value) or value <= 0:
            raise WorkspaceError(f"{where}: {key} is {value!r}; it is a number above 0")


def _given(table: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    return [key for key in keys if key in table]


def _is_number(value: Any) -> bool:
    # TOML also knows inf and nan.
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _refuse_unknown(table: Mapping[str, Any], known: set[str], *, where: str) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise WorkspaceError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(sorted(known))}")
