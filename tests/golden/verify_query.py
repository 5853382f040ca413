#!/usr/bin/env python3
"""Judge the answers of lookloom-query with h5py and numpy: for each --matrix, with and without
features and --within, every item under drawn questions (filters, --top beyond the neighbours,
thresholds lying exactly on a score, on a step of uint16 and of float16).

With features or without a matrix, the answer is that of scoring everything by definition, filtering,
sorting and cutting. `complete` and `exact` are as README.md defines them, both ways round.

usage: verify_query.py [SEED]   BIN, TEST_BIN: folders of the programs
"""
import json
import os
import random
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from verify_neighbors import sums

COLUMNS = ["category", "product", "stock"]
QUESTIONS = 8


class Index:
    """What the file says, and the scores by definition."""

    def __init__(self, path, features):
        with h5py.File(path) as f:
            self.ids = list(f["item"].asstr()[:])
            self.images = list(f["items/image"].asstr()[:])
            self.columns = {c: f[f"items/attributes/{c}"].asstr()[:] for c in COLUMNS}
            self.index, self.score = f["neighbors/index"][:], f["neighbors/score"][:]
            self.stored, self.step = None, None
            if "similarity" in f:
                self.stored = f["similarity"][:].astype(np.float32)
                if f["similarity"].dtype == np.uint16:
                    self.stored = f["similarity"][:].astype(np.float32) / np.float32(65535)
            within = f.attrs["within"]
            within = within.decode() if isinstance(within, bytes) else within
            self.group = self.columns[within] if within else None
            self.has_features = "features" in f
        s = sums(features)
        square = np.diag(s)
        self.exact = np.clip((s / np.sqrt(square[:, None] * square)).astype(np.float32), 0, 1)


class Question:
    """Options of lookloom-query, and which items they leave."""

    def __init__(self, draw, index):
        self.top = draw.choice([1, 3, 5, 10, len(index.ids) + 5])
        self.low = threshold(draw, index) if draw.random() < 0.8 else "0"
        self.high = threshold(draw, index) if draw.random() < 0.3 else "1"
        if float(self.low) > float(self.high):
            self.low, self.high = self.high, self.low
        self.where = [(c, draw.choice(sorted(set(index.columns[c]))))
                      for c in COLUMNS for _ in range(draw.choice([0, 0, 0, 0, 1, 2]))]
        self.same = draw.choice([None, None, None, *COLUMNS])
        self.distinct = draw.choice([None, None, *COLUMNS])

    def arguments(self):
        words = [f"--top={self.top}", f"--min-score={self.low}", f"--max-score={self.high}"]
        words += [f"--where={c}={value}" for c, value in self.where]
        words += [f"--same={self.same}"] if self.same else []
        return words + ([f"--distinct={self.distinct}"] if self.distinct else [])

    def leaves(self, index, row):
        keep = np.arange(len(index.ids)) != row
        for c in {c for c, _ in self.where}:
            keep &= np.isin(index.columns[c], [value for d, value in self.where if d == c])
        if self.same:
            keep &= index.columns[self.same] == index.columns[self.same][row]
        if self.distinct:
            keep &= index.columns[self.distinct] != index.columns[self.distinct][row]
        if index.group is not None:
            keep &= index.group == index.group[row]
        return keep

    def cut(self, index, order, scores):
        """The best of each --distinct value among rows in `order`, between the thresholds."""
        listed, seen, best = [], set(), None
        for row in order:
            if scores[row] > np.float32(self.high):
                continue
            best = row if best is None else best
            if scores[row] < np.float32(self.low) or len(listed) == self.top:
                break
            value = index.columns[self.distinct][row] if self.distinct else row
            if value not in seen:
                seen.add(value)
                listed.append(row)
        return listed, best


def threshold(draw, index):
    """A score as it is, a step of a stored type, or a step that some item is stored at."""
    n = len(index.ids)
    score = index.exact[draw.randrange(n), draw.randrange(n)]
    kind = draw.choice(["score", "uint16", "float16", "stored"])
    if kind == "uint16":
        return f"{round(float(score) * 65535) / 65535:.17g}"
    if kind == "float16":
        return f"{float(np.float16(score)):.17g}"
    if kind == "stored" and index.stored is not None:
        return f"{index.stored[draw.randrange(n), draw.randrange(n)]:.9g}"
    return f"{score:.9g}"


def best_first(rows, scores, beyond=None):
    """Ties by row; where scores are not known to the bit, neighbours come before the rest."""
    rows = np.asarray(rows, dtype=np.int64)
    last = np.zeros(len(rows)) if beyond is None else beyond[rows]
    return rows[np.lexsort((rows, last, -scores[rows].astype(np.float64)))]


