#!/usr/bin/env python3
"""bench/peers/embed_torch.py - the same work as `lookloom bench embed`, by PyTorch: VGG16 to fc2 on
the CPU, frozen TorchScript optimised for inference (oneDNN underneath), fixed batch, untrained
weights (speed does not depend on them).

    embed_torch.py [--threads 2] [--batch 32] [--images 64] [--rounds 5] [--ours COMMAND ...]

With --ours, runs COMMAND (which must print the JSON of `lookloom bench embed --format json`) and
PyTorch in turn, so that both meet the same weather, and prints the ratio of medians and of bests.
CPU seconds an image are printed too: they say the same on a machine that is busy with other work.
Needs torch 1.13 or later."""
import argparse
import json
import resource
import statistics
import subprocess
import sys
import time

import torch
from torch import nn

CONFIGURATION_D = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)


def network():
    layers, inputs = [], 3
    for outputs in CONFIGURATION_D:
        if outputs == 0:
            layers.append(nn.MaxPool2d(2))
            continue
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
        inputs = outputs
    layers += [nn.Flatten(), nn.Linear(25088, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU()]
    return nn.Sequential(*layers).eval()


def frozen(batch):
    with torch.no_grad():
        traced = torch.jit.trace(network(), torch.zeros(batch, 3, 224, 224))
        return torch.jit.optimize_for_inference(torch.jit.freeze(traced))


def embed(net, pixels, batch):
    """u8 pixels to unit rows, as lookloom counts it: preprocessing and normalising included."""
    mean = torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    rows = []
    with torch.no_grad():
        for part in pixels.split(batch):
            x = part.permute(0, 3, 1, 2).flip(1).float() - mean
            rows.append(nn.functional.normalize(net(x)))
    return torch.cat(rows)


def cpu_seconds(who):
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ours", nargs=argparse.REMAINDER, default=[])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    net = frozen(options.batch)
    pixels = torch.randint(0, 256, (options.images, 224, 224, 3), dtype=torch.uint8)
    for _ in range(2):  # the profiling executor settles
        embed(net, pixels[:options.batch], options.batch)
    theirs, ours, cpu = [], [], []
    for _ in range(options.rounds):
        if options.ours:
            out = json.loads(subprocess.run(options.ours, check=True, capture_output=True).stdout)
            result = out[0] if isinstance(out, list) else out
            ours.append(result["rate"])
        start, start_cpu = time.perf_counter(), cpu_seconds(resource.RUSAGE_SELF)
        embed(net, pixels, options.batch)
        theirs.append(options.images / (time.perf_counter() - start))
        cpu.append((cpu_seconds(resource.RUSAGE_SELF) - start_cpu) / options.images)
    print(f"torch {torch.__version__}, {options.threads} threads, batch {options.batch}: "
          f"median {statistics.median(theirs):.2f} img/s, best {max(theirs):.2f}, "
          f"{statistics.median(cpu):.3f} CPU s/img")
    if ours:
        print(f"lookloom: median {statistics.median(ours):.2f} img/s, best {max(ours):.2f}")
        print(f"ratio of medians {statistics.median(ours) / statistics.median(theirs):.2f}, "
              f"of bests {max(ours) / max(theirs):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
