#!/usr/bin/env python3
"""Do two indexes of the same items differ by more than chance? Precision@10 of every item in both, its
difference, and a 95 % interval of the mean difference over 10 000 resamples of the items.

usage: trained_pairs.py LABEL A.h5 B.h5 [A.h5 B.h5]..."""
import sys

import h5py
import numpy as np


def precision(path, label):
    """By id, so that the order of rows does not matter."""
    with h5py.File(path) as f:
        ids = f["item"].asstr()[:]
        labels = f[f"items/attributes/{label}"].asstr()[:]
        nearest = f["neighbors/index"][:, :10]
    order = np.argsort(ids)
    return ids[order], (labels[nearest] == labels[:, None]).mean(axis=1)[order]


def main(label, paths):
    for a, b in zip(paths[::2], paths[1::2]):
        (ids, of_a), (same, of_b) = precision(a, label), precision(b, label)
        assert (ids == same).all()
        draw = np.random.default_rng(1)
        delta = of_b - of_a
        means = [delta[draw.integers(0, len(delta), len(delta))].mean() for _ in range(10000)]
        low, high = np.percentile(means, [2.5, 97.5])
        print(f"{a}\t{b}\t{of_a.mean():.3f}\t{of_b.mean():.3f}\t{delta.mean():+.4f}\t"
              f"[{low:+.4f}, {high:+.4f}]\t{'differs' if low > 0 or high < 0 else 'may be noise'}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
