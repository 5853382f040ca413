"""tests/golden/verify_drawings.py - drawn shops as others read them: Python's csv module and Pillow.

Every row has its fields, every picture decodes to RGB without alpha at a size within bounds, kinds
are balanced, products are two to four colour variants of one design, and pictures look like product
photos: white around, something in the middle. Exit 77 where Pillow is missing.
"""
import collections
import csv
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    from PIL import Image
except ImportError:
    print("skipped: no Pillow")
    sys.exit(77)

COUNT, LOW, HIGH = 96, 160, 224
FIELDS = "id image kind colour pattern collection price name product".split()


def check_picture(path, failures):
    with Image.open(path) as image:
        image.load()
        kind = "PNG" if path.suffix == ".png" else "JPEG"
        if image.format != kind or image.mode != "RGB":
            failures.append(f"{path.name}: {image.format} {image.mode}")
        if not LOW <= max(image.size) <= HIGH or min(image.size) < LOW * 0.7:
            failures.append(f"{path.name}: {image.size}")
        thumb = image.resize((16, 16), Image.BOX).convert("L")
    edge = [thumb.getpixel((x, y)) for x in range(16) for y in (0, 15)]
    middle = [thumb.getpixel((x, y)) for x in range(5, 11) for y in range(5, 11)]
    if min(edge) < 150 or sum(edge) / len(edge) < 235:
        failures.append(f"{path.name}: not white around, {min(edge)}")
    if sum(middle) / len(middle) > 245:
        failures.append(f"{path.name}: nothing in the middle")
    return image.format


def check_rows(rows, failures):
    kinds = collections.Counter(row["kind"] for row in rows)
    if len(kinds) != 8 or set(kinds.values()) != {COUNT // 8}:
        failures.append(f"kinds are not balanced: {kinds}")
    if len({row["id"] for row in rows}) != COUNT or len({row["image"] for row in rows}) != COUNT:
        failures.append("ids or images are not unique")
    products = collections.defaultdict(list)
    for row in rows:
        products[row["product"]].append(row)
        if not all(row.values()) or row["collection"] not in ("women", "men"):
            failures.append(f"{row['id']}: {row}")
        if not 5 < float(row["price"]) < 300:
            failures.append(f"{row['id']}: price {row['price']}")
        if not row["name"].endswith(", " + row["colour"]):
            failures.append(f"{row['id']}: name {row['name']}")
    for product, group in products.items():
        same = {(r["kind"], r["pattern"], r["collection"], r["price"]) for r in group}
        if len({r["colour"] for r in group}) != len(group) or len(same) != 1:
            failures.append(f"{product}: not colour variants of one design: {group}")
        if not 2 <= len(group) <= 4:  # COUNT is a whole number of the generator's blocks
            failures.append(f"{product}: {len(group)} items")
    if {row["collection"] for row in rows} != {"women", "men"}:
        failures.append("one collection only")


def main():
    failures = []
    with tempfile.TemporaryDirectory() as work:
        program = os.path.join(os.environ["BIN"], "lookloom-generate")
        subprocess.run([program, str(COUNT), "-o", work, "--seed", "5", "--size",
                        f"{LOW}..{HIGH}", "-q"], check=True)
        folder = pathlib.Path(work)
        with open(folder / "catalog.csv", encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            rows = list(reader)
        if reader.fieldnames != FIELDS or len(rows) != COUNT:
            failures.append(f"{len(rows)} rows of {reader.fieldnames}")
        check_rows(rows, failures)
        formats = {check_picture(folder / row["image"], failures) for row in rows}
        if formats != {"PNG", "JPEG"}:
            failures.append(f"formats: {formats}")
    for failure in failures:
        print("FAILED:", failure)
    print(f"{COUNT} drawn garments, {len(failures)} failures")
    return 1 if failures else 0


sys.exit(main())
