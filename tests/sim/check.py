#!/usr/bin/env python3
"""Runs the simulator: random schedules of faults, the same hash twice, and mutants that are caught.

  check.py FILESPHERE-SIM [--long]

The program that is given is built with sanitizers and runs few seeds; many run with a release build,
which is made here, as `make sim` does.
"""
import os, pathlib, random, re, subprocess, sys

arguments = sys.argv[1:]
sanitized = arguments[0]
long = "--long" in arguments
ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "sim"
program, mutants = str(BUILD / "bin" / "filesphere-sim"), str(BUILD / "bin" / "filesphere-sim-mutants")
SEEDS = {5: 200000 if long else 2000, 1: 1000000 if long else 2000}
SANITIZED_SEEDS = {5: 10000 if long else 100, 1: 10000 if long else 300}
MUTANT_SEEDS = 20000
JOBS = str(os.cpu_count() or 1)
SUM = re.compile(r"^seeds=(\d+) operations=(\d+) events=(\d+) faults=(\d+) hash=([0-9a-f]+)$")
bad = False


def say(ok, name):
    global bad
    bad |= not ok
    print(f"{'ok' if ok else 'not ok'} {name}", flush=True)


def run(what, *words):
    done = subprocess.run([what, *words, "--jobs", JOBS], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          timeout=36000 if long else 3000)
    lines = done.stdout.strip().splitlines() or [""]
    return done.returncode, lines, SUM.match(lines[-1])


def build():
    # The same flags as in the Makefile.
    flags = ["-DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON", "-DCMAKE_C_FLAGS_RELWITHDEBINFO=-O3 -g -DNDEBUG"]
    make = [["cmake", "--preset", "release", "-B", str(BUILD), *flags, "--log-level=WARNING"],
            ["cmake", "--build", str(BUILD), "-j", JOBS, "--target", "filesphere-sim", "filesphere-sim-mutants"]]
    for words in make:
        done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        if done.returncode != 0:
            print(done.stdout[-4000:])
            say(False, "sim release build")
            sys.exit(1)


# It fills every core for minutes; tests that look at a node's memory and answers go first.
os.nice(10)
build()
for nodes, seeds in SANITIZED_SEEDS.items():
    code, lines, total = run(sanitized, "--seeds", str(seeds), "--nodes", str(nodes))
    if code != 0 or not total:
        print("\n".join(lines[-40:]))
    say(code == 0 and bool(total), f"sim {seeds} seeds of {nodes} under sanitizers")

for nodes, seeds in SEEDS.items():
    code, lines, total = run(program, "--seeds", str(seeds), "--nodes", str(nodes))
    if code != 0 or not total:
        print("\n".join(lines[-40:]))
    say(code == 0 and bool(total) and int(total.group(1)) == seeds,
        f"sim {seeds} seeds of {nodes} node{'s' if nodes > 1 else ''} ({lines[-1]})")
    say(bool(total) and int(total.group(4)) > seeds, f"sim faults happened in them ({nodes})")
    if nodes == 5:
        say(bool(total) and int(total.group(2)) >= 200 * seeds, "sim 200 operations a seed")

first = run(program, "--seeds", "20", "--first", "1000001")
second = run(program, "--seeds", "20", "--first", "1000001")
other = run(program, "--seeds", "20", "--first", "2000001")
say(bool(first[2]) and bool(second[2]) and first[2].group(5) == second[2].group(5),
    "sim equal seeds give equal hashes")
say(bool(other[2]) and bool(first[2]) and other[2].group(5) != first[2].group(5),
    "sim other seeds give other hashes")

# All of them in a long run (gate.py: from two first seeds each, and the table is kept); else a few.
if long:
    gate = [sys.executable, str(ROOT / "tests" / "sim" / "gate.py"), "--program", mutants]
    done = subprocess.run(gate, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace")
    print(done.stdout, end="")
    say(done.returncode == 0, "sim gate: every mutant is caught")
    sys.exit(1 if bad else 0)
listed = subprocess.run([mutants, "--list"], stdout=subprocess.PIPE, text=True, errors="replace").stdout.splitlines()
names = [line.split()[0] for line in listed]
for name in random.sample(names, 5):
    for nodes in ("5", "1"):
        code, lines, _ = run(mutants, "--mutant", name, "--seeds", str(MUTANT_SEEDS), "--nodes", nodes)
        if code == 1 and lines[-1].startswith("repeat: "):
            break
    say(code == 1 and lines[-1].startswith("repeat: "), f"sim mutant {name} is caught ({lines[0][:90]})")
sys.exit(1 if bad else 0)
