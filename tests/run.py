#!/usr/bin/env python3
"""Builds the sanitizer tree and runs everything; the very last line is "N passed, N failed".

  tests/run.py [--long] [--only WORD]    WORD: a part (unit, sim, spin, fuzz, tidy, warnings, interop, system) or part of a test's name

A program that ends badly, times out, or ran no test counts as failed.  Output of what failed is shown in full.
"""
import argparse, concurrent.futures, os, re, subprocess, sys, time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "asan"
CORES = os.cpu_count() or 2
CHECK_LINE = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)", re.M)
OK_LINE = re.compile(r"^ok (.+)$", re.M)
BAD_LINE = re.compile(r"^not ok (.+)$", re.M)

ENV = dict(os.environ,
           CK_FORK="no",  # a crash ends the program, which counts; sanitizers see every leak
           CK_DEFAULT_TIMEOUT="120",
           ASAN_OPTIONS="detect_leaks=1:abort_on_error=0:allocator_may_return_null=0",
           UBSAN_OPTIONS="print_stacktrace=1",
           FSP_BIN=str(BUILD / "bin"), PYTHONUNBUFFERED="1")


class Result:
    def __init__(self, name, passed, failed, seconds, output):
        self.name, self.passed, self.failed, self.seconds, self.output = name, passed, failed, seconds, output


def run(command, timeout, env=ENV):
    start = time.monotonic()
    try:
        done = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout)
        return done.returncode, done.stdout.decode("utf-8", "replace"), time.monotonic() - start
    except subprocess.TimeoutExpired as late:
        text = (late.stdout or b"").decode("utf-8", "replace")
        return -1, text + f"\ntimed out after {timeout} s\n", time.monotonic() - start


# Programs with leaks of a library that are known: the reason stands in the file.
SUPPRESSIONS = {"test_client_put": ROOT / "tests" / "actors" / "libzmq.supp"}


def unit(program, timeout=300):
    known = SUPPRESSIONS.get(program.name)
    env = dict(ENV, LSAN_OPTIONS=f"suppressions={known}:print_suppressions=0") if known else ENV
    code, output, seconds = run([str(program)], timeout, env)
    counts = CHECK_LINE.findall(output)
    checks = sum(int(c[0]) for c in counts)
    failed = sum(int(c[1]) + int(c[2]) for c in counts)
    if checks == 0 or (code != 0 and failed == 0):
        failed += 1
    return Result(program.name, max(checks - failed, 0), failed, seconds, output)


def script(name, command, timeout):
    """A program that prints `ok NAME` and `not ok NAME` lines."""
    code, output, seconds = run(command, timeout)
    passed, failed = len(OK_LINE.findall(output)), len(BAD_LINE.findall(output))
    if (code != 0 or passed == 0) and failed == 0:
        failed = 1
    return Result(name, passed, failed, seconds, output)


def build():
    start = time.monotonic()
    for command in (["cmake", "--preset", "asan", "--log-level=WARNING"],
                    ["cmake", "--build", str(BUILD), "-j", str(CORES), "--target", "all", "tests"]):
        code, output, _ = run(command, 3000, dict(os.environ))
        if code != 0:
            print(output[-20000:])
            print("the sanitizer tree does not build")
            return Result("build", 0, 1, time.monotonic() - start, "")
    return Result("build", 1, 0, time.monotonic() - start, "")


def demo():
    """The release tree builds without a warning, and the tour of the README is true on it."""
    release = ROOT / "build" / "release-check"
    for command in (["cmake", "--preset", "release", "-B", str(release), "--log-level=WARNING"],
                    ["cmake", "--build", str(release), "-j", "1"]):
        code, output, seconds = run(command, 3000, dict(os.environ))
        if code != 0:
            return Result("demo", 0, 1, seconds, output)
    code, output, seconds = run([str(ROOT / "tests" / "system" / "demo.sh"), str(release / "bin")], 120)
    return Result("demo", 2 if code == 0 else 1, 0 if code == 0 else 1, seconds, output)


def jobs(long):
    """(part, name, function) of everything, the long ones first so that both cores stay busy."""
    yield "system", "demo", demo
    system = sorted((ROOT / "tests" / "system").glob("test_*.py"))
    for path in system:
        command = ["/usr/bin/python3", str(path)] + (["--long"] if long else [])
        yield "system", path.stem, lambda p=path, c=command: script(p.stem, c, 7200 if long else 600)
    for path in sorted((ROOT / "tests" / "interop").glob("test_*.py")):
        yield "interop", path.stem, lambda p=path: script(p.stem, ["/usr/bin/python3", str(p)], 600)
    simulator = ["/usr/bin/python3", str(ROOT / "tests" / "sim" / "check.py"), str(BUILD / "bin" / "filesphere-sim")]
    yield "sim", "sim", lambda: script("sim", simulator + (["--long"] if long else []), 20000 if long else 1500)
    models = ["/usr/bin/python3", str(ROOT / "tests" / "spin" / "check.py")] + (["--long"] if long else [])
    yield "spin", "spin", lambda: script("spin", models, 7200 if long else 1200)
    yield "tidy", "tidy", lambda: script("tidy", ["/usr/bin/python3", str(ROOT / "tests" / "tidy" / "tidy.py"),
                                                  "--build", str(BUILD)], 300)
    yield "warnings", "clang", lambda: script("clang", ["/usr/bin/python3", str(ROOT / "tests" / "tidy" / "clang.py"),
                                                        "--build", str(BUILD)], 600)
    yield "fuzz", "fuzz", lambda: script("fuzz", ["/usr/bin/python3", str(ROOT / "tests" / "fuzz" / "replay.py"),
                                                  "--build", str(BUILD)], 600)
    for path in sorted((BUILD / "tests").glob("test_*")):
        if os.access(path, os.X_OK):
            yield "unit", path.name, lambda p=path: unit(p)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--only")
    options = parser.parse_args()
    start = time.monotonic()
    results = [build()]
    print(f"build: {results[0].seconds:.0f} s", flush=True)
    if results[0].failed == 0:
        wanted = [j for j in jobs(options.long)
                  if not options.only or options.only == j[0] or options.only in j[1]]
        # Most system tests wait for a disk or a clock for a quarter of their time: one more than cores.
        with concurrent.futures.ThreadPoolExecutor(CORES + 1) as pool:
            futures = [pool.submit(job[2]) for job in wanted]
            for future in concurrent.futures.as_completed(futures):
                result = future.result()
                results.append(result)
                print(f"{'ok  ' if not result.failed else 'FAIL'} {result.name}: {result.passed} passed, "
                      f"{result.failed} failed, {result.seconds:.1f} s", flush=True)
                if result.failed:
                    print(result.output[-20000:], flush=True)
        if not any(job[0] == "unit" for job in wanted) and not options.only:
            results.append(Result("unit", 0, 1, 0, ""))
            print("FAIL unit: no test program was found")
    passed, failed = sum(r.passed for r in results), sum(r.failed for r in results)
    print(f"all in {time.monotonic() - start:.0f} s on {CORES} cores")
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
