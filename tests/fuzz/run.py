#!/usr/bin/env python3
"""Fuzzes: run.py --build DIR --seconds N [--only WORD,WORD] [--merge]

N seconds in all, split evenly over the targets of DIR/fuzz (libFuzzer, tree `fuzz`).  Starts from tests/fuzz/corpus;
what is found new stays in DIR/corpus.  Prints executions per target; an input that crashes, hangs or eats memory is
kept in tests/fuzz/crashes and fails the run.  The canary must be found failing.
--merge brings what widens coverage from DIR/corpus into tests/fuzz/corpus, minimised (files named bug-* stay).
"""
import argparse, hashlib, os, re, subprocess, sys, tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
CRASHES = ROOT / "tests" / "fuzz" / "crashes"
CANARY_SECONDS = 20
FILES_MAX = 20  # of each target's corpus, beside regressions
LENGTH_MAX = {"tree": 70000, "apply": 8192, "bodies": 8192, "session": 8192, "transfer": 2048, "canary": 64}
ENV = dict(os.environ, ASAN_OPTIONS="detect_leaks=1:allocator_may_return_null=0", UBSAN_OPTIONS="print_stacktrace=1",
           TMPDIR=os.environ.get("TMPDIR", "/tmp"))


def fuzz(program, name, seconds, work, artifacts):
    command = [str(program), f"-max_total_time={seconds}", "-print_final_stats=1", "-timeout=25", "-rss_limit_mb=2048",
               f"-max_len={LENGTH_MAX.get(name, 4096)}", f"-artifact_prefix={artifacts}/{name}-", str(work)]
    if name in ("apply", "audit", "bodies", "session", "transfer"):
        command.append("-len_control=0")  # decisions: long inputs reach far from the start
    seeds = CORPUS / name
    if seeds.is_dir():
        command.append(str(seeds))
    if name == "canary":
        command.remove(str(seeds))  # it must be found, not read
    done = subprocess.run(command, env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=seconds + 300)
    text = done.stdout.decode("utf-8", "replace")
    counts = re.findall(r"stat::number_of_executed_units:\s*(\d+)", text)
    if not counts:
        counts = re.findall(r"^#(\d+)\s", text, re.M)
    covered = re.findall(r"cov: (\d+)", text)
    return done.returncode, int(counts[-1]) if counts else 0, int(covered[-1]) if covered else 0, text


def read_control(path):
    """[(file, set of edges)] from libFuzzer's merge control file: count, count of the first folder, names, records."""
    lines = path.read_text(errors="replace").splitlines()
    names = lines[2:2 + int(lines[0])]
    edges = {}
    for line in lines[2 + len(names):]:
        words = line.split()
        if words and words[0] == "FT":
            edges[int(words[1])] = frozenset(words[2:])
    return [(Path(names[i]), covered) for i, covered in sorted(edges.items())]


def merge(program, name, work):
    """Chooses from corpus and work the files that cover the most edges, few of them; keeps regressions."""
    kept = CORPUS / name
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        out, control = Path(scratch) / "out", Path(scratch) / "control"
        out.mkdir()
        # Edges alone, without counts: each file has a reason that people can see.
        done = subprocess.run([str(program), "-set_cover_merge=1", "-use_counters=0", "-timeout=25",
                               f"-merge_control_file={control}", str(out), str(kept), str(work)], env=ENV,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            print(done.stdout.decode("utf-8", "replace")[-4000:])
            return False
        left = [(path, edges, path.read_bytes()) for path, edges in read_control(control)]
    chosen, covered = {}, set()
    for path, edges, data in left:
        if path.parent == kept and path.name.startswith("bug-"):
            chosen[path.name] = data
            covered |= edges
    room = FILES_MAX + len(chosen)
    while len(chosen) < room:
        best = max(left, key=lambda file: (len(file[1] - covered), -len(file[2])))
        if not best[1] - covered:
            break
        chosen[hashlib.sha256(best[2]).hexdigest()[:12]] = best[2]
        covered |= best[1]
    every = frozenset().union(*(file[1] for file in left))
    for path in list(kept.iterdir()):
        path.unlink()
    for file, data in chosen.items():
        (kept / file).write_bytes(data)
    print(f"merged {name}: {len(chosen)} files, {sum(map(len, chosen.values()))} bytes, "
          f"{len(covered)} of {len(every)} edges", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only")
    parser.add_argument("--merge", action="store_true")
    options = parser.parse_args()
    build = Path(options.build)
    programs = {p.name[len("fuzz_"):]: p for p in sorted((build / "fuzz").glob("fuzz_*")) if os.access(p, os.X_OK)}
    words = options.only.split(",") if options.only else [""]
    wanted = {n: p for n, p in programs.items() if n != "canary" and any(word in n for word in words)}
    if not wanted:
        print("no fuzz target was found")
        return 1
    CRASHES.mkdir(exist_ok=True)
    bad = 0
    if options.merge:
        return 0 if all([merge(p, n, build / "corpus" / n) for n, p in wanted.items()
                         if (build / "corpus" / n).is_dir()]) else 1
    if "canary" in programs and not options.only:
        with tempfile.TemporaryDirectory() as scratch:
            (Path(scratch) / "work").mkdir()
            code, executions, _, _ = fuzz(programs["canary"], "canary", CANARY_SECONDS, Path(scratch) / "work", scratch)
        print(f"{'ok    ' if code else 'not ok'} canary: found failing after {executions} executions", flush=True)
        bad += code == 0
    each = max(options.seconds // len(wanted), 1)
    total = 0
    for name, program in wanted.items():
        work = build / "corpus" / name
        work.mkdir(parents=True, exist_ok=True)
        code, executions, covered, text = fuzz(program, name, each, work, CRASHES)
        total += executions
        print(f"{'ok    ' if code == 0 else 'not ok'} {name}: {executions} executions in {each} s, {covered} edges",
              flush=True)
        if code != 0:
            bad += 1
            print(text[-6000:], flush=True)
    print(f"{total} executions of {len(wanted)} targets in {each * len(wanted)} s, {bad} failed", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
