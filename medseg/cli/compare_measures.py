from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medseg.bundle.evaluate import CaseScore

OBJECTS = "objects"
# What is better: more of it, or less.
HIGHER_IS_BETTER = {"dice": True, "hd95": False, "nsd": True, "ap50": True, "pq": True}
MEASURE_NAMES = {"dice": "Dice", "hd95": "HD95", "nsd": "NSD", "ap50": "AP at IoU .5", "pq": "panoptic quality"}


def unit_of(summary: Mapping[str, Mapping[str, Any]]) -> str:
    """Of the distances in a summary by class: pictures, which have no volume, seldom say how large a pixel is."""
    is_flat = all(item["volume_error_ml_mean"] is None for item in summary.values())
    return "px or mm" if is_flat else "mm"


def measures(score: "CaseScore") -> dict[str, dict[str, float | None]]:
    """The measures of a case that are compared, by class and name; None where one is undefined.

    Objects are of one class, or of a part of their own where no class is scored.
    """
    found: dict[str, dict[str, float | None]] = {
        name: {"dice": item.dice, "hd95": item.hd95, "nsd": item.nsd} for name, item in score.classes.items()
    }
    if (objects := score.instances) is not None:
        found.setdefault(next(iter(found), OBJECTS), {}).update({"ap50": objects.ap50, "pq": objects.pq})
    return found


def main_measure(row: dict[str, float | None]) -> str:
    """The measure that a class is drawn and ranked by: AP at an IoU of .5 of objects, else Dice."""
    return "ap50" if "ap50" in row else "dice"


def quality(score: "CaseScore") -> float | None:
    """The mean over classes of the main measure; None where it is undefined for all."""
    rows = measures(score).values()
    found = [value for row in rows if (value := row[main_measure(row)]) is not None]
    return sum(found) / len(found) if found else None
