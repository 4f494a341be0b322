#!/usr/bin/env python3
"""filesphere-bench: `limits` measures every figure, `load` does each operation against a node and leaves nothing behind,
also after Ctrl-C and kill -9; an open loop shows a stall that a closed one hides; wrong options are refused.  Not how fast anything is: that is bench/README.md.
"""
import json, re, signal, subprocess, time

from node import BIN, ENV, ROOT, Node, check, check_equal, look_for_sanitizer, main, need, say, temp_dir

BENCH = BIN / "filesphere-bench"
# Of the last line of `load --json`; what may be null is so where it cannot be known.
NUMBERS = ["size", "concurrency", "processes", "endpoints", "warmup_s", "duration_s", "ops", "errors", "ops_per_s",
           "mb_per_s", "p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms", "mean_ms", "client_cpu_s"]
OF_NODES = ["rss_bytes", "rss_end_bytes", "cpu_s", "node_cpu_us_per_op", "write_bytes", "disk_bytes"]
OF_SOME = ["names_per_s", "bytes_sent_per_op", "write_amplification", "cpu_ns_per_byte", "of_limit", "limit_mb_per_s", "binding", "terms"]
OF_OPEN = ["rate", "late", "late_max_ms", "dropped"]  # null in a closed loop
PUT_TERMS = {"curve", "cut", "sha256", "gcm", "zstd", "xxh3", "disk"}
GET_TERMS = {"curve", "sha256", "gcm"}


