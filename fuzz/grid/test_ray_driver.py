"""The driver on a cluster of two workers on this machine, one of which is killed in the middle.

    python test_ray_driver.py PATH-OF-KRAFTSIM
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

DRIVER = Path(__file__).with_name("ray_driver.py")
SWEEP = ["quorum", "--seeds", "600"]
SHARDS = 12
# What real time decides, and where files were put; all else must be equal.
REAL_TIME = ("wall_seconds", "core_seconds", "events_per_second_per_core", "sim_seconds_per_second_per_core")


def drive(kraftsim: str, out: Path, *flags: str, sweep: list[str]) -> subprocess.Popen:
    """Starts the driver."""
    words = [sys.executable, str(DRIVER), "--kraftsim", kraftsim, "--shards", str(SHARDS), "--out", str(out)]
    return subprocess.Popen([*words, *flags, "--", *sweep], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def results(out: Path) -> list[Path]:
    """Shards that are there."""
    return sorted(out.glob(f"shard-*-of-{SHARDS}.json"))


def timeless(path: Path) -> dict:
    """A sweep's JSON without real time and places."""
    sweep = json.loads(path.read_text())
    for name in REAL_TIME:
        del sweep[name]
    # The merged sweep is of twelve parts, the whole one of one.
    del sweep["parts"]
    for of in sweep["by_scenario"]:
        del of["core_seconds"]
    for violation in sweep["violations"]:
        del violation["repro"]
    return sweep


def kill_node(node) -> None:
    """As a machine that loses power: its processes die at once, and nobody is told."""
    # The raylet's children, and theirs: its workers and the sweeps they run.
    raylet = node.all_processes["raylet"][0].process.pid
    family, queue = [raylet], [raylet]
    while queue:
        parent = queue.pop()
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True).stdout
        for child in map(int, children.split()):
            family.append(child)
            queue.append(child)
    assert len(family) > 1, "the node has no worker yet"
    sweeps = [pid for pid in family if b"--shard" in cmdline(pid)]
    assert sweeps, "no shard was running on the node that is killed"
    for pid in family:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def cmdline(pid: int) -> bytes:
    """The words of a process; none if it has gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def a_worker_killed_mid_run_changes_nothing(kraftsim: str, folder: Path, whole: Path) -> None:
    """12 shards on two nodes of one core; when two are there, one node dies."""
    out = folder / "killed"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        doomed, _ = cluster.add_node(num_cpus=1), cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        driver = drive(kraftsim, out, "--address", cluster.address, sweep=SWEEP)
        killed_at: list[int] = []

        def strike() -> None:
            while driver.poll() is None:
                if len(results(out)) >= 2:
                    try:
                        kill_node(doomed)
                    except AssertionError:
                        time.sleep(0.02)
                        continue
                    killed_at.append(len(results(out)))
                    return
                time.sleep(0.02)

        thread = threading.Thread(target=strike)
        thread.start()
        said, told = driver.communicate(timeout=1800)
        thread.join()
        print(told)
        assert killed_at and killed_at[0] < SHARDS, f"nothing was killed mid-run: {killed_at}"
        alive = sum(node["Alive"] for node in nodes(cluster.address))
        assert alive == 2, f"{alive} nodes are alive: of three, one was killed"
        assert driver.returncode == 0, (driver.returncode, said, told)
        assert len(results(out)) == SHARDS
        assert timeless(out / "all.json") == timeless(whole), "the merged sweep is not the whole one"
        print(f"ok: killed when {killed_at[0]} of {SHARDS} shards were there; digest {timeless(whole)['digest']}")
    finally:
        cluster.shutdown()


def nodes(address: str) -> list[dict]:
    """What the cluster knows of its nodes, when it has noticed the death."""
    ray.init(address=address, log_to_driver=False)
    try:
        for _ in range(120):
            if sum(node["Alive"] for node in ray.nodes()) < 3:
                break
            time.sleep(0.5)
        return ray.nodes()
    finally:
        ray.shutdown()


def shards_that_are_there_are_kept(folder: Path, kraftsim: str, whole: Path) -> None:
    """A second run does what is missing only."""
    out = folder / "killed"
    before = {path: path.stat().st_mtime_ns for path in results(out)}
    results(out)[5].unlink()
    said, told = (driver := drive(kraftsim, out, sweep=SWEEP)).communicate(timeout=1800)
    assert driver.returncode == 0, (driver.returncode, said, told)
    assert f"{SHARDS - 1} of {SHARDS} shards are there" in told, told
    changed = [path.name for path, at in before.items() if path.stat().st_mtime_ns != at]
    assert len(changed) == 1, changed
    assert timeless(out / "all.json") == timeless(whole)
    print("ok: one missing shard was run, eleven were kept")


def findings_are_results(folder: Path, kraftsim: str) -> None:
    """Shards that fail are run once, and the exit code is that of the merge."""
    sweep = ["quorum", "--seeds", "240", "--bug", "VoteNotDurable"]
    whole = unsharded(kraftsim, folder / "findings.json", sweep, expected=1)
    said, told = (driver := drive(kraftsim, folder / "findings", sweep=sweep)).communicate(timeout=1800)
    assert driver.returncode == 1, (driver.returncode, said, told)
    assert told.count(": exit ") == SHARDS and ": exit 1;" in told, told
    assert timeless(folder / "findings/all.json") == timeless(whole)
    print(f"ok: {timeless(whole)['seeds_failed']} failing seeds, each shard run once")


def bad_usage_ends_the_whole(folder: Path, kraftsim: str) -> None:
    """The first shard's message, exit code 2, and no merge."""
    driver = drive(kraftsim, folder / "usage", sweep=["no-such-scenario"])
    _, told = driver.communicate(timeout=1800)
    assert driver.returncode == 2 and "no scenario no-such-scenario" in told, (driver.returncode, told)
    assert not (folder / "usage/all.json").exists()
    print("ok: bad usage ends the whole")


def unsharded(kraftsim: str, path: Path, sweep: list[str], expected: int) -> Path:
    """The same sweep by one process."""
    words = [kraftsim, "sweep", *sweep, "--max-fail", str(2**32 - 1), "--progress", "none", "--json", str(path)]
    code = subprocess.run([*words, "--out", str(path.with_suffix(""))], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    assert code == expected, code
    return path


def main() -> None:
    """All of it, about a minute and a half."""
    kraftsim = str(Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        whole = unsharded(kraftsim, folder / "whole.json", SWEEP, expected=0)
        a_worker_killed_mid_run_changes_nothing(kraftsim, folder, whole)
        shards_that_are_there_are_kept(folder, kraftsim, whole)
        findings_are_results(folder, kraftsim)
        bad_usage_ends_the_whole(folder, kraftsim)


if __name__ == "__main__":
    main()
