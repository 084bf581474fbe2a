import subprocess
import sys

import pytest


def test_help_loads_nothing_heavy():
    script = (
        "import sys; sys.argv = ['medseg', '--help']\n"
        "from medseg.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = ('torch', 'monai', 'itk', 'mlflow', 'numpy', 'pydantic')\n"
        "print(','.join(name for name in heavy if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "segment" in done.stdout
    assert done.stdout.splitlines()[-1] == ""


@pytest.mark.parametrize("command", [(), ("segment",), ("evaluate",), ("train",), ("bundle",), ("runs",), ("demo",)])
def test_every_command_explains_itself(medseg, command):
    result = medseg(*command, "--help")
    assert result.code == 0
    assert "Usage" in result.out


def test_wrong_usage_is_exit_code_2(medseg):
    assert medseg("segmen").code == 2
    assert medseg("segment").code == 2
    assert medseg("evaluate", "--bundle", "hippocampus_unet", "-o", "x", "--split", "tests").code == 2


def test_info_names_versions_and_makes_no_run(medseg):
    import json
    import os
    from pathlib import Path

    facts = json.loads(medseg("info", "--json").out)
    assert facts["torch"].startswith("2.")
    assert "hippocampus_unet" in facts["bundles"]
    assert not list(Path(os.environ["XDG_DATA_HOME"]).rglob("*.db"))
    assert "torch" in medseg("info").out


def test_version(medseg):
    from importlib.metadata import version

    result = medseg("--version")
    assert (result.code, result.out) == (0, f"medseg {version('medseg')}\n")


def test_shell_completion_is_offered(medseg):
    assert "--install-completion" in medseg("--help").out
