#!/usr/bin/env python3
"""filesphere-bench scale: at 1,000 and 2,000 files every figure is there and can be; it cleans up, also after Ctrl-C; wrong options
are refused.  How large the figures are is not judged: the machine may be busy."""
import json, re, signal, subprocess, tempfile, time
from pathlib import Path

from node import BIN, ENV, ROOT, Node, check, check_equal, look_for_sanitizer, main, need, temp_dir

OPERATIONS = ["nothing", "put", "get", "stat", "list", "rename"]
OF_OPERATION = ["p50_ms", "p99_ms", "ops_per_s", "ops_per_s_least", "ops_per_s_most", "cpu_us", "cpu_us_least",
                "cpu_us_most", "operations", "errors"]
OF_POINT = ["type", "files", "puts", "fill_per_s", "fill_cpu_us", "written_bytes_per_file", "write_amplification",
            "disk_bytes_per_file", "rss_quiet_mib", "rss_peak_mib", "start_stopped_ms", "start_killed_ms"]


def bench(*arguments, seconds=180):
    done = subprocess.run([str(BIN / "filesphere-bench"), "scale", *arguments], env=ENV, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=seconds)
    look_for_sanitizer("scale", done.stderr)
    return done.returncode, done.stdout.decode(), done.stderr.decode("utf-8", "replace")


def check_operation(where, figure):
    check_equal(f"{where}: its fields", sorted(figure), sorted(OF_OPERATION))
    check_equal(f"{where}: no errors", figure["errors"], 0)
    check(f"{where}: many calls", figure["operations"] >= 300, figure)
    check(f"{where}: 0 < p50 <= p99", 0 < figure["p50_ms"] <= figure["p99_ms"], figure)
    for name in ("ops_per_s", "cpu_us"):
        check(f"{where}: {name} lies between its rounds",
              0 <= figure[name + "_least"] * 0.999 <= figure[name] <= figure[name + "_most"] * 1.001, figure)
    check(f"{where}: calls were made", figure["ops_per_s"] > 0, figure)


def check_point(point, files):
    check_equal(f"{files}: its fields", sorted(point), sorted(OF_POINT + OPERATIONS))
    check_equal(f"{files}: its number", (point["type"], point["files"]), ("scale", files))
    for name in OF_POINT[2:]:
        # Whether the kernel counts what is written depends on the file system.
        least = 0 if name in ("written_bytes_per_file", "write_amplification", "fill_cpu_us") else 1e-9
        check(f"{files}: {name}", point[name] >= least, point[name])
    check(f"{files}: the most memory is no less than that of quiet", point["rss_peak_mib"] >= point["rss_quiet_mib"],
          point)
    check(f"{files}: disk of a file", 200 < point["disk_bytes_per_file"] < 100_000, point["disk_bytes_per_file"])
    for name in OPERATIONS:
        check_operation(f"{files}, {name}", point[name])


def test_figures():
    place = tempfile.mkdtemp(dir=temp_dir())
    code, output, errors = bench("--files", "1000,2000", "--rounds", "1", "--quiet", "0.2", "--directory", place,
                                 "--json")
    need("scale ends well", code == 0, errors)
    lines = [json.loads(line) for line in output.splitlines()]
    need("two numbers and the ratios", [line["type"] for line in lines] == ["scale", "scale", "ratios"], output)
    check_point(lines[0], 1000)
    check_point(lines[1], 2000)
    check("puts of before count on", lines[1]["puts"] > lines[0]["puts"], lines[1]["puts"])
    ratios = lines[2]
    check_equal("ratios: fields", sorted(ratios), sorted(["type", "files", "goal", "flat"] + OPERATIONS))
    check_equal("ratios: to the first number", (ratios["files"], ratios["goal"]), (1000, 1.3))
    for name in OPERATIONS:
        check_equal(f"ratios of {name}: fields", sorted(ratios[name]), ["cpu", "ops_per_s", "p50"])
        first, second = lines[0][name], lines[1][name]
        check(f"ratios of {name}: p50", abs(ratios[name]["p50"] - max(1, second["p50_ms"] / first["p50_ms"])) < 0.02,
              ratios[name])
    worst = max(ratios[name]["cpu"] for name in OPERATIONS[1:])
    check_equal("flat if no operation's CPU is above the goal", ratios["flat"], worst <= 1.3)
    check_equal("nothing is left behind", subprocess.run(["ls", "-A", place], stdout=subprocess.PIPE).stdout, b"")


