"""`promptlab init`, `doctor` and `ui`: a folder to work in, what it has and lacks, the workbench in the browser."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

import promptlab
from promptlab.cli.console import output
from promptlab.cli.session import CELL_FAILED, OK, DatabaseOption, open_lab, program
from promptlab.errors import MissingPackageError, UsageError, WorkspaceError

_PORT = 8501
_END_SECONDS = 5.0


def register(app: typer.Typer) -> None:
    """Adds the three commands to the app."""
    for command in (init, doctor, ui):
        app.command()(command)


def init(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="The folder; default: this one.")] = ".",
) -> None:
    """Start a workspace: a prompt, a suite, what to run next."""
    from promptlab.cli.starter import FILES

    root = Path(folder).expanduser()
    for name, text in FILES.items():
        print(f"  {_place(root, name, text)}  {name}")
    command = program()
    print("next:")
    if root.resolve() != Path.cwd():
        print(f"  cd {folder}")
    print(f"  {command} eval evals/hello.yaml --model fake:echo     runs at once, without a real model")
    print(f"  {command} models pull smollm2-135m                    a small real one, 93 MB, no key needed")
    print(f"  {command} eval evals/hello.yaml                       the same on it, scored and compared")
    print(f"  {command} ui                                          the workbench in the browser")


def doctor(
    *,
    network: Annotated[bool, typer.Option("--network", help="Also whether the named endpoints answer.")] = False,
    db: DatabaseOption = None,
) -> None:
    """Check packages, workspace, database, base models and keys."""
    from promptlab.cli.checks import examine
    from promptlab.cli.table import bullets

    console = output()
    usable = True
    with open_lab(db) as lab:
        for title, findings in examine(lab, network=network):
            console.print(title, style="bold")
            bullets(console, ((item.mark, item.style, item.text) for item in findings))
            usable = usable and not any(item.serious for item in findings)
    console.print("ready to use" if usable else "not usable before what is marked ✗ is mended")
    raise typer.Exit(OK if usable else CELL_FAILED)


def ui(
    *,
    port: Annotated[int, typer.Option(min=1, max=65535, metavar="N", help="The port on localhost.")] = _PORT,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only serve; open no browser.")] = False,
    db: DatabaseOption = None,
) -> None:
    """Open the workbench in the browser; Ctrl-C ends it."""
    if importlib.util.find_spec("streamlit") is None:
        raise MissingPackageError("the app needs streamlit; run: pip install 'promptlab-workbench[app]'")
    main = _app_file()
    _check_port(port)
    with open_lab(db) as lab:
        # Opened once here, so that a database that cannot be used is one clear line and no broken page.
        _ = lab.database
        environment = os.environ | {
            "PROMPTLAB_DB": lab.workspace.db_url,
            "PROMPTLAB_HOME": str(lab.workspace.root),
        }
    headless = no_browser or bool(os.environ.get("CI"))
    command = [sys.executable, "-m", "streamlit", "run", str(main)]
    command += [
        f"--server.port={port}",
        "--server.address=localhost",
        "--browser.gatherUsageStats=false",
        "--server.showEmailPrompt=false",
        "--server.fileWatcherType=none",
    ]
    if headless:
        command.append("--server.headless=true")
    print(f"the workbench: http://localhost:{port}  (Ctrl-C ends it)", flush=True)
    raise typer.Exit(_serve(command, environment))


def _place(root: Path, name: str, text: str) -> str:
    path = root / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        return "kept   "
    except OSError as error:
        raise WorkspaceError(f"{path}: cannot be written: {error.strerror}; choose another folder") from error
    return "written"


def _app_file() -> Path:
    package = Path(promptlab.__file__).resolve().parent
    for candidate in (package.parents[1] / "app" / "main.py", package.parent / "promptlab_app" / "main.py"):
        if candidate.is_file():
            return candidate
    raise WorkspaceError("the app's files are not installed; run: pip install --force-reinstall promptlab-workbench")


def _check_port(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UsageError(
                f"port {port} cannot be used: {error.strerror}; is the app open at http://localhost:{port} already? "
                f"For another: {program()} ui --port {port + 1 if port < 65535 else port - 1}"
            ) from error


def _serve(command: list[str], environment: dict[str, str]) -> int:
    process = subprocess.Popen(command, env=environment)
    try:
        code = process.wait()
    except KeyboardInterrupt:
        # The terminal has told the server as well; it gets a moment to end by itself.
        try:
            process.wait(_END_SECONDS)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            process.kill()
            process.wait()
        return OK
    return CELL_FAILED if code else OK
