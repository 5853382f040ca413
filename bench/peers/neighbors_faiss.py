#!/usr/bin/env python3
"""bench/peers/neighbors_faiss.py - 100 neighbours of every row by faiss IndexFlatIP and by lookloom,
in turns, on features drawn alike.

    neighbors_faiss.py LOOKLOOM [--rows 8192] [--cols 4096] [--threads 2] [--rounds 5]

faiss sorts what float32 sums give; lookloom's neighbours are exact, rescored in double precision.
Prints `ours_s<TAB>peer_s<TAB>work<TAB>peer`, medians. Exit 77 and a line where faiss is missing."""
import argparse
import json
import statistics
import subprocess
import sys
import time

try:
    import faiss
    import numpy
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)


def draw(rows, cols):
    """Activations after a ReLU, unit rows."""
    features = numpy.random.default_rng(1).standard_normal((rows, cols), dtype=numpy.float32)
    features = numpy.maximum(features, 0)
    return features / numpy.linalg.norm(features, axis=1, keepdims=True)


def search(features, neighbors):
    index = faiss.IndexFlatIP(features.shape[1])
    index.add(features)
    return index.search(features, neighbors + 1)  # and the row itself


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lookloom")
    parser.add_argument("--rows", type=int, default=8192)
    parser.add_argument("--cols", type=int, default=4096)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    faiss.omp_set_num_threads(options.threads)
    features = draw(options.rows, options.cols)
    neighbors = min(100, options.rows - 1)
    command = [options.lookloom, "bench", "similarity", "--matrix", "none", "--items",
               str(options.rows), "--cols", str(options.cols), "--jobs", str(options.threads),
               "--seconds", "0.01", "--format", "json"]
    _, first = search(features, neighbors)
    if not (first[:, 0] == numpy.arange(options.rows)).all():
        sys.exit("faiss: a row is not its own best")
    ours, theirs = [], []
    for _ in range(options.rounds):
        result = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        ours.append(result[0]["min_s"])
        start = time.perf_counter()
        search(features, neighbors)
        theirs.append(time.perf_counter() - start)
    print(f"{statistics.median(ours):.4f}\t{statistics.median(theirs):.4f}\t"
          f"{neighbors} neighbours of {options.rows} rows\tfaiss {faiss.__version__} IndexFlatIP")
    return 0


if __name__ == "__main__":
    sys.exit(main())
