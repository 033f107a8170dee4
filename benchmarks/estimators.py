"""How many fewer draws the estimators take, and how honest their error bars are.

    python benchmarks/estimators.py [--seeds 1000] [--json FILE] [PART ...]

Parts: `work` (draws to a relative error, from standard errors at several sizes and the
rate between the last two), `lattice` (Sobol points against a rank-1 lattice, after the
same rotation), `coverage` (of 95 % intervals, one seed at a time), `wedges` (error of
the rule with 64 nodes) and `controls` (many numbers: Sobol points in 64 coordinates, in
as many as there are, and control variates). The result of a part replaces that in the
file.
"""

import argparse
import json
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import lattice
import numpy as np
from machine import described
from scipy.special import gammaln, ndtri
from scipy.stats import qmc

from empirical.montecarlo import Bernoulli, Layout, Normal, Sampler, expectation
from empirical.montecarlo.enumeration import enumerated_sums
from empirical.montecarlo.quadrature import quadrature_sums
from empirical.montecarlo.quasi import Estimator, replicates, wedge_sums
from empirical.montecarlo.quasi.estimator import _fewer
from empirical.montecarlo.quasi.pilot import pilot
from empirical.montecarlo.quasi.rotation import frames


def relu_gradient(u, v, x):
    """A gate times a node times the input."""
    return jnp.where(u @ x > 0, jax.nn.relu(v @ x), 0.0) * x


def ntk_entry(u, v, x):
    """The tangent kernel of a network of two layers, both layers, one node."""
    gates = jnp.where((u @ x > 0) & (v @ x > 0), 1.0, 0.0)
    return u @ v * gates + jax.nn.relu(u @ x) * jax.nn.relu(v @ x)


def tanh_pair(u, v, x):
    """The dual activation of tanh."""
    return jnp.tanh(u @ x) * jnp.tanh(v @ x)


def dropout_loss(u, v, mask):
    """A squared loss with masked hidden nodes, at p = 0.3."""
    return (v[0] - u @ mask / 0.7) ** 2


def exponential(u, v, x):
    """A lognormal number."""
    return jnp.exp(u @ x / jnp.linalg.norm(u)) + 0 * v[0]


def fourth_power(u, v, x):
    """A normal number to the fourth power."""
    return (u @ x / jnp.linalg.norm(u)) ** 4 + 0 * v[0]


def relu_network(u, v, x):
    """The squared output of a network with eight ReLU nodes."""
    weights = jnp.stack([jnp.roll(u * jnp.roll(v, k), 3 * k) for k in range(8)])
    outputs = jnp.where(jnp.arange(8) % 2, -1.0, 1.0)
    return (outputs @ jax.nn.relu(weights @ x) / jnp.linalg.norm(u)) ** 2


def tanh_network(u, v, x):
    """The squared output of a network with eight tanh nodes."""
    weights = jnp.stack([jnp.roll(u * jnp.roll(v, k), 3 * k) for k in range(8)])
    outputs = jnp.where(jnp.arange(8) % 2, -1.0, 1.0)
    return (outputs @ jnp.tanh(weights @ x / jnp.linalg.norm(u))) ** 2


def norm(u, v, x):
    """The length of a normal vector."""
    return jnp.linalg.norm(x) + 0 * u[0] * v[0]


def soft_maximum(u, v, x):
    """The logarithm of a sum of exponentials."""
    return jax.nn.logsumexp(x) + 0 * u[0] * v[0]


def softplus_square(u, v, x):
    """The square of a sum of softplus nodes of one input each."""
    return jnp.mean(jax.nn.softplus(x)) ** 2 + 0 * u[0] * v[0]


def tanh_chain(u, v, x):
    """A sum of products of neighbours."""
    return jnp.tanh(x) @ jnp.tanh(jnp.roll(x, 1)) + 0 * u[0] * v[0]


