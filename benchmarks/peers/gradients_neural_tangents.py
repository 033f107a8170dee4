"""Gradients of kernels of neural-tangents; runs in the environment of this folder.

Called with "nngp" or "ntk" and the path of pairs of vectors in JSON, it prints the
gradients in the first of each pair, of a network of one hidden layer whose kernels are
E[(u.z)_+ (v.z)_+] and that plus u.v P(u.z > 0, v.z > 0).
"""

import json
import sys
from pathlib import Path

import jax
import numpy as np
from neural_tangents import stax


def main() -> None:
    """Answer and end."""
    name, path = sys.argv[1:]
    u, v = (np.array(side, np.float32) for side in json.loads(Path(path).read_text()))
    layers = [stax.Dense(1, W_std=u.shape[1] ** 0.5), stax.Relu(), stax.Dense(1)]
    kernel_fn = stax.serial(*layers)[2]
    slope = jax.grad(lambda x, y: kernel_fn(x[None], y[None], name)[0, 0])
    found = [
        np.asarray(slope(*pair), float).tolist() for pair in zip(u, v, strict=True)
    ]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
