import json
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from medseg.bundle.sections import Calibration, Postprocessing
from medseg.errors import UserError

Version = Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+){1,2}([a-zA-Z0-9.+-]*)$")]
Text = Annotated[str, StringConstraints(min_length=1)]
Size = int | Annotated[str, StringConstraints(pattern=r"^(\*|[0-9pn*+\-/() ]+)$")]


class TensorFormat(BaseModel):
    """One input or output of the network: what ``network_data_format`` says of it."""

    model_config = ConfigDict(extra="allow")

    type: Text = Field(description="image, series, tuples, probabilities, ...")
    format: Text = Field(description="magnitude, hounsfield, kspace, segmentation, ...")
    modality: str | None = Field(None, description="MR, CT, ...; for inputs.")
    num_channels: Annotated[int, Field(gt=0)]
    spatial_shape: list[Size] = Field(min_length=1, max_length=3, description="Numbers, or patterns such as 8*n.")
    dtype: Text
    value_range: list[float] = Field(description="Lower and upper bound, or empty where there is none.")
    is_patch_data: bool
    channel_def: dict[Annotated[str, StringConstraints(pattern=r"^\d+$")], str]

    @model_validator(mode="after")
    def _channels_are_defined(self) -> Self:
        if len(self.channel_def) != self.num_channels:
            raise ValueError(f"channel_def must name {self.num_channels} channels, it names {len(self.channel_def)}")
        return self


class NetworkDataFormat(BaseModel):
    """Inputs and outputs of the network by name; MONAI's applications want the first ones called image and pred."""

    model_config = ConfigDict(extra="allow")

    inputs: dict[str, TensorFormat] = Field(min_length=1)
    outputs: dict[str, TensorFormat] = Field(min_length=1)


class Extent(BaseModel, extra="forbid"):
    """Smallest and largest extent in millimetres along the patient's left-right, front-back and head-foot axes."""

    min: list[float] = Field(min_length=2, max_length=3)
    max: list[float] = Field(min_length=2, max_length=3)


Kind = Literal["segmentation", "instance segmentation", "particle tracking"]
# Stand beside the classes in tables of scores.
_TAKEN = ("case", "class", "fold", "objects", "patient")
# What only a bundle that takes images and gives labels can say.
_OF_IMAGES = ("data_type", "image_classes", "label_classes", "pred_classes")


class ExpectedInput(BaseModel, extra="forbid"):
    """What the weights have seen in training; medseg's own section, which other tools ignore."""

    channels: list[int] | None = Field(None, description="Numbers of channels taken, where the first transforms adapt.")
    modality: str | None = None
    extent_mm: Extent | None = None
    field_of_view: str | None = None
    mirror_axes: list[Annotated[int, Field(ge=0)]] = Field(
        [], description="Spatial axes, from 0 and as preprocessed, along which training mirrored at random."
    )


class BundleMetadata(BaseModel):
    """``configs/metadata.json``, written from MONAI's bundle specification (schema of 2024-07-25).

    Further keys are allowed, as the specification does.
    """

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    schema_url: Text = Field(alias="schema")
    version: Version
    changelog: dict[str, str]
    monai_version: Version
    pytorch_version: Version
    numpy_version: Version
    required_packages_version: dict[str, str] | None = None
    optional_packages_version: dict[str, str] | None = Field(None, description="The older name, deprecated.")
    name: str | None = None
    task: Text
    description: Text
    authors: Text
    copyright: Text
    data_source: str | None = None
    data_type: str | None = None
    image_classes: str | None = None
    label_classes: str | None = None
    pred_classes: str | None = None
    eval_metrics: dict[str, float] | None = None
    intended_use: str | None = None
    references: list[str] | None = None
    network_data_format: NetworkDataFormat
    expected_input: ExpectedInput | None = None
    calibration: Calibration | None = None
    postprocessing: Postprocessing | None = None
    medseg_kind: Kind = Field("segmentation", description="What the bundle does; medseg's own, which others ignore.")

    @model_validator(mode="after")
    def _version_is_in_changelog(self) -> Self:
        if self.version not in self.changelog:
            raise ValueError(f"version {self.version} must be a key of changelog")
        return self

    @model_validator(mode="after")
    def _classes_have_names_of_their_own(self) -> Self:
        if taken := [name for name in self.classes.values() if name in _TAKEN]:
            raise ValueError(f"a class cannot be called {taken[0]}, which is a column of the tables: rename it")
        return self

    @model_validator(mode="after")
    def _mirror_axes_are_of_the_image(self) -> Self:
        axes, dims = self.mirror_axes, len(self.image.spatial_shape)
        if len(set(axes)) < len(axes) or any(axis >= dims for axis in axes):
            raise ValueError(f"expected_input.mirror_axes must be different axes below {dims}, got {axes}")
        return self

    @property
    def segments(self) -> bool:
        """Whether the bundle takes images and gives labels, and is trained on cases of both."""
        return self.medseg_kind != "particle tracking"

    @property
    def has_instances(self) -> bool:
        """Whether the labels are objects, 1 to n, rather than classes."""
        return self.medseg_kind == "instance segmentation"

    @property
    def mirror_axes(self) -> list[int]:
        """Spatial axes along which training mirrored; none where the metadata do not say."""
        return self.expected_input.mirror_axes if self.expected_input else []

    @property
    def image(self) -> TensorFormat:
        """The first input."""
        return next(iter(self.network_data_format.inputs.values()))

    @property
    def channels(self) -> list[int]:
        """Numbers of channels that an image may have."""
        taken = self.expected_input.channels if self.expected_input else None
        return taken or [self.image.num_channels]

    @property
    def classes(self) -> dict[int, str]:
        """Names of the label values, without the background; none of a bundle that does not segment.

        Where labels are objects, 1 stands for all of them, and the network's first channel has their name.
        """
        if not self.segments:
            return {}
        output = next(iter(self.network_data_format.outputs.values()))
        if self.has_instances:
            return {1: output.channel_def["0"]}
        return {int(value): name for value, name in output.channel_def.items() if value != "0"}

    @property
    def recommended_but_absent(self) -> list[str]:
        """Optional sections that a complete bundle of the model zoo has and this one lacks."""
        wanted = (
            "name data_source data_type image_classes label_classes pred_classes eval_metrics intended_use references "
            "required_packages_version"
        )
        useless = () if self.segments else _OF_IMAGES
        return [field for field in wanted.split() if field not in useless and not getattr(self, field)]


def read_metadata(bundle: Path) -> BundleMetadata:
    """The metadata of the bundle in folder ``bundle``.

    Raises:
        UserError: the file is absent, is not JSON, or breaks the specification; every broken key is named.
    """
    path = bundle / "configs" / "metadata.json"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"`{path}` cannot be read: {error.strerror}") from error
    return parse_metadata(content, f"`{path}`")


def parse_metadata(content: bytes, source: str) -> BundleMetadata:
    """The metadata in the bytes of a file; ``source`` names it in messages.

    Raises:
        UserError: it is not JSON, or breaks the specification; every broken key is named.
    """
    try:
        parsed = json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise UserError(f"{source} must be JSON, but {error}") from error
    try:
        return BundleMetadata.model_validate(parsed)
    except ValidationError as error:
        broken = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'metadata'}: {item['msg']}" for item in error.errors()
        )
        raise UserError(f"{source} breaks MONAI's bundle specification: {broken}") from error