def dropout_network(u, v, mask):
    """The squared output of a network with eight ReLU nodes of masked inputs."""
    weights = jnp.stack([jnp.roll(u * jnp.roll(v, k), 3 * k) for k in range(8)])
    return jnp.sum(jax.nn.relu(weights @ mask)) ** 2


SMALL = (
    relu_gradient,
    ntk_entry,
    tanh_pair,
    dropout_loss,
    exponential,
    fourth_power,
)
WIDE = (relu_gradient, ntk_entry, relu_network, tanh_network)
MANY = (
    norm,
    soft_maximum,
    softplus_square,
    tanh_chain,
    dropout_network,
    relu_network,
    tanh_network,
)
MASKED = (dropout_loss, dropout_network)
SIZES = (2**14, 2**17, 2**20)
DRAWS = 2**14
"""Of one estimate whose interval is looked at."""
KEY = (2026, 11)


def case(integrand, d: int, points: int = 1, seed: int = 0):
    """The layout of an integrand, and points of lengths about one."""
    random = np.random.default_rng(seed)
    shape = (points, d)
    where = {n: random.standard_normal(shape) / np.sqrt(d) for n in "uv"}
    # A pair at 60 degrees or so: neither degenerate nor orthogonal.
    where["v"] = where["v"] + 0.6 * where["u"]
    masked = integrand in MASKED
    laws = {"mask": Bernoulli(0.7, d)} if masked else {"x": Normal(d)}
    return Layout(expectation(integrand, **laws), where, {}), where


def exact(integrand, layout, points) -> np.ndarray:
    """The mean, without draws."""
    if integrand is norm:
        half = layout.sizes["normal"] / 2
        return np.full((1, 1), np.sqrt(2) * np.exp(gammaln(half + 0.5) - gammaln(half)))
    if integrand is dropout_loss:
        return enumerated_sums(layout, points)[0]
    found = wedge_sums(layout, points, KEY) or quadrature_sums(layout, points, KEY)
    assert found is not None, integrand.__name__
    return found[0][0]


def work(seeds: int) -> dict:
    """Draws to a relative error of 1e-4 and 1e-5, and the gain over plain draws."""
    del seeds
    rows: dict[str, dict] = {}
    for d, integrands in ((8, SMALL), (64, WIDE)):
        for integrand in integrands:
            layout, points = case(integrand, d)
            estimator = Estimator(layout, points, KEY)
            name = f"{integrand.__name__}, d = {d}"
            row = rows[name] = {"choice": estimator.choose().text}
            plain = estimator.estimate(KEY, 2**18, "plain")
            size = np.linalg.norm(plain.mean)
            spread = np.linalg.norm(plain.standard_error) * np.sqrt(plain.draws) / size
            row["plain"] = {f"{e:g}": (spread / e) ** 2 for e in (1e-4, 1e-5)}
            for method in estimator.methods[1:]:
                errors = []
                for total in SIZES:
                    found = [
                        estimator.estimate((seed, total), total, method)
                        for seed in range(2)
                    ]
                    square = np.mean([(f.standard_error**2).sum() for f in found])
                    errors.append(float(np.sqrt(square) / size))
                row[method] = _to_reach(errors, row["plain"])
                shown = {k: f"{v:.3g}" for k, v in row[method]["gain"].items()}
                print(f"{name:<24}{method:<10} rate {row[method]['rate']:.2f} {shown}")
            print(f"{name:<24}{row['choice']}", flush=True)
    return rows


def _to_reach(errors: list[float], plain: dict) -> dict:
    """Draws to reach errors: interpolated, or at the rate of the last two sizes."""
    sizes, logs = np.log(SIZES), np.log(np.maximum(errors, 1e-17))
    rate = float((logs[-2] - logs[-1]) / (sizes[-1] - sizes[-2]))
    # Two sizes alone do not vouch for more than this.
    steep = min(max(rate, 0.5), 1.0)
    draws, gain = {}, {}
    for name, wanted in plain.items():
        goal = np.log(float(name))
        if goal < logs[-1]:
            reached = np.exp(sizes[-1] + (logs[-1] - goal) / steep)
        else:  # Never fewer draws than the fewest that were measured.
            reached = np.exp(np.interp(-goal, -logs, sizes))
        draws[name], gain[name] = float(reached), float(wanted / reached)
    return {"errors": errors, "rate": rate, "draws": draws, "gain": gain}


