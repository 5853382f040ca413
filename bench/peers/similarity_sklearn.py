#!/usr/bin/python3
"""The N x N cosine matrix by lookloom and by sklearn, in turns, on the same features.

  bench/peers/similarity_sklearn.py build/release/bench/similarity-matrix [--rows 8192] [--runs 7]

sklearn is asked twice: cosine_similarity(X), where numpy sees X @ X.T and calls BLAS's SYRK, which
computes one triangle; and cosine_similarity(X, Y) with an equal Y, a full product. numpy's X @ X.T
alone (SYRK too; no lengths divided out, no checks) stands beside them. Both programs use the same
number of threads; all take turns, so other work on the machine slows all. What counts is the ratio
to the first line, of the best runs and of the medians, by the clock and in processor time; the
latter hardly notices other work on the machine. float32 in, float32 out, matrix in memory.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
options.add_argument("program", help="bench/similarity-matrix of a release build")
options.add_argument("--rows", type=int, default=8192)
options.add_argument("--cols", type=int, default=4096)
options.add_argument("--threads", type=int, default=2)
options.add_argument("--runs", type=int, default=7)
arguments = options.parse_args()
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[name] = str(arguments.threads)  # before numpy reads it

import numpy  # noqa: E402
from sklearn.metrics.pairwise import cosine_similarity  # noqa: E402


def draw(rows, cols):
    """Activations after a ReLU, unit rows."""
    features = numpy.random.default_rng(1).standard_normal((rows, cols), dtype=numpy.float32)
    features = numpy.maximum(features, 0)
    return features / numpy.linalg.norm(features, axis=1, keepdims=True)


class Ours:
    """similarity-matrix, loaded and warm; one run per call."""

    def __init__(self, features, neighbors, folder):
        path = os.path.join(folder, "features.f32")
        self.matrix = os.path.join(folder, "matrix.f32")
        features.tofile(path)
        rows, cols = features.shape
        command = [arguments.program, path, rows, cols, arguments.threads, neighbors, self.matrix]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=environment)
        if self.process.stdout.readline().strip() != "ready":
            sys.exit("similarity-matrix did not start")

    def __call__(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        wall, cpu = self.process.stdout.readline().split()
        return float(wall), float(cpu)

    def close(self):
        self.process.stdin.close()
        if self.process.wait() != 0:
            sys.exit("similarity-matrix failed")


def seconds_of(call):
    start, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - start, time.process_time() - cpu


features = draw(arguments.rows, arguments.cols)
equal = features.copy()
contestants = {}
with tempfile.TemporaryDirectory() as folder:
    ours = Ours(features, 0, folder)
    theirs = cosine_similarity(features)
    mine = numpy.fromfile(ours.matrix, numpy.float32).reshape(theirs.shape)
    worst = float(numpy.abs(mine - theirs).max())
    if not worst <= 3e-6 or not numpy.array_equal(mine, mine.T):
        sys.exit(f"the two matrices differ by {worst:.3g}")
    del mine, theirs
    ranked = Ours(features, min(100, max(arguments.rows - 1, 1)), folder)
    contestants = {
        "lookloom, matrix": ours,
        "lookloom, matrix and 100 neighbours": ranked,
        "sklearn cosine_similarity(X)": lambda: seconds_of(lambda: cosine_similarity(features)),
        "sklearn cosine_similarity(X, Y)":
            lambda: seconds_of(lambda: cosine_similarity(features, equal)),
        "numpy X @ X.T": lambda: seconds_of(lambda: features @ features.T),
    }
    times = {name: [] for name in contestants}
    for _ in range(arguments.runs):
        for name, run in contestants.items():
            times[name].append(run())
    ours.close()
    ranked.close()

flops = 2.0 * arguments.rows**2 * arguments.cols
print(f"N = {arguments.rows}, D = {arguments.cols}, {arguments.threads} threads, "
      f"{arguments.runs} runs in turns; largest difference {worst:.2g}")
for kind, name in enumerate(("by the clock", "processor time")):
    first = [run[kind] for run in times["lookloom, matrix"]]
    print(f"{name:36} {'min s':>8} {'median s':>9} {'GFLOP/s':>8} {'x min':>6} {'x median':>8}")
    for contestant, runs in times.items():
        values = [run[kind] for run in runs]
        median = statistics.median(values)
        print(f"  {contestant:34} {min(values):8.3f} {median:9.3f} {flops / median / 1e9:8.1f} "
              f"{min(values) / min(first):6.2f} {median / statistics.median(first):8.2f}")
