#!/usr/bin/env python3
"""Judge `lookloom eval` with numpy: the textbook definitions, item by item, from the features.

Small indexes with ties, twins, classes of one, empty labels, lists shorter than k and --within;
values, chances and bootstrap intervals must agree to 1e-12. Chance is what all orders of the others
give on average: counted out for a tiny index, by expectation for the rest.

usage: verify_eval.py        (BIN and TEST_BIN name the folders of the programs)
"""
import csv
import io
import itertools
import math
import os
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

BIN, TEST_BIN = os.environ["BIN"], os.environ["TEST_BIN"]
BOUND = 1e-12
MASK = (1 << 64) - 1
MEASURES = ("precision", "recall", "mAP", "nDCG")
LANES = 64


def score_matrix(features):
    """Cosines in the documented order of summation, as float32 in [0, 1]: ties are real ties."""
    rows, cols = features.shape
    wide = np.zeros((rows, -(-cols // LANES) * LANES))
    wide[:, :cols] = features
    sums = np.empty((rows, rows))
    for i in range(rows):
        partial = (wide[i] * wide).reshape(rows, -1, LANES)
        total = np.zeros((rows, LANES))
        for block in range(partial.shape[1]):
            total += partial[:, block]
        step = LANES // 2
        while step:
            total[:, :step] += total[:, step : 2 * step]
            step //= 2
        sums[i] = total[:, 0]
    squares = np.diag(sums)
    return np.clip((sums / np.sqrt(np.outer(squares, squares))).astype(np.float32), 0, 1)


def measures(relevant, r, k):
    """Of one ranked list of 0 and 1; `r` are relevant in all."""
    hit = list(relevant[:k]) + [0] * max(0, k - len(relevant))
    precision = sum(hit) / k
    recall = sum(hit) / r
    ap = sum(hit[i] * (sum(hit[: i + 1]) / (i + 1)) for i in range(k)) / min(r, k)
    dcg = sum(hit[i] / math.log2(i + 2) for i in range(k))
    ideal = sum(1 / math.log2(i + 2) for i in range(min(r, k)))
    return [precision, recall, ap, dcg / ideal]


def chance(r, others, k, count_out):
    if count_out:
        orders = set(itertools.permutations([1] * r + [0] * (others - r)))
        return np.mean([measures(order, r, k) for order in orders], axis=0)
    listed = min(k, others)
    p = r / others
    second = (r - 1) / (others - 1) if others > 1 else 0.0
    ap = sum(p / i + p * second * (i - 1) / i for i in range(1, listed + 1)) / min(r, k)
    gain = sum(p / math.log2(i + 1) for i in range(1, listed + 1))
    ideal = sum(1 / math.log2(i + 1) for i in range(1, min(r, k) + 1))
    return np.array([p * listed / k, listed / others, ap, gain / ideal])


def mix(x):
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & MASK
    return x ^ x >> 31


def intervals(table, seed, stream, resamples):
    means = []
    for r in range(resamples):
        state = mix((mix((mix(seed) + stream) & MASK) + r) & MASK)
        rows = []
        for _ in range(len(table)):
            state = (state + 0x9E3779B97F4A7C15) & MASK
            rows.append((mix(state) >> 32) * len(table) >> 32)
        means.append(table[rows].mean(axis=0))
    return np.quantile(means, [0.025, 0.975], axis=0)


def expected(path, column, ks, seed, resamples, count_out):
    """{(label, k, measure): (items, value, low, high, chance)}; label "" is all together."""
    with h5py.File(path) as f:
        scores = score_matrix(f["features"][:])
        labels = f["items/attributes"][column].asstr()[:]
        within = f.attrs["within"]
        pools = f["items/attributes"][within].asstr()[:] if within else np.full(len(labels), "")
    asked, by_row, by_chance = [], {}, {}
    for q in range(len(labels)):
        others = [j for j in range(len(labels)) if j != q and pools[j] == pools[q]]
        others.sort(key=lambda j: (-scores[q, j], j))
        relevant = [int(labels[j] == labels[q]) for j in others]
        if labels[q] == "" or sum(relevant) == 0:
            continue
        asked.append(q)
        by_row[q] = np.concatenate([measures(relevant, sum(relevant), k) for k in ks])
        by_chance[q] = np.concatenate(
            [chance(sum(relevant), len(others), k, count_out) for k in ks])
    out = {}
    names = [""] + sorted({labels[q] for q in asked}, key=lambda text: text.encode())
    for stream, name in enumerate(names if asked else []):
        # all together are resampled in the order of their classes
        rows = sorted((q for q in asked if name in ("", labels[q])),
                      key=lambda q: (labels[q].encode(), q))
        table = np.array([by_row[q] for q in rows])
        value = table.mean(axis=0)
        lucky = np.mean([by_chance[q] for q in rows], axis=0)
        low, high = intervals(table, seed, stream, resamples)
        for i, (k, measure) in enumerate(itertools.product(ks, MEASURES)):
            out[name, k, measure] = (len(rows), value[i], low[i], high[i], lucky[i])
    return out


def check(name, path, column, ks, seed=1, resamples=50, count_out=False):
    command = [f"{BIN}/lookloom", "eval", path, "--label", column, "--k", ",".join(map(str, ks)),
               "--seed", str(seed), "--resamples", str(resamples), "--format", "csv"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    got = {(row["label"], int(row["k"]), row["measure"]):
           (int(row["items"]), *(float(row[c]) for c in ("value", "low", "high", "chance")))
           for row in csv.DictReader(io.StringIO(text))}
    want = expected(path, column, ks, seed, resamples, count_out)
    if got.keys() != want.keys():
        print(f"FAILED {name}: rows {sorted(got.keys() ^ want.keys())} ({' '.join(command)})")
        return False
    worst = max((abs(a - b) for key in want for a, b in zip(got[key], want[key])), default=0.0)
    print(f"{name}: {len(want)} values, largest difference {worst:.1e}")
    if worst > BOUND:
        print(f"FAILED {name}: more than {BOUND} ({' '.join(command)})")
    return worst <= BOUND


def change_labels(path, column, change):
    with h5py.File(path, "r+") as f:
        labels = f["items/attributes"][column]
        for i, text in enumerate(labels.asstr()[:]):
            labels[i] = change(i, text)


def refuses_damage(path):
    """A neighbour that is no row, and one that is the item itself: one line, exit 3."""
    good = True
    for number in (4000000000, 0):
        with h5py.File(path, "r+") as f:
            f["neighbors/index"][0, 0] = number
        for words in (["eval", path, "--label", "category", "--k", "5"],
                      ["duplicates", path, "--min-score", "0"]):
            run = subprocess.run([f"{BIN}/lookloom", *words], capture_output=True, text=True)
            if run.returncode != 3 or run.stdout or run.stderr.count("\n") != 1 or \
                    f"damaged: row 0 has neighbour {number}" not in run.stderr:
                print(f"FAILED {words} on neighbour {number}: {run}")
                good = False
    return good


def main():
    good = True
    with tempfile.TemporaryDirectory() as folder:
        def make(name, *options):
            path = f"{folder}/{name}.h5"
            subprocess.run([f"{TEST_BIN}/make_sample", path, *map(str, options)], check=True)
            return path

        plain = make("plain", 60, 64, 59, "float32")
        good &= check("classes of many", plain, "category", [1, 3, 10, 59], seed=7)
        good &= check("classes of one and few", plain, "product", [1, 5, 20])
        good &= check("k beyond all others", plain, "stock", [59, 200])
        change_labels(plain, "category", lambda i, text: "" if i % 4 == 0 else text)
        good &= check("empty labels", plain, "category", [2, 10])
        change_labels(plain, "category", lambda i, text: f"é{i % 7}" if i % 2 else "all")
        good &= check("labels beyond ASCII", plain, "category", [4])
        change_labels(plain, "category", lambda i, text: str(i))
        good &= check("everyone alone", plain, "category", [4])
        good &= check("short lists", make("short", 50, 64, 7, "none"), "category", [1, 7])
        within = make("within", 50, 64, 25, "uint16", "within")
        good &= check("within", within, "stock", [3, 25])
        good &= check("within its own column", within, "category", [5])
        good &= check("all orders counted out", make("tiny", 7, 64, 6, "none"), "stock", [1, 2, 6, 9],
                      count_out=True)
        good &= refuses_damage(within)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
