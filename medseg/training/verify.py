from dataclasses import replace

from medseg.bundle import BundleMetadata
from medseg.bundle.expect import require_fitting_image
from medseg.errors import UserError
from medseg.io import read_image, read_label, require_same_geometry
from medseg.training.case_facts import CaseFacts, case_facts
from medseg.training.dataset import Case


def verify_case(case: Case, metadata: BundleMetadata) -> CaseFacts:
    """Refuse a case that cannot be trained on, before hours are spent on the others.

    Returns:
        What the case is like; where labels are objects, 1 stands for all of them.

    Raises:
        UserError: a file cannot be read, image and label differ in geometry, the image does not fit the network, or the
            label holds a value that is no class of the bundle. Where labels are objects, they hold any numbers from 0.
    """
    image, label = read_image(case.image), read_label(case.label)
    require_same_geometry(image, label, f"`{case.image}`", f"`{case.label}`")
    try:
        require_fitting_image(image, metadata)
    except UserError as error:
        raise UserError(f"`{case.image}`: {error}") from error
    if metadata.has_instances:
        if label.data.min() < 0:
            raise UserError(
                f"`{case.label}` must number its objects from 1, and 0 is background; it holds {label.data.min()}"
            )
        return case_facts(image, replace(label, data=label.data > 0))
    facts = case_facts(image, label)
    unknown = sorted(facts.held - metadata.classes.keys())
    if unknown:
        raise UserError(
            f"`{case.label}` holds {', '.join(map(str, unknown))}; the classes of the bundle are "
            f"{', '.join(f'{value} ({name})' for value, name in metadata.classes.items())}, and 0 is background: "
            "change the label, or take a bundle with such a class"
        )
    return facts
