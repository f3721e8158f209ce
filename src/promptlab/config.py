"""Settings: where the workspace is, which database it uses, which endpoints it names.

The workspace is the nearest folder upward with a `promptlab.toml` (or PROMPTLAB_HOME), else the current folder.
Precedence: an argument, then the environment, then promptlab.toml, then the default.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from promptlab.errors import WorkspaceError

CONFIG_NAME = "promptlab.toml"
RESERVED_PROVIDERS = frozenset({"openai", "local", "fake", "python"})


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


@dataclass(frozen=True, slots=True)
class Workspace:
    """One workspace: its folder, its database and what promptlab.toml says."""

    root: Path
    db_url: str
    artifacts: Path
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    threads: int | None = None
    """Threads for local models; None takes the number of free cores."""

    @property
    def prompts(self) -> Path:
        """The folder of prompt files."""
        return self.root / "prompts"


def find_workspace(start: Path | None = None, *, db: str | None = None) -> Workspace:
    """The workspace that `start` (default: the current folder) lies in.

    db: a database URL or a file path; it wins over PROMPTLAB_DB. Raises WorkspaceError.
    """
    root = _find_root(start)
    settings = _read_config(root / CONFIG_NAME)
    db_url = _database_url(db or os.environ.get("PROMPTLAB_DB"), root)
    return Workspace(
        root=root,
        db_url=db_url,
        artifacts=_artifact_folder(db_url, root),
        endpoints=_endpoints(settings.get("endpoints", {}), root / CONFIG_NAME),
        threads=settings.get("local", {}).get("threads"),
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
    _refuse_unknown(settings, {"endpoints", "local"}, where=str(path))
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
    for key, value in table.items():
        if key in ("base_url", "api_key_env"):
            if not isinstance(value, str):
                raise WorkspaceError(f"{where}: {key} is {value!r}; it is text")
        elif not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
            raise WorkspaceError(f"{where}: {key} is {value!r}; it is a number from 0")
    return Endpoint(name=name, **table)


def _refuse_unknown(table: Mapping[str, Any], known: set[str], *, where: str) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise WorkspaceError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(sorted(known))}")
