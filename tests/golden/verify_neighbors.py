#!/usr/bin/env python3
"""Judge a finished index with h5py and numpy: symmetry, diagonal, and every neighbour list against a
float64 sort of /features under the documented order of summation.

usage: verify_neighbors.py INDEX.h5
"""
import sys

try:
    import h5py
    import numpy as np
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

LANES = 64


def sums(features):
    """S[i, j]: 64 interleaved partial sums in ascending order, then a fixed tree. Products of two
    float32 are exact in float64."""
    rows, cols = features.shape
    wide = np.zeros((rows, -(-cols // LANES) * LANES))
    wide[:, :cols] = features
    s = np.empty((rows, rows))
    for i in range(rows):
        partial = np.zeros((rows, LANES))
        for k in range(0, wide.shape[1], LANES):
            partial += wide[i, k : k + LANES] * wide[:, k : k + LANES]
        step = LANES // 2
        while step:
            partial[:, :step] += partial[:, step : 2 * step]
            step //= 2
        s[i] = partial[:, 0]
    return s


def main(path):
    with h5py.File(path) as f:
        features = f["features"][:]
        index, score = f["neighbors/index"][:], f["neighbors/score"][:]
        matrix = f["similarity"][:] if "similarity" in f else None
        within = f.attrs["within"]
        within = within.decode() if isinstance(within, bytes) else within
        group = f[f"items/attributes/{within}"].asstr()[:] if within else None
    rows, k = index.shape
    s = sums(features)
    square = np.diag(s)
    exact = np.clip((s / np.sqrt(square[:, None] * square[None, :])).astype(np.float32), 0, 1)
    assert np.array_equal(exact, exact.T)
    if matrix is not None and matrix.dtype == np.float32:
        assert np.array_equal(matrix, matrix.T), "the matrix is not exactly symmetric"
        assert (np.diag(matrix) == 1).all(), "a diagonal value is not exactly 1"
        worst = np.abs(matrix - exact).max()
        print(f"matrix: max |stored - exact| = {worst:.2e}")
        assert worst <= 1e-6
    for i in range(rows):
        allowed = np.array([j for j in range(rows) if j != i and
                            (group is None or group[j] == group[i])], dtype=np.int64)
        order = allowed[np.lexsort((allowed, -exact[i, allowed]))][:k]
        assert np.array_equal(index[i, : len(order)], order), f"row {i}: other neighbours"
        assert np.array_equal(score[i, : len(order)], exact[i, order]), f"row {i}: other scores"
        assert (index[i, len(order):] == 0xFFFFFFFF).all() and np.isnan(score[i, len(order):]).all()
    best = score[:, 0]
    print(f"{path}: {rows} rows, {k} neighbours each, all equal; best scores: median "
          f"{np.nanmedian(best):.3f}, all pairs 5 % / 50 % / 95 %: "
          + " / ".join(f"{q:.3f}" for q in np.quantile(exact[np.triu_indices(rows, 1)],
                                                        [0.05, 0.5, 0.95])) if rows > 1 else path)


if __name__ == "__main__":
    main(sys.argv[1])
