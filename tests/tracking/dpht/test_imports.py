import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
MODULES = sorted(f"tracking.dpht.{path.stem}" for path in (ROOT / "tracking" / "dpht").glob("[a-z]*.py"))
# What a bare GPU machine has: torch, MONAI, and the packages of arrays, tables and options that simulation needs.
AT_HAND = ("torch", "monai", "scipy", "pydantic", "pandas")

# Refuses to find some modules, as if they were not installed, and imports others.
SCRIPT = """
import importlib, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
for name in {modules!r}:
    importlib.import_module(name)
print(*sys.modules)
"""


def name_of(requirement):
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


def needed(package, seen):
    """A package and all that it needs without extras."""
    if package not in seen:
        seen.add(package)
        try:
            requirements = importlib.metadata.requires(package) or []
        except importlib.metadata.PackageNotFoundError:
            return seen
        for one in requirements:
            if "extra ==" not in one:
                needed(name_of(one), seen)
    return seen


def test_the_tracker_imports_with_torch_and_monai_alone():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    at_hand = set()
    for package in AT_HAND:
        needed(package, at_hand)
    absent = {name_of(one) for one in project["dependencies"]} - at_hand
    assert {"mlflow", "itk-io", "matplotlib"} <= absent
    modules = {
        module
        for module, packages in importlib.metadata.packages_distributions().items()
        if absent.intersection(map(name_of, packages)) and not at_hand.intersection(map(name_of, packages))
    }
    assert {"mlflow", "matplotlib"} <= modules
    script = SCRIPT.format(absent=sorted(modules | {"itk"}), modules=MODULES)
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert loaded.returncode == 0, loaded.stderr[-2000:]
    assert "torch" in loaded.stdout.split()
