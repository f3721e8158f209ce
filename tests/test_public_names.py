"""What `import promptlab` offers, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import promptlab


def test_every_public_name_is_there_and_nothing_else_is_promised():
    for name in promptlab.__all__:
        assert getattr(promptlab, name).__name__ == name
    assert set(promptlab.__all__) <= set(dir(promptlab))


def test_an_unknown_name_is_named():
    with pytest.raises(AttributeError, match="module 'promptlab' has no attribute 'nothing'"):
        _ = promptlab.nothing


def test_importing_promptlab_imports_nothing_slow():
    script = "import sys, promptlab; print([name for name in sys.argv[1:] if name in sys.modules])"
    slow = ["torch", "transformers", "pandas", "numpy", "streamlit", "nltk", "scipy", "openai", "sqlalchemy", "jinja2"]
    done = subprocess.run([sys.executable, "-c", script, *slow], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
