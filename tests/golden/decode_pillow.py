#!/usr/bin/python3
"""Judge host/image by Pillow 9.4: the same files must be usable, and their pixels equal.

usage: decode_pillow.py generated|awkward|photos
  generated  images made here: every mode, format, geometry and option; cut files; damaged files
  awkward    ../shared/data/awkward: 133 files that are hard to read or broken
  photos     a sample of the 600 real ones in ../shared/data/clothing

Needs TEST_BIN, the folder of decode_dump. Exit 77 (skipped) without Pillow 9.4 or without the data.
"""
import io
import itertools
import os
import random
import struct
import subprocess
import sys
import tempfile
import warnings
import zlib

try:
    from PIL import Image
except ImportError:
    print("skipped: no Pillow")
    sys.exit(77)
if not Image.__version__.startswith("9.4"):
    print("skipped: Pillow is", Image.__version__)
    sys.exit(77)
warnings.simplefilter("ignore")

BYTES = 224 * 224 * 3
GEOMETRIES = ("keras", "torchvision")
FILTERS = ("-", "nearest", "bilinear")
ALL = [" ".join(o) + " -" for o in itertools.product(GEOMETRIES, FILTERS, ("-", "apply"),
                                                     ("-", "white"))]
FEW = ["keras - - - -", "keras bilinear apply white -", "torchvision - - - -",
       "torchvision nearest apply white -"]

# What ImageOps.exif_transpose does; it also rewrites the EXIF block, and raises if that is damaged.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Where we differ from Pillow on purpose: name -> what we do. Declared with the product.
DEVIATIONS = {
    "bmp_pal4rle.bmp": "run-length encoded BMP is not supported",
    "bmp_pal8rle.bmp": "run-length encoded BMP is not supported",
    "bmp_rle8.bmp": "run-length encoded BMP is not supported",
    "bmp_badrle.bmp": "run-length encoded BMP is not supported",
    "bmp_rletopdown.bmp": "run-length encoded BMP is not supported",
    "bmp_pal8badindex.bmp": "BMP: palette index 102 of 101 colours",
    "png_invalid_palette_index.png": "PNG: palette index 255 of 17 colours",
    "gif_animated.gif": "unsupported format",
    "gif_dispose_prev.gif": "unsupported format",
    "gif_simple.gif": "unsupported format",
}
# The reasons people will read, for the broken files where the exact words are a promise.
REASONS = {
    "jpeg_truncated.jpg": "truncated JPEG",
    "jpeg_truncated_real_product.jpg": "truncated JPEG",
    "jpeg_bomb_65535x65535.jpg": "declares 65535 x 65535 pixels, the limit is 64 Mpx",
    "jpeg_zero_bytes.jpg": "empty file",
    "html_named.jpg": "unsupported format",
    "gif_bomb.gif": "unsupported format",
    "png_truncated_real_product.png": "truncated PNG",
    "png_broken_data_stream.png": "PNG chunk IDAT: bad checksum",
    "pngsuite_xhdn0g08.png": "PNG chunk IHDR: bad checksum",
    "bmp_shortfile.bmp": "truncated BMP",
}


class Dump:
    """decode_dump, fed one file at a time."""

    def __init__(self):
        self.process = subprocess.Popen([os.path.join(os.environ["TEST_BIN"], "decode_dump")],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, path, options):
        self.process.stdin.write(f"{options} {path}\n".encode())
        self.process.stdin.flush()
        line = self.process.stdout.readline().decode()
        if not line:
            raise SystemExit(f"decode_dump died on: {options} {path}")
        width, height, transparent, rotated, reason = line.rstrip("\n").split(" ", 4)
        pixels = None if reason else self.process.stdout.read(BYTES)
        facts = (int(width), int(height), transparent == "1", rotated == "1")
        return facts, reason, pixels

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


def high_byte(image):
    """16-bit grey as we read it: the high byte. Pillow would clip at 255."""
    return Image.frombytes("L", image.size, image.tobytes("raw", "I;16B")[::2])


def has_alpha(image):
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


