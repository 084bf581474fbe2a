from collections.abc import Callable, Sequence

from medseg.bundle.load import LoadedBundle
from medseg.bundle.sections import Postprocessing
from medseg.errors import UserError


def require_members(bundles: Sequence[LoadedBundle], *, mirror: bool = False, uncertainty: bool = False) -> None:
    """Refuse bundles that cannot be averaged, or cannot do what is asked of them.

    Raises:
        UserError: there is none, they are of different tasks, one was not trained with mirror images, or one does not
            say what its probabilities are.
    """
    if not bundles:
        raise UserError("give one bundle at least")
    first = bundles[0]
    for bundle in bundles[1:]:
        if _task(bundle) != _task(first):
            raise UserError(
                f"an ensemble needs bundles of one task, but `{first.name}` does {_told(first)} and `{bundle.name}` "
                f"does {_told(bundle)}"
            )
    for bundle in bundles:
        if mirror and not bundle.metadata.mirror_axes:
            raise UserError(
                f"bundle `{bundle.name}` was not trained with mirror images (its metadata have no "
                "expected_input.mirror_axes): leave out --mirror"
            )
        if (uncertainty or len(bundles) > 1) and bundle.channels is None:
            raise UserError(
                f"bundle `{bundle.name}` gives no probabilities: its postprocessing needs Activationsd with softmax or "
                "sigmoid before the argmax"
            )


def shared_postprocessing(bundles: Sequence[LoadedBundle]) -> Postprocessing:
    """What the evidence of every member speaks for; of one bundle, all of its own."""
    chosen = [bundle.metadata.postprocessing or Postprocessing() for bundle in bundles]

    def shared(of: Callable[[Postprocessing], list[int]]) -> list[int]:
        return [value for value in of(chosen[0]) if all(value in of(other) for other in chosen)]

    return Postprocessing(
        largest_component=shared(lambda item: item.largest_component), fill_holes=shared(lambda item: item.fill_holes)
    )


def _task(bundle: LoadedBundle) -> tuple[object, ...]:
    metadata = bundle.metadata
    image = metadata.image
    return metadata.medseg_kind, metadata.classes, bundle.channels, image.num_channels, len(image.spatial_shape)


def _told(bundle: LoadedBundle) -> str:
    metadata = bundle.metadata
    image = metadata.image
    return (
        f"{metadata.medseg_kind} of {', '.join(metadata.classes.values()) or 'nothing'} in {len(image.spatial_shape)}D "
        f"images of {image.num_channels} channel{'s' * (image.num_channels != 1)}"
    )
