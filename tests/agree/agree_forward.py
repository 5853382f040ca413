"""tests/agree/agree_forward.py - every layer of the cpu network against PyTorch in float64.

Same pixels, same weights: drawn by the formula of tests/reference/random_weights.c, biases centred
by ll_backend_calibrate on other pictures than those compared. Bounds, from the pixels on: NMSE of a
picture <= 1e-10 (see below where more) after each of the 20 layers, of gap, unit rows and norms; a
score within 1e-5; a calibrated bias within 1e-4 of the layer's spread. Both kinds of preprocessing.

Then the last layers again under each instruction set that oneDNN can be limited to and this processor
has: the same bounds, the same bytes on one thread and on two, and `engines` names all 15 layers.
Skipped (77) without torch."""
import os
import re
import shutil
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
# Without AVX-512 oneDNN has no Winograd: up to 4 608 products are summed one after another, not 512.
# Seen 1.2e-10 at fc2; on AVX2 torch's own float32 had the same as ours, within 1 %.
MAX_NMSE_NARROW = np.array([4e-10, 2e-10, 2e-10, 2e-10])
ISAS = {"SSE41": "sse41", "AVX": "avx", "AVX2": "avx2", "AVX512_CORE": "avx512_core"}  # oneDNN's words
LAST = ["pool5", "fc1", "fc2", "unit"]
MAX_SCORE, MAX_BIAS = 1e-5, 1e-4
CONVS = [("conv1_1", 3, 64), ("conv1_2", 64, 64), ("pool1", 0, 64),
         ("conv2_1", 64, 128), ("conv2_2", 128, 128), ("pool2", 0, 128),
         ("conv3_1", 128, 256), ("conv3_2", 256, 256), ("conv3_3", 256, 256), ("pool3", 0, 256),
         ("conv4_1", 256, 512), ("conv4_2", 512, 512), ("conv4_3", 512, 512), ("pool4", 0, 512),
         ("conv5_1", 512, 512), ("conv5_2", 512, 512), ("conv5_3", 512, 512), ("pool5", 0, 512)]


LAYERS = [name for name, inputs, _ in CONVS if inputs] + ["fc1", "fc2"]