def compare_lattice(seeds: int) -> dict:
    """Gain over plain draws of 32 replicates of 2^10 and 2^14 points, in NumPy."""
    del seeds
    vectors = {decay: lattice.generating_vector(8, decay=decay) for decay in (1.0, 2.0)}
    random, rows = np.random.default_rng(0), dict[str, dict]()
    families = {
        "sobol": lambda n: qmc.Sobol(8, rng=random).random(n),
        "lattice, 1/j": lambda n: lattice.shifted(vectors[1.0], n, random),
        "lattice, 1/j^2": lambda n: lattice.shifted(vectors[2.0], n, random),
        "same, baker": lambda n: lattice.shifted(vectors[2.0], n, random, baker=True),
    }
    for integrand in SMALL:
        layout, points = case(integrand, 8)
        rotation, source = np.eye(8), next(iter(layout.sizes))
        found = pilot(layout, points, KEY)
        if found is not None:
            turned = frames(found)
            rotation = rotation - turned.v[0] @ turned.w[0]
        with jax.enable_x64(True):
            run = jax.jit(jax.vmap(layout.draw, (None, 0)))
            point = {name: jnp.asarray(v[0]) for name, v in points.items()}
            for name, family in families.items():
                gains = []
                for size in (2**10, 2**14):
                    means, variances = [], []
                    for _ in range(32):
                        base = family(size)
                        if source == "normal":
                            base = ndtri(np.clip(base, 1e-18, 1 - 1e-16)) @ rotation.T
                        values = np.asarray(run(point, {source: jnp.asarray(base)}))
                        means.append(values.mean(axis=0))
                        variances.append(values.var(axis=0))
                    spread = np.var(means, axis=0, ddof=1).sum()
                    plain = np.mean(variances, axis=0).sum() / size
                    gains.append(float(plain / max(spread, 1e-300)))
                rows.setdefault(integrand.__name__, {})[name] = gains
                shown = "".join(f"{gain:12.1f}" for gain in gains)
                print(f"{integrand.__name__:<16}{name:<16}{shown}", flush=True)
    return rows


def coverage(seeds: int) -> dict:
    """Share of seeds whose 95 % intervals hold the mean, over the outputs."""
    rows = {}
    for integrand in (*SMALL, norm):
        layout, points = case(integrand, 8 if integrand in SMALL else 128)
        truth = exact(integrand, layout, points)
        estimator = Estimator(layout, points, KEY, sampler=Sampler(layout, points))
        draws = DRAWS if integrand in SMALL else DRAWS // 4
        start, choice = time.perf_counter(), estimator.choose(draws)
        inside, plain = [], 0
        for seed in range(seeds):
            found = estimator.estimate((seed, 1), draws)
            plain += found.method == "plain"
            near = np.abs(found.mean - truth) <= found.half_width(0.95)
            inside.append(near.mean())
        row = {
            "coverage": float(np.mean(inside)),
            "refused": plain / seeds,
            "draws": draws,
            "seeds": seeds,
            "choice": choice.text,
        }
        rows[integrand.__name__] = row
        took = time.perf_counter() - start
        print(
            f"{integrand.__name__:<16}{row['coverage']:8.3f}"
            f"  refused {row['refused']:5.3f}  {took:6.0f} s  {choice.text}",
            flush=True,
        )
    return rows


def wedges(seeds: int) -> dict:
    """Error of the wedge rule, relative to closed forms, over random pairs."""
    del seeds
    rows = {}
    for d in (8, 64):
        for integrand in (relu_gradient, ntk_entry):
            layout, points = case(integrand, d, 32)
            found = wedge_sums(layout, points, KEY)
            assert found is not None
            truth = _closed_form(integrand, **points)
            gap = np.abs(found[0][0] - truth).max(axis=1) / np.abs(truth).max(axis=1)
            name = f"{integrand.__name__}, d = {d}"
            rows[name] = {"error": float(gap.max()), "nodes": 64, "spent": found[1]}
            print(f"{name:<24}{gap.max():10.1e}  {found[1]} evaluations with tests")
    return rows


