"""Movies in and out, frame by frame, and tracks in six formats."""

from tracking.io.movie import Movie, UnreadableFrame
from tracking.io.open_movie import open_movie
from tracking.io.read_tracks import read_tracks
from tracking.io.write_movie import write_movie
from tracking.io.write_tracks import write_tracks

__all__ = ["Movie", "UnreadableFrame", "open_movie", "read_tracks", "write_movie", "write_tracks"]
