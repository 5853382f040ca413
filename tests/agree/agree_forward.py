"""tests/agree/agree_forward.py - every layer of the cpu network against PyTorch in float64.

Same pixels, same weights: drawn by the formula of tests/reference/random_weights.c, biases centred
by ll_backend_calibrate on other pictures than those compared. Bounds, from the pixels on: NMSE of a
picture <= 1e-10 (white noise 4e-10, see below), or what torch's own float32 has here if that is more,
after each of the 20 layers, of gap, unit rows and norms; a score within 1e-5; a calibrated bias within
1e-4 of the layer's spread. Both kinds of preprocessing. Skipped (77) without torch."""
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

IMAGES, SEED = 4, 20261123
# Picture 0 is white noise. A centred network sees all noise as much the same picture and lives on the
# small rest, so every rounding counts more: seen 1.3e-10 with Winograd, at most 7e-11 elsewhere.
MAX_NMSE = np.array([4e-10, 1e-10, 1e-10, 1e-10])
# Without AVX-512 sums are one chain each, and float32 itself, torch's as ours, reaches 1.0e-10 at fc2.
# Equal but for the order of a few sums: seen 1 % apart.
OF_FLOAT32 = 1.05
MAX_SCORE, MAX_BIAS = 1e-5, 1e-4
CONVS = [("conv1_1", 3, 64), ("conv1_2", 64, 64), ("pool1", 0, 64),
         ("conv2_1", 64, 128), ("conv2_2", 128, 128), ("pool2", 0, 128),
         ("conv3_1", 128, 256), ("conv3_2", 256, 256), ("conv3_3", 256, 256), ("pool3", 0, 256),
         ("conv4_1", 256, 512), ("conv4_2", 512, 512), ("conv4_3", 512, 512), ("pool4", 0, 512),
         ("conv5_1", 512, 512), ("conv5_2", 512, 512), ("conv5_3", 512, 512), ("pool5", 0, 512)]


