#!/usr/bin/env python3
"""Judge every layer of the cpu network on real pictures against torch, with the same weights file and
Pillow's pixels in both geometries. The NMSE of a layer over all pictures must be at most 1e-10.

usage: verify_layers.py DUMP_LAYERS CATALOG WEIGHTS.h5 COUNT
"""
import csv
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
try:
    import numpy as np
    import torch
    from verify_scores import network, numbers, pixels
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

BOUND, CHUNK = 1e-10, 16
COUNTS = (2, 2, 3, 3, 3)


def stages(net):
    """(our name, modules) of each layer: a convolution with its ReLU, a pool, an fc with its ReLU."""
    modules, at = list(net.features), 0
    for block, count in enumerate(COUNTS, 1):
        for conv in range(1, count + 1):
            yield f"conv{block}_{conv}", modules[at : at + 2]
            at += 2
        yield f"pool{block}", modules[at : at + 1]
        at += 1
    classifier = list(net.classifier)
    yield "fc1", classifier[0:2]
    yield "fc2", classifier[3:5]


def check(dump, weights, net, chunk, geometry, sums):
    with tempfile.TemporaryDirectory() as work:
        raw = np.stack([pixels(path, geometry) for path in chunk])
        raw.astype(np.uint8).tofile(f"{work}/pixels")
        subprocess.run([dump, weights, work, str(len(chunk))], check=True)
        x = torch.from_numpy(np.stack([np.ascontiguousarray(numbers(p, "caffe").transpose(2, 0, 1))
                                       for p in raw]))
        for name, modules in stages(net):
            with torch.no_grad():
                x = x.flatten(1) if name == "fc1" else x
                for module in modules:
                    x = module(x)
            want = (x.permute(0, 2, 3, 1) if x.ndim == 4 else x).contiguous().numpy()
            got = np.fromfile(f"{work}/{name}", np.float32).reshape(want.shape)
            os.unlink(f"{work}/{name}")
            delta = sums.setdefault(name, [0.0, 0.0])
            for a, b in zip(got, want):
                delta[0] += np.square(a.astype(np.float64) - b).sum()
                delta[1] += np.square(b.astype(np.float64)).sum()


def main(dump, catalog, weights, count):
    with open(catalog, newline="") as f:
        items = list(csv.DictReader(f))[:count]
    root = os.path.dirname(os.path.abspath(catalog))
    paths = [os.path.join(root, item["image"]) for item in items]
    net, _ = network(weights)
    worst = 0.0
    for geometry in ("keras", "torchvision"):
        sums = {}
        for start in range(0, len(paths), CHUNK):
            check(dump, weights, net, paths[start : start + CHUNK], geometry, sums)
        nmse = {name: d / r for name, (d, r) in sums.items()}
        worst = max(worst, *nmse.values())
        print(f"{geometry}, {len(paths)} photos: " +
              ", ".join(f"{name} {value:.1e}" for name, value in nmse.items()))
    assert worst <= BOUND, f"{worst} > {BOUND}"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
