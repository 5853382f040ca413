#!/usr/bin/env python3
"""Judge a whole run against the notebook recipe itself: Keras, scikit-learn and pandas.

usage: verify_notebook.py LOOKLOOM CATALOG WEIGHTS.h5 COUNT

Run it with a Python that has keras (2 or 3, with a backend), pandas, scikit-learn, h5py and Pillow;
they are judges and no part of the product. WEIGHTS.h5 is any file Keras loads by layer name; Keras
then writes the file that both sides read, in whichever layouts this version of Keras writes.
Every score must lie within 1e-5 and the top ten must be the same, ties within 1e-6 aside.
"""
import csv
import os
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
try:
    import h5py
    import keras
    import numpy as np
    import pandas as pd
    from keras.applications.vgg16 import VGG16, preprocess_input
    from keras.models import Model
    from keras.utils import img_to_array, load_img
    from sklearn.metrics.pairwise import cosine_similarity
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

BOUND, TIE = 1e-5, 1e-6


def notebook(weights, paths, names):
    vgg = VGG16(weights=None)
    vgg.load_weights(weights)
    model = Model(vgg.input, vgg.get_layer("fc2").output)
    features = []
    for path in paths:
        img = load_img(path, target_size=(224, 224))
        x = preprocess_input(np.expand_dims(img_to_array(img), axis=0))
        features.append(model.predict(x, verbose=0)[0])
    cos = cosine_similarity(np.array(features))
    return pd.DataFrame(cos, columns=names, index=names)


def keras_files(source, folder):
    """Weights files as this Keras writes them."""
    vgg = VGG16(weights=None)
    with h5py.File(source) as f:  # the original layout names each layer's group
        for layer in vgg.layers:
            if layer.weights and layer.name in f:
                found = []
                f[layer.name].visititems(
                    lambda _, x: found.append(x[()]) if isinstance(x, h5py.Dataset) else None)
                found.sort(key=lambda a: -a.ndim)
                layer.set_weights(found)
    names = [f"{folder}/notebook.weights.h5"]
    if keras.__version__.startswith("2"):
        names.append(f"{folder}/notebook_legacy.h5")
    for name in names:
        vgg.save_weights(name)
    return names


def same_order(ours, theirs, chosen):
    """Top ten by both sides; a swap is legal only between scores that tie."""
    a = ours[chosen].drop(chosen).sort_values(ascending=False, kind="stable")[:10]
    b = theirs[chosen].drop(chosen).sort_values(ascending=False, kind="stable")[:10]
    for x, y in zip(a.index, b.index):
        if x != y and abs(theirs[chosen][x] - theirs[chosen][y]) > TIE:
            return False
    return True


def main(lookloom, catalog, weights, count):
    with open(catalog, newline="") as f:
        items = list(csv.DictReader(f))[:count]
    root = os.path.dirname(os.path.abspath(catalog))
    names = [item["id"] for item in items]
    print(f"keras {keras.__version__}, {len(items)} photos")
    with tempfile.TemporaryDirectory() as work:
        part = f"{work}/part.csv"
        with open(part, "w", newline="") as f:
            out = csv.writer(f)
            out.writerow(["id", "image"])
            out.writerows([i["id"], i["image"]] for i in items)
        for file in keras_files(weights, work):
            subprocess.run([lookloom, "index", part, "-o", f"{work}/shop.h5", "--weights", file,
                            "--image-root", root, "--backend", "cpu", "-q"],
                           check=True)
            with h5py.File(f"{work}/shop.h5") as f:
                ours = pd.DataFrame(f["similarity"][:].astype(np.float64), columns=names,
                                    index=names)
            theirs = notebook(file, [os.path.join(root, i["image"]) for i in items], names)
            delta = np.abs(ours.values - theirs.values).max()
            same = sum(same_order(ours, theirs, chosen) for chosen in names)
            print(f"{os.path.basename(file)}: max |delta score| = {delta:.2e}; same top ten for "
                  f"{same} of {len(names)}")
            assert delta <= BOUND and same == len(names)
            os.unlink(file)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
