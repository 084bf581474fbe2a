from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from medseg.bundle.evaluate import case_calibration
from medseg.bundle.load import LoadedBundle
from medseg.bundle.predict import predict
from medseg.bundle.sections import Calibration
from medseg.errors import UserError
from medseg.io import read_image, read_label, require_same_geometry
from medseg.metrics import CalibrationScore, fit_temperature

_VOXELS = 1_000_000


def calibrate(
    bundle: LoadedBundle,
    files: Sequence[tuple[Path, Path]],
    fitted_on: str,
    on_case: Callable[[int, int], None] = lambda done, total: None,
) -> Calibration:
    """Fit the temperature of a bundle on images and labels; what it was calibrated to before does not count.

    The likelihood is that of the probabilities on the images' own grids, over a million voxels drawn from all cases
    alike. Errors are measured twice over all voxels, as the bundle is and with the temperature at work.

    Args:
        bundle: must give probabilities of classes that exclude each other.
        files: image and label of each case; of cases that neither trained the weights nor test them.
        fitted_on: what these cases are.
        on_case: called after every case with how many are done, and of how many: each is segmented twice.

    Raises:
        UserError: the bundle gives no such probabilities, there is no case, or a case cannot be read or segmented.
    """
    if bundle.channels not in ("classes", "independent"):
        raise UserError(f"bundle `{bundle.name}` gives no probabilities of classes, which a temperature is for")
    if not files:
        raise UserError("a calibration needs one case at least, got none")
    random = np.random.default_rng(0)
    logits, truths, before = [], [], CalibrationScore()
    for number, (probabilities, truth, score) in enumerate(_scored(_at(bundle, None), files), start=1):
        before += score
        chosen = random.permutation(truth.size)[: max(_VOXELS // len(files), 1)]
        logits.append(_logits(probabilities.reshape(len(probabilities), -1)[:, chosen]).T)
        truths.append(truth.ravel()[chosen])
        on_case(number, 2 * len(files))
    temperature = fit_temperature(np.concatenate(logits), np.concatenate(truths))
    fitted = Calibration(temperature=temperature, fitted_on=fitted_on, n=len(files), ece_before=0, ece_after=0)
    after = CalibrationScore()
    for number, (_, _, score) in enumerate(_scored(_at(bundle, fitted), files), start=len(files) + 1):
        after += score
        on_case(number, 2 * len(files))
    return Calibration(
        temperature=temperature,
        fitted_on=fitted_on,
        n=len(files),
        ece_before=before.all.ece or 0.0,
        ece_after=after.all.ece or 0.0,
        ece_foreground_before=before.foreground.ece,
        ece_foreground_after=after.foreground.ece,
    )


def _at(bundle: LoadedBundle, calibration: Calibration | None) -> LoadedBundle:
    return replace(bundle, metadata=bundle.metadata.model_copy(update={"calibration": calibration}))


def _scored(
    bundle: LoadedBundle, files: Sequence[tuple[Path, Path]]
) -> Iterator[tuple[np.ndarray, np.ndarray, CalibrationScore]]:
    for image_path, label_path in files:
        image, label = read_image(image_path), read_label(label_path)
        require_same_geometry(image, label, f"`{image_path}`", f"`{label_path}`")
        try:
            prediction = predict([bundle], image)
            score = case_calibration(bundle, prediction, label.data[0])
        except UserError as error:
            raise UserError(f"`{image_path}`: {error}") from error
        if prediction.probabilities is None or score is None:
            raise UserError(f"bundle `{bundle.name}` gives no probabilities of classes, which a temperature is for")
        yield prediction.probabilities, label.data[0], score


def _logits(probabilities: np.ndarray) -> np.ndarray:
    """Logits that give these probabilities, up to a number that is the same for all classes of a voxel."""
    if len(probabilities) == 1:
        smallest = np.finfo(np.float32).eps
        inside = probabilities.clip(smallest, 1 - smallest)
        return np.asarray(np.log(inside) - np.log1p(-inside))
    return np.asarray(np.log(probabilities.clip(np.finfo(np.float32).tiny)))
