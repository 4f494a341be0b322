#!/usr/bin/env python3
"""`filesphered check`, flipped bits anywhere in a store, and damaged segments.

A filled store is clean, and checking changes no byte of it.  Then bits are flipped, one at a time, in a copy: in each
kind of file of the database, at places that FSP_SEED chooses.  Either `check` finds it (exit 10, and a line that names a
path, a key or a file), or the bit was a dead one: then a node serves everything bit for bit.  Whether check found it or
not, a node never serves a wrong byte.  FSP_FLIPS: places in each kind of file.
"""
import json, os, random, shutil, subprocess, time
from pathlib import Path

from node import DAEMON, ENV, Node, check, check_equal, look_for_sanitizer, main, need, parse_lines, say, sha256, \
    temp_dir

FLIPS = int(os.environ.get("FSP_FLIPS", "0"))


def run_check(directory, *args, timeout=60):
    """(exit code, parsed lines)"""
    done = subprocess.run([DAEMON, "check", directory, "--json", *args], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV, timeout=timeout)
    look_for_sanitizer("filesphered check", done.stderr)
    return done.returncode, parse_lines(done.stdout), done.stderr.decode("utf-8", "replace")


def fingerprint(directory):
    """Every file with its bytes, every directory with its time."""
    found = {}
    for at, _, names in os.walk(directory):
        found[at] = os.stat(at).st_mtime_ns
        for name in names:
            path = Path(at, name)
            found[str(path)] = (os.stat(path).st_mtime_ns, sha256(path.read_bytes()))
    return found


