import json
from typing import Any
from xml.sax.saxutils import escape, quoteattr

# The layout of this version is written.
VERSION = "7.11.1"

_SPOT_FEATURES = (
    ("QUALITY", "Quality", "Quality", "QUALITY", False),
    ("POSITION_X", "X", "X", "POSITION", False),
    ("POSITION_Y", "Y", "Y", "POSITION", False),
    ("POSITION_Z", "Z", "Z", "POSITION", False),
    ("POSITION_T", "T", "T", "TIME", False),
    ("FRAME", "Frame", "Frame", "NONE", True),
    ("RADIUS", "Radius", "R", "LENGTH", False),
    ("VISIBILITY", "Visibility", "Visibility", "NONE", True),
)
_EDGE_FEATURES = (
    ("SPOT_SOURCE_ID", "Source spot ID", "Source ID", "NONE", True),
    ("SPOT_TARGET_ID", "Target spot ID", "Target ID", "NONE", True),
    ("LINK_COST", "Edge cost", "Cost", "COST", False),
    ("SPEED", "Speed", "Speed", "VELOCITY", False),
    ("DISPLACEMENT", "Displacement", "Disp.", "LENGTH", False),
    ("EDGE_TIME", "Edge time", "Edge T", "TIME", False),
    ("EDGE_X_LOCATION", "Edge X", "Edge X", "POSITION", False),
    ("EDGE_Y_LOCATION", "Edge Y", "Edge Y", "POSITION", False),
    ("EDGE_Z_LOCATION", "Edge Z", "Edge Z", "POSITION", False),
)
_TRACK_FEATURES = (
    ("TRACK_INDEX", "Track index", "Index", "NONE", True),
    ("TRACK_ID", "Track ID", "ID", "NONE", True),
    ("NUMBER_SPOTS", "Number of spots in track", "N spots", "NONE", True),
    ("NUMBER_GAPS", "Number of gaps", "N gaps", "NONE", True),
    ("NUMBER_SPLITS", "Number of split events", "N splits", "NONE", True),
    ("NUMBER_MERGES", "Number of merge events", "N merges", "NONE", True),
    ("NUMBER_COMPLEX", "Number of complex points", "N complex", "NONE", True),
    ("LONGEST_GAP", "Longest gap", "Lgst gap", "NONE", True),
    ("TRACK_DURATION", "Track duration", "Duration", "TIME", False),
    ("TRACK_START", "Track start", "Track start", "TIME", False),
    ("TRACK_STOP", "Track stop", "Track stop", "TIME", False),
    ("TRACK_DISPLACEMENT", "Track displacement", "Track disp.", "LENGTH", False),
)
# TrackMate has no defaults for what is missing here.
_DISPLAY: dict[str, Any] = {
    "name": "CurrentDisplaySettings",
    "spotUniformColor": "204, 51, 204, 255",
    "spotColorByType": "DEFAULT",
    "spotColorByFeature": "UNIFORM_COLOR",
    "spotDisplayRadius": 1.0,
    "spotDisplayedAsRoi": True,
    "spotMin": 0.0,
    "spotMax": 10.0,
    "spotShowName": False,
    "trackMin": 0.0,
    "trackMax": 10.0,
    "trackColorByType": "TRACKS",
    "trackColorByFeature": "TRACK_INDEX",
    "trackUniformColor": "204, 204, 51, 255",
    "undefinedValueColor": "0, 0, 0, 255",
    "missingValueColor": "89, 89, 89, 255",
    "highlightColor": "51, 230, 51, 255",
    "trackDisplayMode": "LOCAL",
    "colormap": "Jet",
    "limitZDrawingDepth": False,
    "drawingZDepth": 10.0,
    "fadeTracks": True,
    "fadeTrackRange": 30,
    "useAntialiasing": True,
    "spotVisible": True,
    "trackVisible": True,
    "font": {"name": "Arial", "style": 1, "size": 12, "pointSize": 12.0, "fontSerializedDataVersion": 1},
    "lineThickness": 1.0,
    "selectionLineThickness": 4.0,
    "trackschemeBackgroundColor1": "128, 128, 128, 255",
    "trackschemeBackgroundColor2": "192, 192, 192, 255",
    "trackschemeForegroundColor": "0, 0, 0, 255",
    "trackschemeDecorationColor": "0, 0, 0, 255",
    "trackschemeFillBox": False,
    "spotFilled": False,
    "spotTransparencyAlpha": 1.0,
}


def feature_declarations(more: list[tuple[str, str, str, bool]]) -> str:
    """The element ``FeatureDeclarations``.

    Args:
        more: features of spots beside TrackMate's own: key, name, dimension, and whether they are whole numbers.
    """
    spots = (*_SPOT_FEATURES, *((key, name, name, dimension, whole) for key, name, dimension, whole in more))
    text = "<FeatureDeclarations>\n"
    for kind, features in (
        ("SpotFeatures", spots),
        ("EdgeFeatures", _EDGE_FEATURES),
        ("TrackFeatures", _TRACK_FEATURES),
    ):
        text += f"<{kind}>\n"
        for key, name, short, dimension, is_whole in features:
            names = f'feature="{key}" name={quoteattr(name)} shortname={quoteattr(short)}'
            text += f'<Feature {names} dimension="{dimension}" isint="{str(is_whole).lower()}"/>\n'
        text += f"</{kind}>\n"
    return text + "</FeatureDeclarations>\n"


def settings(*, size: tuple[int, int, int, int], steps: tuple[float, float, float], radius: float) -> str:
    """The elements ``Settings``, ``GUIState`` and ``DisplaySettings``, all of which TrackMate asks for.

    The detector and the tracker are TrackMate's "manual" ones, the only ones that need no image to be found.

    Args:
        size: width, height, slices and frames of the image.
        steps: pixel size, slice distance and frame interval in the units of the model.
        radius: of spots, in the unit of the model.
    """
    width, height, slices, frames = size
    pixel, depth, interval = steps
    edge_analyzers = ("Edge target", "Edge speed", "Edge location")
    track_analyzers = ("Branching analyzer", "Track duration", "Track index")
    return f"""<Settings>
<ImageData filename="" folder="" width="{width}" height="{height}" nslices="{slices}" nframes="{frames}" \
pixelwidth="{pixel!r}" pixelheight="{pixel!r}" voxeldepth="{depth!r}" timeinterval="{interval!r}"/>
<BasicSettings xstart="0" xend="{width - 1}" ystart="0" yend="{height - 1}" zstart="0" zend="{slices - 1}" \
tstart="0" tend="{frames - 1}"/>
<DetectorSettings DETECTOR_NAME="MANUAL_DETECTOR" TARGET_CHANNEL="1" RADIUS="{radius!r}"/>
<InitialSpotFilter feature="QUALITY" value="0.0" isabove="true"/>
<SpotFilterCollection/>
<TrackerSettings TRACKER_NAME="MANUAL_TRACKER"/>
<TrackFilterCollection/>
<AnalyzerCollection>
<SpotAnalyzers/>
<EdgeAnalyzers>{_analyzers(edge_analyzers)}</EdgeAnalyzers>
<TrackAnalyzers>{_analyzers(track_analyzers)}</TrackAnalyzers>
</AnalyzerCollection>
</Settings>
<GUIState state="ConfigureViews"/>
<DisplaySettings>{escape(json.dumps(_DISPLAY))}</DisplaySettings>
"""


def _analyzers(keys: tuple[str, ...]) -> str:
    return "".join(f'<Analyzer key="{key}"/>' for key in keys)
