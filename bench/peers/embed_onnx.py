#!/usr/bin/env python3
"""bench/peers/embed_onnx.py - the same work as `lookloom bench embed`, by onnxruntime: VGG16 to fc2 on
the CPU with the same weights, from u8 pixels to unit rows, fixed batch, all its optimisations.

    embed_onnx.py LOOKLOOM [--threads 2] [--batch 32] [--images 32] [--rounds 3] [--weights FILE]

The graph is written from FILE, a network in the original Keras layout (else one that `LOOKLOOM weights
synth` makes, 537 MB in $TMPDIR). Before anything is timed, `LOOKLOOM index` and onnxruntime embed the
same pictures: every score must agree within 1e-5. Then both take turns; CPU seconds an image say the
same on a machine that is busy with other work. Needs onnxruntime, onnx, numpy, h5py and Pillow; exit
77 and a line where one is missing. Debian has no onnxruntime:

    python3 -m venv --system-site-packages VENV && VENV/bin/pip install onnxruntime onnx 'numpy<2'"""
import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

try:
    import h5py
    import numpy
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
    from PIL import Image
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

BLOCKS, SIDE, CHANNELS = (2, 2, 3, 3, 3), 7, 512  # the last pool leaves (7, 7, 512)
MEAN = (123.68, 116.779, 103.939)  # of R, G, B
BOUND = 1e-5  # of a score, as tests/README.md has it for other people's networks
OPSET, IR = 17, 8


class Graph:
    """Nodes in a row, each taking what the one before gave."""

    def __init__(self, first):
        self.nodes, self.numbers, self.last = [], [], first

    def node(self, kind, *arrays, **attributes):
        inputs = [self.last]
        for array in arrays:
            inputs.append(f"c{len(self.numbers)}")
            self.numbers.append(numpy_helper.from_array(numpy.ascontiguousarray(array), inputs[-1]))
        self.last = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [self.last], **attributes))


