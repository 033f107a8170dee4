"""The same moments from every layout of processes and devices, bit for bit.

    python benchmarks/layouts.py [--draws 4194304] [--json FILE]

The mean gradient of a ReLU loss at eight points, from the same key, with 1, 2 and 4
virtual devices in one process and in two. The processes run on this machine and are
connected as those of `tallystick check --distributed`.
"""

import argparse
import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

LAYOUTS = ((1, 1), (1, 2), (1, 4), (2, 1), (2, 2), (2, 4))
KEY = (20, 26)


def one_process(place, draws: int) -> None:
    """Draw this process's share, and print the hash of all moments and the seconds."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from empirical.montecarlo import Layout, Normal, Sampler, expectation
    from tallystick.distributed.hub import Hub
    from tallystick.distributed.share import Share
    from tallystick.distributed.worker import fleet_of, join

    @expectation(x=Normal(8))
    def gradient(w, e, *, x):
        return jnp.where(w @ x > 0, jax.nn.relu(w @ x) - jax.nn.relu(e @ x), 0.0) * x

    rng = np.random.default_rng(1)
    points = {name: rng.normal(size=(8, 8)) for name in ("w", "e")}
    layout = Layout(gradient, points, {})

    def measured(fleet):
        sampler = Sampler(layout, points, fleet=fleet)
        for _ in range(2):  # The first one compiles.
            start = time.perf_counter()
            found, _, products = sampler.moments_and_directions(KEY, draws, cross=True)
            seconds = time.perf_counter() - start
        digest = hashlib.blake2b(str(found.count).encode(), digest_size=8)
        for array in (found.mean, found.second, found.third, products):
            digest.update(np.asarray(array).tobytes())
        return {
            "devices": jax.local_device_count(),
            "count": found.count,
            "moments": digest.hexdigest(),
            "seconds": seconds,
        }

    if place.size == 1:
        print(json.dumps(measured(None)))
    elif place.index == 0:
        with Hub(place) as hub:
            hub.open({})
            joined = [hub.events.get(timeout=60) for _ in range(place.size - 1)]
            crew = sorted((member for _, member in joined), key=lambda m: m.index)
            hub.shares[1] = share = Share(1, crew)
            share.start(0)
            print(json.dumps(measured(share.fleet)))
    else:
        channel = join(place, 1, {})
        invitation, _ = channel.receive()
        print(json.dumps(measured(fleet_of(channel, invitation, channel.receive))))
        channel.close()


def run(processes: int, devices: int, draws: int) -> list[dict]:
    """What each process of one layout printed."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    flags = f"--xla_force_host_platform_device_count={devices}"
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
    started = [
        subprocess.Popen(
            [sys.executable, __file__, "--draws", str(draws), "--distributed",
             "--coordinator", f"127.0.0.1:{port}", "--processes", str(processes),
             "--process", str(index), "--wait", "60"],
            env=environment, stdout=subprocess.PIPE, text=True,
        )
        for index in range(processes)
    ]  # fmt: skip
    return [json.loads(process.communicate(timeout=600)[0]) for process in started]


def main() -> None:
    """Run all layouts and compare."""
    from tallystick.distributed.place import add_arguments, located

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=2**22)
    parser.add_argument("--json", type=Path, help="store the table there")
    add_arguments(parser)
    options = parser.parse_args()
    if place := located(options):
        one_process(place, options.draws)
        return
    rows = []
    print("processes x devices   count      moments           seconds")
    for processes, devices in LAYOUTS:
        for found in run(processes, devices, options.draws):
            rows.append({"processes": processes, **found})
            layout = f"{processes} x {found['devices']}"
            seconds = f"{found['seconds']:.2f}"
            print(f"{layout:<21} {found['count']:,}  {found['moments']}  {seconds}")
    same = len({(row["count"], row["moments"]) for row in rows}) == 1
    print("bit-identical" if same else "NOT the same everywhere")
    if options.json:
        from machine import described

        table = {"draws": options.draws, "same": same, "rows": rows, **described()}
        options.json.write_text(json.dumps(table, indent=2) + "\n")
    sys.exit(not same)


if __name__ == "__main__":
    main()
