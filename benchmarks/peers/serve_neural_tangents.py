"""Kernels of neural-tangents on request; runs in the environment of this folder.

Reads lines "kernel depth path" and answers with the CPU and the wall seconds of one
evaluation on the inputs in the file at path; "values" after the path saves the matrix
beside it. The first evaluation of a case compiles and is thrown away.
"""

import functools
import sys
import time

import jax
import numpy as np
from neural_tangents import stax


@functools.cache
def prepared(kernel: str, depth: int, path: str):
    """The compiled kernel and its inputs, in the conventions of `analytic.gram`."""
    x = jax.numpy.asarray(np.load(path))
    layers = []
    for number in range(depth):
        # The first layer of stax divides by the dimension.
        std = x.shape[1] ** 0.5 if number == 0 else 2**0.5
        layers += [stax.Dense(1, W_std=std), stax.Relu()]
    layers.append(stax.Dense(1, W_std=2**0.5))
    kernel_fn = stax.serial(*layers)[2]
    form = jax.jit(lambda x: kernel_fn(x, None, kernel))
    form(x).block_until_ready()
    return form, x


def main() -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        kernel, depth, path, *rest = line.split()
        form, x = prepared(kernel, int(depth), path)
        cpu, wall = time.process_time(), time.perf_counter()
        matrix = form(x).block_until_ready()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        if rest:
            np.save(path + ".peer.npy", np.asarray(matrix))
        print(cpu, wall, flush=True)


if __name__ == "__main__":
    main()
