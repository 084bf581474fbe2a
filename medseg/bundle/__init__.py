"""Find, check, trust and load MONAI bundles, and segment with them."""

from medseg.bundle.catalog import find_bundle, shipped_bundles
from medseg.bundle.expect import departures
from medseg.bundle.load import LoadedBundle, load_bundle
from medseg.bundle.manifest import Manifest, ManifestCase, read_manifest
from medseg.bundle.metadata import BundleMetadata, read_metadata
from medseg.bundle.predict import Prediction, predict
from medseg.bundle.segment import segment

__all__ = [
    "BundleMetadata",
    "LoadedBundle",
    "Manifest",
    "ManifestCase",
    "Prediction",
    "departures",
    "find_bundle",
    "load_bundle",
    "predict",
    "read_manifest",
    "read_metadata",
    "segment",
    "shipped_bundles",
]
