#!/usr/bin/env python3
"""Judge what lookloom-query writes by what reads it: --format csv by sqlite3's own .import and by
pandas, jsonl and json against tools/answer.schema.json, all of them against each other. On ids with
commas, quotes, line breaks and worse, and on 10 000 drawn items
(1 000 with sanitizers).

usage: verify_formats.py   BIN, TEST_BIN: folders of the programs; SANITIZED: do not look at the clock
"""
import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

try:
    import jsonschema
    import pandas
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)
if shutil.which("sqlite3") is None:
    print("skipped: no sqlite3")
    sys.exit(77)

HEADER = ["query", "rank", "id", "score", "image"]
SECONDS = 2.0  # for --all --format csv of 10 000 items


def run(program, *arguments):
    path = os.path.join(os.environ["TEST_BIN" if program == "make_sample" else "BIN"], program)
    done = subprocess.run([path, *arguments], stdout=subprocess.PIPE, check=True)
    return done.stdout


def load_sqlite(path):
    """By .import, as a shop would; given back as text, unit by unit, so that nothing is guessed."""
    commands = f".import --csv {path} similar\n.mode ascii\nSELECT {', '.join(HEADER)} FROM similar;\n"
    done = subprocess.run(["sqlite3", ":memory:"], input=commands.encode(), capture_output=True)
    assert done.returncode == 0 and not done.stderr, done.stderr.decode()
    rows = done.stdout.decode().split("\x1e")
    assert rows.pop() == ""
    return [row.split("\x1f") for row in rows]


def load_pandas(path):
    table = pandas.read_csv(path, dtype=str, keep_default_na=False)
    assert list(table.columns) == HEADER
    return table.values.tolist()


def check(index, folder):
    path = os.path.join(folder, "similar.csv")
    began = time.monotonic()
    text = run("lookloom-query", "-q", index, "--all", "--format", "csv")
    seconds = time.monotonic() - began
    with open(path, "wb") as f:
        f.write(text)
    # Python's own reader splits at lone carriage returns unless it is given the text unsplit.
    rows = list(csv.reader(io.StringIO(text.decode(), newline="")))
    assert rows.pop(0) == HEADER
    assert load_sqlite(path) == rows, "sqlite3 reads something else"
    assert load_pandas(path) == rows, "pandas reads something else"

    lines = run("lookloom-query", "-q", index, "--all", "--format", "jsonl").decode().split("\n")
    assert lines.pop() == ""
    answers = [json.loads(line) for line in lines]
    assert json.loads(run("lookloom-query", "-q", index, "--all", "--format", "json")) == answers
    with open(os.path.join("tools", "answer.schema.json"), encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for answer in answers[:: max(1, len(answers) // 500)]:
        validator.validate(answer)
    flat = [[a["id"], str(s["rank"]), s["id"], f"{s['score']:.6f}", s["image"]]
            for a in answers for s in a["similar"]]
    assert flat == rows, "jsonl and csv differ"
    return len(answers), len(rows), seconds, validator


def main():
    with tempfile.TemporaryDirectory() as folder:
        awkward = os.path.join(folder, "awkward.h5")
        run("make_sample", awkward, "64", "40", "12", "uint16", "awkward")
        print("%d awkward items, %d rows" % check(awkward, folder)[:2])
        large = os.path.join(folder, "large.h5")
        count = 1000 if os.environ.get("SANITIZED") else 10000
        run("lookloom", "bench", "query", "--items", str(count), "--seconds", "0.01", "--keep", large)
        items, rows, seconds, validator = check(large, folder)
        print(f"{items} items, {rows} rows, csv in {seconds:.2f} s")
        assert (items, rows) == (count, 10 * count)
        assert os.environ.get("SANITIZED") or seconds < SECONDS, "csv takes too long"
        # A schema that accepts anything would prove nothing.
        good = json.loads(run("lookloom-query", "-q", large, "SKU-00000000"))
        validator.validate(good)
        for spoil in [{"exact": 1}, {"best_score": 1.5}, {"generation": "x"}, {"id": ""},
                      {"similar": [{"rank": 0}]}, {"more": 1}]:
            assert not validator.is_valid({**good, **spoil}), f"the schema accepts {spoil}"
        for name in good:
            assert not validator.is_valid({k: v for k, v in good.items() if k != name})
        # Empty answers are answers.
        empty = json.loads(run("lookloom-query", "-q", large, "SKU-00000000", "--min-score", "1"))
        none = json.loads(run("lookloom-query", "-q", large, "SKU-00000000", "--where", "kind=none"))
        assert empty["similar"] == none["similar"] == [] and none["best_score"] is None
        validator.validate(empty)
        validator.validate(none)
    return 0


if __name__ == "__main__":
    sys.exit(main())