def random_at(seed, stream, count):
    """The finaliser of splitmix64 over a counter; as ll_random_at."""
    out = np.empty(count, np.float32)
    for start in range(0, count, 1 << 22):  # in pieces: 64-bit temporaries of fc1 would be 6 GB
        n = min(1 << 22, count - start)
        with np.errstate(over="ignore"):
            z = np.arange(start + 1, start + n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
            z += np.uint64((seed * 1024 + stream) % 2**64) * np.uint64(0xD1342543DE82EF95)
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
        out[start:start + n] = (z >> np.uint64(40)).astype(np.float64) * 2.0**-23 - 1.0
    return out


def kernel(layer, shape):
    fan_in = int(np.prod(shape[1:]))
    scale = np.float32(np.sqrt(6.0 / fan_in))
    return torch.from_numpy((random_at(SEED, layer, int(np.prod(shape))) * scale).reshape(shape))


def preprocess(pixels, kind):
    x = torch.from_numpy(pixels.astype(np.float64)).permute(0, 3, 1, 2)
    if kind == "caffe":
        return x.flip(1) - torch.tensor([103.939, 116.779, 123.68]).double().view(1, 3, 1, 1)
    mean = torch.tensor([0.485, 0.456, 0.406]).double().view(1, 3, 1, 1)
    return (x / 255 - mean) / torch.tensor([0.229, 0.224, 0.225]).double().view(1, 3, 1, 1)


class Judge:
    def __init__(self, folder, kind):
        self.folder, self.kind, self.failures = folder, kind, 0
        self.worst = np.zeros(IMAGES)

    def read(self, name, dtype=np.float32):
        return np.fromfile(os.path.join(self.folder, name), dtype)

    def verdict(self, ok, text):
        self.failures += not ok
        print(f"{'ok  ' if ok else 'FAIL'} {self.kind} seed={SEED} {text}", flush=True)

    def check(self, name, want, float32):
        """A dumped array against the first half of the pictures, one by one; beside torch's own."""
        got = self.read(name).astype(np.float64).reshape(IMAGES, -1)
        want = np.asarray(want[:IMAGES], np.float64).reshape(IMAGES, -1)
        assert got.shape == want.shape, f"{name}: {got.shape} values, {want.shape} wanted"
        torchs = np.asarray(float32, np.float64).reshape(IMAGES, -1)
        nmse = ((got - want) ** 2).sum(1) / (want ** 2).sum(1)
        bound = np.maximum(MAX_NMSE, OF_FLOAT32 * ((torchs - want) ** 2).sum(1) / (want ** 2).sum(1))
        zeros = float((want == 0).mean())
        self.worst = np.maximum(self.worst, nmse)
        # an all-zero layer would agree by luck
        self.verdict((nmse <= bound).all() and zeros < 0.99,
                     f"{name:8} nmse={' '.join(f'{v:.1e}' for v in nmse)} zeros={zeros:.2f}")

    def bias(self, name, raw):
        """Our biases must centre the second half of the pictures; then the judge uses them too, or
        the two networks would not be the same one."""
        got = self.biases[:raw.shape[1]].astype(np.float64)
        self.biases = self.biases[raw.shape[1]:]
        if self.kind == "caffe":  # calibration uses caffe's numbers
            axes = [0, 2, 3] if raw.dim() == 4 else [0]
            seen = raw[IMAGES:]
            off = float(np.abs(got + seen.mean(axes).numpy()).max() / seen.std(axes).mean())
            self.verdict(off <= MAX_BIAS, f"{name:8} bias off by {off:.1e} deviations")
        return torch.from_numpy(got)

    def run(self, layers):
        self.biases = self.read("biases")
        x = preprocess(self.read("pixels", np.uint8).reshape(-1, 224, 224, 3), self.kind)
        y = x[:IMAGES].float()
        for index, (name, inputs, outputs) in enumerate(CONVS):
            if inputs == 0:
                x, y = F.max_pool2d(x, 2), F.max_pool2d(y, 2)
            else:
                w = kernel(index, (outputs, 3, 3, inputs)).permute(0, 3, 1, 2)
                raw = F.conv2d(x, w.double(), padding=1)
                bias = self.bias(name, raw)
                x = F.relu(raw + bias.view(1, -1, 1, 1))
                y = F.relu(F.conv2d(y, w, bias.float(), padding=1))
            self.check(name, x.permute(0, 2, 3, 1).contiguous(), y.permute(0, 2, 3, 1).contiguous())
            if layers[-1] == name:
                return
        self.check("gap", x.mean((2, 3)), y.mean((2, 3)))
        x, y = (z.permute(0, 2, 3, 1).reshape(len(z), -1) for z in (x, y))
        for index, name in ((18, "fc1"), (19, "fc2")):
            w = kernel(index, (4096, x.shape[1]))
            raw = torch.cat([x @ part.double().T for part in w.split(512)], 1)
            bias = self.bias(name, raw)
            x, y = F.relu(raw + bias), F.relu(F.linear(y, w, bias.float()))
            self.check(name, x, y)
        norms, norms32 = x.norm(dim=1), y.norm(dim=1)
        unit = (x / norms[:, None])[:IMAGES]
        self.check("unit", unit, y / norms32[:, None])
        self.check("norms", norms, norms32)
        got = self.read("unit").reshape(IMAGES, -1).astype(np.float64)
        delta = np.abs(got @ got.T - (unit @ unit.T).numpy()).max()
        self.verdict(delta <= MAX_SCORE, f"scores differ by {delta:.1e}")


def main():
    failures = 0
    torch.set_num_threads(2)
    every = [name for name, _, _ in CONVS] + ["gap", "fc1", "fc2", "unit"]
    for kind, layers in (("caffe", every), ("torch", ["conv1_1", "conv1_2"])):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([os.path.join(os.environ["TEST_BIN"], "dump_forward"), folder, kind,
                            str(SEED), str(IMAGES), "2", *layers], check=True)
            judge = Judge(folder, kind)
            judge.run(layers)
            failures += judge.failures
            print(f"{kind}: worst nmse of a picture {judge.worst.max():.1e}, {judge.failures} failures")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