def orientation(image):
    """What EXIF says; a damaged EXIF block, at which getexif() raises, is none to us."""
    try:
        found = image.getexif().get(0x112, 1)
    except Exception:
        return 1
    return found if found in TURNS else 1


def beyond_palette(image, reason):
    """Is "palette index I of N colours", a reject of ours that Pillow shows as black, the truth?"""
    index, _, colours = reason.partition("palette index ")[2].split()[:3]
    return int(index) >= int(colours) and int(index) in set(image.getdata())


def resize(image, options):
    geometry, name = options.split()[:2]
    if name == "-":
        name = "nearest" if geometry == "keras" else "bilinear"
    kind = Image.Resampling[name.upper()]
    if geometry == "keras":
        return image.resize((224, 224), kind)
    width, height = image.size  # torchvision's Resize(256), CenterCrop(224)
    short, long = min(width, height), max(width, height)
    resized = int(256 * long / short)
    width, height = (256, resized) if width <= height else (resized, 256)
    image = image.resize((width, height), kind)
    top, left = int(round((height - 224) / 2.0)), int(round((width - 224) / 2.0))
    return image.crop((left, top, left + 224, top + 224))


def wanted(source, options):
    """(facts, pixels) by Pillow; raises what Pillow raises."""
    image = Image.open(source)
    image.load()
    if image.size[0] * image.size[1] > 64 * 10**6:
        raise OSError("beyond our limit")
    facts = image.size + (has_alpha(image), orientation(image) != 1)
    _, _, exif, alpha, _ = options.split()
    if exif == "apply" and facts[3]:
        image = image.transpose(TURNS[orientation(image)])
    if image.mode == "I":
        image = high_byte(image)
    elif alpha == "white" and has_alpha(image):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return facts, resize(image.convert("RGB"), options).tobytes()


class Judge:
    def __init__(self):
        self.dump, self.checked, self.failed, self.declared = Dump(), 0, 0, 0

    def fail(self, path, options, text):
        self.failed += 1
        if self.failed <= 20:
            print(f"FAILED {text}\n  repro: echo '{options} {path}' | $TEST_BIN/decode_dump")

    def check(self, path, options, deviation=None, reason=None):
        """One file under one set of options; `reason` is what we must say if Pillow refuses."""
        self.checked += 1
        facts, ours, pixels = self.dump(path, options)
        try:
            want = wanted(path, options)
        except Exception as error:  # whatever it raises: Pillow would not load it
            want = None
            theirs = f"{type(error).__name__}: {error}"
        if deviation is not None:
            if ours != deviation or want is None:
                self.fail(path, options, f"said '{ours}', the declared deviation is '{deviation}'")
        elif want is None and not ours:
            self.fail(path, options, f"loaded, but Pillow says {theirs}")
        elif want is None:
            if reason is not None and ours != reason:
                self.fail(path, options, f"said '{ours}' instead of '{reason}'")
        elif "palette index" in ours and beyond_palette(Image.open(path), ours):
            self.declared += 1
        elif ours:
            self.fail(path, options, f"rejected as '{ours}', but Pillow loads it")
        elif facts != want[0]:
            self.fail(path, options, f"facts {facts}, Pillow {want[0]}")
        elif pixels != want[1]:
            worst = max(abs(a - b) for a, b in zip(pixels, want[1]))
            self.fail(path, options, f"pixels differ by up to {worst}")

    def check_image(self, path, options, image):
        """Where Pillow is not the judge: what the file holds by its format's rules."""
        self.checked += 1
        _, ours, pixels = self.dump(path, options)
        if ours or pixels != resize(image.convert("RGB"), options).tobytes():
            self.fail(path, options, f"'{ours}': not what the file holds")

    def check_stb(self, path):
        """--decoder stb promises no equality; a sound photo comes out nearly the same."""
        self.checked += 1
        options = "keras - - - stb"
        _, ours, pixels = self.dump(path, options)
        want = wanted(path, options)[1]
        if ours:
            self.fail(path, options, f"rejected as '{ours}'")
            return
        worst = max(abs(a - b) for a, b in zip(pixels, want))
        mean = sum(abs(a - b) for a, b in zip(pixels, want)) / len(want)
        if worst > 8 or mean > 0.2:  # seen: 3 and 0.098
            self.fail(path, options, f"differs by up to {worst}, {mean:.2f} on average")

    def close(self):
        code = self.dump.close()
        print(f"{self.checked} checks against Pillow {Image.__version__}, {self.failed} failed, "
              f"{self.declared} with indices beyond the palette")
        return 1 if self.failed or code != 0 or self.checked == 0 else 0


