"""Which process this is, of how many, and where process 0 listens."""

import argparse
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from tallystick.errors import TallystickError

__all__ = ["Place", "add_arguments", "located"]

PORT = 47_391
"""Where process 0 listens if only a host is named."""
WAIT = 10.0
SECRET = "TALLYSTICK_SECRET"
# In the order in which they are believed, after the flags. The first ones are ours;
# the rest is what jax.distributed reads as well.
_COORDINATOR = ("TALLYSTICK_COORDINATOR", "JAX_COORDINATOR_ADDRESS")
_PROCESSES = ("TALLYSTICK_PROCESSES", "SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE")
_PROCESS = ("TALLYSTICK_PROCESS", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK")
_STEP = ("SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_NTASKS", "SLURM_PROCID")


@dataclass(frozen=True)
class Place:
    """One process of a run.

    Attributes:
        host: Where process 0 listens.
        port: On which port.
        index: Which process this is; 0 prints the report.
        size: How many there are.
        wait: Seconds that the others are waited for.
        secret: What all processes know, and strangers do not.
    """

    host: str
    port: int
    index: int
    size: int
    wait: float = WAIT
    secret: bytes = b""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a run of several processes."""
    group = parser.add_argument_group(
        "several processes", "see docs/distributed.md; also from the environment"
    )
    group.add_argument(
        "--distributed",
        action="store_true",
        help="this is one of several processes: start the same command for each",
    )
    group.add_argument(
        "--coordinator", metavar="HOST:PORT", help="where process 0 listens"
    )
    group.add_argument("--processes", type=int, metavar="N", help="how many there are")
    group.add_argument(
        "--process", type=int, metavar="I", help="which one this is, from 0"
    )
    group.add_argument(
        "--wait",
        type=float,
        metavar="SECONDS",
        default=None,
        help=f"how long to wait for the others to connect; {WAIT:.0f} by default",
    )


def located(
    options: argparse.Namespace, environment: Mapping[str, str] = os.environ
) -> Place | None:
    """This process among the others; None if it is the only one.

    Flags come first, then the environment, then SLURM and Open MPI.

    Raises:
        TallystickError: Something is missing, or out of range.
    """
    given = ("coordinator", "processes", "process", "wait")
    if not options.distributed:
        stray = [f"--{name}" for name in given if getattr(options, name) is not None]
        if stray:
            raise TallystickError(f"{stray[0]} needs --distributed as well")
        return None
    # Outside of srun, the batch script itself has some of these variables too.
    step = all(name in environment for name in _STEP)
    known = {n: v for n, v in environment.items() if step or not n.startswith("SLURM_")}
    coordinator, where = _first(
        options.coordinator, "--coordinator", _COORDINATOR, known
    )
    if coordinator is None and step:
        coordinator, where = _slurm_address(environment), "SLURM_STEP_NODELIST"
    processes, of = _first(options.processes, "--processes", _PROCESSES, known)
    process, which = _first(options.process, "--process", _PROCESS, known)
    missing = [
        f"{flag} (or {variables[0]})"
        for value, flag, variables in (
            (coordinator, "--coordinator HOST:PORT", _COORDINATOR),
            (processes, "--processes N", _PROCESSES),
            (process, "--process I", _PROCESS),
        )
        if value is None
    ]
    if missing:
        raise TallystickError(f"--distributed needs {', '.join(missing)}")
    size, index = _integer(of, processes), _integer(which, process)
    if size < 1:
        raise TallystickError(f"{of} must be at least 1, got {size}")
    if not 0 <= index < size:
        raise TallystickError(
            f"{which} must be at least 0 and below the number of processes, {size},"
            f" got {index}"
        )
    wait = WAIT if options.wait is None else options.wait
    if not 0 <= wait < float("inf"):
        raise TallystickError(f"--wait must be at least 0 seconds, got {wait}")
    host, port = _address(where, str(coordinator))
    secret = environment.get(SECRET, "tallystick").encode()
    return Place(host, port, index, size, wait, secret)


def _first(flag, name: str, variables, environment) -> tuple[object | None, str]:
    """The first value that is given, and the name of what gave it."""
    if flag is not None:
        return flag, name
    for variable in variables:
        if environment.get(variable):
            return environment[variable], variable
    return None, name


def _integer(name: str, value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise TallystickError(f"{name} must be an integer, got {value!r}") from None


def _address(name: str, text: str) -> tuple[str, int]:
    """Host and port; an IPv6 address stands in brackets."""
    found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]]+)(?::(\d+))?", text)
    port = int(found[2]) if found and found[2] else PORT
    if not found or not 0 < port < 2**16:
        raise TallystickError(
            f"{name} must be HOST:PORT with a port from 1 to 65535, got {text!r}"
        )
    return found[1].strip("[]"), port


def _slurm_address(environment: Mapping[str, str]) -> str:
    """The first host of a job step, and a port that other jobs do not use."""
    nodes = environment["SLURM_STEP_NODELIST"]
    # As in node1,node2 or node[001-004,007],other.
    found = re.match(r"([^\[,]+)(?:\[([^\],-]+))?", nodes)
    host = found[1] + (found[2] or "") if found else nodes
    # The ephemeral ports' upper end, as jax.distributed chooses, and one apart from it.
    port = 65_535 - 2**12 + (int(environment["SLURM_JOB_ID"]) + 1) % 2**12
    return f"{host}:{port}"
