#!/usr/bin/env python3
"""bench/peers/store_h5py.py - the matrix to disk and a row of it back, by h5py and dd and by
lookloom, in turns.

    store_h5py.py LOOKLOOM write|read [--rows 20000] [--rounds 5] [--threads 2] [--folder DIR]

write: dd if=/dev/zero bs=1M conv=fsync of as many bytes; and h5py, 512 rows at a time from memory to
a contiguous dataset, closed, fsynced. read: one row out of an open file, all rows in a scattered
order; seconds are those of a row. Prints `ours_s<TAB>peer_s<TAB>work<TAB>peer`, medians. Exit 77 and a line where h5py is missing."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

try:
    import h5py
    import numpy
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

BAND = 512


def ours(options, folder):
    """The two results of `lookloom bench store`."""
    command = [options.lookloom, "bench", "store", "--items", str(options.rows), "--jobs",
               str(options.threads), "--seconds", "0.1", "--rounds", "1", "--folder", folder,
               "--format", "json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def fsync(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def write_dd(rows, path):
    size = 4 * rows * rows
    start = time.perf_counter()
    subprocess.run(["dd", "if=/dev/zero", f"of={path}", "bs=1M", f"count={size}",
                    "iflag=count_bytes", "conv=fsync", "status=none"], check=True)
    return time.perf_counter() - start


def write_h5py(rows, path):
    band = numpy.random.default_rng(1).random((min(BAND, rows), rows), dtype=numpy.float32)
    start = time.perf_counter()
    with h5py.File(path, "w") as file:
        matrix = file.create_dataset("similarity", (rows, rows), numpy.float32)
        for first in range(0, rows, BAND):
            matrix[first:first + BAND] = band[:min(BAND, rows - first)]
    fsync(path)
    return time.perf_counter() - start


def read_h5py(path):
    with h5py.File(path) as file:
        matrix = file["similarity"]
        rows = len(matrix)
        start = time.perf_counter()
        for i in range(rows):
            matrix[i * 7919 % rows]
        return (time.perf_counter() - start) / rows


def write(options, folder):
    path, times = os.path.join(folder, "peer"), {"ours": [], "dd": [], "h5py": []}
    for _ in range(options.rounds):
        times["ours"].append(ours(options, folder)[0]["median_s"])
        for name, peer in (("dd", write_dd), ("h5py", write_h5py)):
            times[name].append(peer(options.rows, path))
            os.unlink(path)
    mine = statistics.median(times["ours"])
    note = f"float32 matrix of {options.rows} written, fsync"
    print(f"{mine:.4f}\t{statistics.median(times['dd']):.4f}\t{note}\tdd conv=fsync")
    print(f"{mine:.4f}\t{statistics.median(times['h5py']):.4f}\t{note}\th5py {h5py.__version__}")


def read(options, folder):
    path, mine, theirs = os.path.join(folder, "peer"), [], []
    options.rows = min(options.rows, 5000)
    write_h5py(options.rows, path)
    for _ in range(options.rounds):
        mine.append(ours(options, folder)[1]["median_s"] / options.rows)
        theirs.append(read_h5py(path))
    print(f"{statistics.median(mine):.9f}\t{statistics.median(theirs):.9f}\t"
          f"a row of {options.rows} read\th5py {h5py.__version__}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lookloom")
    parser.add_argument("what", choices=["write", "read"])
    parser.add_argument("--rows", type=int, default=20000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        (write if options.what == "write" else read)(options, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
