"""A virtual environment with MLflow alone, made once: its pins and ours are not to meet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from platformdirs import user_cache_path

MLFLOW = "mlflow==3.17.2"


def mlflow_python() -> str:
    """The interpreter of the environment; made, a few minutes, where it is missing."""
    folder = user_cache_path("promptlab") / "peers" / MLFLOW.replace("==", "-")
    python = folder / "bin" / "python"
    done = folder / "installed"
    if not done.exists():
        print(f"installing {MLFLOW} into {folder} (a few minutes, once)", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", MLFLOW], check=True
        )
        done.touch()
    return str(python)


def run_job(script: str, job: str, folder: Path, n: int, *, python: str = sys.executable) -> float:
    """The seconds that a job took, as its script measured them: imports and the making of the database left out."""
    command = [python, str(Path(__file__).parent / script), job, str(folder), str(n)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{script} {job} failed:\n{ended.stdout}\n{ended.stderr}")
    return float(ended.stdout.split("seconds ")[-1])
