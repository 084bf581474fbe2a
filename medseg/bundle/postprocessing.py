from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monai.transforms import Compose

    from medseg.inference.entropy import Channels


def split_postprocessing(chain: "Compose") -> "tuple[Compose, Compose]":
    """Cut what follows the network where it begins to make labels: first what gives probabilities, then the rest.

    A transform makes labels if it is MONAI's AsDiscrete, or if its class says so by an attribute ``gives_label``.
    Members of an ensemble are averaged in between.
    """
    from monai.transforms import Compose

    transforms = list(chain.flatten().transforms)
    cut = next((number for number, transform in enumerate(transforms) if _gives_label(transform)), len(transforms))
    return Compose(transforms[:cut]), Compose(transforms[cut:])


def find_channels(to_probabilities: "Compose", to_label: "Compose") -> "Channels | None":
    """What the channels between the two chains are; None where no activation says so, and they may be logits."""
    from monai.transforms import Activationsd

    if any(getattr(transform, "gives_label", False) for transform in to_label.transforms):
        return "foreground"
    activations = [transform for transform in to_probabilities.transforms if isinstance(transform, Activationsd)]
    if any(any(activation.softmax) for activation in activations):
        return "classes"
    return "independent" if any(any(activation.sigmoid) for activation in activations) else None


def _gives_label(transform: Any) -> bool:
    from monai.transforms import AsDiscrete, AsDiscreted

    return isinstance(transform, AsDiscrete | AsDiscreted) or getattr(transform, "gives_label", False) is True