def named(engines):
    """The layers that "oneDNN 2.6.3 (conv1_1 jit:avx2, conv1_2-conv5_3 ..., fc1-fc2 ...), ..." names."""
    found, layer = [], "((?:conv|fc)[0-9_]+)"
    for first, last in re.findall(rf"[( ]{layer}(?:-{layer})? [^ ,)]", engines):
        found += LAYERS[LAYERS.index(first):LAYERS.index(last or first) + 1]
    return found


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
    """Compares what dump_forward left in a folder with torch's, which `run` computes and keeps."""

    def __init__(self, folder, kind):
        self.folder, self.kind, self.failures = folder, kind, 0
        self.want = {}

    def dump(self, layers, threads=2, isa=None):
        """Run dump_forward and judge its list of engines; false if this processor lacks the isa."""
        limit = {"DNNL_MAX_CPU_ISA": isa} if isa else {}
        program = [os.path.join(os.environ["TEST_BIN"], "dump_forward"), self.folder, self.kind,
                   str(SEED), str(IMAGES), str(threads)]
        device, engines = subprocess.run(program + layers, check=True, text=True,
                                         stdout=subprocess.PIPE,
                                         env=os.environ | limit).stdout.splitlines()
        self.isa = device.rsplit(", ")[-1]
        if isa and self.isa != ISAS[isa]:
            return False
        self.bound = MAX_NMSE if self.isa.startswith("avx512") else MAX_NMSE_NARROW
        self.worst = np.zeros(IMAGES)
        self.verdict(named(engines) == LAYERS, f"{self.isa}: {engines}")
        return True

    def read(self, name, dtype=np.float32):
        return np.fromfile(os.path.join(self.folder, name), dtype)

    def verdict(self, ok, text):
        self.failures += not ok
        print(f"{'ok  ' if ok else 'FAIL'} {self.kind} seed={SEED} {text}", flush=True)

    def check(self, name, want):
        """A dumped array against the first half of the pictures, one by one."""
        got = self.read(name).astype(np.float64).reshape(IMAGES, -1)
        want = np.asarray(want[:IMAGES], np.float64).reshape(IMAGES, -1)
        if name in LAST + ["norms"]:
            self.want[name] = want
        assert got.shape == want.shape, f"{name}: {got.shape} values, {want.shape} wanted"
        nmse = ((got - want) ** 2).sum(1) / (want ** 2).sum(1)
        zeros = float((want == 0).mean())
        self.worst = np.maximum(self.worst, nmse)
        # an all-zero layer would agree by luck
        self.verdict((nmse <= self.bound).all() and zeros < 0.99,
                     f"{self.isa} {name:8} nmse={' '.join(f'{v:.1e}' for v in nmse)} zeros={zeros:.2f}")

    def check_scores(self):
        got, want = self.read("unit").reshape(IMAGES, -1).astype(np.float64), self.want["unit"]
        delta = np.abs(got @ got.T - want @ want.T).max()
        self.verdict(delta <= MAX_SCORE, f"{self.isa} scores differ by {delta:.1e}")

    def run_isa(self, isa, folder):
        """The last layers under one instruction set, in a new folder, with the biases and answers of
        `run`."""
        shutil.copy(os.path.join(self.folder, "biases"), folder)
        self.folder = folder
        if not self.dump(LAST, isa=isa):
            print(f"{isa}: not on this processor")
            return
        for name, want in self.want.items():
            self.check(name, want)
        self.check_scores()
        two = self.read("unit")
        self.dump(["unit"], threads=1, isa=isa)
        self.verdict((two.view(np.uint32) == self.read("unit").view(np.uint32)).all(),
                     f"{self.isa}: the same bytes on one thread and on two")

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
        for index, (name, inputs, outputs) in enumerate(CONVS):
            if inputs == 0:
                x = F.max_pool2d(x, 2)
            else:
                w = kernel(index, (outputs, 3, 3, inputs)).permute(0, 3, 1, 2)
                raw = F.conv2d(x, w.double(), padding=1)
                bias = self.bias(name, raw)
                x = F.relu(raw + bias.view(1, -1, 1, 1))
            self.check(name, x.permute(0, 2, 3, 1).contiguous())
            if layers[-1] == name:
                return
        self.check("gap", x.mean((2, 3)))
        x = x.permute(0, 2, 3, 1).reshape(len(x), -1)
        for index, name in ((18, "fc1"), (19, "fc2")):
            w = kernel(index, (4096, x.shape[1]))
            raw = torch.cat([x @ part.double().T for part in w.split(512)], 1)
            bias = self.bias(name, raw)
            x = F.relu(raw + bias)
            self.check(name, x)
        norms = x.norm(dim=1)
        self.check("unit", x / norms[:, None])
        self.check("norms", norms)
        self.check_scores()


def main():
    failures = 0
    torch.set_num_threads(2)
    every = [name for name, _, _ in CONVS] + ["gap", "fc1", "fc2", "unit"]
    for kind, layers in (("caffe", every), ("torch", ["conv1_1", "conv1_2"])):
        with tempfile.TemporaryDirectory() as folder:
            judge = Judge(folder, kind)
            judge.dump(layers)
            judge.run(layers)
            print(f"{kind}, {judge.isa}: worst nmse of a picture {judge.worst.max():.1e}")
            for isa in ISAS if kind == "caffe" and "DNNL_MAX_CPU_ISA" not in os.environ else ():
                with tempfile.TemporaryDirectory() as other:
                    judge.run_isa(isa, other)
                    judge.folder = folder
            failures += judge.failures
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
