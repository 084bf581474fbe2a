from medseg.cli.console import print_json, print_table
from medseg.cli.options import JsonOption


def info(json_output: JsonOption = False) -> None:
    """Show versions, devices, and where runs are logged."""
    facts = _facts()
    if json_output:
        print_json(facts)
    else:
        print_table("medseg", ["what", "value"], [(name, _text(value)) for name, value in facts.items()])


def _facts() -> dict[str, object]:
    import os
    import platform
    from importlib.metadata import version

    import torch

    from medseg.bundle import shipped_bundles
    from medseg.runs.store import tracking_uri, without_credentials

    packages = ("medseg", "torch", "monai", "mlflow", "itk-io", "nibabel", "numpy")
    return {
        **{package: version(package) for package in packages},
        "python": platform.python_version(),
        "cpus": len(os.sched_getaffinity(0)),
        "devices": ["cpu", *(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))],
        "bundles": list(shipped_bundles()),
        "runs": without_credentials(tracking_uri()),
    }


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
