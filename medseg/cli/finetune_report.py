import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medseg.cli.compare_measures import MEASURE_NAMES
from medseg.cli.compare_scores import compare_scores
from medseg.cli.console import print_table, say
from medseg.cli.finetune_figure import save_finetune_figure

if TYPE_CHECKING:
    from medseg.bundle import LoadedBundle
    from medseg.bundle.evaluate import CaseScore
    from medseg.runs import Run
    from medseg.training.dataset import Case

RESULT = "finetune.json"
_FIGURE = "finetune.png"
_FEW = 10


def write_finetuning(
    run: "Run",
    output: Path,
    bundles: "tuple[LoadedBundle, LoadedBundle]",
    scores: "tuple[Mapping[str, CaseScore], Mapping[str, CaseScore]]",
    cases: "Sequence[Case]",
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Write finetune.json, whose content is given back, and finetune.png into ``output``; log both to ``run``.

    Args:
        run: The open run.
        output: Folder of the fine-tuned bundle.
        bundles: The one before and the one after, loaded.
        scores: Those of ``cases`` before and after; what one of them lacks is left out.
        cases: The cases that were not trained on.
        facts: What else is to be in finetune.json.
    """
    from medseg.io import atomic_path

    start, end = bundles
    before, after = ({id: row for id, row in each.items() if all(id in one for one in scores)} for each in scores)
    result = {
        "bundle": {"name": start.name, "version": start.metadata.version, "weights_sha256": start.weights_sha256},
        "weights_sha256": end.weights_sha256,
        "kept_start": _is_unchanged(start, end),
        **facts,
        "n": len(before),
        "classes": compare_scores(before, after, {case.id: case.owner for case in cases}),
        "missed": {
            name: {"before": _missed(before, name), "after": _missed(after, name)}
            for name in end.metadata.classes.values()
        },
        "cases": [{"case": case, **_both(before[case], after[case])} for case in before],
    }
    with atomic_path(output / _FIGURE) as partial:
        save_finetune_figure(partial, before, after)
    with atomic_path(output / RESULT) as partial:
        partial.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    run.log_metrics(
        {
            f"{part}_{name}_{measure}": value
            for name, item in result["classes"].items()
            for measure, one in item.items()
            for part in ("before", "after", "difference")
            if (value := one[part]) is not None
        }
    )
    run.log_table("cases", result["cases"])
    run.log_figure(output / _FIGURE)
    return result


def print_finetuning(result: Mapping[str, Any]) -> None:
    """Print the content of a finetune.json: the change of every class, and what to think of it."""
    rows = [
        (
            name,
            MEASURE_NAMES[measure] + (" (mm, or pixels)" if measure == "hd95" else ""),
            one["n"],
            one["before"],
            one["after"],
            _signed(one["difference"]),
            _interval(one["ci95"]),
        )
        for name, item in result["classes"].items()
        for measure, one in item.items()
    ]
    columns = ["class", "measure", "n", "before", "after", "difference", "95 % interval"]
    print_table(f"Mean before and after, on {result['n']} held-out cases", columns, rows)
    for name, cases in result["missed"].items():
        if any(cases.values()):
            say(f"{name} was missed in {cases['before']} cases before, and in {cases['after']} after")
    if result["kept_start"]:
        say("no epoch was better on the cases that choose the weights, so these are what they were: nothing was gained")
    if result["n"] < _FEW:
        say(f"{result['n']} cases are few: such an interval is too narrow, and a new case can fall outside of it")


def _missed(scores: "Mapping[str, CaseScore]", name: str) -> int:
    return sum(score.classes[name].missed for score in scores.values())


def _both(before: "CaseScore", after: "CaseScore") -> dict[str, Any]:
    """All that was measured of a case, by class, and of its objects if labels are objects."""
    found = {
        name: {"before": asdict(score), "after": asdict(after.classes[name])} for name, score in before.classes.items()
    }
    if before.instances is not None and after.instances is not None:
        found["objects"] = {"before": asdict(before.instances), "after": asdict(after.instances)}
    return found


def _is_unchanged(start: "LoadedBundle", end: "LoadedBundle") -> bool:
    import torch

    after = end.network.state_dict()
    return all(torch.equal(tensor, after[name]) for name, tensor in start.network.state_dict().items())


def _signed(value: float | None) -> str | None:
    return None if value is None else f"{value:+.3f}"


def _interval(ends: tuple[float, float] | None) -> str | None:
    return None if ends is None else " to ".join(f"{end:+.3f}" for end in ends)
