"""A rank-1 lattice, to compare Sobol points with: its generating vector and points.

A rank-1 lattice of n = 2^m points is {k z / n mod 1}, k = 0, ..., n - 1. The vector z
is built component by component for all sizes 2^10, ..., 2^22 at once: each component is
the odd number for which the worst ratio, over the sizes, of the squared worst-case
error to the least error of that size is least. The error is that of functions with
mixed first derivatives, product weights 1 / j^2 for the j-th number, a random shift.

Source: Sloan & Reztsov 2002 (components one by one); Nuyens & Cools 2006 (by fast
Fourier transforms); Cools, Kuo & Nuyens 2006 (embedded sizes).
"""

import numpy as np

__all__ = ["generating_vector", "shifted"]

SMALLEST, LARGEST = 10, 22
DIMENSIONS = 64


def generating_vector(
    dimensions: int = DIMENSIONS,
    smallest: int = SMALLEST,
    largest: int = LARGEST,
    decay: float = 2.0,
) -> list[int]:
    """The components z_j, odd and less than 2^(largest - 1).

    Args:
        dimensions: How many.
        smallest: Logarithm of the least number of points that counts.
        largest: Logarithm of the largest number of points.
        decay: Weight of the j-th number is j to the power of -decay.
    """
    # The odd numbers mod 2^j are +-5^t, t < 2^(j - 2), and the kernel is even. With
    # numerators and candidates both in this order, sums over numerators are cyclic
    # correlations. Fractions k / 2^m in lowest terms fall into one block for each j.
    blocks = [_Block(j) for j in range(3, largest + 1)]
    powers = _powers_of_five(largest)
    # The fractions 0, 1/2, 1/4 and 3/4 see the same kernel whatever z is.
    few = np.ones(3)
    few_kernel = np.array([_kernel(0.0), _kernel(0.5), _kernel(0.25)])
    chosen = []
    for number in range(1, dimensions + 1):
        weight = number**-decay
        worst = np.zeros(len(powers))
        start = (few * (1 + weight * few_kernel)) @ np.array([1.0, 1.0, 2.0])
        total = np.full(1, start)
        for j, block in enumerate(blocks, start=3):
            total = np.tile(total, len(block.state) // len(total))
            total = total + 2 * (block.state.sum() + weight * block.correlation())
            if j >= smallest:
                error = total / 2**j - 1
                ratio = error / error.min()
                worst = np.maximum(worst, np.tile(ratio, len(worst) // len(ratio)))
        # Several candidates may be equally good: the smallest of them.
        best = np.flatnonzero(worst <= worst.min() * (1 + 1e-9))
        place = best[powers[best].argmin()]
        few = few * (1 + weight * few_kernel)
        for block in blocks:
            block.choose(place % len(block.state), weight)
        chosen.append(int(powers[place]))
    return chosen


def shifted(
    vector: list[int], size: int, random: np.random.Generator, baker: bool = False
) -> np.ndarray:
    """The lattice of `size` points, randomly shifted, shape (size, components).

    Args:
        vector: The components of its generating vector.
        size: A power of two.
        random: Makes the shift.
        baker: Whether to fold each number by 1 - |2 x - 1|.
    """
    index = np.arange(size)[:, None]
    points = index * (np.array(vector)[None] % size) % size / size
    points = (points + random.random(len(vector))) % 1
    return 1 - np.abs(2 * points - 1) if baker else points


class _Block:
    """The fractions k / 2^j in lowest terms, up to their sign."""

    def __init__(self, j: int):
        self.kernel = _kernel(_powers_of_five(j) / 2**j)
        self.transform = np.fft.rfft(self.kernel)
        self.state = np.ones(len(self.kernel))
        """Product over the chosen components of 1 + weight * kernel."""

    def correlation(self) -> np.ndarray:
        """Sum over t of state[t] kernel[t + s], for each candidate s."""
        product = np.conj(np.fft.rfft(self.state)) * self.transform
        return np.fft.irfft(product, len(self.state))

    def choose(self, place: int, weight: float) -> None:
        self.state = self.state * (1 + weight * np.roll(self.kernel, -place))


def _kernel(x):
    """2 pi^2 B_2(x), the sum of cos(2 pi h x) / h^2 over h, twice."""
    return 2 * np.pi**2 * (x * x - x + 1 / 6)


def _powers_of_five(j: int) -> np.ndarray:
    """The smaller of +-5^t mod 2^j, for t = 0, ..., 2^(j - 2) - 1."""
    powers = np.ones(1, np.uint64)
    while len(powers) < 2 ** (j - 2):
        step = np.uint64(pow(5, len(powers), 2**j))
        powers = np.concatenate([powers, powers * step % np.uint64(2**j)])
    return np.minimum(powers, np.uint64(2**j) - powers).astype(np.int64)
