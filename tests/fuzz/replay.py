#!/usr/bin/env python3
"""Replays the corpus of each fuzz target: replay.py --build DIR     (DIR/fuzz holds programs over replay_main.c)

One line a target, `ok fuzz NAME ...`.  Each file of corpus/canary must be reported as failing, or no alarm rings.
A target without a corpus and a corpus without a target fail.
"""
import argparse, os, re, subprocess, sys, time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
CORPUS_BYTES_MAX = 1024 * 1024
ENV = dict(os.environ)
ENV.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:allocator_may_return_null=0")
bad = 0


def say(good, text, output=""):
    global bad
    print(f"{'ok' if good else 'not ok'} {text}", flush=True)
    if not good:
        bad += 1
        print(output[-8000:], flush=True)


def run(program, paths):
    try:
        done = subprocess.run([str(program)] + [str(p) for p in paths], env=ENV, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240)
        return done.returncode, done.stdout.decode("utf-8", "replace")
    except subprocess.TimeoutExpired as late:
        return -1, (late.stdout or b"").decode("utf-8", "replace") + "\ntimed out"


def canary(program):
    for path in sorted((CORPUS / "canary").iterdir()):
        code, output = run(program, [path])
        alarm = re.search(r"ERROR: (Address|Leak)Sanitizer|runtime error|fuzz_canary.c:\d+: fuzz:", output)
        say(code != 0 and alarm, f"fuzz canary: {path.name} is reported", output)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    options = parser.parse_args()
    folder = Path(options.build) / "fuzz"
    programs = {p.name[len("fuzz_"):]: p for p in sorted(folder.glob("fuzz_*")) if os.access(p, os.X_OK)}
    targets = {p.stem[len("fuzz_"):] for p in (ROOT / "tests" / "fuzz").glob("fuzz_*.c")}
    corpora = {p.name for p in CORPUS.iterdir()}
    say(targets and targets <= set(programs), "fuzz every target was built", str(sorted(targets - set(programs))))
    say(targets == corpora, "fuzz every target has a corpus and every corpus a target", str(sorted(targets ^ corpora)))
    size = sum(p.stat().st_size for p in CORPUS.rglob("*") if p.is_file())
    say(size <= CORPUS_BYTES_MAX, "fuzz the corpus is small", f"{size} bytes")
    for name in sorted(targets & set(programs)):
        if name == "canary":
            canary(programs[name])
            continue
        start = time.monotonic()
        code, output = run(programs[name], [CORPUS / name])
        count = re.search(r"^replayed (\d+) inputs", output, re.M)
        good = code == 0 and count and int(count.group(1)) > 0
        say(good, f"fuzz {name}: {count.group(1) if count else 0} inputs, {time.monotonic() - start:.1f} s", output)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
