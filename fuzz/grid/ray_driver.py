"""Runs the shards of a sweep as tasks of Ray, on a cluster that is there or a local one, and merges them.

    python ray_driver.py --kraftsim PATH --shards 64 --out DIR -- ci --seeds 100000
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ray
from ray.exceptions import RayError

# Exit codes of `kraftsim sweep`: these wrote a whole result, findings or not; to run them again changes nothing.
RESULT = {0, 1, 3, 4}
# Bad usage, or nondeterminism: no other shard helps.
HOPELESS = {2, 5}
# Of the driver itself, when no number of tries ends a shard: partial results are kept.
LOST = 130
# What the driver sets itself.
OWN_FLAGS = ("--shard", "--json", "--progress", "-j", "--jobs", "--for", "--fail-fast", "--max-fail")


class ShardDied(Exception):
    """The process of a shard was killed, or left no result: Ray runs the task again."""


def shard_path(out: Path, index: int, of: int) -> Path:
    """Where the result of a shard stands once it is whole."""
    return out / f"shard-{index}-of-{of}.json"


def run_shard(kraftsim: str, sweep: list[str], index: int, of: int, out: str, threads: int) -> tuple[int, int, str]:
    """Runs one shard to a temporary name and renames it: an orphan that ends too replaces it by its equal.

    Gives its number, the exit code and, if that is hopeless, what it said.
    """
    target = shard_path(Path(out), index, of)
    with tempfile.TemporaryDirectory(prefix=f".shard-{index}-", dir=out) as scratch:
        result = Path(scratch) / "sweep.json"
        words = [kraftsim, "sweep", *sweep, "--shard", f"{index}/{of}", "-j", str(threads)]
        # Whatever its number of failures, every shard takes all its seeds: what is merged must be whole.
        words += ["--max-fail", str(2**32 - 1), "--progress", "none", "--json", str(result)]
        if not any(word == "--out" or word.startswith("--out=") for word in sweep):
            words += ["--out", str(Path(out) / f"repros-{index}-of-{of}")]
        done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode in HOPELESS:
            return index, done.returncode, done.stderr.strip()
        if done.returncode not in RESULT or not result.exists():
            raise ShardDied(f"shard {index}/{of} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
        os.replace(result, target)
        return index, done.returncode, ""


def options() -> argparse.Namespace:
    """What was typed: the driver's own flags, and those of `kraftsim sweep` behind `--`."""
    words = sys.argv[1:]
    own, sweep = (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, [])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kraftsim", required=True, type=Path, help="the binary, by a path that all nodes have")
    parser.add_argument("--shards", required=True, type=int, help="16 to 64 for each core, so that all end at once")
    parser.add_argument("--out", required=True, type=Path, help="a folder that all nodes have")
    parser.add_argument("--address", help="of a cluster, or auto; without it one is started on this machine")
    parser.add_argument("--threads", type=int, default=1, help="cores a shard takes (1)")
    parser.add_argument("--retries", type=int, default=3, help="how often a lost shard is run again (3)")
    args = parser.parse_args(own)
    args.sweep = sweep
    if args.shards < 1 or args.threads < 1 or args.retries < 0:
        parser.error("--shards and --threads begin at 1, --retries at 0")
    if not os.access(args.kraftsim, os.X_OK):
        parser.error(f"--kraftsim: {args.kraftsim} is no program")
    for word in sweep:
        if any(word == flag or word.startswith(flag + "=") for flag in OWN_FLAGS) or re.match(r"-j\d", word):
            parser.error(f"{word} stands behind --; it is the driver's to set, or would leave shards unfinished")
    return args


def run_all(args: argparse.Namespace) -> int:
    """All shards that are not there yet; 0, or the exit code that ends the whole."""
    out, kraftsim = str(args.out.resolve()), str(args.kraftsim.resolve())
    missing = [i for i in range(1, args.shards + 1) if not shard_path(args.out, i, args.shards).exists()]
    print(f"{args.shards - len(missing)} of {args.shards} shards are there", file=sys.stderr)
    if not missing:
        return 0
    ray.init(address=args.address, log_to_driver=False, include_dashboard=False if args.address is None else None)
    # Lost workers are retried by Ray itself, killed processes because of the exception.
    task = ray.remote(
        num_cpus=args.threads, max_retries=args.retries, retry_exceptions=[ShardDied], scheduling_strategy="SPREAD"
    )(run_shard)
    waiting = [task.remote(kraftsim, args.sweep, i, args.shards, out, args.threads) for i in missing]
    began, done = time.monotonic(), 0
    try:
        while waiting:
            ready, waiting = ray.wait(waiting)
            index, code, said = ray.get(ready[0])
            if code in HOPELESS:
                print(said, file=sys.stderr)
                return code
            done += 1
            print(f"shard {index}: exit {code}; {done} of {len(missing)}, {time.monotonic() - began:.0f} s", file=sys.stderr)
    except (RayError, ShardDied) as error:
        print(f"error: a shard was lost for good; those in {args.out} are kept: {error}", file=sys.stderr)
        return LOST
    finally:
        ray.shutdown()
    return 0


def main() -> int:
    """Shards, then their merge: its summary is the result, its exit code the verdict."""
    args = options()
    args.out.mkdir(parents=True, exist_ok=True)
    code = run_all(args)
    if code != 0:
        return code
    shards = [str(shard_path(args.out, i, args.shards)) for i in range(1, args.shards + 1)]
    # What lost workers left; an orphan that still writes there finds that it is late.
    for scratch in args.out.glob(".shard-*"):
        shutil.rmtree(scratch, ignore_errors=True)
    merge = [str(args.kraftsim.resolve()), "merge", *shards, "-o", str(args.out / "all.json")]
    return subprocess.run(merge, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
