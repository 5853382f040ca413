#!/usr/bin/env python3
"""The second half of a night judged by numpy, on drawn features.

verify_all_pairs.py LOOKLOOM ITEMS COLS   makes an index of each matrix type and judges it
verify_all_pairs.py INDEX.h5              judges one that is there (lookloom bench similarity --keep)

200 random rows of the matrix against float64, the symmetry of 10 000 random pairs, and the
neighbours of 100 random rows against a search of all rows.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np

try:
    import h5py
except ImportError:
    print("no h5py")
    sys.exit(77)

BOUND = {"float32": 1e-6, "float16": 2.5e-4, "uint16": 1 / 131070 + 1e-6}
ULP = 1.2e-7  # numpy adds in another order, so a score may round to the next float32


def exact_rows(features, rows):
    """(len(rows), N) float64 cosines, block by block: features may be larger than memory."""
    wanted = features[rows].astype(np.float64)
    wanted /= np.sqrt((wanted * wanted).sum(axis=1))[:, None]
    out = np.empty((len(rows), len(features)))
    for first in range(0, len(features), 2048):
        block = features[first:first + 2048].astype(np.float64)
        block /= np.sqrt((block * block).sum(axis=1))[:, None]
        out[:, first:first + len(block)] = np.clip(wanted @ block.T, 0, 1)
    return out


def check_matrix(f, draw, exact, rows):
    matrix = f["similarity"]
    name = str(matrix.dtype)
    step = 1 / 65535 if name == "uint16" else 1.0
    worst = 0.0
    for row, want in zip(rows, exact):
        got = matrix[row].astype(np.float64) * step
        assert got[row] == 1.0, f"row {row}: {got[row]} on the diagonal"
        want = want.copy()
        want[row] = 1.0
        worst = max(worst, np.abs(got - want).max())
    assert worst <= BOUND[name], f"{name}: off by {worst}"
    pairs = draw.integers(0, len(matrix), (10000, 2))
    upper = {}
    for i in sorted(set(pairs.min(axis=1))):
        upper[i] = matrix[i]
    for j in sorted(set(pairs.max(axis=1))):
        row = matrix[j]
        for i in pairs.min(axis=1)[pairs.max(axis=1) == j]:
            assert upper[i][j] == row[i], f"{i} {j}: {upper[i][j]} and {row[i]}"
    return worst


def verify_neighbors(f, exact, rows):
    index, score = f["neighbors/index"], f["neighbors/score"]
    for row, want in zip(rows, exact):
        got, scores = index[row].astype(np.int64), score[row].astype(np.float64)
        assert row not in got and len(set(got)) == len(got), f"row {row}: itself, or one twice"
        assert np.abs(scores - want[got]).max() <= ULP, f"row {row}: scores"
        order = np.lexsort((got, -scores))
        assert (order == np.arange(len(got))).all(), f"row {row}: order"
        others = np.delete(want, np.append(got, row))
        if len(others):
            assert others.max() <= scores[-1] + ULP, f"row {row}: {others.max()} is missing"


def check(path):
    draw = np.random.default_rng(1)
    with h5py.File(path) as f:
        features = f["features"]
        count = len(features)
        rows = np.unique(draw.integers(0, count, 200))
        exact = exact_rows(features, rows)
        verify_neighbors(f, exact[:100], rows[:100])
        said = f"{count} items: neighbours of {min(100, len(rows))} rows right"
        if "similarity" in f:
            worst = check_matrix(f, draw, exact, rows)
            said += f"; {f['similarity'].dtype} off by {worst:.2e} at most, symmetric"
    print(said)


def make_and_judge(program, items, cols):
    with tempfile.TemporaryDirectory() as folder:
        for matrix in ("float32", "float16", "uint16", "none"):
            path = os.path.join(folder, matrix + ".h5")
            subprocess.run([program, "bench", "similarity", "--items", items, "--cols", cols,
                            "--matrix", matrix, "--memory", "1G", "--keep", path], check=True,
                           stdout=subprocess.DEVNULL)
            subprocess.run([program, "verify", "-q", path], check=True)
            assert sorted(os.listdir(folder)) == [matrix + ".h5"], os.listdir(folder)
            check(path)
            os.remove(path)


if len(sys.argv) == 2:
    check(sys.argv[1])
else:
    make_and_judge(*sys.argv[1:4])