def test_kept():
    place = Path(tempfile.mkdtemp(dir=temp_dir()))
    code, output, errors = bench("--files", "1000", "--rounds", "1", "--quiet", "0.2", "--directory", str(place), "--keep",
                                 "kept")
    need("scale --keep ends well", code == 0, errors)
    check("a table, and words on the way", "| files | | 1000 |" in output and "1000 files: filling" in errors, (output, errors))
    check_equal("only what is kept stays", [path.name for path in place.iterdir()], ["kept"])
    node = Node(place / "kept")
    node.start()
    check("a node starts on it, and has the files", len(node.cli("ls", "/000/000").lines) >= 1000)
    node.stop()


def test_interrupted():
    """In the midst of a fill that would take minutes."""
    place = Path(tempfile.mkdtemp(dir=temp_dir()))
    process = subprocess.Popen([str(BIN / "filesphere-bench"), "scale", "--files", "10000000", "--directory", str(place)],
                               env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    limit = time.monotonic() + 30
    while not list(place.glob("*/*")) and time.monotonic() < limit:
        time.sleep(0.02)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    look_for_sanitizer("scale", errors)
    check_equal("Ctrl-C: exit code, nothing measured, nothing left", (process.returncode, output, list(place.iterdir())),
                (130, b"", []))


def test_long_script():
    """`make bench-long`, with a small grid and few files: all results are of one run, without a path of this machine."""
    out = temp_dir() / "results"
    out.mkdir()
    (out / "put-rate.svg").write_text("of an earlier run")
    small = {"FSP_LONG_REPORT": "--ops put --sizes 4KiB --clients 1,4 --duration 100ms --warmup 50ms --repeat 1",
             "FSP_LONG_FILES": "1000", "FSP_PROFILE_SECONDS": "1"}
    done = subprocess.run([str(ROOT / "bench" / "long.sh"), str(BIN), str(out)], env={**ENV, **small}, timeout=900,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    errors = done.stderr.decode("utf-8", "replace")
    need("bench-long ends well", done.returncode == 0, errors)
    page = (out / "report.md").read_text()
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", page)
    check_equal("the pictures are those of the page", sorted(path.name for path in out.glob("*.svg")), sorted(pictures))
    check("the numbers of files are there", "| files | | 1000 |" in (out / "scale.md").read_text())
    check("profiles, or words why not", len(list(out.glob("profile-*.txt"))) == 4 or "no profiles" in errors, errors)
    paths = [path.name for path in out.iterdir() if str(ROOT) in path.read_text() or str(temp_dir()) in path.read_text()]
    check_equal("no path of this machine is in it", paths, [])
    check("what it worked in is gone", not (ROOT / "build" / "bench-long").exists())


def test_options():
    for wrong in ("0", "999", "1001", "2000,1000", "1000,1000", "1000,", "x", "1000,2000,x", ",".join(
            str(1000 * n) for n in range(1, 11))):
        code, output, errors = bench("--files", wrong)
        check(f"--files {wrong} is refused", code == 2 and not output and "--files" in errors, (code, output, errors))
    code, output, errors = bench("--files", "1000", "--directory", str(temp_dir() / "missing"))
    check("a directory that is not there is named", code == 1 and "missing" in errors, (code, errors))


def run(options):
    test_options()
    test_figures()
    test_kept()
    test_interrupted()
    if options.long:
        test_long_script()


if __name__ == "__main__":
    main(run, seconds=400)