def fill(node, chance):
    """Contents of every size that is stored differently; ({path: sha256}, {(path, version): sha256})."""
    live, versions = {}, {}

    def put(path, size):
        data = chance.randbytes(size // 2) + bytes(size - size // 2)
        line = node.put_bytes(path, data)
        live[path] = versions[path, line["version"]] = sha256(data)

    for number, size in enumerate((0, 1, 4096, 4097, 20_000, 60_000, 70_000, 200_000)):
        put(f"/d{number % 3}/size {size}", size)
    put("/two chunks or more", 1_800_000)
    for size in (10, 5000, 90_000):
        put("/many versions", size)
    source = temp_dir() / "tree"
    source.mkdir(exist_ok=True)
    (source / "with attributes").write_bytes(b"mode and time")
    (source / "link").symlink_to("with attributes")
    need("a tree with attributes is put", node.cli("put", "-r", source, "/tree").code == 0)
    live["/tree/with attributes"] = sha256(b"mode and time")
    for command in (("mv", "/d1/size 1", "/moved"), ("cp", "/d0/size 0", "/copied"), ("rm", "/d2/size 60000")):
        answer = node.cli(*command)
        need(f"{command[0]} works", answer.code == 0, answer)
    live["/moved"] = live.pop("/d1/size 1")
    live["/copied"] = live["/d0/size 0"]
    del live["/d2/size 60000"]
    return live, {(p, v): s for (p, v), s in versions.items() if p == "/many versions"}


# -- a sound store --------------------------------------------------------------------------------------------


def test_sound(node):
    code, lines, errors = run_check(node.directory)
    check_equal("check of a running node says that it is in use", code, 8)
    check("and by whom", str(node.process.pid) in json.dumps(lines), (lines, errors))
    node.kill9()
    for name, args in (("check", ()), ("quick check", ("--quick",))):
        before = fingerprint(node.directory)
        code, lines, errors = run_check(node.directory, *args)
        check(f"{name}: a killed node's store is sound", code == 0 and lines[-1]["faults"] == 0, (code, lines, errors))
        check(f"{name}: no byte and no time changed", fingerprint(node.directory) == before)
    result = lines[-1]
    check("the summary counts", (result["files"], result["symlinks"], result["orphans"], result["loose"]) ==
          (12, 1, 0, 0) and result["versions"] == 15 and result["objects"] >= 8, result)
    done = subprocess.run([DAEMON, "check", node.directory], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    check("people get a summary", done.returncode == 0 and "0 faults" in done.stdout and "12 files" in done.stdout,
          (done.stdout, done.stderr))
    for words in (("check",), ("check", "a", "b"), ("check", "--nothing", "a")):
        done = subprocess.run([DAEMON, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        check_equal(f"{' '.join(words)}: usage", done.returncode, 2)
    code, lines, errors = run_check(temp_dir() / "nothing")
    check("a directory without a store is not found", code in (1, 3) and lines[-1]["type"] == "error", (code, lines))
    check("and is not made", not (temp_dir() / "nothing").exists())


def test_first_start(chance):
    """A first start killed anywhere leaves nothing, or a sound store."""
    codes = {}
    for number in range(12):
        node = Node(name="first")
        node.launch()
        time.sleep(chance.uniform(0.02, 0.3))
        node.kill9()
        code, lines, errors = run_check(node.directory)
        codes[code] = codes.get(code, 0) + 1
        if code not in (0, 3) and node.directory.exists():
            check("a first start that was killed is no fault", False, (code, lines, errors))
            return
    check("a first start that was killed is no fault", True)
    say(f"first starts killed, exit codes of check: {codes}")


# -- flipped bits ---------------------------------------------------------------------------------------------


class Copy:
    """A copy of a store that a bit is flipped in."""

    def __init__(self, master, live, versions):
        self.master, self.live, self.versions = master, live, versions
        self.node = Node(name="flipped")

    def fresh(self):
        shutil.rmtree(self.node.directory, ignore_errors=True)
        shutil.copytree(self.master, self.node.directory)

    def flip(self, name, at, bit):
        with open(self.node.directory / name, "r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ (1 << bit)]))

    def serve(self, missing_ok=()):
        """Starts a node and gets everything: (what must not be, what it refused, its log)."""
        node, wrong, refused = self.node, [], []
        node.launch()
        end = time.monotonic() + 20
        while b"listens on" not in node.output() and node.process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        if node.process.poll() is not None:
            code = node.wait()
            text = node.errors().decode("utf-8", "replace")
            if code != 10:
                wrong.append(f"it ended with {code} at its start: {text[-500:]}")
            return wrong, ["start"], text
        back = temp_dir() / "back"
        shutil.rmtree(back, ignore_errors=True)
        answer = node.cli("get", "-r", "--timeout", "3", "/", back)
        wanted = []
        for path, digest in self.live.items():
            try:
                if sha256((back / path[1:]).read_bytes()) != digest:
                    wrong.append(f"WRONG BYTES of {path}")
            except FileNotFoundError:
                wanted.append(((path,), digest))  # why not?
        if answer.code == 0 and any(words[0] not in missing_ok for words, _ in wanted):
            wrong.append(f"get -r ends with 0 without {wanted}")
        wanted += [((path, "--version", version), digest) for (path, version), digest in self.versions.items()]
        for words, digest in wanted:
            if node.process.poll() is not None:  # it met the damage and stopped, with 10 (below)
                refused.append((words, 10, "the node has stopped"))
                break
            answer = node.cli("cat", "--timeout", "3", *words, as_json=False)
            if answer.code == 0 and sha256(answer.stdout) != digest:
                wrong.append(f"WRONG BYTES of {words}")
            elif answer.code != 0:
                refused.append((words, answer.code, answer.stderr.strip()))
                if answer.code not in (10, 8) and words[0] not in missing_ok:
                    wrong.append(f"{words}: {answer.code} {answer.stderr.strip()}")
        code = node.process.poll()
        if code is not None:
            code = node.wait()
            if code != 10:
                wrong.append(f"it ended with {code}: {node.errors()[-500:]}")
        else:
            code = node.stop()
            if code not in (0, 10):
                wrong.append(f"it stopped with {code}: {node.errors()[-500:]}")
        return wrong, refused, node.errors().decode("utf-8", "replace")


def names_something(fault):
    text = fault.get("what", "") + fault.get("database", "")
    return "path" in fault or "key" in fault or any(
        word in text for word in ("WATERMARK", "watermark", ".sst", ".blob", ".log", "MANIFEST", "CURRENT", "log ",
                                  "segments/", "journal"))


def journal_end(path):
    """Where the last record of a file of the journal ends: behind it are zeros."""
    return -(-len(path.read_bytes().rstrip(b"\0")) // 4096) * 4096


def pick_byte(path, chance, start, end):
    """A byte that is not padding, if the file is of the journal."""
    if path.parent.name != "journal":
        return chance.randrange(start, end)
    octets = path.read_bytes()
    return chance.choice([at for at in range(start, end) if octets[at]])


def flip_all(copy, kind, pattern, count, chance, serve_share):
    """Flips bits in files of a kind."""
    files = [path for path in sorted(copy.master.glob(pattern)) if path.stat().st_size > 0]
    need(f"{kind}: there are such files", files)
    found = dead = served = 0
    problems = []
    for number in range(count):
        path = chance.choices(files, [p.stat().st_size for p in files])[0] if number % 2 else chance.choice(files)
        at, bit = pick_byte(path, chance, 0, path.stat().st_size), chance.randrange(8)
        where = f"{path.relative_to(copy.master)} byte {at} bit {bit}"
        copy.fresh()
        copy.flip(path.relative_to(copy.master), at, bit)
        before = fingerprint(copy.node.directory)
        code, lines, errors = run_check(copy.node.directory)
        if fingerprint(copy.node.directory) != before:
            problems.append(f"{where}: check changed the directory")
        faults = [line for line in lines if line.get("type") == "fault"]
        if code == 10:
            found += 1
            if not faults or not any(names_something(fault) for fault in faults):
                problems.append(f"{where}: no fault says where: {faults[:3]}")
        elif code == 0:
            dead += 1
        else:
            problems.append(f"{where}: check ends with {code}: {errors[-500:]} {lines[-1:]}")
        if code == 0 or chance.random() < serve_share:
            served += 1
            wrong, refused, said = copy.serve()
            problems += [f"{where}: {what}" for what in wrong]
            if code == 0 and refused:
                problems.append(f"{where}: check finds nothing, but {refused[:2]}; {said[-300:]}")
    say(f"{kind}: {count} flips, {found} found, {dead} in dead bytes; {served} times served")
    check(f"{kind}: every flipped bit is found or dead, none is served", not problems, problems[:6])
    return found, dead


def test_flips(master, live, versions, chance, long):
    copy = Copy(master, live, versions)
    count = FLIPS or (200 if long else 14)
    for kind, pattern in (("rows and index (sst)", "db/*.sst"), ("object bytes (blob)", "db/*.blob"),
                          ("object bytes (segments)", "segments/*"), ("journal", "journal/*"), ("WATERMARK", "WATERMARK"), ("manifest", "db/MANIFEST-*")):
        fewer = 8 if kind == "manifest" and not (FLIPS or long) else count
        found, dead = flip_all(copy, kind, pattern, fewer, chance, 1.0 if long else 0.15)
        if kind != "WATERMARK":  # most of it is padding, and that is covered by its checksum too
            check(f"{kind}: most bits matter", found > dead, (found, dead))
        else:
            check("WATERMARK: all bits matter after a clean stop", dead == 0, (found, dead))
    for name in ("node.keys", "recovery-code"):
        copy.fresh()
        copy.flip(name, 40, 1)
        code, lines, errors = run_check(copy.node.directory)
        check(f"a flipped bit in {name} is found", code == 10 and name in json.dumps(lines), (code, lines, errors))


def test_damaged_object(master, live, versions, chance):
    """One object: found by name, with its path and version; a get of it ends with 10, the others are served."""
    copy = Copy(master, live, versions)
    copy.fresh()
    segment = max(copy.master.glob("segments/*"), key=lambda path: path.stat().st_size)
    copy.flip(segment.relative_to(copy.master), segment.stat().st_size - 300_000, 3)
    code, lines, _ = run_check(copy.node.directory)
    faults = [line for line in lines if line.get("type") == "fault" and "path" in line]
    need("a damaged object is found with path, number and key", code == 10 and faults and
         all("number" in fault and "key" in fault for fault in faults), (code, lines))
    paths = {fault["path"] for fault in faults}
    code, lines, _ = run_check(copy.node.directory, "--quick")
    check_equal("a quick check does not read it", code, 0)
    done = subprocess.run([DAEMON, "check", copy.node.directory], stdout=subprocess.PIPE, text=True)
    check("people get the line, too", done.returncode == 10 and all(path in done.stdout for path in paths), done.stdout)
    node = copy.node
    node.start()
    for path, digest in live.items():
        answer = node.cli("cat", path, as_json=False)
        if path in paths:
            check(f"a get of {path} says integrity", answer.code == 10, answer.code)
        elif answer.code != 0 or sha256(answer.stdout) != digest:
            check(f"{path} is served", False, answer)
    said = node.errors().decode("utf-8", "replace")
    check("the node says which object and which path", all(
        fault["key"] in said and fault["path"] in said for fault in faults), (faults, said[-1500:]))
    check("the node goes on", node.running() and node.stop() == 0)


# -- segments -------------------------------------------------------------------------------------------------


def test_segments(master, live, versions, chance):
    """A file of large objects missing, cut, older, with a torn tail; files that nobody names."""
    copy = Copy(master, live, versions)
    segment = max(master.glob("segments/*"), key=lambda path: path.stat().st_size).relative_to(master)
    size = (master / segment).stat().st_size

    def refused(what):
        code, lines, _ = run_check(copy.node.directory)
        before = fingerprint(copy.node.directory / "segments")
        refusal, said, _ = copy.node.refuse(timeout=10)
        check(f"{what}: check and a node say which", (code, refusal) == (10, 10) and segment.name in said and
              str(segment) in json.dumps(lines), (code, refusal, said, lines[:3]))
        check(f"{what}: a node touches no segment", fingerprint(copy.node.directory / "segments") == before)

    def harmless(what):
        code, lines, _ = run_check(copy.node.directory)
        wrong, not_served, said = copy.serve()
        check(f"{what}: no fault, and everything is served", (code, wrong, not_served) == (0, [], []),
              (code, lines[-3:], wrong, not_served, said[-500:]))
        return lines[-1]

    copy.fresh()
    (copy.node.directory / segment).unlink()
    refused("a segment that is missing")
    copy.fresh()
    os.truncate(copy.node.directory / segment, size - 4096)
    refused("a segment that is cut")
    copy.fresh()
    os.truncate(copy.node.directory / segment, size // 8192 * 4096)  # as an older copy would be ...
    os.truncate(copy.node.directory / segment, size)  # ... even if it had the length
    code, lines, _ = run_check(copy.node.directory)
    wrong, not_served, said = copy.serve()
    check("a segment that lacks its newer half: check says what is gone, a node serves no wrong byte",
          code == 10 and not wrong and not_served and any("key" in line for line in lines), (code, wrong, not_served))
    copy.fresh()
    with open(copy.node.directory / segment, "ab") as file:
        file.write((master / segment).read_bytes()[:100_000])
    harmless("a torn tail behind the end of a segment")
    copy.fresh()
    (copy.node.directory / "segments" / ("0" * 13 + "fff")).write_bytes(chance.randbytes(10_000))
    (copy.node.directory / "segments" / "notes").write_bytes(b"mine")
    result = harmless("a file that no row names")
    check_equal("check counts it", result["stray_segments"], 1)
    check_equal("a start removes it, and nothing else",
                sorted(path.name for path in (copy.node.directory / "segments").iterdir()),
                sorted([path.name for path in (master / "segments").iterdir()] + ["notes"]))
    copy.fresh()
    shutil.rmtree(copy.node.directory / "db")
    (copy.node.directory / "WATERMARK").unlink()
    before = fingerprint(copy.node.directory / "segments")
    refusal, said, _ = copy.node.refuse(timeout=10)
    check("segments without a database are kept, and nothing new begins over them", refusal in (4, 10) and
          fingerprint(copy.node.directory / "segments") == before, (refusal, said))


# -- the log's tail -------------------------------------------------------------------------------------------


def test_tail(live, versions, chance):
    """Acknowledged and marked: refused.  Beyond the watermark after a kill: cut.  After a clean stop: refused."""
    copy = Copy(None, live, versions)
    copy.master = temp_dir() / "tail"
    node = Node(copy.master)
    node.start()
    node.put_bytes("/before", b"before" * 100)
    time.sleep(0.2)  # the rows of an entry come behind it; until they are there the entry says them again
    log = max(copy.master.glob("journal/*"))
    acknowledged_bytes = journal_end(log)
    node.put_bytes("/marked", b"marked" * 100)
    time.sleep(0.4)  # the watermark is on disk
    mark = (copy.master / "WATERMARK").read_bytes()
    marked_bytes = journal_end(log)
    node.put_bytes("/tail", b"tail" * 1000)
    node.kill9()
    end = journal_end(log)
    need("the tail lies in the same log", end > marked_bytes > acknowledged_bytes)
    (copy.master / "WATERMARK").write_bytes(mark)  # as if the kill had come within 100 ms
    copy.live, copy.versions = {"/marked": sha256(b"marked" * 100), "/tail": sha256(b"tail" * 1000)}, {}
    problems = []
    for _ in range(6):
        copy.fresh()
        at = pick_byte(log, chance, marked_bytes, end)
        copy.flip(log.relative_to(copy.master), at, chance.randrange(8))
        code, lines, errors = run_check(copy.node.directory)
        wrong, refused, said = copy.serve(missing_ok=("/tail",))
        if code != 0 or wrong or any(entry == "start" or entry[0][0] != "/tail" for entry in refused):
            problems.append(f"byte {at} of {marked_bytes}..{end}: {code} {lines} {wrong} {refused} {said[-300:]}")
    check("damage beyond the watermark after a kill is cut: the rest is served", not problems, problems[:3])
    problems = []
    for _ in range(6):
        copy.fresh()
        at = pick_byte(log, chance, 0, acknowledged_bytes)
        copy.flip(log.relative_to(copy.master), at, chance.randrange(8))
        code, lines, _ = run_check(copy.node.directory)
        refusal, said, _ = copy.node.refuse(timeout=10)
        if (code, refusal) != (10, 10) or "journal" not in said or "journal" not in json.dumps(lines):
            problems.append(f"byte {at} of {acknowledged_bytes}: check {code}, node {refusal}: {said[-300:]} {lines}")
    check("damage of the acknowledged part stops the node, with the reason", not problems, problems[:3])
    node.start()
    check_equal("the node stops cleanly", node.stop(), 0)
    log = max(path for path in copy.master.glob("journal/*") if journal_end(path))
    problems = []
    for _ in range(4):
        copy.fresh()
        end = journal_end(log)
        copy.flip(log.relative_to(copy.master), pick_byte(log, chance, end - 4096, end), chance.randrange(8))
        code, lines, _ = run_check(copy.node.directory)
        refusal, said, _ = copy.node.refuse(timeout=10)
        if (code, refusal) != (10, 10) or "restore from" not in said:
            problems.append(f"check {code}, node {refusal}: {said[-300:]}")
    check("after a clean stop nothing is cut, not even the last record", not problems, problems[:3])


def run(options):
    chance = random.Random(options.seed)
    say(f"FSP_SEED={options.seed}")
    node = Node()
    node.start()
    live, versions = fill(node, chance)
    test_sound(node)
    # A start begins another file of the journal; what comes then is in it.
    node.start()
    data = chance.randbytes(30_000)
    node.put_bytes("/in the log", data)
    live["/in the log"] = sha256(data)
    check_equal("the node stops cleanly", node.stop(), 0)
    code, lines, errors = run_check(node.directory)
    need("a stopped node's store is sound", code == 0 and lines[-1]["faults"] == 0, (code, lines, errors))
    test_first_start(chance)
    test_damaged_object(node.directory, live, versions, chance)
    test_segments(node.directory, live, versions, chance)
    test_tail(live, versions, chance)
    test_flips(node.directory, live, versions, chance, options.long)


if __name__ == "__main__":
    main(run, seconds=400)
