#!/usr/bin/env python3
"""Weights files written by others hold the very tensors their writers say, in our order.

torchvision's VGG16 is saved as safetensors (ten lines: the format is that simple), once as it is and
once with kernels of 16 bits, as torch rounds them. h5py writes the original Keras layout, and a kernel
of the synthetic network is computed a second time with numpy.
Exit 77 where torchvision or h5py is not installed. usage: agree_weights.py WEIGHTS_DUMP
"""
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
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

CONVS = {f"conv{b}_{c}": f"block{b}_conv{c}" for b, n in enumerate((2, 2, 3, 3, 3), 1) for c in range(1, n + 1)}
failures = 0


def dump(*args):
    run = subprocess.run([sys.argv[1], *map(str, args)], stdout=subprocess.PIPE, check=True)
    return np.frombuffer(run.stdout, np.float32)


def check(what, got, *want):
    global failures
    want = np.concatenate([np.ascontiguousarray(w).ravel() for w in want])
    good = got.shape == want.shape and np.array_equal(got, want)
    failures += not good
    print("ok" if good else "DIFFERS", what)


def save_safetensors(path, tensors):
    header, at = {"__metadata__": {"format": "pt"}}, 0
    types = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        header[name] = {"dtype": types[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            words = torch.int32 if tensor.element_size() == 4 else torch.int16  # numpy has no bfloat16
            file.write(tensor.contiguous().view(words).numpy().tobytes())


def check_state(what, folder, state):
    path = os.path.join(folder, "vgg16.safetensors")
    save_safetensors(path, state)
    names = [n for n in state if n.startswith("features") and n.endswith("weight")]
    for ours, name in zip(CONVS, names):
        bias = state[name.replace("weight", "bias")]
        kernel = state[name].permute(0, 2, 3, 1).float()
        check(f"{what} {name}", dump(path, ours), kernel.numpy(), bias.numpy())
    fc1, fc2 = state["classifier.0.weight"].float(), state["classifier.3.weight"].float()
    fc1 = fc1.reshape(4096, 512, 7, 7).permute(0, 2, 3, 1)
    check(f"{what} classifier.0", dump(path, "fc1"), fc1.numpy(), state["classifier.0.bias"].numpy())
    check(f"{what} classifier.3", dump(path, "fc2"), fc2.numpy(), state["classifier.3.bias"].numpy())
    os.unlink(path)


def check_torchvision(folder):
    torch.manual_seed(1)
    # The layers' own initialisation: quick, and biases are not all zero.
    network = torchvision.models.vgg16(weights=None, init_weights=False)
    state = {name: tensor.detach() for name, tensor in network.state_dict().items()}
    check_state("torchvision", folder, state)
    for name in [n for n in state if n.endswith("weight")]:  # biases stay float32
        state[name] = state[name].to(torch.bfloat16 if name == "classifier.0.weight" else torch.float16)
    check_state("torchvision, 16 bits,", folder, state)


def check_keras(folder):
    random = np.random.default_rng(1)
    path = os.path.join(folder, "keras.h5")
    sizes = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
    tensors = {}
    with h5py.File(path, "w") as file:
        for (ours, name), i, o in zip(CONVS.items(), sizes, sizes[1:]):
            tensors[ours] = random.random((3, 3, i, o), np.float32), random.random(o, np.float32)
            file[f"{name}/{name}_W_1:0"], file[f"{name}/{name}_b_1:0"] = tensors[ours]
    for ours, (kernel, bias) in tensors.items():
        check(f"h5py {ours}", dump(path, ours), kernel.transpose(3, 0, 1, 2), bias)
    os.unlink(path)


def word(stream, n):
    """splitmix64, by number."""
    with np.errstate(over="ignore"):
        z = np.uint64(stream) + (n + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def check_synthetic():
    for seed, ours, layer, fan_in, count in ((7, "conv1_2", 1, 576, 36864), (2**63, "fc2", 19, 4096, 1 << 24)):
        stream = word(seed, np.array([layer], np.uint64))[0]
        words = word(stream, np.arange(count, dtype=np.uint64))
        sums = sum((words >> np.uint64(16 * i) & np.uint64(0xFFFF)).astype(np.int64) for i in range(4))
        scale = np.sqrt(2.0 / fan_in) / np.sqrt(4 * (65536.0**2 - 1) / 12)
        check(f"synthetic {ours}", dump("--synthetic", seed, ours), ((sums - 131070) * scale).astype(np.float32))


with tempfile.TemporaryDirectory() as folder:
    check_torchvision(folder)
    check_keras(folder)
    check_synthetic()
sys.exit(failures != 0)