def known(index, row):
    """Scores of a row where there are no features: the neighbours' to the bit, the rest as stored,
    but not above the last neighbour's. And which are not neighbours."""
    near = index.index[row] != 0xFFFFFFFF
    rows = index.index[row][near]
    scores = index.stored[row].copy()
    beyond = np.ones(len(scores), dtype=bool)
    if len(rows):
        scores = np.minimum(scores, index.score[row][near][-1])
    scores[rows] = index.score[row][near]
    beyond[rows] = False
    return scores, beyond


def check(index, question, answer, seen):
    row = index.ids.index(answer["id"])
    keep = question.leaves(index, row)
    near = index.index[row][index.index[row] != 0xFFFFFFFF]
    whole = len(near) < index.index.shape[1] or index.index.shape[1] >= len(index.ids) - 1
    full = question.cut(index, best_first(np.flatnonzero(keep), index.exact[row]), index.exact[row])
    walked = question.cut(index, [r for r in near if keep[r]], index.exact[row])
    # The neighbours say it all if they fill --top, or reach below --min-score, or are everybody.
    reaches = len(walked[0]) == question.top or whole or any(
        keep[r] and index.exact[row][r] <= np.float32(question.high)
        and index.exact[row][r] < np.float32(question.low) for r in near)
    scores = index.exact[row]

    want, complete, exact = full, True, True
    if not reaches and index.stored is None:
        want, complete = walked, False
    elif not reaches and not index.has_features:
        scores, beyond = known(index, row)
        order = best_first(np.flatnonzero(keep), scores, beyond)
        want = question.cut(index, order, scores)
        # inexact as soon as one that was looked at was not known to the bit
        last = want[0][-1] if len(want[0]) == question.top else None
        looked = []
        for r in order:
            looked.append(r)
            if r == last or scores[r] < np.float32(question.low):
                break
        exact = not beyond[looked].any() if looked else True
    assert answer["complete"] == complete, f"complete is {answer['complete']}"
    assert answer["exact"] == exact, f"exact is {answer['exact']}"
    assert [s["id"] for s in answer["similar"]] == [index.ids[r] for r in want[0]], "other items"
    for rank, (got, r) in enumerate(zip(answer["similar"], want[0]), 1):
        assert got["rank"] == rank and got["image"] == index.images[r]
        assert got["attributes"] == {c: index.columns[c][r] for c in COLUMNS}
        assert abs(got["score"] - float(scores[r])) <= 0.5000001e-6, f"the score of {got['id']}"
    best = None if want[1] is None else float(scores[want[1]])
    assert (answer["best_score"] is None) == (best is None), "a best score"
    assert best is None or abs(answer["best_score"] - best) <= 0.5000001e-6, "another best score"
    seen["answers"] += 1
    seen["incomplete"] += not complete
    seen["inexact"] += not exact
    seen["from the matrix"] += not reaches and complete
    seen["empty"] += not want[0]


def ask(path, question, ids):
    command = [os.path.join(os.environ["BIN"], "lookloom-query"), path, "-", "--format=jsonl",
               "--quiet", *question.arguments()]
    done = subprocess.run(command, input="\n".join(ids), capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def main(seed):
    draw = random.Random(seed)
    seen = dict.fromkeys(["answers", "from the matrix", "incomplete", "inexact", "empty"], 0)
    cases = [(matrix, words) for matrix in ["none", "float32", "float16", "uint16"]
             for words in [(), ("no-features",), ("within",)]]
    with tempfile.TemporaryDirectory() as folder:
        for matrix, words in cases:
            items, width, near = draw.randint(30, 80), draw.randint(20, 150), draw.randint(2, 12)
            path = os.path.join(folder, "sample.h5")
            make = [os.path.join(os.environ["TEST_BIN"], "make_sample"), path, str(items),
                    str(width), str(near), matrix]
            subprocess.run(make + [w for w in words if w != "no-features"], check=True)
            with h5py.File(path) as f:
                features = f["features"][:]
            subprocess.run(make + list(words), check=True)
            index = Index(path, features)
            for _ in range(QUESTIONS):
                question = Question(draw, index)
                answers = ask(path, question, index.ids)
                assert [a["id"] for a in answers] == index.ids
                for answer in answers:
                    try:
                        check(index, question, answer, seen)
                    except AssertionError as wrong:
                        print(f"{wrong}; again: verify_query.py {seed}\n{' '.join(make)} "
                              f"{' '.join(words)}\n{question.arguments()}\n{answer}")
                        return 1
    print(", ".join(f"{count} {what}" for what, count in seen.items()))
    few = [what for what, count in seen.items() if count < 100]
    if few and seed == 1:
        print(f"too few to prove anything: {few}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
