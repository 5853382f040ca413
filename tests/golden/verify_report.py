#!/usr/bin/env python3
"""Judge the pages of `lookloom report`: parsed as XML and as HTML, read back and compared with what
h5py, numpy and Pillow say of the index and its photos.

Nothing may run or be fetched, every picture has an alternative text, ids of any kind stay texts, and
every figure on the page is the one that the index gives.

usage: verify_report.py   BIN, TEST_BIN: folders of the programs
"""
import base64
import html.parser
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import unicodedata
import xml.etree.ElementTree as tree

try:
    import h5py
    import numpy as np
    from PIL import Image
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

VOID = {"meta", "link", "img", "br"}
ALLOWED = set("""html head meta link title style body header main footer nav section article aside h1 h2
    h3 p a ul ol li dl div dt dd figure figcaption span i strong code bdi table caption thead tbody tr th
    td svg rect line text desc br img""".split())
THRESHOLDS = [0.60, 0.70, 0.80, 0.90, 0.95, 0.99]
failures = []


def check(good, what):
    if not good:
        failures.append(what)


class Balance(html.parser.HTMLParser):
    """As a browser reads it: what is opened is closed, and nothing is there that could act."""

    def __init__(self, name):
        super().__init__(convert_charrefs=True)
        self.name, self.open, self.ids, self.levels = name, [], [], []

    def handle_starttag(self, tag, attrs):
        check(tag in ALLOWED, f"{self.name}: <{tag}>")
        for key, value in attrs:
            check(not key.startswith("on"), f"{self.name}: {key}= in <{tag}>")
            if key in ("src", "href"):
                check(re.match(r"data:(image/jpeg;base64,[A-Za-z0-9+/=]+|,)?$|#[a-z]+$", value or ""),
                      f"{self.name}: <{tag} {key}={str(value)[:60]}")
            if key == "style":
                check(re.fullmatch(r"width:[0-9.]+%|background:#[0-9a-f]{6}", value), f"{self.name}: style {value}")
            if key == "id":
                self.ids.append(value)
        if tag in ("h1", "h2", "h3"):
            self.levels.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()
            check(tag in ("rect", "line"), f"{self.name}: <{tag}/> is not closed for a browser")

    def handle_endtag(self, tag):
        check(self.open and self.open.pop() == tag, f"{self.name}: </{tag}>")


def text_of(element):
    return "".join(element.itertext())


def shown(text):
    """A text as a page may hold it: no controls, no non-characters; carriage returns are controls."""
    def allowed(c):
        code = ord(c)
        return (c in "\t\n" or unicodedata.category(c) != "Cc") and code & 0xFFFE != 0xFFFE
    return "".join(c if allowed(c) else "\ufffd" for c in text)


def cut(score):
    return f"{np.floor(float(score) * 1000 + 1e-6) / 1000:.3f}"


def classed(element, name):
    return [e for e in element.iter() if name in e.get("class", "").split()]


def number(text):
    return int(text.replace(" ", ""))


class Index:
    def __init__(self, path):
        with h5py.File(path) as f:
            self.ids = [x.decode() for x in f["item"][:]]
            self.images = [x.decode() for x in f["items/image"][:]]
            self.index, self.score = f["neighbors/index"][:], f["neighbors/score"][:]
            self.stored = f["similarity"][:].astype(np.float32) if "similarity" in f else None
            if self.stored is not None and f["similarity"].dtype == np.uint16:
                self.stored /= np.float32(65535)
            self.features = f["features"][:].astype(float) if "features" in f else None
            self.reasons = [x.decode() for x in f["rejected/reason"][:]]
            self.root = {k: v.decode() if isinstance(v, bytes) else v for k, v in f.attrs.items()}
            del self.root["xxh3_64"]  # the checksum of the others: for verify, not for people