def start(*arguments):
    """In a directory of its own, in which it may leave nothing."""
    place = temp_dir() / "here"
    place.mkdir(exist_ok=True)
    return subprocess.Popen([str(BENCH), *arguments], cwd=place, env=ENV, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def end(process, timeout=60):
    """(exit code, output, errors)."""
    out, err = process.communicate(timeout=timeout)
    look_for_sanitizer("filesphere-bench", err)
    left = [path.name for path in (temp_dir() / "here").iterdir()]
    check_equal(f"nothing is left after {' '.join(process.args[1:3])}", left, [])
    return process.returncode, out.decode(), err.decode()


def bench(*arguments, timeout=60):
    return end(start(*arguments), timeout)


def spaces(node):
    return sorted(line["name"] for line in node.cli("space", "ls").lines if line["type"] == "space")


def check_gone(name, node):
    """A space that is removed goes a moment later."""
    limit = time.monotonic() + 20
    while spaces(node) != ["home"] and time.monotonic() < limit:
        time.sleep(0.02)
    check_equal(name, spaces(node), ["home"])


# -- limits ---------------------------------------------------------------------------------------------------


def test_limits():
    """Every key of the one list in figures.h."""
    wanted = re.findall(r'^ +X\([A-Z0-9_]+, "(\w+)"', (ROOT / "bench" / "figures.h").read_text(), re.M)
    check("figures.h has a list of figures", len(wanted) > 30, wanted)
    code, output, errors = bench("limits", "--fast", "--json")
    need("limits ends well", code == 0, errors)
    lines = [json.loads(line) for line in output.splitlines()]
    last = lines[-1]
    check_equal("the last line is of limits", last.get("type"), "limits")
    check("it has the cores", last.get("cores", 0) >= 1, last)
    check_equal("every figure has a line", sorted(line["name"] for line in lines[:-1]), sorted(wanted))
    bad = [key for key in wanted if not last.get(key, 0) > 0]
    check_equal("every figure is there and above 0", bad, [])
    same = [line["name"] for line in lines[:-1] if abs(last[line["name"]] - line["value"]) > 1e-3 * line["value"]]
    check_equal("lines and last line say the same", same, [])
    path = temp_dir() / "limits.json"
    path.write_text(output)
    return path


# -- load -----------------------------------------------------------------------------------------------------


def load(node, limits, op, size, *more, seconds="1"):
    code, output, errors = bench("load", "--profile", str(node.profile), "--op", op, "--size", size, "--concurrency",
                                 "2", "--duration", seconds, "--warmup", "0.1", "--limits-from", str(limits), "--json",
                                 *more)
    need(f"load {op} {size} ends well", code == 0, errors + output)
    return json.loads(output.splitlines()[-1])


def check_line(line, op, size):
    name = f"{op} {size}"
    missing = [key for key in NUMBERS + OF_NODES if not isinstance(line.get(key), (int, float))]
    check_equal(f"{name}: every field is a number", missing, [])
    check_equal(f"{name}: every other field is there", [key for key in OF_SOME if key not in line], [])
    check_equal(f"{name}: it is a closed loop", [line[key] for key in OF_OPEN], [None] * len(OF_OPEN))
    check_equal(f"{name}: what was asked for", (line["op"], line["concurrency"], line["processes"], line["endpoints"]),
                (op, 2, 2, 1))
    check(f"{name}: operations, and no error", line["ops"] >= 2 and line["errors"] == 0, line)
    times = [line[key] for key in ("p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms")]
    check(f"{name}: times rise, and none is 0", times == sorted(times) and times[0] > 0, times)
    check(f"{name}: the node was seen", line["local"] and line["rss_bytes"] > 1 << 20 and line["client_cpu_s"] > 0, line)
    # Closed loop: two clients together do at most 2 / mean a second, and about that.
    share = line["ops_per_s"] * line["mean_ms"] / 1000 / 2
    check(f"{name}: rate and times fit together", 0.5 < share < 1.1, (share, line))


def check_limit(line, terms):
    """The formula of DESIGN: 1 / max(CPU terms / cores, disk)."""
    name = f"{line['op']} {line['size']}"
    check_equal(f"{name}: its terms", set(line["terms"]), terms)
    check("every term is above 0", all(value > 0 for value in line["terms"].values()), line["terms"])
    check(f"{name}: one of them binds", line["binding"] in terms, line["binding"])
    cores = 0
    for row in (temp_dir() / "limits.json").read_text().splitlines():
        cores = json.loads(row).get("cores", cores)
    cpu = sum(value for key, value in line["terms"].items() if key != "disk")
    limit = 1000 / max(cpu / cores, line["terms"].get("disk", 0))
    check(f"{name}: the limit follows from them", abs(limit / line["limit_mb_per_s"] - 1) < 1e-3, (limit, line))
    check(f"{name}: the share follows", abs(line["mb_per_s"] / limit / line["of_limit"] - 1) < 1e-3, line)


def test_loads(node, limits):
    for op, size in (("put", "4KiB"), ("put", "1MiB"), ("get", "1MiB"), ("edit", "4MiB"), ("list", "1"),
                     ("stat", "100"), ("rename", "1KiB"), ("mixed", "64KiB")):
        line = load(node, limits, op, size, *(["--entries", "2500"] if op == "list" else []), seconds="0.7")
        check_line(line, op, size)
        if op == "put" and size == "1MiB":
            check_limit(line, PUT_TERMS)
            # What a put that ends in the measurement wrote before it began is not in it: one a client.
            least = 1 - line["concurrency"] / line["ops"]
            check("incompressible and new: each byte was written, and sent",
                  line["write_amplification"] >= least and line["bytes_sent_per_op"] >= 1 << 20, line)
        elif op == "get":
            check_limit(line, GET_TERMS)
            check("nothing is written for a get", line["write_amplification"] is None, line)
        elif op == "edit":
            check("an edit sends little", line["bytes_sent_per_op"] < 4 << 20, line)
        elif op == "list":
            check("three pages of 2,500 names", 0.9 < line["names_per_s"] / line["ops_per_s"] / (2500 / 3) < 1.1, line)
        elif op != "put":
            check_equal(f"{op} has no limit", (line["of_limit"], line["terms"]), (None, {}))
    check_gone("no space is left", node)
    check_equal("home was not touched", [line["count"] for line in node.cli("ls", "/").lines], [0])


def test_more(node, limits):
    line = load(node, limits, "get", "256KiB", "--cold", "--no-verify", "--processes", "1", "--files", "16",
                seconds="0.3")
    check_equal("cold, not verified, one process", (line["cold"], line["verify"], line["processes"]), (True, False, 1))
    check("a cold get has a disk", "disk" in line["terms"], line["terms"])
    profile = str(node.profile)
    line = load(node, limits, "put", "1", "--profile", profile, "--no-limits", seconds="0.3")
    check_equal("two endpoints, no limit", (line["endpoints"], line["of_limit"]), (2, None))
    line = load(node, limits, "put", "100KiB", "--moved-max", "1MiB", "--no-limits", seconds="60")
    check("--moved-max ends it early", line["duration_s"] < 30 and line["ops"] <= 12, line)
    check_gone("no space is left of these", node)


# -- open loop ------------------------------------------------------------------------------------------------

CLIENTS, RATE, OPEN_SECONDS = 16, 100, 6


def open_arguments(node, rate, seconds, *more):
    rates = ["--rate", str(rate)] if rate else []
    return ["load", "--profile", str(node.profile), "--op", "get", "--concurrency", str(CLIENTS), "--duration",
            str(seconds), "--warmup", "0.2", "--no-limits", "--json", *rates, *more]


def stalled(node, rate):
    """The line of a load in the midst of which the node stands still for a second."""
    process = start(*open_arguments(node, rate, OPEN_SECONDS, "--files", "1"))
    limit = time.monotonic() + 20
    while len(spaces(node)) < 2 and time.monotonic() < limit:
        time.sleep(0.02)
    time.sleep(2.5)  # behind preparation and warm-up, before the end
    node.send(signal.SIGSTOP)
    time.sleep(1)
    node.send(signal.SIGCONT)
    code, output, errors = end(process)
    need(f"a load at rate {rate} with a stall ends well", code == 0, errors)
    return json.loads(output.splitlines()[-1])


def test_open(node):
    code, output, errors = bench(*open_arguments(node, RATE, OPEN_SECONDS))
    need("an open loop ends well", code == 0, errors)
    line = json.loads(output.splitlines()[-1])
    check_equal("its rate, and nothing was dropped", (line["rate"], line["dropped"], line["errors"]), (RATE, 0, 0))
    # A Poisson process: 600 are due, give or take 5 deviations.
    wanted = RATE * OPEN_SECONDS
    check("as many as were due", abs(line["ops"] - wanted) < 5 * wanted**0.5, line)
    check("the rate is that of the run", abs(line["ops_per_s"] * OPEN_SECONDS / line["ops"] - 1) < 0.5, line)
    check("late ones are told", line["late"] <= line["ops"] and line["late_max_ms"] > 0, line)


def test_stall(node):
    """Of the operations that were due in 6 seconds, those of one second met a node that stood still, and waited half of it
    on average: a tenth of all more than 0.4 s.  A closed loop has only one such operation a client."""
    line = stalled(node, RATE)
    check("a stall shows in an open loop", line["p90_ms"] > 200 and line["max_ms"] > 700 and line["dropped"] == 0, line)
    check("those that were due meanwhile began late", line["late"] > 40 and line["late_max_ms"] > 500, line)
    check("about as many as without it", abs(line["ops"] - RATE * OPEN_SECONDS) < 5 * (RATE * OPEN_SECONDS)**0.5, line)
    closed = stalled(node, None)
    check("a closed loop hides it", closed["max_ms"] > 700 and closed["p90_ms"] < line["p90_ms"], closed)


def test_overload(node):
    rate, seconds = 1000000, 0.3
    code, output, errors = bench(*open_arguments(node, rate, seconds))
    need("a rate that cannot be kept ends well", code == 0, errors)
    line = json.loads(output.splitlines()[-1])
    due = line["ops"] + line["dropped"]
    check("what was not begun is told, and nothing is lost", abs(due / (rate * seconds) - 1) < 0.01, line)
    check("the rate that was kept is told", line["ops_per_s"] < rate / 2 and line["p50_ms"] > 100, line)
    code, output, errors = bench(*(word for word in open_arguments(node, rate, seconds) if word != "--json"))
    check("people are told, too", code == 0 and re.search(r"DROPPED: the rate was not kept", output), (output, errors))
    code, output, errors = bench(*open_arguments(node, 1, 0.001))
    check("a run in which nothing is due says so", code == 1 and "nothing was due" in errors and not output,
          (code, output, errors))


def test_people(node):
    code, output, errors = bench("load", "--profile", str(node.profile), "--duration", "0.2", "--warmup", "0",
                                 "--no-limits")
    check("a table for people", code == 0 and re.search(r"p50 [\d.]+, p90", output) and "nodes" in output,
          (code, output, errors))


def test_interrupted(node):
    for number, when in ((signal.SIGINT, "while it runs"), (signal.SIGTERM, "while it prepares")):
        prepares = when == "while it prepares"
        more = ["--op", "get", "--files", "1000000"] if prepares else ["--op", "put"]
        process = start("load", "--profile", str(node.profile), "--size", "4KiB", "--duration", "600", "--warmup", "0",
                        "--no-limits", "--json", *more)
        limit = time.monotonic() + 20
        while len(spaces(node)) < 2 and time.monotonic() < limit:
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(number)
        code, output, errors = end(process)
        check_equal(f"interrupted {when}: exit code", code, 130)
        if not prepares:
            line = json.loads(output.splitlines()[-1])
            check("it says what it has, and that it was interrupted", line["interrupted"] and line["ops"] > 0, line)
        check_gone(f"interrupted {when}: no space is left", node)


def test_killed():
    """What no handler can see: the node, the clients and the directory go all the same."""
    for words, number in ((["load", "--node", "--duration", "60", "--no-limits"], signal.SIGKILL),
                          (["limits"], signal.SIGINT)):
        process = start(*words)
        place = temp_dir() / "here"
        limit = time.monotonic() + 30
        wanted = "log" if "--node" in words else ""  # the node's: it was started
        while not any(wanted in path.name for path in place.iterdir()) and time.monotonic() < limit:
            time.sleep(0.02)
        time.sleep(0.5)
        process.send_signal(number)
        process.communicate(timeout=60)
        limit = time.monotonic() + 30
        while list(place.iterdir()) and time.monotonic() < limit:
            time.sleep(0.02)
        check_equal(f"{words[0]}, signal {number}: it ended by that", process.returncode, -number)
        check_equal(f"{words[0]}, signal {number}: nothing is left", list(place.iterdir()), [])


def test_own_node():
    code, output, errors = bench("load", "--node", "--duration", "0.2", "--warmup", "0", "--no-limits", "--json")
    need("a node of its own", code == 0, errors)
    line = json.loads(output)
    check("it is seen, and has written what was put", line["local"] and line["write_amplification"] >= 1, line)


def test_failures(node):
    code, output, errors = bench("load", "--profile", "/nonexistent/profile", "--no-limits", "--json")
    check("no profile: exit 1, and words", code == 1 and errors and not output, (code, output, errors))
    process = start("load", "--profile", str(node.profile), "--duration", "30", "--warmup", "0", "--no-limits",
                    "--json")
    limit = time.monotonic() + 20
    while len(spaces(node)) < 2 and time.monotonic() < limit:
        time.sleep(0.02)
    time.sleep(0.5)  # so that clients are most likely at work
    node.kill9()
    code, output, errors = end(process, timeout=120)
    check("a node that dies is an error, and it is said what stays",
          code == 1 and re.search(r"bench-[0-9a-f]{16} stays: ", errors), (code, output, errors))


def test_options():
    for words in ([], ["nonsense"], ["load", "--op", "nonsense"], ["load", "--size", "0"], ["load", "--size", "2GiB"],
                  ["load", "--size", "1TiB"], ["load", "--concurrency", "0"], ["load", "--concurrency", "257"],
                  ["load", "--duration", "-1"], ["load", "--duration"], ["load", "--nonsense"], ["load", "extra"],
                  ["load", "--node", "--profile", "p"], ["load", "--bucket", "b"], ["load", "--rate", "0"],
                  ["load", "--rate", "1000001"], ["load", "--rate", "1", "--op", "list"], ["limits", "--size", "1"],
                  ["all", "--duration", "0"]):
        code, output, errors = bench(*words)
        check(f"{' '.join(words) or 'no command'}: exit 2, with words", code == 2 and errors and not output,
              (code, output, errors))
    for words in (["--help"], ["limits", "--help"], ["load", "--help"], ["all", "--help"], ["tree", "--help"],
                  ["apply", "--help"], ["recover", "--help"]):
        code, output, errors = bench(*words)
        check(f"{' '.join(words)} helps", code == 0 and output.startswith("Usage: filesphere-bench") and not errors,
              (code, output, errors))


def run(options):
    test_options()
    limits = test_limits()
    node = Node()
    node.start()
    test_loads(node, limits)
    test_more(node, limits)
    test_open(node)
    test_stall(node)
    test_overload(node)
    test_people(node)
    test_interrupted(node)
    test_failures(node)
    test_own_node()
    test_killed()


main(run, seconds=240)
