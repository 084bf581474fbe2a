import json
from pathlib import Path

from medseg.bundle.metadata import read_metadata
from medseg.io.atomic import atomic_path

_LICENCE = Path("docs") / "data_license.txt"
_OWN_DATA = (
    "The weights were then fine-tuned with medseg finetune on further cases, which docs/manifest.json names too. The\n"
    "terms of these cases are their owner's to add here, and come on top of the above.\n"
)


def describe_finetuned(source: Path, target: Path, weights_sha256: str) -> None:
    """Say in ``target``, an untrained copy of ``source``, that its weights go on from those of ``source``.

    So their data, and the terms of these, are still behind the new weights. What was measured of the former weights,
    such as post-processing that gained, is not said of the new ones.
    """
    former = read_metadata(source)
    path = target / "configs" / "metadata.json"
    metadata = json.loads(path.read_text(encoding="utf-8"))
    before = f"{source.name} {former.version} (weights with sha256 {weights_sha256})"
    metadata["changelog"] = {former.version: f"Fine-tuned by medseg finetune from {before}"}
    metadata["copyright"] = f"{former.copyright} Fine-tuned weights derive from these: see {_LICENCE.as_posix()}."
    metadata["data_source"] = "; ".join(filter(None, (former.data_source, "fine-tuned on cases of docs/manifest.json")))
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(metadata, indent=4) + "\n", encoding="utf-8")
    with atomic_path(target / "docs" / "README.md") as partial:
        partial.write_text(
            f"# {metadata.get('name') or source.name}\n\nFine-tuned with `medseg finetune` from {before}. The cases of "
            "both are in manifest.json. Not yet measured here: run `medseg evaluate --split test`.\n",
            encoding="utf-8",
        )
    terms = (source / _LICENCE).read_text(encoding="utf-8") if (source / _LICENCE).is_file() else ""
    with atomic_path(target / _LICENCE) as partial:
        partial.write_text(terms if _OWN_DATA in terms else f"{terms}\n{_OWN_DATA}".lstrip(), encoding="utf-8")
