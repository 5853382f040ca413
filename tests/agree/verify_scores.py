#!/usr/bin/env python3
"""Judge whole runs against torch and Pillow: same weights, Pillow's pixels, torch's network; both
geometries and both input conventions. Every score of the index must lie within 1e-5.

usage: verify_scores.py LOOKLOOM CATALOG WEIGHTS.h5 COUNT

WEIGHTS.h5 is in the original Keras layout. The torchvision half runs on the same kernels, written
out as safetensors with torchvision's names.
"""
import csv
import json
import os
import struct
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
    import torch
    import torchvision
    from PIL import Image
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

BOUND = 1e-5
CONVS = [("block%d_conv%d" % (b + 1, c + 1)) for b, n in enumerate((2, 2, 3, 3, 3)) for c in range(n)]


def network(path):
    """torchvision's VGG16 up to fc2's ReLU, holding the weights of a Keras file."""
    net = torchvision.models.vgg16(weights=None)
    state = {}
    with h5py.File(path) as f:
        def layer(name):
            found = {}
            f[name].visititems(lambda key, x: found.update({key: x[()]})
                               if isinstance(x, h5py.Dataset) else None)
            kernel = next(v for v in found.values() if v.ndim > 1)
            bias = next(v for v in found.values() if v.ndim == 1)
            return torch.from_numpy(kernel), torch.from_numpy(bias)
        places = [i for i, m in enumerate(net.features) if isinstance(m, torch.nn.Conv2d)]
        for name, place in zip(CONVS, places):
            kernel, bias = layer(name)
            state[f"features.{place}.weight"] = kernel.permute(3, 2, 0, 1).contiguous()
            state[f"features.{place}.bias"] = bias
        kernel, bias = layer("fc1")  # (7 * 7 * 512, 4096), rows in HWC order
        state["classifier.0.weight"] = (
            kernel.reshape(7, 7, 512, 4096).permute(3, 2, 0, 1).reshape(4096, -1).contiguous())
        state["classifier.0.bias"] = bias
        kernel, bias = layer("fc2")
        state["classifier.3.weight"] = kernel.t().contiguous()
        state["classifier.3.bias"] = bias
    net.load_state_dict(state, strict=False)
    net.classifier = net.classifier[:5]
    return net.eval(), state


def write_safetensors(state, path):
    header, at = {}, 0
    for name, tensor in state.items():
        size = tensor.numel() * 4
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for tensor in state.values():
            f.write(tensor.numpy().tobytes())


def pixels(path, geometry):
    image = Image.open(path).convert("RGB")
    if geometry == "keras":
        return np.asarray(image.resize((224, 224), Image.NEAREST), dtype=np.float32)
    t = torchvision.transforms
    image = t.CenterCrop(224)(t.Resize(256, t.InterpolationMode.BILINEAR)(image))
    return np.asarray(image, dtype=np.float32)


def numbers(x, convention):
    if convention == "caffe":
        return x[:, :, ::-1] - np.array([103.939, 116.779, 123.68], np.float32)
    return (x / 255 - np.array([0.485, 0.456, 0.406], np.float32)) / np.array(
        [0.229, 0.224, 0.225], np.float32)


def scores(net, paths, geometry, convention):
    rows = []
    with torch.no_grad():
        for path in paths:
            x = numbers(pixels(path, geometry), convention).transpose(2, 0, 1)
            rows.append(net(torch.from_numpy(np.ascontiguousarray(x)[None]))[0].double().numpy())
    f = np.array(rows)
    f /= np.linalg.norm(f, axis=1, keepdims=True)
    return f @ f.T


def main(lookloom, catalog, weights, count):
    with open(catalog, newline="") as f:
        items = list(csv.DictReader(f))[:count]
    root = os.path.dirname(os.path.abspath(catalog))
    paths = [os.path.join(root, item["image"]) for item in items]
    net, state = network(weights)
    worst = 0.0
    with tempfile.TemporaryDirectory() as work:
        part, torch_weights = f"{work}/part.csv", f"{work}/weights.safetensors"
        with open(part, "w", newline="") as f:
            out = csv.writer(f)
            out.writerow(["id", "image"])
            out.writerows([i["id"], i["image"]] for i in items)
        write_safetensors(state, torch_weights)
        for convention, file in (("caffe", weights), ("torch", torch_weights)):
            for geometry in ("keras", "torchvision"):
                index = f"{work}/{convention}-{geometry}.h5"
                subprocess.run([lookloom, "index", part, "-o", index, "--weights", file,
                                "--image-root", root, "--preprocess", geometry, "--backend", "cpu",
                                "-q"], check=True)
                with h5py.File(index) as f:
                    ours = f["similarity"][:]
                theirs = scores(net, paths, geometry, convention)
                delta = np.abs(ours - theirs).max()
                pairs = theirs[np.triu_indices(len(paths), 1)]
                print(f"{convention:5} {geometry:11} {len(paths)} photos: max |delta score| = "
                      f"{delta:.2e}; scores {pairs.min():.3f} .. {pairs.max():.3f}")
                worst = max(worst, delta)
                os.unlink(index)
    assert worst <= BOUND, f"{worst} > {BOUND}"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