def noise(rng, mode, size):
    """Smooth shapes with some noise: like photos, every value occurs."""
    small = Image.frombytes("RGBA", (7, 5), rng.randbytes(7 * 5 * 4))
    image = small.resize(size, Image.Resampling.BICUBIC)
    image = Image.blend(image, Image.frombytes("RGBA", size, rng.randbytes(size[0] * size[1] * 4)),
                        0.1)
    if mode == "P":
        return image.convert("RGB").quantize(rng.choice([2, 4, 16, 200, 256]))
    if mode == "PA":  # a palette with an opacity per colour
        image = image.convert("RGB").quantize(rng.choice([4, 16, 64]))
        image.info["transparency"] = rng.randbytes(len(image.getcolors()))
        return image
    if mode == "I;16":
        high = image.convert("L").tobytes()
        low = rng.randbytes(len(high))
        return Image.frombytes("I;16", size, bytes(b for pair in zip(low, high) for b in pair))
    if mode == "LA":
        return Image.merge("LA", (image.convert("L"), image.getchannel("A")))
    return image.convert(mode)


def exif_of(rng, orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    exif[0x10F] = "maker" * rng.randrange(1, 9)
    return exif.tobytes()


def key(rng, mode):
    """A transparent colour for some of the grey and RGB images."""
    if mode == "L" and rng.random() < 0.5:
        return {"transparency": rng.randrange(256)}
    if mode == "RGB" and rng.random() < 0.3:
        return {"transparency": tuple(rng.randbytes(3))}
    return {}


def encodings(rng):
    """(suffix, mode, save arguments), every way Pillow can write what we read."""
    for mode, extra in itertools.product(("L", "RGB", "CMYK"), (
            {"quality": 30}, {"quality": 95}, {"progressive": True}, {"optimize": True})):
        for sampling in (0, 1, 2) if mode == "RGB" else (None,):
            more = {} if sampling is None else {"subsampling": sampling}
            yield ".jpg", mode, {**extra, **more, "exif": exif_of(rng, rng.randrange(1, 9))}
    for mode in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "I;16"):
        for level in (0, 6):
            yield ".png", mode, {"compress_level": level, **key(rng, mode),
                                 "exif": exif_of(rng, rng.randrange(1, 9))}
    for mode in ("RGB", "RGBA"):
        for extra in ({"lossless": True}, {"quality": 40}, {"quality": 90}):
            yield ".webp", mode, {**extra, "method": 0, "exif": exif_of(rng, rng.randrange(1, 9))}
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        yield ".bmp", mode, {}


def png_of(size, depth, colour, chunks, lace=0):
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, lace)), *chunks,
              (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks)


