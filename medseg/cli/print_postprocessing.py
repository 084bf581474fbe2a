from collections.abc import Mapping
from typing import TYPE_CHECKING

from medseg.cli.console import print_table

if TYPE_CHECKING:
    from medseg.bundle.sections import Postprocessing


def print_postprocessing(section: "Postprocessing", classes: Mapping[int, str]) -> None:
    """Print what each option of post-processing was measured to do to each class, and whether it is kept."""
    print_table(
        "Post-processing, gain in Dice on cases held out",
        ["option", "class", "gain", "95 % interval", "n", "kept"],
        [
            (
                item.option.replace("_", " "),
                classes[item.value],
                _signed(item.gain),
                None if item.low_95 is None else f"{_signed(item.low_95)} to {_signed(item.high_95)}",
                item.n,
                "yes" if item.kept else "no",
            )
            for item in section.evidence
        ],
    )


def _signed(value: float | None) -> str | None:
    return None if value is None else f"{value:+.4f}"