def network(path, batch):
    """NCHW, as onnxruntime wants it. conv1_1 takes RGB: its kernel is turned, not the pixels; fc1's
    rows are put into the order of NCHW."""
    graph = Graph("pixels")
    graph.node("Transpose", perm=[0, 3, 1, 2])
    graph.node("Cast", to=TensorProto.FLOAT)
    graph.node("Sub", numpy.array(MEAN, numpy.float32).reshape(1, 3, 1, 1))
    with h5py.File(path) as file:
        def layer(name):
            return file[f"{name}/{name}_W_1:0"][()], file[f"{name}/{name}_b_1:0"][()]
        for block, count in enumerate(BLOCKS, 1):
            for conv in range(1, count + 1):
                kernel, bias = layer(f"block{block}_conv{conv}")
                if block == conv == 1:
                    kernel = kernel[:, :, ::-1]
                graph.node("Conv", kernel.transpose(3, 2, 0, 1), bias, pads=[1, 1, 1, 1])
                graph.node("Relu")
            graph.node("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        graph.node("Flatten")
        for name in ("fc1", "fc2"):
            kernel, bias = layer(name)
            if name == "fc1":
                turned = kernel.reshape(SIDE, SIDE, CHANNELS, -1).transpose(2, 0, 1, 3)
                kernel = turned.reshape(kernel.shape)
            graph.node("Gemm", kernel, bias)
            graph.node("Relu")
        graph.node("LpNormalization", axis=1, p=2)
    shape = [batch, 224, 224, 3]
    whole = helper.make_graph(
        graph.nodes, "vgg16", [helper.make_tensor_value_info("pixels", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info(graph.last, TensorProto.FLOAT, [batch, 4096])], graph.numbers)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def session(model, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def embed(net, pixels, batch):
    parts = [net.run(None, {"pixels": pixels[at:at + batch]})[0]
             for at in range(0, len(pixels), batch)]
    return numpy.concatenate(parts)


def pictures(count):
    """Coarse patches under fine grain, (count, 224, 224, 3) u8: far apart, so that scores differ."""
    draw = numpy.random.default_rng(1)
    coarse = draw.integers(0, 224, (count, 8, 8, 3))
    grain = draw.integers(0, 32, (count, 224, 224, 3))
    return (coarse.repeat(28, axis=1).repeat(28, axis=2) + grain).astype(numpy.uint8)


def ours(options, weights, pixels, work):
    """Unit rows of the same pixels, as a night has them."""
    with open(f"{work}/catalog.csv", "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "image"])
        for i, picture in enumerate(pixels):
            Image.fromarray(picture).save(f"{work}/{i}.png")
            out.writerow([i, f"{i}.png"])
    index = f"{work}/index.h5"
    subprocess.run([options.lookloom, "index", f"{work}/catalog.csv", "-o", index, "--weights",
                    weights, "--layer", "fc2", "--backend", "cpu", "--preprocess", "keras",
                    "--matrix", "none", "--jobs", str(options.threads), "-q"], check=True)
    with h5py.File(index) as file:
        rows = numpy.empty(file["features"].shape, numpy.float32)
        rows[[int(name) for name in file["item"].asstr()[:]]] = file["features"][:]
    return rows


def compare(mine, theirs):
    """The largest difference of a score; of a picture's two rows with each other it must be 1."""
    mine, theirs = mine.astype(numpy.float64), theirs.astype(numpy.float64)
    scores = mine @ mine.T
    apart = scores[numpy.triu_indices(len(scores), 1)]
    worst = max(numpy.abs(theirs @ theirs.T - scores).max(),
                numpy.abs((mine * theirs).sum(axis=1) - 1).max())
    print(f"the same {len(mine)} pictures: scores {apart.min():.3f} to {apart.max():.3f} differ by "
          f"{worst:.1e} at most, allowed {BOUND:.0e}")
    if not worst <= BOUND:
        sys.exit(f"onnxruntime: a score differs by {worst:.1e}")
    if not apart.max() < 0.99:
        sys.exit(f"onnxruntime: pictures too alike to tell anything, {apart.max():.3f}")


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def in_turns(options, weights, net):
    command = [options.lookloom, "bench", "embed", "--weights", weights, "--jobs",
               str(options.threads), "--batch", str(options.batch), "--items", str(options.images),
               "--seconds", "0.01", "--format", "json"]
    pixels = numpy.random.default_rng(2).integers(0, 256, (options.images, 224, 224, 3), numpy.uint8)
    embed(net, pixels[:options.batch], options.batch)
    mine, theirs, cpu = [], [], []
    for _ in range(options.rounds):
        result = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        mine.append(result[0]["rate"])
        start, start_cpu = time.perf_counter(), cpu_seconds()
        embed(net, pixels, options.batch)
        theirs.append(options.images / (time.perf_counter() - start))
        cpu.append((cpu_seconds() - start_cpu) / options.images)
    print(f"onnxruntime {onnxruntime.__version__}, {options.threads} threads, batch "
          f"{options.batch}: median {statistics.median(theirs):.2f} img/s, best {max(theirs):.2f}, "
          f"{statistics.median(cpu):.3f} CPU s/img")
    print(f"lookloom: median {statistics.median(mine):.2f} img/s, best {max(mine):.2f}")
    print(f"ratio of medians {statistics.median(mine) / statistics.median(theirs):.2f}, "
          f"of bests {max(mine) / max(theirs):.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lookloom")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--weights")
    options = parser.parse_args()
    if options.images % options.batch:
        parser.error("--images: a multiple of --batch")
    with tempfile.TemporaryDirectory() as work:
        weights = options.weights
        if weights is None:
            weights = os.path.join(work, "weights.h5")
            subprocess.run([options.lookloom, "weights", "synth", "-o", weights, "--jobs",
                            str(options.threads), "-q"], check=True)
        net = session(network(weights, options.batch), options.threads)
        pixels = pictures(options.batch)
        compare(ours(options, weights, pixels, work), embed(net, pixels, options.batch))
        in_turns(options, weights, net)
    return 0


if __name__ == "__main__":
    sys.exit(main())
