#!/usr/bin/env python3
"""How far real activations reach, and what fp16 makes of them: each layer of the cuda backend in fp16
beside the cpu's in fp32, on real photos. Run by hand, with trained weights; a drawn network is kind to
fp16.

usage: verify_half_layers.py DUMP_LAYERS CATALOG WEIGHTS COUNT [REACH]

DUMP_LAYERS has the module, emulated or real, in ../lib/lookloom. Of the catalogue's first COUNT photos
(32 at most) each layer's NMSE, in fp16 against fp32, must be at most 1e-5: rounding a layer's weights and
activations costs some 1e-7, thirteen layers in a row some 1e-6. REACH more photos, on the cpu alone, say
how large activations become. Prints one line a layer, tabs between.
"""
import csv
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
try:
    import numpy as np
    from verify_scores import pixels
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

BOUND, MOST = 1e-5, 32
NAMES = [f"conv{b}_{c}" if c else f"pool{b}" for b, n in enumerate((2, 2, 3, 3, 3), 1)
         for c in (*range(1, n + 1), 0)] + ["fc1", "fc2"]


def layers(dump, weights, folder, raw, *precision):
    """(name, activations) of each layer there is, one at a time: the first are large."""
    raw.tofile(f"{folder}/pixels")
    subprocess.run([dump, weights, folder, str(len(raw)), *precision], check=True)
    for name in NAMES:
        if os.path.exists(f"{folder}/{name}"):
            yield name, np.memmap(f"{folder}/{name}", np.float32, "r")


def nmse(got, want):
    error = energy = 0.0
    for at in range(0, len(want), 1 << 24):
        a, b = (x[at:at + (1 << 24)].astype(np.float64) for x in (got, want))
        error += np.square(a - b).sum()
        energy += np.square(b).sum()
    return error / energy


def main(dump, catalog, weights, count, reach):
    with open(catalog, newline="") as f:
        images = [item["image"] for item in csv.DictReader(f)][:count + reach]
    root = os.path.dirname(os.path.abspath(catalog))
    most = {}
    with tempfile.TemporaryDirectory() as cpu, tempfile.TemporaryDirectory() as cuda:
        def take(paths):
            return np.stack([pixels(f"{root}/{p}", "keras") for p in paths]).astype(np.uint8)
        for at in range(count, len(images), MOST):
            for name, x in layers(dump, weights, cpu, take(images[at:at + MOST])):
                most[name] = max(most.get(name, 0.0), float(x.max()))
        few = take(images[:count])
        halves = dict(layers(dump, weights, cuda, few, "fp16"))
        assert halves, "no layer was written"
        worst = 0.0
        print("layer\tlargest, fp32\tof the first\tin fp16\tNMSE")
        for name, x in layers(dump, weights, cpu, few):
            first, error = float(x.max()), nmse(halves[name], x)
            worst = max(worst, error)
            print(f"{name}\t{max(first, most.get(name, 0.0)):.1f}\t{first:.1f}\t"
                  f"{float(halves[name].max()):.1f}\t{error:.1e}")
    assert worst <= BOUND, f"{worst} > {BOUND}"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]),
         int(sys.argv[5]) if len(sys.argv) > 5 else 0)
