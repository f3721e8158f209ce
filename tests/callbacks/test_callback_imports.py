"""Callbacks are imported with their library when they are asked for, and say what is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import promptlab.callbacks


def said_by(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_package_imports_none_of_the_libraries():
    code = (
        "import sys, promptlab.callbacks; print({'xgboost', 'lightgbm', 'keras', 'torch', 'numpy'} & set(sys.modules))"
    )
    assert said_by(code) == "set()"


def test_the_loop_callback_needs_no_torch():
    code = "import sys; from promptlab.callbacks import TorchCallback; print('torch' in sys.modules)"
    assert said_by(code) == "False"


@pytest.mark.parametrize(
    ("name", "package"), [("XGBoostCallback", "xgboost"), ("LightGBMCallback", "lightgbm"), ("KerasCallback", "keras")]
)
def test_a_missing_library_is_named_with_what_installs_it(name: str, package: str):
    code = f"""
import sys
sys.modules[{package!r}] = None
from promptlab.errors import MissingPackageError
try:
    from promptlab.callbacks import {name}
except MissingPackageError as error:
    print(error)
"""
    assert said_by(code) == f"{name} needs a package that is not installed; run: pip install {package}"


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="it has: KerasCallback, LightGBMCallback, TorchCallback, XGBoostCallback"):
        _ = promptlab.callbacks.CatBoostCallback