def interlaced(rng, size):
    """Every type of PNG, plain and Adam7 (which Pillow cannot write), every filter, split data."""
    steps = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
             (0, 1, 1, 2))
    kinds = [(0, 1, 1), (0, 2, 1), (0, 4, 1), (0, 8, 1), (0, 16, 1), (2, 8, 3), (2, 16, 3),
             (3, 1, 1), (3, 2, 1), (3, 4, 1), (3, 8, 1), (4, 8, 2), (4, 16, 2), (6, 8, 4),
             (6, 16, 4)]
    for (colour, depth, samples), lace in itertools.product(kinds, (0, 1)):
        data = b""
        for x, y, dx, dy in steps if lace else ((0, 0, 1, 1),):
            width = (size[0] - x + dx - 1) // dx
            rows = (size[1] - y + dy - 1) // dy
            if width > 0:
                for _ in range(rows):
                    row = rng.randbytes((width * samples * depth + 7) // 8)
                    data += bytes([rng.randrange(5)]) + row
        chunks = []
        if colour == 3:
            chunks.append((b"PLTE", rng.randbytes(3 << depth)))
            chunks.append((b"tRNS", rng.randbytes(rng.randrange(1, (1 << depth) + 1))))
        packed = zlib.compress(data)
        cut = rng.randrange(len(packed))
        chunks += [(b"IDAT", packed[:cut]), (b"IDAT", b""), (b"IDAT", packed[cut:])]
        yield f"c{colour}d{depth}i{lace}.png", png_of(size, depth, colour, chunks, lace)


def disagreements(rng):
    """(name, file, what it holds): where Pillow 9.4 is wrong and we do not follow it."""
    # A transparent grey or colour is given in the samples' own depth (PNG, 11.3.2.1); Pillow
    # compares it with samples already stretched or narrowed to 8 bits.
    row = rng.randbytes(4)
    data = zlib.compress(b"\0" + row)
    samples = [byte >> shift & 3 for byte in row for shift in (6, 4, 2, 0)]
    grey = bytes(255 if v == 1 else v * 85 for v in samples)
    yield ("key2.png", png_of((16, 1), 2, 0, [(b"tRNS", b"\0\1"), (b"IDAT", data)]),
           Image.frombytes("L", (16, 1), grey))
    row = rng.randbytes(16 * 6)
    data = zlib.compress(b"\0" + row)
    rgb = bytearray(row[::2])
    rgb[15:18] = b"\xff" * 3
    yield ("key16.png", png_of((16, 1), 16, 2, [(b"tRNS", row[30:36]), (b"IDAT", data)]),
           Image.frombytes("RGB", (16, 1), bytes(rgb)))
    # 8 bits are 8 bits even if two colours, black and white, are all they name.
    row = bytes(rng.randrange(2) for _ in range(16))
    yield ("two.bmp", b"BM" + struct.pack("<IHHIIiiHHIIiiII", 78, 0, 0, 62, 40, 16, 1, 1, 8, 0, 16,
                                           0, 0, 2, 0) + b"\0\0\0\0\xff\xff\xff\0" + row,
           Image.frombytes("L", (16, 1), bytes(255 * v for v in row)))


def bitmaps(rng, size):
    """BMP kinds Pillow reads but does not write: masks, 16 bits, OS/2, top-down, few colours."""
    width, height = size

    def pack(bits, header, compression=0, masks=b"", colours=0, entry=4, flip=False):
        stride = (width * bits + 31) // 32 * 4
        palette = rng.randbytes((colours or 1 << bits) * entry) if bits <= 8 else b""
        data = rng.randbytes(stride * height)
        if colours:  # no index beyond the palette: a reject of ours, not of Pillow's
            data = bytes(b % colours for b in data)
        if header == 12:
            info = struct.pack("<IHHHH", 12, width, height, 1, bits)
        else:
            info = struct.pack("<IiiHHIIiiII", 40, width, -height if flip else height, 1, bits,
                               compression, len(data), 0, 0, colours, 0)
            info = struct.pack("<I", header) + info[4:] + (masks if header > 40 else b"")
            info += bytes(header - len(info))
        if header == 40:
            info += masks
        offset = 14 + len(info) + len(palette)
        head = b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset)
        return head + info + palette + data

    def mask(*values, header=108):  # the shortest header has no place for alpha's
        values = values[:3 if header == 40 else 4]
        return struct.pack(f"<{len(values)}I", *values)

    for bits in (1, 4, 8, 24):
        yield f"os2_{bits}.bmp", pack(bits, 12, entry=3)
        yield f"v3_{bits}.bmp", pack(bits, 40)
        yield f"down_{bits}.bmp", pack(bits, 40, flip=True)
        yield f"os22_{bits}.bmp", pack(bits, 64)
    yield "few.bmp", pack(8, 40, colours=100)
    for header in (40, 64, 108, 124):
        yield f"555_{header}.bmp", pack(16, header)
        yield f"m555_{header}.bmp", pack(16, header, 3, mask(0x7C00, 0x3E0, 0x1F, 0, header=header))
        yield f"m565_{header}.bmp", pack(16, header, 3, mask(0xF800, 0x7E0, 0x1F, 0, header=header))
        yield f"32_{header}.bmp", pack(32, header, flip=True)
        yield f"m24_{header}.bmp", pack(24, header, 3, mask(0xFF0000, 0xFF00, 0xFF, 0, header=header))
    for i, masks in enumerate(((0xFF0000, 0xFF00, 0xFF, 0), (0xFF000000, 0xFF0000, 0xFF00, 0),
                               (0xFF000000, 0xFF0000, 0xFF00, 0xFF),
                               (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
                               (0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0, 0, 0, 0),
                               (0xFF00, 0xFF, 0xFF0000, 0))):
        yield f"m32_{i}.bmp", pack(32, 108, 3, mask(*masks))
        yield f"m32short_{i}.bmp", pack(32, 40, 3, mask(*masks, header=40))


def damaged(rng, data):
    """Cut and disturbed copies. What they are worth, Pillow says."""
    for _ in range(6):
        yield data[:rng.randrange(len(data))]
    for cut in (1, 2, 4, 5, 12, 13):
        yield data[:-cut]
    yield data + rng.randbytes(9)
    for _ in range(6):
        at = rng.randrange(len(data))
        yield data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]


