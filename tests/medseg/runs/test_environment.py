import importlib.metadata
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import medseg
from medseg.runs.environment import git_commit, package_versions, peak_memory_bytes, raised_at


def test_versions_are_those_installed():
    versions = package_versions()

    assert versions["torch"] == importlib.metadata.version("torch")
    assert versions["python"].startswith("3.")


def test_the_commit_is_that_of_the_checkout():
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(medseg.__file__).parent, capture_output=True, text=True, check=True
    ).stdout.strip()

    assert git_commit() in (head, f"{head}-dirty")


def test_an_installed_package_has_no_commit_even_inside_some_repository(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "other"\n')
    shutil.copytree(Path(medseg.__file__).parent / "runs", tmp_path / "medseg" / "runs")
    monkeypatch.setattr(medseg, "__file__", str(tmp_path / "medseg" / "__init__.py"))

    assert git_commit() is None


def test_peak_memory_is_in_bytes():
    assert 20e6 < peak_memory_bytes() < 200e9


def test_the_place_of_an_error_is_the_innermost_in_our_code():
    source = "\n\ndef read():\n    open('/nowhere/jane.nii')\n"
    ours = {"__name__": "medseg.io.read"}
    exec(compile(source, "/home/jane/medseg/io/read.py", "exec"), ours)
    with pytest.raises(OSError, match="jane") as caught:
        ours["read"]()

    assert raised_at(caught.tb) == "medseg.io.read:4"


def test_an_error_elsewhere_has_no_place():
    with pytest.raises(ValueError, match="invalid literal") as caught:
        int("x")

    assert raised_at(caught.tb) is None


def test_peak_memory_is_not_that_of_the_process_that_started_this_one():
    block = bytearray(300_000_000)
    ask = "from medseg.runs.environment import peak_memory_bytes; print(peak_memory_bytes())"
    child = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert int(child.stdout) < len(block) < peak_memory_bytes()
