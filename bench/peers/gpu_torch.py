#!/usr/bin/env python3
"""bench/peers/gpu_torch.py - what bench/gpu measures of lookloom, by PyTorch on the same card.

    gpu_torch.py embed [--precision fp16|tf32|fp32] [--mode compile|eager] [--batch 256] [--seconds 1]
    gpu_torch.py similarity [--rows 44000] [--cols 4096] [--neighbors 100] [--blocks 16]
    gpu_torch.py index CATALOG [--precision fp16]

Prints `rate<TAB>unit<TAB>note` (embed) or `seconds<TAB>s<TAB>note`. embed: VGG16 to fc2,
channels_last, from u8 pixels in pinned memory to unit rows back in the host's, as lookloom counts
it; untrained weights, speed does not depend on them. similarity: unit rows in fp16, matmul and topk
block of rows by block; at most --blocks of them are timed and scaled to all (inexact: no rescoring).
index: photos decoded by Pillow on all cores, embedded, compared; nothing is written.
Exit 77 and a line where torch or a card is missing."""
import argparse
import csv
import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

try:
    import torch
    from torch import nn
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

CONFIGURATION_D = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
MEAN = (103.939, 116.779, 123.68)


class Features(nn.Module):
    """u8 (n, 224, 224, 3) RGB to unit rows (n, 4096) f32."""

    def __init__(self, dtype):
        super().__init__()
        layers, inputs = [], 3
        for outputs in CONFIGURATION_D:
            if outputs == 0:
                layers.append(nn.MaxPool2d(2))
                continue
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True)]
            inputs = outputs
        layers += [nn.Flatten(), nn.Linear(25088, 4096), nn.ReLU(inplace=True),
                   nn.Linear(4096, 4096), nn.ReLU(inplace=True)]
        self.net = nn.Sequential(*layers)
        self.dtype = dtype
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))

    def forward(self, pixels):
        x = pixels.permute(0, 3, 1, 2).flip(1).float() - self.mean
        x = x.to(self.dtype).contiguous(memory_format=torch.channels_last)
        return nn.functional.normalize(self.net(x).float())


def arithmetic(precision):
    tf32 = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.benchmark = True
    return torch.float16 if precision == "fp16" else torch.float32


def network(precision, mode):
    dtype = arithmetic(precision)
    net = Features(dtype).cuda().eval()
    net.net.to(dtype=dtype, memory_format=torch.channels_last)
    if mode == "compile":
        if not hasattr(torch, "compile"):
            print(f"skipped: torch {torch.__version__} has no compile")
            sys.exit(77)
        net = torch.compile(net, mode="reduce-overhead")  # CUDA graphs, as lookloom uses
    return net


def embed_all(net, pixels, rows, batch):
    """Two streams of copies would be lookloom's way; this is the usual loop, copies asynchronous."""
    for first in range(0, len(pixels), batch):
        on_card = pixels[first:first + batch].cuda(non_blocking=True)
        rows[first:first + batch].copy_(net(on_card), non_blocking=True)
    torch.cuda.synchronize()


def embed(options):
    net = network(options.precision, options.mode)
    images = options.batch * 16
    pixels = torch.randint(0, 256, (images, 224, 224, 3), dtype=torch.uint8).pin_memory()
    rows = torch.empty(images, 4096).pin_memory()
    times = []
    with torch.inference_mode():
        for _ in range(3):
            embed_all(net, pixels[:options.batch], rows, options.batch)
        while len(times) < 3 or sum(times) < options.seconds:
            start = time.perf_counter()
            embed_all(net, pixels, rows, options.batch)
            times.append(time.perf_counter() - start)
    if not torch.allclose(rows.norm(dim=1), torch.ones(images), atol=1e-3):
        sys.exit("a row's length is not 1")
    print(f"{images / statistics.median(times):.1f}\timg/s\ttorch {torch.__version__} "
          f"{options.mode}, {options.precision}, batch {options.batch}")


def unit_rows(rows, cols):
    made = torch.empty(rows, cols, dtype=torch.float16, device="cuda")
    for first in range(0, rows, 16384):
        part = torch.randn(min(16384, rows - first), cols, device="cuda").relu_()
        made[first:first + len(part)] = nn.functional.normalize(part).half()
    return made


def similarity(options):
    arithmetic("fp16")
    features = unit_rows(options.rows, options.cols)
    block = max(1, min(options.rows, int(8e9 / 2 / options.rows)))  # scores of a block: 8 GB
    blocks = -(-options.rows // block)
    timed = min(blocks, options.blocks)
    keep = min(options.neighbors + 1, options.rows)  # and the row itself

    def one(number):
        scores = features[number * block:(number + 1) * block] @ features.T
        return torch.topk(scores, keep, dim=1)

    with torch.inference_mode():
        one(0)
        torch.cuda.synchronize()
        start = time.perf_counter()
        for number in range(timed):
            one(number)
        torch.cuda.synchronize()
        seconds = (time.perf_counter() - start) * blocks / timed
    scaled = "" if timed == blocks else f", {timed} of {blocks} blocks, scaled"
    print(f"{seconds:.3f}\ts\ttorch {torch.__version__} matmul fp16 + topk{scaled}")


def index(options):
    try:
        import numpy
        from PIL import Image
    except ImportError as error:
        print(f"skipped: {error}")
        sys.exit(77)
    folder = os.path.dirname(options.catalog)
    with open(options.catalog, newline="", encoding="utf-8") as file:
        paths = [os.path.join(folder, row["image"]) for row in csv.DictReader(file)]
    net = network(options.precision, "eager")

    def load(path):
        with Image.open(path) as photo:
            return numpy.asarray(photo.convert("RGB").resize((224, 224), Image.NEAREST))

    with torch.inference_mode(), ThreadPoolExecutor(os.cpu_count()) as pool:
        net(torch.zeros(256, 224, 224, 3, dtype=torch.uint8, device="cuda"))
        torch.cuda.synchronize()
        start, parts, batch = time.perf_counter(), [], []
        for photo in pool.map(load, paths):
            batch.append(photo)
            if len(batch) == 256:
                parts.append(net(torch.from_numpy(numpy.stack(batch)).cuda()))
                batch = []
        if batch:
            parts.append(net(torch.from_numpy(numpy.stack(batch)).cuda()))
        features = torch.cat(parts)
        scores = features @ features.T
        best = torch.topk(scores, min(101, len(paths)), dim=1)
        _ = best.values.cpu(), best.indices.cpu(), scores.cpu()
        seconds = time.perf_counter() - start
    print(f"{seconds:.3f}\ts\ttorch {torch.__version__} eager {options.precision}, Pillow on "
          f"{os.cpu_count()} threads, nothing written, start-up not counted")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("embed", "similarity", "index"))
    parser.add_argument("catalog", nargs="?")
    parser.add_argument("--precision", choices=("fp16", "tf32", "fp32"), default="fp16")
    parser.add_argument("--mode", choices=("compile", "eager"), default="compile")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--rows", type=int, default=44000)
    parser.add_argument("--cols", type=int, default=4096)
    parser.add_argument("--neighbors", type=int, default=100)
    parser.add_argument("--blocks", type=int, default=16)
    options = parser.parse_args()
    if options.what == "index" and not options.catalog:
        parser.error("index: which catalogue?")
    if not torch.cuda.is_available():
        print("skipped: no device")
        sys.exit(77)
    torch.manual_seed(1)
    {"embed": embed, "similarity": similarity, "index": index}[options.what](options)


if __name__ == "__main__":
    main()
