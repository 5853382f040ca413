#!/usr/bin/env python3
"""Judge the groups of `lookloom duplicates` with scipy and scikit-learn.

Scores are computed here from the features, in their documented order of summation. Chains are the
connected components of the links (scipy.sparse.csgraph). Groups of --every-pair are complete linkage
(scipy.cluster.hierarchy): of all items, twins too, with a pair's place in the documented order for a
distance, so that equal scores have one answer; and where no two scores are equal, also with
1 - score for a distance, by scipy and by scikit-learn's AgglomerativeClustering, which know of no
order of ours.

usage: verify_duplicates.py        (BIN and TEST_BIN name the folders of the programs)
"""
import csv
import io
import os
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial.distance import squareform
    from sklearn.cluster import AgglomerativeClustering
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

BIN, TEST_BIN = os.environ["BIN"], os.environ["TEST_BIN"]
LANES = 64
failures = []
met = {"places": 0, "scipy": 0, "sklearn": 0, "split": 0, "tied": 0}


def score_matrix(features):
    """Cosines in the documented order of summation, as float32 in [0, 1]: ties are real ties."""
    rows, cols = features.shape
    wide = np.zeros((rows, -(-cols // LANES) * LANES))
    wide[:, :cols] = features
    sums = np.empty((rows, rows))
    for i in range(rows):
        total = np.zeros((rows, LANES))
        for block in (wide[i] * wide).reshape(rows, -1, LANES).transpose(1, 0, 2):
            total += block
        step = LANES // 2
        while step:
            total[:, :step] += total[:, step : 2 * step]
            step //= 2
        sums[i] = total[:, 0]
    squares = np.diag(sums)
    return np.clip((sums / np.sqrt(np.outer(squares, squares))).astype(np.float32), 0, 1)


class Index:
    def __init__(self, path):
        with h5py.File(path) as f:
            self.scores = score_matrix(f["features"][:])
            self.ids = [x.decode() for x in f["item"][:]]
            digests = f["items/digest"][:]
            within = f.attrs["within"]
            pools = f["items/attributes"][within].asstr()[:] if within else np.full(len(self.ids), "")
        count = len(self.ids)
        self.same = (digests[:, None] == digests[None]).all(axis=2) & digests.any(axis=1)[:, None]
        self.same |= np.eye(count, dtype=bool)
        self.photo = self.same.argmax(axis=1)  # first row of the same bytes
        self.scores[self.same] = 1
        together = pools[:, None] == pools[None]
        self.linkable = together | self.same
        # photos are compared if an item of one has the value of an item of the other
        same = self.same.astype(int)
        self.compared = same @ together.astype(int) @ same > 0

    def distances(self, min_score):
        """A pair's place in the order of complete linkage, and how many pairs reach."""
        a, b = np.triu_indices(len(self.ids), 1)
        low, high = np.sort([self.photo[a], self.photo[b]], axis=0)
        reached = self.compared[a, b] & (self.scores[a, b] >= min_score)
        order = np.lexsort((b, a, high, low, -self.scores[a, b], ~self.same[a, b], ~reached))
        place = np.empty(len(a))
        place[order] = np.arange(1, len(a) + 1)
        return place, int(reached.sum())


def partition(labels):
    """Sets of rows, groups of one left out."""
    groups = {}
    for row, label in enumerate(labels):
        groups.setdefault(label, []).append(row)
    return sorted(rows for rows in groups.values() if len(rows) > 1)


def ask(path, min_score, every_pair):
    command = [f"{BIN}/lookloom", "duplicates", path, "-q", "--format", "csv", "--min-score",
               repr(float(min_score))] + ["--every-pair"] * every_pair
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return list(csv.DictReader(io.StringIO(text))), " ".join(command)


def answered(index, rows):
    groups, lowest = {}, {}
    for row in rows:
        groups.setdefault(row["group"], []).append(index.ids.index(row["id"]))
        lowest[row["group"]] = row["lowest"]
    return list(groups.values()), list(lowest.values())


def check(name, path, index, min_score):
    min_score = np.float32(min_score)
    linked = index.linkable & ((index.scores >= min_score) | index.same)
    chains = partition(connected_components(linked, directed=False)[1])
    place, reached = index.distances(min_score)
    tree = linkage(place, method="complete")
    groups = partition(fcluster(tree, t=reached + 0.5, criterion="distance"))
    met["places"] += len(groups)
    met["split"] += groups != chains
    check_distances(name, index, min_score, groups)
    for every_pair, want in ((False, chains), (True, groups)):
        rows, command = ask(path, min_score, every_pair)
        got, lowest = answered(index, rows)
        if got != want:
            failures.append(f"{name}: {got} instead of {want} ({command})")
        for members, said in zip(got, lowest):
            worst = index.scores[np.ix_(members, members)].min()
            if said != f"{worst:.6f}":
                failures.append(f"{name}: lowest {said} instead of {worst:.6f} ({command})")
            if every_pair and worst < min_score:
                failures.append(f"{name}: a pair of {worst} ({command})")
        if any(row["linkage"] != ("every-pair" if every_pair else "chain") for row in rows):
            failures.append(f"{name}: linkage ({command})")


def check_distances(name, index, min_score, groups):
    """Without any order of ours, where scores alone decide: of photos, each once."""
    photos = np.unique(index.photo)
    far = np.where(index.compared, 1.0 - index.scores.astype(float), 2.0)[np.ix_(photos, photos)]
    np.fill_diagonal(far, 0.0)
    near = squareform(far, checks=False)
    near = near[near <= 1.0 - float(min_score)]
    if len(photos) < 2 or len(np.unique(near)) < len(near):
        met["tied"] += 1
        return
    want = [[int(p) for p in photos if p in rows] for rows in groups]
    want = sorted(rows for rows in want if len(rows) > 1)
    bound = 1.0 - float(min_score)
    tree = linkage(squareform(far, checks=False), method="complete")
    by_scipy = partition(fcluster(tree, t=bound, criterion="distance"))
    # "distance_threshold: ... at or above which clusters will not be merged"
    model = AgglomerativeClustering(n_clusters=None, metric="precomputed", linkage="complete",
                                    distance_threshold=np.nextafter(bound, 2.0))
    by_sklearn = partition(model.fit_predict(far))
    for who, got in (("scipy", by_scipy), ("sklearn", by_sklearn)):
        got = [[int(photos[i]) for i in rows] for rows in got]
        met[who] += len(got)
        if sorted(got) != want:
            failures.append(f"{name}: {who} has {got}, not {want}")


def main():
    samples = [  # and how many seeds of each
        ("60 64 5 float32 digests", 2), ("80 64 2 none digests", 2), ("70 64 3 uint16 within digests", 2),
        ("50 64 49 none within", 2), ("90 700 4 none", 1), ("2 64 1 none", 1), ("3 64 1 none digests", 1),
        ("40 300 2 none distinct", 4), ("30 300 3 float16 distinct within", 4),
    ]
    with tempfile.TemporaryDirectory() as folder:
        for words, seeds in samples:
            for seed in range(1, seeds + 1):
                path = f"{folder}/sample.h5"
                subprocess.run([f"{TEST_BIN}/make_sample", path, *words.split(), f"seed={seed}"],
                               check=True)
                index = Index(path)
                scores = np.sort(index.scores[np.triu_indices(len(index.ids), 1)])
                for min_score in (0.999, 0.8, scores[len(scores) // 2], 0.0):
                    check(f"{words}, seed {seed}, {min_score}", path, index, min_score)
    print(", ".join(f"{key}: {value}" for key, value in met.items()))
    for line in failures[:20]:
        print(line)
    met_enough = min(met["scipy"], met["sklearn"]) > 50 and met["split"] > 20 and met["places"] > 300
    if not met_enough:
        print("too little was judged")
    return 0 if not failures and met_enough else 1


if __name__ == "__main__":
    sys.exit(main())
