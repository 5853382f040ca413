"""An index as the world sees it: h5py, h5dump and xarray in both engines open every group.

Independent of the product's reader: scores are recomputed here from /features in numpy, checksums and
generation from host/store/FORMAT.md.
Needs h5py, netCDF4, h5netcdf and xarray; exit 77 without.
"""
import ctypes
import os
import struct
import subprocess
import sys
import tempfile

try:
    import h5netcdf  # noqa: F401
    import h5py
    import netCDF4  # noqa: F401
    import numpy as np
    import xarray as xr
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

WRITE = os.path.join(os.environ["TEST_BIN"], "golden_index_write")
PURE = "This is a netCDF dimension but not a netCDF variable%10d"
GROUPS = (None, "neighbors", "items", "items/attributes", "lookup", "rejected", "checksums")
BOUND = {"float32": 1e-6, "float16": 2.5e-4, "uint16": 1 / 131070 + 1e-6}
ROOT = """format format_version generation items neighbors created generator model layer preprocess
resize exif alpha decoder jpeg image_root weights_sha256 weights_name weights_trained backend device
precision engines fingerprint within rows_redone license xxh3_64""".split()
CASES = (  # items, features, neighbours, rejected, matrix, columns
    (1, 24, 1, 0, "float32", 0),
    (8, 24, 5, 3, "uint16", 2),
    (8, 24, 5, 0, "float16", 1),
    (8, 0, 7, 2, "none", 3),
    (300, 40, 20, 3, "float32", 20),
)


