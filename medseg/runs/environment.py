import contextlib
import importlib.metadata
import os
import platform
import re
import resource
import subprocess
import sys
import traceback
from pathlib import Path
from types import TracebackType

import medseg

PACKAGES = (
    *("medseg", "torch", "monai", "numpy", "mlflow", "itk-core", "nibabel", "pytorch-ignite", "scipy"),
    *("pandas", "pyarrow", "tifffile", "trackpy", "zarr"),
)


def package_versions() -> dict[str, str]:
    """Versions of the packages that decide results, without importing them; those not installed are left out."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def git_commit() -> str | None:
    """Commit of the checkout medseg runs from, with ``-dirty`` if tracked files differ; None when it is installed."""
    root = Path(medseg.__file__).parents[1]
    if not (root / ".git").exists() or not _is_project(root / "pyproject.toml"):
        return None
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        # Without optional locks the question cannot get in the way of a commit made meanwhile.
        answer = subprocess.run(
            command,
            cwd=root,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def peak_memory_bytes() -> int:
    """Largest resident memory of this process so far, without its children.

    Linux tells it in a file of its own; what ``getrusage`` says there, a process that another one started inherits.
    """
    with contextlib.suppress(OSError):
        if found := re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE):
            return int(found[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def raised_at(trace: TracebackType | None) -> str | None:
    """Innermost place in our own code but this package's, as ``medseg.io.read:42``; a file name would be a path."""
    for frame, line in reversed(list(traceback.walk_tb(trace))):
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith(("medseg.", "tracking.")) and not module.startswith("medseg.runs."):
            return f"{module}:{line}"
    return None


def _is_project(pyproject: Path) -> bool:
    return pyproject.is_file() and re.search(r'^name = "medseg"$', pyproject.read_text(), re.MULTILINE) is not None
