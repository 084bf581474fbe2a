"""Segment medical and microscopy volumes with MONAI bundles, with a measured, logged run behind every result."""

__version__ = "0.1.0"
