from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from medseg.bundle import LoadedBundle
from medseg.bundle.evaluate import score_files
from medseg.io import Image, write_image, write_label


def test_post_processing_is_tried_where_asked_for_and_labels_are_classes(
    loaded: LoadedBundle, volume: Callable[..., Image], tmp_path: Path
) -> None:
    image = volume((16, 18, 20))
    files = tmp_path / "image.nii.gz", tmp_path / "label.nii.gz"
    write_image(files[0], image)
    write_label(files[1], np.digitize(image.data[0], [100, 150]).astype(np.uint8), image)
    objects = replace(loaded, metadata=loaded.metadata.model_copy(update={"medseg_kind": "instance segmentation"}))

    tried = score_files([loaded], *files, 1.0, with_trials=True)
    assert [(trial.value, trial.before) for trial in tried.trials] == [
        (value, tried.classes[name].dice) for value, name in loaded.metadata.classes.items() for _ in range(2)
    ]
    assert score_files([loaded], *files, 1.0).trials == ()
    assert score_files([objects], *files, 1.0, with_trials=True).trials == ()
