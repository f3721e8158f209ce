"""The README's list of files is the list of files. `python tests/test_readme.py` writes it anew."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
START, END = "<!-- files -->", "<!-- end of files -->"


def listing() -> str:
    """One line a file of the package and the app: its path and the first sentence of its docstring."""
    lines = []
    for folder in ("src/promptlab", "app"):
        lines += [f"**{folder}/**", ""]
        for path in sorted((ROOT / folder).rglob("*.py"), key=lambda path: (len(path.parts), path)):
            name = path.relative_to(ROOT / folder)
            lines.append(f"- `{name}`: {first_sentence(path)}")
        lines.append("")
    return "\n".join(lines).strip()


def first_sentence(path: Path) -> str:
    """The first sentence of a file's docstring, on one line, without its full stop."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    paragraph = " ".join(text.split("\n\n")[0].split())
    return re.split(r"(?<=[a-z0-9`)*])\. ", paragraph)[0].rstrip(".:")


def test_every_file_stands_in_the_readme_with_what_it_says_of_itself():
    text = README.read_text(encoding="utf-8")
    written = text[text.index(START) + len(START) : text.index(END)].strip()
    assert written == listing(), "the list of files is old; write it anew with: python tests/test_readme.py"


def test_every_file_says_what_it_is():
    for path in (ROOT / "src").rglob("*.py"):
        if "versions" not in path.parts:
            assert first_sentence(path), f"{path} has no docstring"


if __name__ == "__main__":
    source = README.read_text(encoding="utf-8")
    before, after = source[: source.index(START) + len(START)], source[source.index(END) :]
    README.write_text(f"{before}\n\n{listing()}\n\n{after}", encoding="utf-8")
