#!/usr/bin/env python3
"""Runs the simulator: random crash schedules, the same hash twice, and every mutant caught.

  check.py FILESPHERE-SIM [--long]
"""
import re, subprocess, sys

program = sys.argv[1]
long = "--long" in sys.argv
SEEDS = 200000 if long else 2000
SUM = re.compile(r"^seeds=(\d+) operations=(\d+) events=(\d+) faults=(\d+) hash=([0-9a-f]+)$")
bad = False


def say(ok, name):
    global bad
    bad |= not ok
    print(f"{'ok' if ok else 'not ok'} {name}", flush=True)


def run(*words, timeout=7200 if long else 500):
    done = subprocess.run([program, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=timeout)
    lines = done.stdout.strip().splitlines() or [""]
    return done.returncode, lines, SUM.match(lines[-1])


code, lines, total = run("--seeds", str(SEEDS), "--first", "1")
if code != 0 or not total:
    print("\n".join(lines[-40:]))
say(code == 0 and total and int(total.group(1)) == SEEDS, f"sim {SEEDS} crash schedules of one replica ({lines[-1]})")
say(bool(total) and int(total.group(4)) > SEEDS, "sim faults happened in them")
first = run("--seeds", "50", "--first", "1000001")
second = run("--seeds", "50", "--first", "1000001")
say(bool(first[2]) and bool(second[2]) and first[2].group(5) == second[2].group(5), "sim equal seeds give equal hashes")
other = run("--seeds", "50", "--first", "2000001")
say(bool(other[2]) and bool(first[2]) and other[2].group(5) != first[2].group(5), "sim other seeds give other hashes")
code, lines, _ = run("--mutants")
if code != 0:
    print("\n".join(lines[-40:]))
say(code == 0, f"sim every mutant is caught ({lines[-1]})")
sys.exit(1 if bad else 0)