def generated(judge, seed):
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        def put(name, data):
            path = os.path.join(folder, name)
            with open(path, "wb") as file:
                file.write(data)
            return path

        files = []
        for i, (suffix, mode, save) in enumerate(encodings(rng)):
            size = rng.choice([(1, 1), (3, 2), (224, 224), (17, 300), (301, 9),
                               (rng.randrange(1, 500), rng.randrange(1, 400))])
            image = noise(rng, mode, size)
            buffer = io.BytesIO()
            image.save(buffer, {".jpg": "JPEG"}.get(suffix, suffix[1:].upper()), **save)
            files.append((f"{i}_{mode.replace(';', '')}{suffix}", buffer.getvalue()))
        small = (rng.randrange(1, 40), rng.randrange(1, 40))
        files += list(interlaced(rng, small)) + list(bitmaps(rng, small))
        for name, data, image in disagreements(rng):
            judge.check_image(put(name, data), "keras - - white -", image)
        for name, data in files:
            path = put(name, data)
            for options in FEW + rng.sample(ALL, 4):
                judge.check(path, options)
            for i, bad in enumerate(damaged(rng, data) if len(data) > 20 else ()):
                judge.check(put(f"bad{i}_{name}", bad), "keras - apply white -")


def shared():
    return os.environ.get("LOOKLOOM_SHARED", "../shared")


def awkward(judge):
    for sub in ("valid", "broken"):
        folder = os.path.join(shared(), "data", "awkward", sub)
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            for options in ALL if os.path.getsize(path) < 20000 else FEW:
                judge.check(path, options, DEVIATIONS.get(name), REASONS.get(name))


def photos(judge):
    folder = os.path.join(shared(), "data", "clothing", "images")
    for i, name in enumerate(sorted(os.listdir(folder))):
        if i % 10 == 0:
            judge.check(os.path.join(folder, name), FEW[i // 10 % len(FEW)])
            judge.check(os.path.join(folder, name), FEW[2])
            judge.check_stb(os.path.join(folder, name))


def main():
    what = sys.argv[1]
    data = {"awkward": "awkward", "photos": "clothing"}.get(what)
    if data is not None and not os.path.isdir(os.path.join(shared(), "data", data)):
        print(f"skipped: no {shared()}/data/{data}")
        return 77
    judge = Judge()
    if what == "generated":
        seed = int(os.environ.get("LOOKLOOM_SEED", "1"))
        print(f"LOOKLOOM_SEED={seed}")
        generated(judge, seed)
    else:
        {"awkward": awkward, "photos": photos}[what](judge)
    return judge.close()


sys.exit(main())
