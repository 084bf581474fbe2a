"""The challenge's measures by their keys, as they are shown."""

TRACK_MEASURES = {
    "alpha": "alpha, 1 is perfect",
    "beta": "beta, alpha less for spurious tracks",
    "jsc": "JSC, Jaccard of points",
    "jsc_theta": "JSC_theta, Jaccard of tracks",
    "rmse": "RMSE of matched points (px)",
}