def check_frame(name, page, root):
    reader = Balance(name)
    reader.feed(page)
    reader.close()
    check(not reader.open, f"{name}: left open: {reader.open}")
    check(len(set(reader.ids)) == len(reader.ids), f"{name}: an id twice")
    check(reader.levels.count(1) == 1 and reader.levels[0] == 1, f"{name}: headings {reader.levels[:3]}")
    check(all(b <= a + 1 for a, b in zip(reader.levels, reader.levels[1:])), f"{name}: a heading skipped")
    check(root.get("lang") == "en", f"{name}: lang")
    policy = [m.get("content") for m in root.iter("meta") if m.get("http-equiv")]
    check(len(policy) == 1 and policy[0].startswith(
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'"), f"{name}: {policy}")
    check("http:" not in page and "https:" not in page, f"{name}: an address")
    for image in root.iter("img"):
        check((image.get("alt") or "").strip(), f"{name}: a picture without alt")
    for drawing in root.iter("svg"):
        labels = drawing.get("aria-labelledby", "").split()
        check(drawing.get("role") == "img" and labels and set(labels) <= set(reader.ids),
              f"{name}: a drawing without a title")
    for link in root.iter("a"):
        check(link.get("href")[1:] in reader.ids, f"{name}: {link.get('href')} leads nowhere")
    for table in root.iter("table"):
        check(any(th.get("scope") for th in table.iter("th")), f"{name}: a table without headings")


def check_sheet(name, index, root, photos):
    """Items and neighbours are the index's, in its order; photos are those of the files."""
    looks = classed(root, "look")
    check(looks, f"{name}: an empty sheet")
    place = {shown(x): i for i, x in enumerate(index.ids)}
    pictures = 0
    for look in looks:
        row = place.get(text_of(next(look.iter("h3"))))
        if row is None:
            failures.append(f"{name}: no item {text_of(next(look.iter('h3')))!r}")
            continue
        got = [(text_of(classed(li, "id")[0]), text_of(classed(li, "score")[0]), li.get("class"))
               for li in look.iter("li") if li.get("class") != "none"]
        count = min(10, int((index.index[row] != 0xFFFFFFFF).sum()))
        want = [(shown(index.ids[j]), cut(s), "like" if s >= np.float32(0.80) else "below")
                for j, s in zip(index.index[row][:count], index.score[row][:count])]
        check(got[:count] == want and (len(got) == count or index.stored is not None),
              f"{name}: {index.ids[row]!r}: {got} instead of {want}")
        rows = [row] + [int(j) for j in index.index[row][:count]]
        for place_in_look, (image, of) in enumerate(zip(look.iter("img"), rows)):
            check(image.get("alt").startswith(shown(index.ids[of])), f"{name}: alt {image.get('alt')!r}")
            pictures += check_photo(name, image, photos.get(index.images[of]),
                                    224 if place_in_look == 0 else 176)
    return pictures


def check_photo(name, image, photo, side):
    data = base64.b64decode(image.get("src").split(",", 1)[1])
    got = Image.open(io.BytesIO(data))
    got.load()
    check(got.format == "JPEG" and got.size == (int(image.get("width")), int(image.get("height"))),
          f"{name}: size of {image.get('alt')}")
    if photo is None:
        check("(no photo: " in image.get("alt"), f"{name}: a photo of nothing: {image.get('alt')}")
        return 0
    check("no photo" not in image.get("alt"), f"{name}: {image.get('alt')}")
    scale = min(1.0, side / max(photo.size))
    size = tuple(max(1, int(x * scale + 0.5)) for x in photo.size)
    check(got.size == size, f"{name}: {got.size} of {photo.size}, not {size}")
    if got.size == size:
        want = np.asarray(photo.resize(size, Image.BILINEAR), dtype=float)
        error = np.abs(np.asarray(got.convert("RGB"), dtype=float) - want).mean()
        check(error < 4.0, f"{name}: {image.get('alt')}: {error:.1f} levels from Pillow's")
    return 1


def check_figures(name, index, root):
    similar = np.float32(0.80)
    best = index.score[:, 0][~np.isnan(index.score[:, 0])]
    if index.stored is not None:
        pairs = index.stored[np.triu_indices(len(index.ids), 1)]
    else:
        pairs = index.score[~np.isnan(index.score)]
    figures = classed(root, "histogram")
    check(len(figures) == 2, f"{name}: {len(figures)} histograms")
    for figure, values in zip(figures, (pairs, best)):
        want = np.bincount(np.minimum((values.astype(float) * 50).astype(int), 49), minlength=50)
        got = np.zeros(50, int)
        for bar in figure.iter("rect"):
            low, high, count = re.fullmatch(r"([0-9.]+) to ([0-9.]+): ([0-9 ]+)",
                                            text_of(next(bar.iter("title")))).groups()
            got[round(float(low) * 50)] = number(count)
            check((bar.get("class") == "like") == (float(low) >= 0.80), f"{name}: colour of {low}")
        check((got == want).all(), f"{name}: histogram {got.tolist()} instead of {want.tolist()}")
        share = 100.0 * (values >= similar).mean() if len(values) else 0.0
        text = text_of(next(figure.iter("strong"))).replace("\u00a0", " ")
        said = 0.05 if text.startswith("<") else float(text.split()[0])
        check(abs(said - share) <= 0.51, f"{name}: {text} instead of {share}")
    rows = classed(root, "coverage")[0].find("tbody").findall("tr")
    for row, threshold in zip(rows, THRESHOLDS):
        reached = (np.nan_to_num(index.score, nan=-1) >= np.float32(threshold)).sum(axis=1)
        cells = [text_of(c) for c in row]
        one, ten = int((reached >= 1).sum()), int((reached >= 10).sum())
        check(cells[0] == f">= {threshold:.2f}" and number(cells[-1]) == one, f"{name}: {cells}")
        known = index.score.shape[1] >= 10 or index.score.shape[1] >= len(index.ids) - 1
        check(number(cells[2]) == ten if known else cells[1] == "not stored", f"{name}: {cells}, {ten}")
    glance = classed(root, "glance")[0]
    values = {text_of(d.find("dt")): text_of(d.find("dd")) for d in glance}
    check(number(values["items"]) == len(index.ids), f"{name}: {values}")
    check(number(values["photos left out"]) == len(index.reasons), f"{name}: {values}")
    check(not len(best) or values["median best score"] == cut(np.median(best.astype(float))),
          f"{name}: {values}")


def verify_duplicates(name, index, root):
    """Each group says the lowest score of any two of it."""
    section = next(s for s in root.iter("section") if s.get("id") == "duplicates")
    place = {shown(x): i for i, x in enumerate(index.ids)}
    judged = 0
    for group in classed(section, "group"):
        rows = [place[text_of(e)] for e in classed(group, "id")]
        size = number(text_of(group.find("p")).split(" item")[0])
        said = [text_of(e) for e in classed(group, "lowest")]
        if index.features is None or size > len(rows):
            check(len(said) <= 1, f"{name}: {said}")
            continue
        unit = index.features[rows]
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        worst = (unit @ unit.T).min()
        check(len(said) == 1 and -1e-6 <= worst - float(said[0]) < 0.001 + 1e-6,
              f"{name}: lowest {said} of {worst}")
        judged += 1
    return judged


def check_tables(name, index, root):
    sections = {s.get("id"): s for s in root.iter("section")}
    got = {text_of(r[0]): number(text_of(r[1])) for r in sections["rejected"].iter("tr")
           if r[0].get("scope") == "row"}
    check(got == {r: index.reasons.count(r) for r in index.reasons}, f"{name}: rejected {got}")
    made = {text_of(r[0]): text_of(r[1]) for r in sections["made"].iter("tr")}
    for key, value in index.root.items():
        if key == "weights_trained":
            check(made[key].startswith("yes" if value else "no"), f"{name}: {key}")
        elif isinstance(value, str):
            check(made.get(key) == (shown(value) or "\u2013"), f"{name}: {key}: {made.get(key)!r}")
        else:
            check(number(made.get(key, "-1")) == value, f"{name}: {key}: {made.get(key)!r}")


def check_run(program, folder, sample):
    """Stages, whatever a version says of them; texts that are no run at all."""
    path, page_path = f"{folder}/run.h5", f"{folder}/run.html"
    runs = {
        "new": json.dumps({
            "rows": 1000, "previous": {"added": 1, "kept": 999, "removed": 2}, "peak_memory_bytes": 2000000000,
            "stages": {"decode": {"seconds": 2.5, "unit": "photos", "per_second": 400.0,
                                  "limit_per_second": 800.0, "limit": "its <processor> seconds"},
                       "write": {"seconds": 0.25, "unit": "bytes", "per_second": 4.1e8}},
            "bottleneck": "decode", "counts": {"tiles": 3, "ring_seconds": 1.5}}),
        "old": json.dumps({"stages": {"embed": {"seconds": 116.374, "images_per_second": 5.15578,
                                                "decode_thread_seconds": 2.5}}}),
        "odd": json.dumps({"stages": {"<b>": {"seconds": "x", "<i>_seconds": 1e300, "per_second": [],
                                              "limit_per_second": -1, "unit": 7, "a": None}, "n": 3},
                           "bottleneck": "<u>", "counts": [1]}),
        "list": "[1, 2]", "nothing": "", "none": "not JSON <i>", "deep": "[" * 100000,
    }
    for name, text in runs.items():
        subprocess.run([sample, path, "9", "32", "3", "none"], check=True)
        with h5py.File(path, "r+") as f:
            del f["run"]
            f.create_dataset("run", data=text, dtype=h5py.string_dtype("utf-8"))
        subprocess.run([program, "report", path, "-o", page_path, "-q", "--sheet", "0"], check=True)
        with open(page_path, encoding="utf-8") as file:
            page = file.read()
        root = tree.fromstring(page)
        check_frame(f"run {name}", page, root)
        section = next(s for s in root.iter("section") if s.get("id") == "run")
        rows = [[text_of(c) for c in r] for r in section.iter("tr")]
        want = {
            "new": [["stage", "seconds", "rate", "of the limit", "this machine's limit"],
                    ["decode bottleneck", "2.50", "400 photos/s", "50\u00a0%",
                     "800 photos/s, its <processor> seconds"],
                    ["write", "0.25", "410 MB/s", "\u2013", ""]],
            "old": [["stage", "seconds", "rate", "also"],
                    ["embed", "116", "5.16 images/s", "2.50\u00a0s decode thread"]],
            "odd": [["stage", "seconds", "rate", "also"],
                    ["<b>", "\u2013", "\u2013", "1e+300\u00a0s <i>"]],
        }.get(name, [])
        check(rows == want, f"run {name}: {rows}")
        words = text_of(section)
        check(name != "new" or ("1 new, 999 known, 2 gone" in words and "2.0 GB" in words
                                and "3 tiles, 1.50\u00a0s ring." in words), f"run {name}: {words}")
        check(name != "odd" or "Bottleneck: <u>" in words, f"run {name}: {words}")
        check(want or "does not say how long" in words, f"run {name}: {words}")


def draw_photos(folder, index):
    """A photo for two of three items, of many shapes; JPEG and PNG, whatever the name says."""
    photos = {}
    sizes = [(300, 400), (500, 120), (64, 80), (224, 224), (1, 600), (333, 250)]
    for i, name in enumerate(index.images):
        path = os.path.join(folder, name)
        if i % 3 == 2 or "\0" in name or not path.startswith(folder + "/images/"):
            continue
        width, height = sizes[i % len(sizes)]
        y, x = np.mgrid[0:height, 0:width]
        pixels = np.stack([x * 255 / max(width - 1, 1), y * 255 / max(height - 1, 1),
                           np.full((height, width), 40 * i % 256)], axis=-1).astype(np.uint8)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        photos[name] = Image.fromarray(pixels)
        photos[name].save(path, "PNG" if i % 2 else "JPEG", **({} if i % 2 else {"quality": 95}))
    return photos


def main():
    program = os.path.join(os.environ["BIN"], "lookloom")
    sample = os.path.join(os.environ["TEST_BIN"], "make_sample")
    cases = [
        ("hostile", "48 32 12 float32 hostile", True),
        ("awkward", "32 32 20 uint16 awkward untrained", False),
        ("plain", "40 32 4 none no-features within", False),
        ("changed", "14 32 13 float16 digests", True),
        ("one", "1 32 10 float32", False),
    ]
    with tempfile.TemporaryDirectory() as folder:
        for name, words, with_photos in cases:
            path, page_path = f"{folder}/{name}.h5", f"{folder}/{name}.html"
            subprocess.run([sample, path, *words.split()], check=True)
            index = Index(path)
            root_folder = f"{folder}/{name}"
            os.mkdir(root_folder)
            photos = draw_photos(root_folder, index) if with_photos else {}
            words = [program, "report", path, "-o", page_path, "--image-root", root_folder, "-q",
                     "--title", "</title><script>alert(1)</script>", "--item", index.ids[-1]]
            subprocess.run(words, check=True)
            with open(page_path, "rb") as file:
                page = file.read()
            subprocess.run(words, check=True)
            with open(page_path, "rb") as file:
                check(file.read() == page, f"{name}: two runs, two pages")
            root = tree.fromstring(page)  # well-formed, or this raises
            check_frame(name, page.decode(), root)
            known = {} if name == "changed" else photos  # its digests are of no photo
            shown_photos = check_sheet(name, index, root, known)
            check(name != "hostile" or shown_photos > 20, f"{name}: only {shown_photos} photos shown")
            check_figures(name, index, root)
            groups = verify_duplicates(name, index, root)
            check(groups > 0 or name in ("plain", "one"), f"{name}: no group of duplicates")
            check_tables(name, index, root)
        check_run(program, folder, sample)
    for line in failures[:20]:
        print(line)
    print(f"{len(failures)} failed" if failures else "report: pages are as the index and Pillow say")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
