"""Several processes: one report, the same numbers, and no hanging when one is lost."""

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from empirical.montecarlo import Layout, Normal, Sampler, expectation
from empirical.montecarlo.fleet import Fleet, FleetError, pack, unpack
from tallystick.bench import Settings
from tallystick.cli import main
from tallystick.distributed.channel import Channel, LostError, connect
from tallystick.distributed.hub import Hub
from tallystick.distributed.place import Place, add_arguments, located
from tallystick.distributed.spreading import Spread
from tallystick.errors import TallystickError
from tallystick.journal import Journal
from tallystick.report import Report
from tallystick.verdict import Verdict

LIMIT = 120
"""Seconds after which a process of a test counts as hanging."""
WEIGHTS = {"w": np.array([0.5, 2.0])}
ENVIRONMENT = {
    **os.environ,
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
    "PYTHONPATH": str(Path(__file__).parents[2]),
}
# Two are summed exactly, two are sampled: eight directions are too many to integrate.
CLAIMS = """
import os
import time

import jax.numpy as jnp
from tallystick import Claim, Control, Domain, Normal, Rademacher, Vector, expectation

@expectation(s=Rademacher(3))
def product(x, *, s):
    return (x @ s) ** 2

@expectation(z=Normal(8))
def total(x, *, z):
    return jnp.sum(jnp.abs(z) * x)

def hang():
    process = os.environ.get("TALLYSTICK_PROCESS")
    if os.environ.get("HANGING", "none") == process:
        open("hanging", "w").close()
        time.sleep(600)
    # Else a quick process is through before a slow one has begun.
    if os.environ.get("AWAITING", "none") == process:
        while not os.path.exists("hanging"):
            time.sleep(0.02)

def square(x):
    hang()
    return jnp.sum(x**2)

def root(x):
    hang()
    other = os.environ.get("OTHER", "none") == os.environ.get("TALLYSTICK_PROCESS")
    return jnp.sum(x) * jnp.sqrt(2 / jnp.pi) * (1 + 1e-9 * other)

def claim(name, analytic, empirical, size):
    return Claim(
        name, statement="", analytic=analytic, empirical=empirical, source="",
        domain=Domain(x=Vector(size)),
        controls=(Control("twice", lambda x: 2 * analytic(x)),),
    )

ALL = [
    claim("user.exact", square, product, 3),
    claim("user.exact_wrong", lambda x: 3 * square(x), product, 3),
    claim("user.sampled", root, total, 8),
    claim("user.sampled_wrong", lambda x: 1.5 * root(x), total, 8),
]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(CLAIMS)
    return tmp_path


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def start(folder, *arguments, **environment):
    """One `tallystick check`, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tallystick.cli", "check", "--quick", *arguments],
        cwd=folder,
        env={**ENVIRONMENT, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def member(folder, port, process, *arguments, processes=2, **environment):
    """One process of a run, which waits for the others on a busy machine, too."""
    return start(
        folder,
        "--distributed",
        f"--wait={LIMIT / 2}",
        *arguments,
        TALLYSTICK_COORDINATOR=f"127.0.0.1:{port}",
        TALLYSTICK_PROCESSES=str(processes),
        TALLYSTICK_PROCESS=str(process),
        **environment,
    )


def ended(process):
    """Exit code and output of a process, which must end."""
    try:
        out, err = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, out, err


def numbers(path):
    """All that a run found, but for the times."""
    reports = json.loads(path.read_text())["reports"]
    return {r["name"]: {**r, "seconds": 0.0} for r in reports}


def wait_for(path):
    deadline = time.monotonic() + LIMIT
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The run of one process that the others are compared with."""
    folder = tmp_path_factory.mktemp("alone")
    (folder / "mine.py").write_text(CLAIMS)
    code, out, _ = ended(start(folder, "mine.py", "--json", "out.json"))
    assert code == 1, out
    return numbers(folder / "out.json")


def test_two_processes_give_the_report_of_one(folder, port, alone):
    processes = [
        member(folder, port, process, "mine.py", "--json", "out.json", "--jobs", "1")
        for process in (1, 0)
    ]
    silent, (code, out, err) = map(ended, processes)
    assert silent == (0, "", "")
    assert (code, err) == (1, "")
    assert "4 claims in" in out
    assert re.search("claims by process: process 0 [1-3]; process 1 [1-3]", out)
    assert numbers(folder / "out.json") == alone
    journal = folder / ".tallystick" / "journal.jsonl"
    assert len(journal.read_text().splitlines()) == 4


def test_one_claim_is_drawn_by_all_processes(folder, port, alone):
    name = "mine.py::user.sampled_wrong"
    processes = [
        member(folder, port, i, name, "--json", "out.json", processes=3)
        for i in (2, 1, 0)
    ]
    *silent, (code, out, err) = map(ended, processes)
    assert silent == [(0, "", "")] * 2
    assert (code, err) == (1, "")
    assert "processes 0, 1, 2 shared 1" in out
    found = numbers(folder / "out.json")
    assert found == {n: alone[n] for n in ("user.sampled_wrong",)}


def test_a_killed_process_is_named_and_its_claim_checked_again(folder, port, alone):
    lost = member(folder, port, 1, "mine.py", "--jobs", "4", HANGING="1")
    first = member(
        folder, port, 0, "mine.py", "--json", "out.json", "--jobs", "1", AWAITING="0"
    )
    wait_for(folder / "hanging")
    lost.send_signal(signal.SIGKILL)
    code, out, _ = ended(first)
    ended(lost)
    assert code == 1
    assert "process 1 was lost after" in out
    assert re.search(r"it closed the connection; user\..* checked again here", out)
    assert numbers(folder / "out.json") == alone


def test_a_process_killed_amid_shared_draws_leaves_its_share(folder, port, alone):
    name = "mine.py::user.sampled"
    lost = member(folder, port, 1, name, HANGING="1")
    first = member(folder, port, 0, name, "--json", "out.json")
    wait_for(folder / "hanging")
    time.sleep(1.0)  # Process 0 waits for its part, or soon will.
    lost.send_signal(signal.SIGKILL)
    code, out, err = ended(first)
    ended(lost)
    assert (code, err) == (0, "")
    assert "it closed the connection; user.sampled is checked again here" in out
    assert "claims by process: process 0 1" in out
    assert numbers(folder / "out.json") == {"user.sampled": alone["user.sampled"]}


def test_processes_that_compute_differently_do_not_share(folder, port, alone):
    name = "mine.py::user.sampled"
    other = member(folder, port, 1, name, OTHER="1")
    first = member(folder, port, 0, name, "--json", "out.json")
    code, out, err = ended(first)
    assert ended(other) == (0, "", "")
    assert (code, err) == (0, "")
    assert "could not be shared: process 1 came to another report; checked" in out
    assert numbers(folder / "out.json") == {"user.sampled": alone["user.sampled"]}


def test_a_stopped_process_is_given_up_within_10_seconds(folder, port):
    lost = member(folder, port, 1, "mine.py", "--jobs", "4", HANGING="1")
    first = member(folder, port, 0, "mine.py", "--jobs", "1", AWAITING="0")
    wait_for(folder / "hanging")
    lost.send_signal(signal.SIGSTOP)
    code, out, _ = ended(first)
    assert code == 1
    assert "it was silent for 8 s" in out
    # Awake again, it finds that nobody waits for it.
    lost.send_signal(signal.SIGCONT)
    code, _, err = ended(lost)
    assert code == 3
    assert "process 0 closed the connection: process 1 ends" in err


def test_without_process_0_a_process_ends_itself(folder, port):
    worker = member(folder, port, 1, "mine.py")
    first = member(folder, port, 0, "mine.py", HANGING="0")
    wait_for(folder / "hanging")
    time.sleep(1.0)
    first.send_signal(signal.SIGKILL)
    ended(first)
    code, out, err = ended(worker)
    assert (code, out) == (3, "")
    assert "process 0 closed the connection: process 1 ends" in err


def test_process_0_goes_on_without_who_never_connects(folder, port):
    first = member(folder, port, 0, "mine.py::user.exact", "--wait", "1")
    code, out, _ = ended(first)
    assert code == 0
    assert "process 1 has not connected after 1 s: going on without it" in out
    assert "claims by process: process 0 1" in out


def test_a_process_with_other_settings_is_refused_and_the_rest_goes_on(folder, port):
    name = "mine.py::user.exact"
    first = member(folder, port, 0, name)
    code, out, err = ended(member(folder, port, 1, name, "--seed", "1"))
    reason = "it has other settings (--seed, --quick) than process 0"
    assert (code, out) == (3, "")
    assert f"process 0 refuses process 1: {reason}" in err
    code, out, _ = ended(first)
    assert code == 0
    assert f"process 1 was refused: {reason}" in out


def test_an_interrupted_run_keeps_its_journal_and_stops_the_others(folder, port):
    names = ("mine.py::user.exact", "mine.py::user.sampled")
    worker = member(folder, port, 1, *names, "--jobs", "1", HANGING="1")
    first = member(folder, port, 0, *names, "--jobs", "1", AWAITING="0")
    wait_for(folder / "hanging")
    journal = folder / ".tallystick" / "journal.jsonl"
    deadline = time.monotonic() + LIMIT
    while not (journal.exists() and journal.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    first.send_signal(signal.SIGINT)
    code, out, _ = ended(first)
    assert code == 130
    assert "interrupted with 1 claims left: go on with --resume" in out
    assert ended(worker) == (130, "", "")
    assert len(journal.read_text().splitlines()) == 1


def test_without_process_0_a_process_gives_up(folder, port):
    code, out, err = ended(member(folder, port, 1, "mine.py", "--wait", "1"))
    assert (code, out) == (3, "")
    assert f"process 0 at 127.0.0.1:{port} does not answer: process 1 ends" in err


def test_what_took_longest_is_begun_first(folder, hub):
    path = folder / "journal.jsonl"
    journal = Journal(path, resume=False, warn=print)
    for number, seconds in ((1, 2.0), (0, 1.0), (3, 3.0)):
        name = f"claim{number}"
        journal.add(name, Report(name, "", "mean", Verdict.AGREE, seconds=seconds))
    again = Journal(path, resume=False, warn=print)  # Empties the file.
    assert path.read_text() == ""
    claims = [argparse.Namespace(name=f"claim{number}") for number in range(4)]
    marks = {claim.name: "" for claim in claims}
    spread = Spread(
        hub, claims, claims, Settings(), 1, marks, again.seconds, warn=print
    )
    assert list(spread.waiting) == [2, 3, 1, 0]  # One of unknown length comes first.


# The connections, without processes.


def place(port, index=1, secret=b"secret", **options):
    return Place("127.0.0.1", port, index, 2, secret=secret, **options)


@pytest.fixture
def hub(port):
    with Hub(place(port, 0)) as hub:
        yield hub


def joined(hub, secret=b"secret", **hello):
    """The answer of a hub to a process that wants to join."""
    channel = connect("127.0.0.1", hub.place.port, 5.0)
    channel.answer(secret)
    channel.send("hello", **{"process": 1, "greeting": {"seed": 7}, **hello})
    return channel, channel.receive()[0]


@pytest.mark.parametrize(
    ("hello", "reason"),
    [
        ({"greeting": {"seed": 8}}, "it has other seed than process 0"),
        ({"greeting": {}}, "it has other seed than process 0"),
        ({"process": 2}, "there is no process 2 among 2"),
        ({"process": 0}, "there is no process 0 among 2"),
        ({"process": None}, "there is no process None among 2"),
    ],
)
def test_a_process_that_does_not_fit_is_refused(hub, hello, reason):
    hub.open({"seed": 7})
    channel, answer = joined(hub, **hello)
    assert (answer["kind"], answer["reason"]) == ("refused", reason)
    kind, *_, why = hub.events.get(timeout=5)
    assert (kind, why) == ("refused", reason)
    channel.close()


def test_an_index_is_taken_once_and_free_after_a_loss(hub):
    hub.open({"seed": 7})
    first, answer = joined(hub)
    assert answer["kind"] == "welcome"
    second, answer = joined(hub)
    assert answer["reason"] == "there is a process 1 already"
    second.close()
    first.close()
    kinds = [hub.events.get(timeout=5)[0] for _ in range(3)]
    assert kinds == ["joined", "refused", "lost"]
    third, answer = joined(hub)
    assert answer["kind"] == "welcome"
    third.close()


def test_another_secret_is_refused_on_both_sides(hub):
    hub.open({"seed": 7})
    with pytest.raises(LostError, match="has another TALLYSTICK_SECRET"):
        joined(hub, secret=b"guessed")
    kind, index, why = hub.events.get(timeout=5)
    assert (kind, index, why) == ("refused", None, "has another TALLYSTICK_SECRET")


def test_strangers_do_no_harm(hub):
    hub.open({"seed": 7})
    strangers = [
        socket.create_connection(("127.0.0.1", hub.place.port)) for _ in range(3)
    ]
    strangers[0].sendall(b"GET / HTTP/1.1\r\n\r\n")
    strangers[1].close()
    channel, answer = joined(hub)
    assert answer["kind"] == "welcome"
    assert hub.events.get(timeout=5)[0] == "joined"
    channel.send("report", b"no report", task=1)
    assert hub.events.get(timeout=5)[::2] == (
        "lost",
        "sent something else than a report",
    )
    for connection in (*strangers, channel):
        connection.close()


def test_a_port_in_use_is_a_clear_error(hub):
    with pytest.raises(TallystickError, match="process 0 cannot listen at 127"):
        Hub(hub.place)


def test_messages_arrive_whole_and_signs_of_life_are_no_messages():
    with socket.create_server(("127.0.0.1", 0)) as server:
        left = connect(*server.getsockname(), 5.0)
        right = Channel(server.accept()[0])
    left.beat()
    data = bytes(range(256)) * 4096
    left.send("alive")
    sending = threading.Thread(target=left.send, args=("part", data), kwargs={"n": 3})
    sending.start()
    message, received = right.receive()
    assert (message, received) == ({"kind": "part", "n": 3}, data)
    sending.join()
    left.close()
    with pytest.raises(LostError, match="closed the connection"):
        right.receive()
    right.close()


# The shared draws, without connections.


def fleets(size):
    """Fleets of some processes, each to be used in a thread of its own."""
    barrier = threading.Barrier(size)
    sent = {}

    def swap(index):
        def swapping(number, message):
            sent[number, index] = message
            barrier.wait(10)
            return [sent[number, i] for i in range(size) if i != index]

        return swapping

    return [Fleet(index, size, swap(index)) for index in range(size)]


def in_threads(work, size):
    """The results, or the errors, of one call for each fleet."""
    found = [None] * size

    def one(fleet):
        try:
            found[fleet.index] = work(fleet)
        except FleetError as error:
            found[fleet.index] = error

    threads = [threading.Thread(target=one, args=(f,)) for f in fleets(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return found


def test_a_sampler_gives_the_same_bits_in_every_fleet():
    layout = Layout(expectation(lambda w, x: jnp.tanh(w * x), x=Normal(4)), WEIGHTS, {})

    def work(fleet):
        sampler = Sampler(layout, WEIGHTS, optimized=False, fleet=fleet)
        draws = 5 * sampler.rows  # Not a number that the processes divide.
        found, _, products = sampler.moments_and_directions((1, 2), draws, cross=True)
        numbers = (found.mean, found.second, found.third, products)
        return found.count, [np.asarray(a).tobytes() for a in numbers]

    expected = work(None)
    for size in (2, 3):
        assert in_threads(work, size) == [expected] * size


def test_every_process_receives_every_part_bit_for_bit():
    rng = np.random.default_rng(7)
    whole = {number: (rng.normal(size=(1,)), rng.normal(size=3)) for number in range(7)}
    for size in (1, 2, 3, 9):  # With nine, some have nothing to give.

        def work(fleet):
            mine = {n: p for n, p in whole.items() if n % fleet.size == fleet.index}
            return fleet.exchange(mine), fleet.exchange(mine)

        for found in in_threads(work, size):
            for parts in found:
                assert list(parts) == list(whole)
                for number, part in parts.items():
                    assert isinstance(part, tuple)
                    for ours, theirs in zip(part, whole[number], strict=True):
                        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
                        assert ours.tobytes() == theirs.tobytes()


def test_processes_that_draw_something_else_are_noticed():
    for parts in ({0: 1.0}, {5: 1.0}):  # Both have drawn it; nobody has the first.
        found = in_threads(lambda fleet, parts=parts: fleet.exchange(parts), 2)
        assert all("do not draw the same numbers" in str(error) for error in found)


def test_trees_survive_the_journey():
    tree = {
        0: (np.arange(3.0), None, [True, 3, 0.1, "text"]),
        "empty": np.zeros((0, 2)),
        "scalar": np.float32(0.1),
        "bits": np.arange(3, dtype=np.uint32),
    }
    back = unpack(pack(tree))
    assert back[0][1:] == tree[0][1:]
    assert back[0][0].tobytes() == tree[0][0].tobytes()
    for name in ("empty", "scalar", "bits"):
        assert back[name].dtype == tree[name].dtype
        np.testing.assert_array_equal(back[name], tree[name])
    back["bits"][0] = 5  # A copy of one's own.
    with pytest.raises(TypeError, match="a function cannot be sent"):
        pack([lambda: None])
    with pytest.raises(TypeError, match="keys must be integers or strings"):
        pack({(1, 2): 3.0})
    for message in (b"", b"[]\n", b'[["array", 0], [["<f8", [2]]]]\n1234', b"\x80\n"):
        with pytest.raises(FleetError, match="a message cannot be read"):
            unpack(message)


def test_an_index_outside_the_fleet_is_refused():
    with pytest.raises(ValueError, match="index must be at least 0 and below size"):
        Fleet(2, 2, lambda number, message: [])


# Which process this is.


def parsed(*arguments, **environment):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return located(parser.parse_args(arguments), environment)


FLAGS = ("--distributed", "--coordinator", "host:5", "--processes", "4")
STEP = {
    "SLURM_JOB_ID": "4095",
    "SLURM_STEP_NODELIST": "node[003-005,9],other",
    "SLURM_NTASKS": "4",
    "SLURM_PROCID": "2",
}


def test_a_place_comes_from_flags_then_environment_then_slurm():
    assert parsed() is None
    expected = Place("host", 5, 3, 4, secret=b"tallystick")
    assert parsed(*FLAGS, "--process", "3") == expected
    assert parsed(*FLAGS, TALLYSTICK_PROCESS="3") == expected
    assert parsed(*FLAGS, TALLYSTICK_PROCESS="3", **STEP) == expected
    assert parsed(*FLAGS, TALLYSTICK_SECRET="x", **STEP).secret == b"x"
    slurm = parsed("--distributed", "--wait", "30", **STEP)
    assert slurm == Place("node003", 61439, 2, 4, 30.0, b"tallystick")
    plain = {**STEP, "SLURM_STEP_NODELIST": "alpha,beta"}
    assert parsed("--distributed", **plain).host == "alpha"
    jax = {"JAX_COORDINATOR_ADDRESS": "[::1]:7", "OMPI_COMM_WORLD_SIZE": "2"}
    assert parsed("--distributed", OMPI_COMM_WORLD_RANK="1", **jax) == Place(
        "::1", 7, 1, 2, secret=b"tallystick"
    )
    assert parsed("--distributed", "--coordinator", "h", **STEP).port == 47391


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (("--processes", "2"), {}, "--processes needs --distributed as well"),
        (
            ("--distributed",),
            {},
            "--distributed needs --coordinator HOST:PORT (or TALLYSTICK_COORDINATOR),"
            " --processes N (or TALLYSTICK_PROCESSES), --process I (or",
        ),
        (FLAGS, {}, "--distributed needs --process I (or TALLYSTICK_PROCESS)"),
        # Of a batch script outside of srun.
        (FLAGS, {"SLURM_PROCID": "0"}, "needs --process I"),
        ((*FLAGS, "--process", "4"), {}, "--process must be at least 0 and below"),
        ((*FLAGS, "--process", "-1"), {}, "number of processes, 4, got -1"),
        (FLAGS, {"TALLYSTICK_PROCESS": "x"}, "TALLYSTICK_PROCESS must be an integer"),
        ((*FLAGS, "--process=0", "--processes=0"), {}, "must be at least 1, got 0"),
        ((*FLAGS, "--process=0", "--wait=-1"), {}, "--wait must be at least 0 sec"),
        ((*FLAGS, "--process=0", "--wait=nan"), {}, "--wait must be at least 0 sec"),
        ((*FLAGS, "--process=0", "--coordinator=h:0"), {}, "a port from 1 to 65535"),
        ((*FLAGS, "--process=0", "--coordinator=a b:1"), {}, "must be HOST:PORT"),
    ],
)
def test_a_half_given_place_is_refused(arguments, environment, message):
    with pytest.raises(TallystickError) as caught:
        parsed(*arguments, **environment)
    assert message in str(caught.value)


def test_a_half_given_place_exits_with_3(folder, capsys):
    assert main(["check", "mine.py", "--distributed", "--processes", "2"]) == 3
    assert "tallystick: --distributed needs --coordinator" in capsys.readouterr().err