def controls(seeds: int) -> dict:
    """Gains over plain draws where many numbers matter, by ways to have them."""
    del seeds
    rows = {}
    own = replicates.DIMENSIONS
    for integrand in MANY:
        layout, points = case(integrand, 512)
        row = rows[f"{integrand.__name__}, d = 512"] = {}
        for dimensions in (64, own):
            replicates.DIMENSIONS = dimensions
            estimator = Estimator(layout, points, KEY)
            gains = {}
            for method in estimator.methods[1:]:
                found = estimator._run((1, dimensions), method, 32, 2**9)
                error = found.standard_error
                gains[method] = _fewer(found.variance, error, found.draws)
            row[f"{dimensions} coordinates"] = max(gains.values())
        row["control variates"] = 1 / _left(layout, points)
        shown = "".join(f"{name:>22}{gain:8.1f}" for name, gain in row.items())
        print(f"{integrand.__name__:<18}{shown}", flush=True)
    replicates.DIMENSIONS = own
    return rows


def _left(layout, points, draws: int = 2**13) -> float:
    """The share of the variance that base numbers and their squares leave.

    Coefficients are fitted on some draws, the share is measured on others.
    """
    random = np.random.default_rng(KEY)
    (source, size), parts = next(iter(layout.sizes.items())), []
    with jax.enable_x64(True):
        point = {name: jnp.asarray(v[0]) for name, v in points.items()}
        run = jax.jit(jax.vmap(layout.draw, (None, 0)))
        for _ in range(2):
            shape = (draws, size)
            if source == "normal":
                base = random.standard_normal(shape)
                every = np.concatenate([base, (base**2 - 1) / np.sqrt(2)], axis=1)
            else:
                base = random.random(shape)
                every = (base < layout.coins[0][2]) - layout.coins[0][2]
            values = np.asarray(run(point, {source: jnp.asarray(base)}))
            parts.append((every, values))
    (every, values), (fresh, others) = parts
    gap, values = every - every.mean(axis=0), values - values.mean(axis=0)
    ridge = 1e-3 * np.mean(gap**2) * draws * np.eye(gap.shape[1])
    fitted = np.linalg.solve(gap.T @ gap + ridge, gap.T @ values)
    return float(np.mean((others - fresh @ fitted).var(axis=0) / others.var(axis=0)))


def _closed_form(integrand, u, v) -> np.ndarray:
    """Means of the ReLU gradient and of the tangent kernel's entry."""
    sizes = np.linalg.norm(u, axis=1) * np.linalg.norm(v, axis=1)
    inner = (u * v).sum(axis=1)
    theta = np.arccos(inner / sizes)
    open_ = (np.pi - theta) / (2 * np.pi)
    if integrand is ntk_entry:
        both = 2 * inner * open_ + sizes * np.sin(theta) / (2 * np.pi)
        return both[:, None]
    along = sizes * np.sin(theta) / (2 * np.pi) / (u**2).sum(axis=1)
    return open_[:, None] * v + along[:, None] * u


PARTS = {
    "work": work,
    "lattice": compare_lattice,
    "coverage": coverage,
    "wedges": wedges,
    "controls": controls,
}


def main() -> None:
    """Run the parts and store what they found."""
    parser = argparse.ArgumentParser(description="Measure the estimators.")
    parser.add_argument("parts", nargs="*", metavar="PART", default=list(PARTS))
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = {**described(), "sizes": SIZES}
    if options.json and options.json.exists():
        found = {**json.loads(options.json.read_text()), **found}
    for part in options.parts:
        print(f"-- {part}")
        found[part] = PARTS[part](options.seeds)
        if options.json:
            options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
