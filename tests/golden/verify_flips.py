"""One flipped bit, again and again: what `lookloom verify` lets pass, no stranger's reader may see.

Half of the flips fall anywhere in a small index, half where it has structure or texts rather than
numbers. Each file that passes verify is opened with h5py (links, objects, attributes, types, values,
scales), h5dump and xarray in both engines: all must find what they find in the file as it was. verify
itself answers 0 or 1, with a line if 1, and neither crashes nor hangs.

usage: verify_flips.py FLIPS [SEED]   BIN, TEST_BIN: folders of the programs
Needs what golden_index.py needs; exit 77 without.
"""
import hashlib
import os
import pickle
import random
import signal
import subprocess
import sys
import tempfile

from golden_index import GROUPS, WRITE, h5py, np, xr

CASE = "12 16 5 3 uint16 10".split()  # items, features, neighbours, rejected, matrix, columns
SECONDS = 60  # for whatever takes milliseconds
CRASHED = 99  # what the sanitizers exit with: their own 1 is also verify's
# Fresh memory is no zeros, so that whoever reads it is seen. libhdf5 loses some when it fails.
ENVIRONMENT = dict(os.environ, MALLOC_PERTURB_="165", UBSAN_OPTIONS=f"exitcode={CRASHED}",
                   ASAN_OPTIONS=f"exitcode={CRASHED}:detect_leaks=0")


def plain(value):
    if isinstance(value, (np.ndarray, np.generic)):
        return value.dtype.str, value.shape, repr(value.tolist())
    return type(value).__name__, repr(value)


# ---- the judges: each describes a file ---------------------------------------------------------


def see_attributes(o):
    seen = []
    for name in o.attrs:
        value = o.attrs[name]
        if name == "DIMENSION_LIST":
            value = [[o.file[scale].name for scale in axis] for axis in value]
        if name == "REFERENCE_LIST":
            value = [(o.file[user].name, int(axis)) for user, axis in value]
        attribute = h5py.h5a.open(o.id, name.encode())
        seen.append((name, attribute.get_type().encode(), attribute.shape, plain(value)))
    return seen


def see_dataset(d):
    creation = d.id.get_create_plist()
    seen = [d.name, d.id.get_type().encode(), d.shape, d.maxshape, d.chunks, d.compression]
    seen += [creation.get_layout(), creation.get_nfilters(), creation.get_fill_time()]
    seen += [creation.get_alloc_time(), creation.fill_value_defined(), see_attributes(d)]
    if d.dtype.kind != "O":  # h5py 3.7 crashes when asked for that of a text
        seen.append(plain(d.fillvalue))
    seen.append(plain(d[()]))
    seen.append(h5py.h5ds.is_scale(d.id))
    for axis in d.dims if d.shape else ():
        seen.append((axis.label, axis.keys(), [scale.name for scale in axis.values()]))
    return seen


def see_group(g):
    seen = [g.name, see_attributes(g)]
    for index in (h5py.h5.INDEX_NAME, h5py.h5.INDEX_CRT_ORDER):
        names = []
        g.id.links.iterate(names.append, idx_type=index)
        seen.append(names)
    for name in g:
        member = g[name]
        seen.append((name, type(g.get(name, getlink=True)).__name__))
        seen.append(see_group(member) if isinstance(member, h5py.Group) else see_dataset(member))
    return seen


def see_h5py(path):
    with h5py.File(path) as f:
        return see_group(f)


def see_xarray(path, engine):
    seen = []
    for group in GROUPS:
        with xr.open_dataset(path, engine=engine, group=group) as x:
            x.load()
            seen.append((group, dict(x.sizes), [(k, plain(v)) for k, v in x.attrs.items()]))
            for name, v in x.variables.items():
                attributes = [(k, plain(a)) for k, a in v.attrs.items()]
                seen.append((name, v.dims, plain(v.values), attributes, v.encoding.get("scale_factor")))
    return seen


def see_h5dump(path):
    return subprocess.run(["h5dump", "-p", path], capture_output=True, check=True, timeout=SECONDS).stdout


JUDGES = {
    "h5py": see_h5py,
    "h5netcdf": lambda path: see_xarray(path, "h5netcdf"),
    "netcdf4": lambda path: see_xarray(path, "netcdf4"),
    "h5dump": see_h5dump,
}


def begin(see, path):
    """In a child, for a reader may crash or hang."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child > 0:
        os.close(write_end)
        return child, read_end
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    signal.alarm(SECONDS)
    try:
        answer = "sees", hashlib.sha256(repr(see(path)).encode()).hexdigest()
    except BaseException as raised:
        answer = "raises", f"{type(raised).__name__}: {raised}"[:200]
    with os.fdopen(write_end, "wb") as out:
        pickle.dump(answer, out)
    os._exit(0)


def end(child, read_end):
    with os.fdopen(read_end, "rb") as answers:
        answer = answers.read()
    ended = os.waitpid(child, 0)[1]
    return pickle.loads(answer) if ended == 0 and answer else ("ends with", ended)


def check(path):
    """What each of them sees, as a digest, or how it failed; all at once."""
    begun = [(name, begin(see, path)) for name, see in JUDGES.items()]
    return {name: end(*child) for name, child in begun}


# ---- the flips -----------------------------------------------------------------------------------


def structure(path, data):
    """Places that hold no numbers of a dataset, and are not amid zeros: what is left unused."""
    numbers = bytearray(len(data))

    def mark(name, d):
        if isinstance(d, h5py.Dataset) and d.dtype.kind != "O" and d.id.get_offset() is not None:
            at = d.id.get_offset()
            numbers[at : at + d.nbytes] = b"\1" * d.nbytes

    with h5py.File(path) as f:
        f.visititems(mark)
    return [at for at in range(len(data)) if not numbers[at] and any(data[at & ~15 : (at | 15) + 1])]


def verify(path):
    """found, passed, or what it must not do"""
    command = [os.path.join(os.environ["BIN"], "lookloom"), "verify", "--jobs", "1", path]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, env=ENVIRONMENT)
    except subprocess.TimeoutExpired:
        return "hangs"
    if done.returncode == 0:
        return "passed"
    if done.returncode == 1 and done.stdout.strip():
        return "found"
    return f"ends with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}"


def main():
    flips, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 20261127
    draw = random.Random(seed)
    counts = {"found": 0, "passed": 0}
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "index.h5")
        subprocess.run([WRITE, path, *CASE], check=True)
        with open(path, "rb") as f:
            data = f.read()
        places = structure(path, data)
        expected = check(path)
        assert all(answer[0] == "sees" for answer in expected.values()), expected
        assert verify(path) == "passed"
        for flip in range(flips):
            at = draw.choice(places) if flip % 2 else draw.randrange(len(data))
            flipped, bit = bytearray(data), draw.randrange(8)
            flipped[at] ^= 1 << bit
            with open(path, "wb") as f:
                f.write(flipped)
            outcome = verify(path)
            if outcome not in counts:
                faults.append(f"byte {at:#x}, bit {bit}: verify {outcome}")
                continue
            counts[outcome] += 1
            if outcome == "found":
                continue
            seen = [f"{name} {' '.join(map(str, answer))}" for name, answer in check(path).items()
                    if answer != expected[name]]
            if seen:
                faults.append(f"byte {at:#x}, bit {bit}: passes verify; {'; '.join(seen)}")
    print(f"{flips} flips (seed {seed}) in {len(data)} bytes, every other one in {len(places)} of structure:")
    print(f"{counts['found']} found, {counts['passed']} passed, {len(faults)} faults")
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