class Hash128(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


def xxhash():
    library = ctypes.CDLL("libxxhash.so.0")
    library.XXH3_64bits.restype = ctypes.c_uint64
    library.XXH3_128bits.restype = Hash128
    for function in (library.XXH3_64bits, library.XXH3_128bits):
        function.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    return library


def packed(value):
    if isinstance(value, str):
        value = value.encode()
    return struct.pack("<Q", len(value)) + value


def entry(name, kind, shape, data):
    extents = b"".join(struct.pack("<Q", n) for n in shape)
    return packed(name) + packed(kind) + struct.pack("<Q", len(shape)) + extents + data


def dataset_bytes(d):
    if d.dtype.kind == "O":
        values = [d[()]] if d.shape == () else d[:]
        return "text", b"".join(packed(v) for v in values)
    return d.dtype.name, d[:].tobytes()


def check_generation(f):
    """FORMAT.md, "Checksums and generation", followed to the letter."""
    library = xxhash()
    stream = root = b""
    for name in ROOT[:-1]:
        value = f.attrs[name]
        if isinstance(value, str):
            attribute = entry(name, "text", (), packed(value))
        else:
            kind = "bool" if name == "weights_trained" else "int64"
            attribute = entry(name, kind, (), struct.pack("<q", value))
        root += attribute
        if name not in ("generation", "created", "jpeg"):
            stream += attribute
    assert f.attrs["xxh3_64"] == library.XXH3_64bits(root, len(root))
    paths = "item other items/image rejected/id rejected/image rejected/reason".split()
    paths += [f"items/attributes/{c}" for c in f["items/attributes"]]
    paths += "features similarity neighbors/index neighbors/score norms items/digest".split()
    paths += "lookup/id_bytes lookup/id_start lookup/order".split()
    paths += [f"checksums/{c}" for c in "features similarity index score".split()]
    for path in paths:
        if path not in f:
            continue
        d = f[path]
        kind, data = dataset_bytes(d)
        stream += entry("/" + path, kind, d.shape, data)
        if "scale_factor" in d.attrs:
            stream += entry(f"/{path}@scale_factor", "float32", (), d.attrs["scale_factor"].tobytes())
        blocks = f["checksums"].get(path.split("/")[-1]) if not path.startswith("checksums") else None
        if blocks is None:
            assert d.attrs["xxh3_64"] == library.XXH3_64bits(data, len(data)), path
            continue
        assert "xxh3_64" not in d.attrs
        for block in range(len(blocks)):
            rows = d[block * 256 : block * 256 + 256].tobytes()
            assert blocks[block] == library.XXH3_64bits(rows, len(rows)), (path, block)
    run = packed(f["run"][()])
    assert f["run"].attrs["xxh3_64"] == library.XXH3_64bits(run, len(run))
    found = library.XXH3_128bits(stream, len(stream))
    assert f.attrs["generation"] == f"{found.high:016x}{found.low:016x}"


def axes(f):
    """Every axis of every dataset carries a scale that lives at the root."""
    def visit(name, d):
        if not isinstance(d, h5py.Dataset) or d.shape == ():
            return
        assert h5py.h5g.get_objinfo(d.id).mtime == 0, name
        if d.attrs.get("CLASS") == b"DIMENSION_SCALE":
            if name not in ("item", "other"):
                assert d.attrs["NAME"].decode() == PURE % d.shape[0], name
            return
        for dim in d.dims:
            assert len(dim) == 1 and dim[0].name.count("/") == 1, name
    f.visititems(visit)


def check_h5py(path, case):
    n, d, k, m, matrix, columns = case
    with h5py.File(path) as f:
        assert list(f.attrs) == sorted(ROOT), list(f.attrs)
        assert f.attrs["format"] == "lookloom-index" and f.attrs["format_version"] == 1
        assert f.attrs["items"] == n and f.attrs["neighbors"] == k
        assert len(f.attrs["generation"]) == 32 and f.attrs["weights_sha256"] == ""
        axes(f)
        check_generation(f)
        ids = [i.decode() for i in f["item"][:]]
        assert ids[4:5] == ["Größe-4"] * (n > 4) and len(set(ids)) == n
        assert f["items/digest"].shape == (n, 16) and f["items/digest"].dtype == np.uint8
        assert f["rejected/id"].shape == (m,) and f["rejected/reason"].shape == (m,)
        assert list(f["items/attributes"])[:1] == ["kind"] * (columns > 0)
        assert len(f["items/attributes"]) == columns
        raw, start = f["lookup/id_bytes"][:].tobytes(), f["lookup/id_start"][:]
        assert [raw[a:b].decode() for a, b in zip(start, start[1:])] == ids
        order = f["lookup/order"][:]
        assert [ids[i].encode() for i in order] == sorted(i.encode() for i in ids)
        assert f["neighbors/index"].dtype == np.uint32 and f["neighbors/score"].dtype == np.float32
        assert f["run"][()] == b'{"items": 1}'
        blocks = -(-n // 256)
        for name in ("index", "score"):
            assert f["checksums"][name].shape == (blocks,)
        if d:
            verify_scores(f, n, k)
        if matrix == "none":
            assert "similarity" not in f and "other" not in f
        else:
            s = f["similarity"]
            assert s.dtype == np.dtype(matrix) and s.chunks is None and s.id.get_offset() % 8 == 0
            assert ("scale_factor" in s.attrs) == (matrix == "uint16")


def verify_scores(f, n, k):
    x = f["features"][:].astype(np.float64)
    scores = x @ x.T
    index, score = f["neighbors/index"][:], f["neighbors/score"][:]
    for row in range(n):
        kept = [i for i in index[row] if i != 0xFFFFFFFF]
        assert len(kept) == min(k, n - 1) and row not in kept
        assert np.allclose(score[row][: len(kept)], scores[row][kept], atol=1e-6)
        assert np.isnan(score[row][len(kept):]).all()
    if "similarity" in f:
        s = f["similarity"]
        stored = s[:] * s.attrs.get("scale_factor", np.float32(1))
        assert np.abs(stored.astype(np.float64) - scores).max() <= BOUND[str(s.dtype)] + 2e-7


def check_xarray(path, case, engine):
    n, d, k, m, matrix, columns = case
    for group in GROUPS:
        with xr.open_dataset(path, engine=engine, group=group) as x:
            x.load()
            if group is None:
                assert x.attrs["format"] == "lookloom-index" and x.attrs["within"] == ""
                assert x.attrs["rows_redone"] == 2 and x.attrs["weights_trained"] == 0
                if matrix != "none":
                    row = x.similarity.sel(item="A0")
                    assert row.shape == (n,) and row.dtype.kind == "f"
                    assert abs(float(row.sel(other="A0")) - 1) <= 1e-6
                if matrix == "uint16":
                    assert row.dtype == np.float32
                if n > 7 and matrix != "none":
                    assert x.similarity.sel(item="A7").shape == (n,)
                    assert 0 <= float(x.similarity.sel(item="A7", other="Größe-4")) <= 1
            if group == "neighbors":
                assert x["index"].shape == (n, k) and x["index"].dims == ("item", "rank")
            if group == "rejected":
                assert x["reason"].shape == (m,)
            if group == "items/attributes" and columns:
                assert x["kind"].shape == (n,)


def check(path, case):
    args = [str(c) for c in case]
    subprocess.run([WRITE, path, *args], check=True)
    check_h5py(path, case)
    for engine in ("h5netcdf", "netcdf4"):
        if engine == "netcdf4" and case[4] == "float16":
            continue  # netCDF has no such type
        check_xarray(path, case, engine)
    subprocess.run(["h5dump", "-H", path], check=True, stdout=subprocess.DEVNULL)
    print("ok", case)


def main():
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            check(os.path.join(folder, "index.h5"), case)


if __name__ == "__main__":
    main()
