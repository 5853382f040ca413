#!/usr/bin/env python3
"""What fp16 changes: scores of all pairs in double precision from both indexes' features; the ten best
of each item; rows' lengths.

usage: trained_halves.py FP32.h5 FP16.h5"""
import sys

import h5py
import numpy as np


def index(path):
    with h5py.File(path) as f:
        x = f["features"][:].astype(np.float64)
        order = np.argsort(f["item"].asstr()[:])
        x, norms, near = x[order], f["norms"][:][order], f["neighbors/index"][:, :10][order]
    rank = np.argsort(order)  # from a row of the file to a row of the sorted
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x, norms, rank[near]


a, an, ai = index(sys.argv[1])
b, bn, bi = index(sys.argv[2])
upper = np.triu_indices(len(a), 1)
delta = np.abs((a @ a.T)[upper] - (b @ b.T)[upper])
shared = [len(set(x) & set(y)) for x, y in zip(ai, bi)]
print(f"pairs {len(delta)}, |delta score| worst {delta.max():.2e}, mean {delta.mean():.2e}, "
      f"99.9 % below {np.quantile(delta, .999):.2e}")
print(f"an item's two rows: cosine at least {(a * b).sum(axis=1).min():.9f}; "
      f"lengths within {np.abs(bn / an - 1).max():.1e}")
print(f"the nearest is the same for {(ai[:, 0] == bi[:, 0]).mean():.4f}, of the ten nearest "
      f"{np.mean(shared) / 10:.4f}, in the same order for {(ai == bi).all(axis=1).mean():.4f}")
