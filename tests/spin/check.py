#!/usr/bin/env python3
"""Searches the whole state space of the models: no error in the true ones, the right one in every mutant.

  check.py [--long] [--only WORD] [--trail]     WORD: a piece of a check's name; --trail: steps of each counter-example

Needs `spin` and a C compiler.  A search that is cut short (depth, memory, time) has failed.
"""
import argparse, os, re, subprocess, sys, tempfile, time
from pathlib import Path

os.nice(10)  # long and in no hurry; tests that look at times and memory go first

HERE = Path(__file__).resolve().parent
DEPTH, MEMORY_MIB = 100000, 1900
STORED = re.compile(r"^\s*([\d.e+]+) states, stored$", re.M)
VECTOR = re.compile(r"State-vector (\d+) byte, depth reached (\d+), errors: (\d+)")
VIOLATED = re.compile(r"assertion violated\s+(.+?) \(at depth (\d+)\)")
CUT_SHORT = ("search not completed", "max search depth too small", "out of memory", "reached -DMEMLIM",
             "Search not completed", "hash conflicts exceeded")

# (model, what, flags): the whole space, and nothing may be found.
TRUE = [
    ("joint", "two of three voters change", ["-DMAXTERM=3"]),
    ("invite", "two commands behind, operations remembered", ["-DWINDOW=2"]),
    ("invite", "three commands behind, operations forgotten", ["-DWINDOW=3", "-DNO_TABLE"]),
]
TRUE_LONG = [
    ("joint", "one of three voters changes", ["-DMAXTERM=3", "-DC_NEW=11", "-DPAIRED=0"]),
    ("joint", "four terms, four replicas, one voter changes", ["-DMAXTERM=4", "-DC_NEW=11", "-DPAIRED=0", "-DFOUR"]),
]
# (model, mutant, flags besides, the property that dies).  Properties that die first are switched off to see the next.
R1, R3, R7 = "r1_one_leader_a_term", "r3_leader_has_all_committed", "r7_adjacent_quorums_meet"
ONE_NODE, ONE_ADMISSION = "b4_one_node_an_invitation", "b4_one_admission_an_invitation"
MUTANTS = [
    ("joint", "ONE_QUORUM", ["-DNO_R7"], R1),
    ("joint", "LEAP", [], R7),
    ("joint", "ON_COMMIT", ["-DNO_R1"], R3),
    ("joint", "LEAVE_EARLY", ["-DNO_R1"], R3),
    ("joint", "LEARNER_COUNTS", [], R3),
    ("joint", "LOST_LOG", ["-DMAXTERM=2", "-DNO_R1"], R3),
    ("joint", "LOST_VOTE", ["-DMAXTERM=2"], R1),
    ("joint", "VOTE_BEHIND", [], R3),
    ("joint", "CUT_ALWAYS", [], "committed_is_not_cut"),
    ("invite", "FORGET_EARLY", [], ONE_ADMISSION),
    ("invite", "LOCAL_CLOCK", [], "equal_index_equal_state"),
    ("invite", "LOCAL_CLOCK", ["-DNO_EQUAL"], ONE_NODE),
    ("invite", "JUDGED_EARLY", [], ONE_ADMISSION),
    ("invite", "RETRY_TWICE", ["-DNO_TABLE"], ONE_ADMISSION),
    ("invite", "REMOVE_FORGETS", [], "removed_never_again"),
    ("invite", "REVOKE_FORGETS", [], "revoked_is_void"),
    ("invite", "TIME_FALLS", [], ONE_ADMISSION),
]
MUTANTS_LONG = [
    ("joint", "ONE_QUORUM", [], R7),
    ("joint", "ONE_QUORUM", ["-DNO_R7", "-DNO_R1"], R3),
    ("joint", "LEAP", ["-DNO_R7", "-DNO_R1"], R3),
    ("joint", "ON_COMMIT", [], R1),
    ("joint", "LEAVE_EARLY", [], R1),
    ("joint", "LOST_LOG", ["-DMAXTERM=2"], R1),
]
DEFAULTS = {"joint": "-DMAXTERM=3", "invite": "-DWINDOW=2"}
WITNESSES = [("joint", "a newcomer leads and commits the final configuration after a loss"),
             ("invite", "B joins by X, A by Y and is removed, and X is forgotten")]


def search(model, flags, seconds, optimise="-O0"):
    """Spin's report of one whole search, and the steps of its counter-example if there is one and it is wanted.

    Small searches are compiled without optimisation: the compiler takes longer than they do.
    """
    flags = flags if any(f.startswith(DEFAULTS[model].split("=")[0]) for f in flags) else [DEFAULTS[model]] + flags
    with tempfile.TemporaryDirectory(prefix="filesphere-spin-") as place:
        for command in (["spin", *flags, "-a", str(HERE / f"{model}.pml")],
                        ["cc", optimise, "-w", "-DSAFETY", f"-DMEMLIM={MEMORY_MIB}", "-o", "pan", "pan.c"]):
            done = subprocess.run(command, cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=300)
            if done.returncode != 0 or "Error" in done.stdout:
                return "cannot build: " + done.stdout, ""
        try:
            done = subprocess.run(["./pan", f"-m{DEPTH}", "-w24"], cwd=place, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            return f"search not completed in {seconds} s", ""
        trail = ""
        if options.trail and "errors: 1" in done.stdout:
            trail = subprocess.run(["spin", *flags, "-t", "-p", "-g", "-k", f"{model}.pml.trail",
                                    str(HERE / f"{model}.pml")], cwd=place, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60).stdout
        return done.stdout, trail


def say(ok, name, output, trail=""):
    global bad
    bad |= not ok
    print(f"{'ok' if ok else 'not ok'} {name}", flush=True)
    if not ok:
        print(output[-4000:])
    if trail:
        print(trail)


def figures(output):
    stored, vector = STORED.search(output), VECTOR.search(output)
    return f"{float(stored.group(1)):.0f} states of {vector.group(1)} bytes, depth {vector.group(2)}" \
        if stored and vector else "no figures"


parser = argparse.ArgumentParser()
parser.add_argument("--long", action="store_true")
parser.add_argument("--only", default="")
parser.add_argument("--trail", action="store_true")
options = parser.parse_args()
bad = False

for model, what, flags in TRUE + (TRUE_LONG if options.long else []):
    name = f"spin {model}: {what}"
    if options.only not in name:
        continue
    start = time.monotonic()
    output, trail = search(model, flags, 900, "-O1")
    vector = VECTOR.search(output)
    whole = "full statespace search" in output.lower() and not any(word in output for word in CUT_SHORT)
    say(bool(vector) and vector.group(3) == "0" and whole,
        f"{name} ({figures(output)}, {time.monotonic() - start:.0f} s)", output, trail)
for model, mutant, flags, dies in MUTANTS + (MUTANTS_LONG if options.long else []):
    name = f"spin {model}: {' '.join([mutant] + [f[2:] for f in flags])} breaks {dies}"
    if options.only not in name:
        continue
    output, trail = search(model, [f"-D{mutant}", *flags], 300)
    violated = VIOLATED.search(output)
    say(bool(violated) and violated.group(1) == dies, name, output, trail)
for model, what in WITNESSES:
    name = f"spin {model}: reaches: {what}"
    if options.only not in name:
        continue
    output, trail = search(model, ["-DWITNESS"], 300)
    violated = VIOLATED.search(output)
    say(bool(violated) and "goal" in violated.group(1), name, output, trail)
sys.exit(1 if bad else 0)
