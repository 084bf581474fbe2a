"""Measures of tracks and detections against a reference."""

from tracking.metrics.detection_score import DetectionScore, score_detections
from tracking.metrics.frames_overlap import frames_overlap
from tracking.metrics.track_score import TrackScore, score_tracks

__all__ = ["DetectionScore", "TrackScore", "frames_overlap", "score_detections", "score_tracks"]
