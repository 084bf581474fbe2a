"""A movie of 4 GB: made, tracked, killed half-way, tracked on; with the peak of memory.

python tests/benchmarks/large_movie.py FOLDER [--frames 8192] [--density 500]

Prints one JSON object. FOLDER needs 6 GB.
"""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from tracking.io import write_movie
from tracking.simulation import simulate


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=8192)
    parser.add_argument("--density", default="500")
    parser.add_argument("--linker", default="lap")
    arguments = parser.parse_args()
    movie = arguments.folder / "movie.tif"
    arguments.folder.mkdir(parents=True, exist_ok=True)
    if not movie.exists():
        make(movie, arguments.frames, arguments.density)
    result: dict[str, object] = {"movie_bytes": movie.stat().st_size, "frames": arguments.frames}
    result["killed"] = run(movie, arguments, kill_at=arguments.frames // 2)
    result["resumed"] = run(movie, arguments, kill_at=None)
    tracks = arguments.folder / "out" / "tracks.csv"
    result["tracks_csv_bytes"] = tracks.stat().st_size
    # The largest of all children: of both runs.
    result["peak_memory_bytes"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(json.dumps(result, indent=1))


def make(path: Path, frames: int, density: str) -> None:
    """16 bits a pixel: 512 kB a frame."""
    overrides = {"n_frames": frames, "bit_depth": 16}
    simulation = simulate("receptor", density=density, snr=4, seed=1, overrides=overrides)
    write_movie(path, simulation, frame_shape=simulation.frame_shape, dtype=simulation.dtype)


def run(movie: Path, arguments: argparse.Namespace, kill_at: int | None) -> dict[str, object]:
    """`medseg track`, killed outright once spots of ``kill_at`` frames are found."""
    output = arguments.folder / "out"
    command = ["medseg", "track", str(movie), "-o", str(output), "--linker", arguments.linker, "--no-log", "--json"]
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True)
    while kill_at is not None and process.poll() is None:
        found = len(list((output / ".medseg-detections").glob("part_*.parquet"))) * 50
        if found >= kill_at:
            os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.2)
    out, _ = process.communicate()
    facts: dict[str, object] = {"exit_code": process.returncode, "seconds": round(time.perf_counter() - started, 1)}
    if process.returncode == 0:
        facts |= json.loads(out)
    return facts


if __name__ == "__main__":
    main()
