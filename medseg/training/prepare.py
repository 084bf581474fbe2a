from pathlib import Path

from medseg.bundle import Manifest, read_manifest
from medseg.training.describe_finetuned import describe_finetuned
from medseg.training.manifest import require_same_cases, write_manifest
from medseg.training.settings import TrainingSettings, write_settings
from medseg.training.workflow import carry_over, clear_training, copy_untrained


def prepare_bundle(
    source: Path, target: Path, manifest: Manifest | None, settings: TrainingSettings, resume: bool
) -> bool:
    """Make ``target`` ready to be trained: a copy of ``source`` with the manifest of the cases and the settings.

    A training that is resumed is left as it is, but for settings changed since and the inference config, which is made
    anew. ``manifest`` is None of a bundle that is trained without cases.

    Returns:
        Whether the settings change the inference config, which is then no longer the one that shipped with medseg.

    Raises:
        UserError: the cases of a training to be resumed are not those it was begun with.
    """
    if not resume:
        clear_training(target)
        copy_untrained(source, target)
        if settings.finetuning is not None:
            describe_finetuned(source, target, settings.finetuning.weights_sha256)
        if manifest is not None:
            write_manifest(manifest, target)
    elif manifest is not None:
        require_same_cases(manifest, read_manifest(target))
    write_settings(settings, target)
    return carry_over(settings.overrides, source, target)
