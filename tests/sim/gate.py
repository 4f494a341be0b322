#!/usr/bin/env python3
"""The gate of the simulator: every deliberate fault of the core is caught, from any first seed.

  gate.py [--program P] [--only core|lies] [--minutes 10] [--seeds 100000] [--no-table] [NAME...]

Hunts each mutant (all, or those that are named) twice, from seed 1 and from a first seed that is
drawn, with 5 nodes and, if they show nothing, with 1.  Says how many seeds that took and which check
caught it, in words, and keeps the table in docs/testing.md.  Ends with 1 if one of them survives.
"""
import argparse, os, pathlib, random, re, subprocess, sys, time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "testing.md"
BEGIN, END = "<!-- gate: begin -->", "<!-- gate: end -->"
HEAD = ["| mutant | rule broken | caught by | seeds from 1 | from another first |", "|---|---|---|---|---|"]
JOBS = str(min(2, os.cpu_count() or 1))


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--program", default=str(ROOT / "build/sim/bin/filesphere-sim-mutants"))
    parser.add_argument("--only", choices=["core", "lies"])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seeds", type=int, default=100000)
    parser.add_argument("--no-table", action="store_true")
    return parser.parse_args()


def listed(program):
    """Name -> (is a lie, text), in the order of the list."""
    lines = subprocess.run([program, "--list"], stdout=subprocess.PIPE, text=True, errors="replace", check=True).stdout
    found = {}
    for line in lines.splitlines():
        name, kind, text = line.split(None, 2)
        found[name] = (kind == "lie:", text)
    return found


def in_words(line):
    """What a find says, without the numbers of this run."""
    said = re.match(r"(?:\[.*?\] )?seed \d+: (.*)", line)
    if not said:
        broken = re.match(r".*?([\w]+\.c):\d+: assert: (.*)", line)
        return f"assertion in {broken.group(1)}: `{broken.group(2)}`" if broken else line.replace(f"{ROOT}/", "")[:80]
    check, colon, words = said.group(1).partition(": ")
    words = re.sub(r"\b\d+\b", "N", words) if colon else ""
    return (check + colon + words).replace(f"{ROOT}/", "").replace("|", "/")[:110]


def hunt(args, name, first):
    """(seeds until found or None, words, seconds)"""
    began = time.monotonic()
    for nodes in ("5", "1"):
        left = args.minutes * 60 - (time.monotonic() - began)
        if left <= 0:
            break
        # One node is for what a majority hides; it gets what is left.
        words = [args.program, "--mutant", name, "--nodes", nodes, "--first", str(first), "--jobs", JOBS,
                 "--seeds", str(args.seeds if nodes == "5" else 20000), "--brief"]
        limit = left if nodes == "1" else left * 0.9
        child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True)
        try:
            lines = child.communicate(timeout=limit)[0].strip().splitlines()
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, 9)  # its own session: the workers end with it
            child.communicate()
            continue
        repeat = re.search(r" FIRST=(\d+)", lines[-1]) if lines else None
        if child.returncode == 1 and repeat:
            where = " (1 node)" if nodes == "1" else ""
            return int(repeat.group(1)) - first + 1, in_words(lines[0]) + where, time.monotonic() - began
    return None, "SURVIVED", time.monotonic() - began


def rows_of(text):
    """The rows that are there already, by mutant."""
    inside = text.split(BEGIN)[1].split(END)[0] if BEGIN in text else ""
    return {line.split("|")[1].strip(): line for line in inside.splitlines()
            if line.startswith("| ") and not line.startswith("| mutant")}


def keep(rows, order):
    text = TABLE.read_text()
    table = rows_of(text) | rows
    lines = [BEGIN, *HEAD, *(table[name] for name in order if name in table), END]
    before, after = (text.split(BEGIN)[0], text.split(END)[1]) if BEGIN in text else (text, "\n")
    TABLE.write_text(before + "\n".join(lines) + after)


def main():
    args = arguments()
    mutants = listed(args.program)
    unknown = [name for name in args.names if name not in mutants]
    if unknown:
        sys.exit(f"gate: not in the list: {' '.join(unknown)}")
    names = args.names or [name for name, (lie, _) in mutants.items()
                           if args.only is None or lie == (args.only == "lies")]
    rows, survivors = {}, []
    for name in names:
        other = random.randrange(10**6, 10**12)
        finds = [hunt(args, name, first) for first in (1, other)]
        seeds = [str(find[0]) if find[0] else "-" for find in finds]
        print(f"{'ok' if all(find[0] for find in finds) else 'not ok'} {name}: {seeds[0]} and {seeds[1]} seeds "
              f"(from {other}), {finds[0][2]:.1f} s and {finds[1][2]:.1f} s, {finds[0][1]}", flush=True)
        if not all(find[0] for find in finds):
            survivors.append(name)
        rows[name] = f"| {name} | {mutants[name][1]} | {finds[0][1]} | {seeds[0]} | {seeds[1]} |"
    if not args.no_table:
        keep(rows, list(mutants))
    print(f"mutants={len(names)} survivors={len(survivors)} {' '.join(survivors)}")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
