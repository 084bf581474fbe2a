"""From spots to particles: linear assignment, trackpy, and the nearest spot."""

from tracking.linking.link import link
from tracking.linking.linking import Linking
from tracking.linking.options import LinkingOptions
from tracking.linking.search_radius import estimate_search_radius

__all__ = ["Linking", "LinkingOptions", "estimate_search_radius", "link"]
