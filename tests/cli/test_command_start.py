"""How the command starts: fast, with little imported, with help for everything."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest
import typer

from promptlab import __version__
from promptlab.cli.main import app, main
from promptlab.cli.session import worst

SLOW = ("torch", "transformers", "pandas", "numpy", "streamlit", "nltk", "scipy", "openai", "sqlalchemy", "sqlmodel")
HELP_SECONDS = 0.4


@pytest.mark.parametrize(
    "code",
    [
        "import promptlab",
        "import promptlab.cli.main",
        "from promptlab.cli.main import main; main(['--help'])",
        "from promptlab.cli.main import main; main(['eval', '--help'])",
    ],
)
def test_neither_import_nor_help_imports_what_is_slow(code: str):
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules, file=sys.stderr)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(set(SLOW) & set(ended.stderr.split())) == []


def test_help_costs_little_more_than_python_itself():
    def cpu_seconds(*arguments: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    # The best of several: a busy machine slows single ones.
    extra = min(cpu_seconds("-m", "promptlab.cli.main", "--help") for _ in range(5)) - cpu_seconds("-c", "pass")
    assert extra < HELP_SECONDS


def test_no_arguments_print_help(capsys: pytest.CaptureFixture[str]):
    assert main([]) == 0
    assert "Usage: promptlab" in capsys.readouterr().out


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"promptlab {__version__}\n"


def test_every_command_and_option_has_a_line_of_help():
    command = typer.main.get_command(app)
    assert list(_without_help(command, "promptlab")) == []


def test_the_worst_of_several_codes_follows_the_precedence():
    assert worst([0, 3, 1, 2, 130]) == 130
    assert worst([0, 3, 1, 2]) == 2
    assert worst([0, 3, 1]) == 1
    assert worst([0, 3]) == 3
    assert worst([0, 0]) == 0


def test_a_failure_of_promptlab_itself_is_3_and_says_where_to_look():
    code = (
        "import sys\nfrom promptlab.cli import main\n\n\n@main.app.command()\ndef fall() -> None:\n"
        "    '''Fall.'''\n    raise ZeroDivisionError('sk-1234567890abcdef')\n\n\n"
        "main._ORDER = (*main._ORDER, 'fall')\nsys.exit(main.main(['fall']))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 3
    assert "ZeroDivisionError" in ended.stderr
    assert "PROMPTLAB_DEBUG=1" in ended.stderr
    assert "sk-123" not in ended.stderr
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.splitlines()) <= 3


def _without_help(command, path: str):
    if not command.help:
        yield path
    for parameter in command.params:
        if not getattr(parameter, "help", None):
            yield f"{path} {parameter.name}"
    for name, child in getattr(command, "commands", {}).items():
        yield from _without_help(child, f"{path} {name}")
