from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medseg.cli.console import print_json, print_table, progress, say
from medseg.cli.options import DeviceOption, JsonOption, MemoryOption, OverlayOption, OverwriteOption, TrustOption
from medseg.errors import UserError

if TYPE_CHECKING:
    from medseg.training.fingerprint import Fingerprint, Spread
    from medseg.training.memory import MemoryEstimate

_FEW = 20  # cases; of fewer, weights made from nothing are poor


def plan(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="Name of a shipped bundle or path of any.")],
    data: Annotated[Path, typer.Option("--data", help="Folder with imagesTr/ and labelsTr/, or images/ and labels/.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File for the plan: plan.yaml.")],
    overlay: OverlayOption = None,
    memory: MemoryOption = None,
    overwrite: OverwriteOption = False,
    device: DeviceOption = "auto",
    trust_bundle: TrustOption = False,
    json_output: JsonOption = False,
) -> None:
    """Choose spacing, patch, batch and epochs for your cases and your memory, each with its reason.

    The plan is for `medseg train BUNDLE --plan`. It looks at the cases that are trained on or choose the checkpoint,
    and not at those left out for the test.
    """
    from medseg.bundle import find_bundle, read_metadata
    from medseg.bundle.load import choose_device
    from medseg.bundle.trust import require_trust
    from medseg.cli.outputs import make_folder
    from medseg.cli.read_overrides import read_overrides
    from medseg.training.available_memory import available_memory
    from medseg.training.dataset import find_cases
    from medseg.training.fingerprint import make_fingerprint
    from medseg.training.patch_memory import Budget
    from medseg.training.plan import make_plan
    from medseg.training.plan_file import write_plan
    from medseg.training.preflight import require_enough_cases
    from medseg.training.recipe import read_recipe
    from medseg.training.verify import verify_case
    from medseg.training.workflow import merged_config

    if output.exists() and not overwrite:
        raise UserError(f"`{output}` exists and is kept: pass --overwrite or another name")
    source = find_bundle(bundle)
    metadata = read_metadata(source)
    if not metadata.segments:
        raise UserError(f"bundle `{source.name}` tracks particles: it is trained without cases to plan for")
    require_trust(source, trust_bundle)
    config = merged_config(read_overrides(source, overlay, None, None, trust_bundle), source)
    target = choose_device(device)
    cases = find_cases(data)
    require_enough_cases(cases)
    seen = [case for case in cases if case.split != "test"]
    if len(seen) < _FEW:
        say(f"{len(seen)} cases are few to train on from nothing: medseg finetune goes on from weights that exist")
    facts = [verify_case(case, metadata) for case in progress(seen, "looking at the cases")]
    fingerprint = make_fingerprint(facts, metadata.classes)
    budget = Budget(
        memory=available_memory(target) if memory is None else round(memory * 1e9),
        holds_cache=target.type != "cuda",
        training_cases=sum(case.split == "train" for case in cases),
        recipe_cases=_recipe_cases(source),
    )
    made = make_plan(fingerprint, read_recipe(config), metadata.image.num_channels, budget)
    make_folder(output.absolute().parent)
    title = f"For bundle {source.name} and {len(cases)} cases, by medseg plan; medseg train --plan takes it."
    write_plan(made, output, title)
    if json_output:
        memory_facts = asdict(made.memory) | {"total": made.memory.total, "available": budget.memory}
        print_json(
            {
                "plan": [asdict(item) for item in made.values],
                "fingerprint": fingerprint.model_dump(mode="json"),
                "memory": memory_facts,
                "output": str(output),
            }
        )
        return
    print_table("Fingerprint", ["what", "value"], _fingerprint_rows(fingerprint, metadata.classes))
    print_table("Memory", ["what", "GB"], _memory_rows(made.memory, budget.memory))
    print_table("Plan", ["key", "value", "reason"], [(item.key, item.value, item.reason) for item in made.values])
    more = (f" --overlay {overlay}" if overlay else "") + (" --trust-bundle" if trust_bundle else "")
    say(f"written to {output}; use it: medseg train {bundle}{more} --data {data} --plan {output} -o OUTPUT")


def _recipe_cases(source: Path) -> int | None:
    """How many cases the bundle's own weights were trained on; None where it has no manifest."""
    from medseg.bundle import read_manifest

    if not (source / "docs" / "manifest.json").is_file():
        return None
    return len(read_manifest(source).of_split("train")) or None


def _fingerprint_rows(fingerprint: "Fingerprint", classes: dict[int, str]) -> list[tuple[str, str]]:
    def numbers(values: list[float]) -> str:
        return " x ".join(f"{value:.4g}" for value in values)

    def spread(of: "Spread") -> str:
        return f"{numbers(of.median)} ({numbers(of.minimum)} to {numbers(of.maximum)})"

    rows = [
        ("cases", str(fingerprint.cases)),
        ("channels", _counts(fingerprint.channels)),
        ("voxel type", _counts(fingerprint.dtypes)),
        ("orientation", _counts(fingerprint.orientations)),
        ("shape, median (all)", spread(fingerprint.shape)),
        ("spacing, median (all)", spread(fingerprint.spacing)),
    ]
    rows += [
        (f"intensity under the labels, channel {channel}", f"{item.percent_00_5:.4g} to {item.percent_99_5:.4g}")
        for channel, item in enumerate(fingerprint.intensities)
    ]
    return rows + [
        (f"class {value} ({classes[value]})", f"{count.voxels} voxels, absent from {count.absent_from} cases")
        for value, count in fingerprint.classes.items()
    ]


def _counts(counts: dict[str, int] | dict[int, int]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in counts.items()) or "-"


def _memory_rows(estimate: "MemoryEstimate", available: int) -> list[tuple[str, float]]:
    parts = {
        "weights, gradients and optimiser": estimate.weights + estimate.gradients + estimate.optimizer,
        "activations of a batch": estimate.activations,
        "working memory": estimate.working,
        "cached cases": estimate.cache,
        "total": estimate.total,
        "available": available,
    }
    return [(name, size / 1e9) for name, size in parts.items()]
