"""What must hold for the repository as a whole."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(path for package in ("medseg", "tracking") for path in (ROOT / package).rglob("*.py"))

# A package may import from those of a lower level only, and from none of its own level.
LEVELS = {
    "__main__": 7,
    "cli": 6,
    **dict.fromkeys(("runs", "registry", "label", "batch", "report"), 5),
    "training": 4,
    "bundle": 3,
    "inference": 2,
    **dict.fromkeys(("networks", "losses", "metrics", "io"), 1),
    "errors": 0,
}
MAY_IMPORT_TRACKING = {"cli", "registry", "batch", "report"}
HEAVY = {"torch", "monai", "itk", "mlflow"}


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def module_name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(tree, package):
    """Every module that is imported, inside functions too, or named by a string such as a bundle's ``_target_``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
            source = ".".join([*parents, *filter(None, [node.module])])
            yield from (f"{source}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(r"^(?:medseg|tracking)(?:\.\w+)+$", node.value)


def part(module):
    """``metrics`` of ``medseg.metrics.case``; empty for ``medseg`` itself."""
    return module.partition(".")[2].partition(".")[0]


def level(module):
    """Level of a module of medseg; what is in none of its packages, such as ``__version__``, may be used by all."""
    return LEVELS.get(part(module), 0)


def forbidden(importer, module):
    if importer.split(".")[0] == "tracking":
        return module.split(".")[0] == "medseg"
    if module.split(".")[0] == "tracking":
        return part(importer) not in MAY_IMPORT_TRACKING
    if module.split(".")[0] != "medseg" or part(importer) == part(module):
        return False
    return level(module) > 0 and level(module) >= level(importer)


def test_imports_run_one_way():
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in SOURCES
        for module in imported(parse(path), ".".join(path.relative_to(ROOT).parent.parts))
        if forbidden(module_name(path), module)
    ]
    assert not wrong


def test_imports_are_found_wherever_they_are_written():
    source = """
import medseg.io
from .. import bundle
from .folds import split
def late():
    from medseg.runs.handler import MLflowHandler
    return {"_target_": "medseg.losses.FocalTversky"}
"""
    assert set(imported(ast.parse(source), "medseg.training")) == {
        "medseg.io",
        "medseg.bundle",
        "medseg.training.folds.split",
        "medseg.runs.handler.MLflowHandler",
        "medseg.losses.FocalTversky",
    }


@pytest.mark.parametrize(
    ("importer", "module", "expected"),
    [
        ("medseg.cli.train", "medseg.runs.run", False),
        ("medseg.training.loop", "medseg.bundle", False),
        ("medseg.bundle.export", "medseg.training", True),
        ("medseg.training.loop", "medseg.runs.handler", True),
        ("medseg.metrics.case", "medseg.errors.UserError", False),
        ("medseg.metrics.case", "medseg.io", True),
        ("medseg.runs", "medseg.registry", True),
        ("medseg.report.figures", "tracking.motion", False),
        ("medseg.training", "tracking", True),
        ("tracking.io.movie", "medseg.errors", True),
    ],
)
def test_the_direction_of_imports_is_what_the_design_says(importer, module, expected):
    assert forbidden(importer, module) is expected


def test_every_package_has_its_level():
    packages = {path.name for path in (ROOT / "medseg").iterdir() if any(path.rglob("*.py"))}
    assert packages <= LEVELS.keys()


def test_no_assert_outside_tests():
    asserts = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Assert)
    ]
    assert not asserts


@pytest.mark.parametrize("package", ["medseg", "tracking"])
def test_importing_a_package_loads_nothing_heavy(package):
    assert not HEAVY.intersection(_python(f"import sys, {package}; print(*sys.modules)").split())


def test_the_folder_mlflow_does_not_shadow_the_library():
    assert not list((ROOT / "mlflow").rglob("*.py"))
    command = "import importlib.util; print(importlib.util.find_spec('mlflow').origin)"
    first = f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
    installed = importlib.metadata.distribution("mlflow").locate_file("mlflow/__init__.py")
    assert Path(_python(first + command).strip()) == Path(installed)


def test_every_runtime_dependency_is_documented_and_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.match(r"[\w.-]+", requirement)[0].lower() for requirement in project["dependencies"]}
    documented = re.findall(
        r"^\| `([\w.-]+)`", (ROOT / "docs/dependencies.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert names <= set(documented)
    assert names <= _pins().keys()


def test_constraints_pin_torch_and_leave_torchvision_out():
    pins = _pins()
    assert pins["torch"] == "2.13.0"
    assert "torchvision" not in pins


def _pins():
    lines = [
        line.strip()
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    unpinned = [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.+!-]+", line)]
    assert not unpinned
    return {name.lower(): version for name, version in (line.split("==") for line in lines)}


def _python(command):
    return subprocess.run(
        [sys.executable, "-c", command], check=True, capture_output=True, text=True, timeout=60
    ).stdout
