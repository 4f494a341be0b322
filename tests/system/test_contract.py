#!/usr/bin/env python3
"""The contract of issue 3, clause by clause: what the two programs promise to scripts."""
import json, os, random, re, signal, socket, stat, subprocess, time
from pathlib import Path

from node import (CLIENT, DAEMON, ENV, Node, check, check_equal, client, main, need, say, sha256, temp_dir,
                  terminal_output)

HEX64, HEX32 = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{32}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
Z85 = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")
ENDPOINT = re.compile(r"tcp://127\.0\.0\.1:\d{1,5}")
KIB, MIB = 1024, 1024 * 1024


def is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_text(value):
    return isinstance(value, str)


def is_hex64(value):
    return isinstance(value, str) and bool(HEX64.fullmatch(value))


def is_hex32(value):
    return isinstance(value, str) and bool(HEX32.fullmatch(value))


def is_time(value):
    return isinstance(value, str) and bool(TIME.fullmatch(value))


def is_heads(value):
    return isinstance(value, list) and len(value) > 0 and all(is_hex64(v) for v in value)


def wrong_fields(line, fields):
    """Fields of a JSON line that are missing or of the wrong type."""
    return {name: line.get(name, "(missing)") for name, fits in fields.items()
            if name not in line or not fits(line[name])}


def check_fields(name, line, fields):
    check(name, not wrong_fields(line, fields), wrong_fields(line, fields))


FILE_FIELDS = {"path": is_text, "file_id": is_hex32, "version": is_hex64, "number": is_count, "size": is_count,
               "sha256": is_hex64, "content_root": is_hex64, "chunks": is_count, "heads": is_heads}
PUT_FIELDS = {**FILE_FIELDS, "chunks_new": is_count, "bytes_sent": is_count, "receipt": lambda v: isinstance(v, dict)}
STAT_FIELDS = {**FILE_FIELDS, "space": is_text, "modified": is_time}
ENTRY_FIELDS = {"name": is_text, "path": is_text, "kind": is_text, "size": is_count, "file_id": is_hex32,
                "version": is_hex64, "modified": is_time}


def check_failure(name, answer, exit_code, symbol):
    """The exit code, and the last line: type=error with code, symbol, message, exit."""
    line = answer.lines[-1] if answer.lines else {}
    good = (answer.code == exit_code and line.get("type") == "error" and line.get("symbol") == symbol
            and is_count(line.get("code")) and line["code"] >= 1000 and is_text(line.get("message"))
            and len(line["message"]) > 5 and line.get("exit") == exit_code)
    check(name, good, f"wanted exit {exit_code} and symbol {symbol}, got {answer}")


# -- the daemon's files ---------------------------------------------------------------------------------------


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_profile(node):
    check_equal("the data directory is closed to others", mode_of(node.directory), 0o700)
    check_equal("admin.profile has mode 0600", mode_of(node.profile), 0o600)
    profile = json.loads(node.profile.read_text())
    check_equal("admin.profile has its fields and no others", sorted(profile),
                sorted(["format", "name", "mesh_id", "endpoints", "server_key", "public_key", "secret_key", "node_key",
                        "space"]))
    is_z85 = lambda v: isinstance(v, str) and bool(Z85.fullmatch(v))
    check_fields("admin.profile's fields have their types", profile,
                 {"format": lambda v: v == 1 and isinstance(v, int), "name": is_text, "mesh_id": is_hex64,
                  "endpoints": lambda v: v == [node.endpoint], "server_key": is_z85, "public_key": is_z85,
                  "secret_key": is_z85, "node_key": is_hex64, "space": lambda v: v == "home"})
    return profile


def test_recovery_code(node):
    path = node.directory / "recovery-code"
    check_equal("recovery-code has mode 0600", mode_of(path), 0o600)
    code = path.read_text().strip()
    check("recovery-code is one line of text of 256 bits and more", len(code) >= 52 and "\n" not in code and
          code.isascii(), len(code))
    said = node.output().decode()
    check("without a terminal the recovery code is not shown", code not in said and code.encode() not in node.errors())
    check("its path is, with the advice to move it away", str(path) in said and "move it off" in said, said)
    return code


def test_terminal():
    node = Node()
    command = ["setpriv", "--pdeathsig", "KILL", "--", str(DAEMON), "--data", str(node.directory), "--listen",
               node.endpoint]
    counts, codes = [], []
    for _ in range(2):
        process, said = terminal_output(command, until=b"admin.profile\r\n")
        codes.append((node.directory / "recovery-code").read_text().strip())
        process.send_signal(signal.SIGTERM)
        counts.append((said.count(codes[-1].encode()), process.wait(30)))
    check_equal("on a terminal the recovery code is shown once, at the first start only", counts, [(1, 0), (0, 0)])
    check("a second start keeps the recovery code", codes[0] == codes[1])


def test_addresses():
    node = Node()
    node.endpoint = "tcp://127.0.0.1:*"
    node.start()
    actual = json.loads(node.profile.read_text())["endpoints"]
    check("with port * the profile has the actual address", len(actual) == 1 and ENDPOINT.fullmatch(actual[0]), actual)
    check_equal("which answers", node.cli("node", "show").code, 0)
    check_equal("and the node stops cleanly", node.stop(), 0)
    node.endpoint = f"tcp://127.0.0.1:{node.port}"
    node.start()
    check_equal("started elsewhere, the profile follows", json.loads(node.profile.read_text())["endpoints"],
                [node.endpoint])
    check_equal("its mode stays 0600", mode_of(node.profile), 0o600)
    check_equal("the new address answers", node.cli("node", "show").code, 0)
    node.stop()


def test_default_address():
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 7420))
        except OSError:
            say("port 7420 is in use: the default address is not tried")
            return
    directory = temp_dir() / "default"
    command = ["setpriv", "--pdeathsig", "KILL", "--", str(DAEMON), "--data", str(directory)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=ENV)
    try:
        line = b""
        while b"listens on" not in line and process.poll() is None:
            line = process.stdout.readline()
        check("without --listen a node is at tcp://127.0.0.1:7420", line.strip().endswith(b"tcp://127.0.0.1:7420"),
              line)
        answer = client("ls", "/", profile=directory / "admin.profile")
        check_equal("and answers there", answer.code, 0)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_daemon_usage():
    for args, wanted in (([], 2), (["--data"], 2), (["--no-such-option"], 2), (["--data", "/tmp/x", "more"], 2),
                         (["--help"], 0), (["--version"], 0)):
        done = subprocess.run([str(DAEMON), *args], stdin=subprocess.DEVNULL, capture_output=True, env=ENV, timeout=30)
        check_equal(f"filesphered {' '.join(args)} exits with {wanted}", done.returncode, wanted)
        check(f"filesphered {' '.join(args)} says something", len(done.stdout if wanted == 0 else done.stderr) > 10)


# -- finding the node -----------------------------------------------------------------------------------------


def timed(*args, **more):
    began = time.monotonic()
    answer = client(*args, **more)
    return answer, time.monotonic() - began


def test_profiles(node):
    home = temp_dir() / "home"
    home.mkdir()
    bare = {**ENV, "HOME": str(home)}
    for name, more in (("no profile anywhere", {}), ("a profile that is not there", {"profile": "/nonexistent"})):
        answer, seconds = timed("ls", env=bare, **more)
        check_failure(f"{name}: exit 5", answer, 5, "no-profile")
        check(f"{name}: at once", seconds < 1.5, seconds)
    check_equal("$FILESPHERE_PROFILE is used", client("ls", env={**bare, "FILESPHERE_PROFILE": str(node.profile)}).code,
                0)
    check_equal("--profile goes before it",
                client("ls", profile=node.profile, env={**bare, "FILESPHERE_PROFILE": "/nonexistent"}).code, 0)
    usual = home / ".config" / "filesphere" / "profile"
    usual.parent.mkdir(parents=True)
    usual.write_bytes(node.profile.read_bytes())
    usual.chmod(0o600)
    check_equal("~/.config/filesphere/profile is used", client("ls", env=bare).code, 0)
    usual.write_text("{}")
    check("a broken profile is an error with words", client("ls", env=bare).code not in (0, None))
    check_failure("$FILESPHERE_PROFILE goes before ~/.config",
                  client("ls", env={**bare, "FILESPHERE_PROFILE": "/nonexistent"}), 5, "no-profile")


def test_unreachable(node):
    profile = json.loads(node.profile.read_text())
    silent = socket.socket()  # takes connections and says nothing
    silent.bind(("127.0.0.1", 0))
    silent.listen(8)
    nobody = Node()  # a free port
    for name, port, args, longest in (("nobody listens", nobody.port, ["--timeout", "1"], 3.0),
                                      ("a silent listener", silent.getsockname()[1], ["--timeout", "1"], 3.0),
                                      ("nobody listens, default timeout", nobody.port, [], 7.0)):
        path = temp_dir() / "elsewhere.profile"
        path.write_text(json.dumps({**profile, "endpoints": [f"tcp://127.0.0.1:{port}"]}))
        path.chmod(0o600)
        answer, seconds = timed("ls", *args, profile=path)
        check_failure(f"{name}: exit 8", answer, 8, "unreachable")
        check(f"{name}: within the timeout", seconds < longest, seconds)
        check(f"{name}: not before the timeout", seconds > (0.9 if args else 4.9), seconds)
    silent.close()
    late = Node()
    path = temp_dir() / "late.profile"
    late.start()
    late.stop()
    asking = subprocess.Popen([str(CLIENT), "--profile", str(late.profile), "ls", "--json"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV)
    time.sleep(0.5)
    late.start()
    out, err = asking.communicate(timeout=30)
    check_equal("a client that waits meets a node that starts meanwhile", (asking.returncode, err), (0, b""))
    late.stop()


def test_usage(node):
    file = temp_dir() / "usage.txt"
    file.write_text("x")
    for args in (["no-such-command"], ["stat"], ["lock", "/a", "/b"], ["ls", "--no-such-option"], ["version"],
                 ["version", "no-such"], ["put", str(file)], ["ls", "--timeout", "x"], ["ls", "--timeout"],
                 ["cat", "--range", "5", "/a"], ["cat", "--range", "9-5", "/a"], ["get", "/a"], ["node"],
                 ["changes", "--after", "-1"]):
        answer = node.cli(*args)
        line = answer.lines[-1] if answer.lines else {}
        check(f"usage: {' '.join(args[:3])}: exit 2 and an error line",
              answer.code == 2 and line.get("type") == "error" and line.get("symbol") == "invalid"
              and line.get("exit") == 2 and is_count(line.get("code")) and is_text(line.get("message")), answer)
    for args in (["stat", "relative"], ["ls", "relative/path"]):
        check_failure(f"{' '.join(args)}: a remote path starts with '/'", node.cli(*args), 2, "invalid")
    plain = node.cli("no-such-command", as_json=False)
    check("usage without --json: words on stderr, nothing on stdout",
          plain.code == 2 and plain.stdout == b"" and "filesphere" in plain.stderr, plain)
    for args in (["--help"], ["help"], ["help", "put"], ["put", "--help"], ["version", "ls", "--help"], ["--version"]):
        answer = client(*args, as_json=False)
        check(f"{' '.join(args)}: exit 0 without a profile", answer.code == 0 and len(answer.stdout) > 10, answer)


# -- contents -------------------------------------------------------------------------------------------------


def content(chance, size):
    """Bytes that do not compress and are no repetition."""
    return chance.randbytes(size)


def test_sizes(node, chance):
    """Put, stat, get and cat of every size that is stored differently."""
    kept = {}
    folder = temp_dir() / "sizes"
    folder.mkdir()
    for size in (0, 1, 4095, 4096, 4097, 65536, 300 * KIB, 5 * MIB, 20 * MIB):
        data = content(chance, size)
        local, back = folder / f"{size}", folder / f"{size}.back"
        local.write_bytes(data)
        path = f"/sizes/{size}"
        answer = node.cli("put", local, path)
        if not check(f"put of {size} bytes", answer.code == 0 and len(answer.lines) == 1, answer):
            continue
        line = answer.lines[-1]
        check_fields(f"put of {size} bytes: the result's fields", line, {"type": lambda v: v == "result", **PUT_FIELDS})
        check(f"put of {size} bytes: the values", line["path"] == path and line["size"] == size and
              line["sha256"] == sha256(data) and line["number"] == 1 and line["heads"] == [line["version"]] and
              (line["chunks"] == 0) == (size <= 4096) and line["chunks_new"] == line["chunks"], line)
        check(f"put of {size} bytes: bytes_sent counts payload and digests",
              size <= line["bytes_sent"] <= size + size // 100 + 256, line["bytes_sent"])
        known = node.cli("stat", path).lines[-1]
        check_fields(f"stat of {size} bytes: the fields", known, {"type": lambda v: v == "result", **STAT_FIELDS})
        check(f"stat of {size} bytes: as put said", known["space"] == "home" and
              all(known[k] == line[k] for k in FILE_FIELDS), (known, line))
        answer = node.cli("get", path, back)
        check(f"get of {size} bytes: bit for bit", answer.code == 0 and back.read_bytes() == data, answer)
        check(f"get of {size} bytes: the result line", answer.lines[-1].get("type") == "result" and
              answer.lines[-1].get("size") == size and answer.lines[-1].get("version") == line["version"], answer.lines)
        check(f"cat of {size} bytes: bit for bit", node.cat(path) == data)
        kept[size] = (data, line)
    return kept


def test_again(node, kept):
    data, first = kept[5 * MIB]
    again = node.put_bytes("/again", data)
    # Objects below 64 KiB are sent without asking and count as new: the last chunk may be one.
    check("the same content again stores no chunk, but for a small last one", again["chunks_new"] <= 1 and
          again["chunks"] == first["chunks"], again)
    check("and has the same root, as another file", again["content_root"] == first["content_root"] and
          again["file_id"] != first["file_id"] and again["version"] != first["version"], (first, again))
    edited = data[: 2 * MIB] + b"some more" + data[2 * MIB:]
    line = node.put_bytes("/again", edited)
    check("an edit in the middle stores few new chunks", 0 < line["chunks_new"] <= 4 and line["number"] == 2, line)
    check("and comes back", node.cat("/again") == edited)


def test_ranges(node, chance, kept):
    for size in (4096, 300 * KIB, 20 * MIB):
        data, path = kept[size][0], f"/sizes/{size}"
        ranges = [(0, 0), (0, size - 1), (size - 1, size - 1), (1, size - 2)]
        for _ in range(6):
            first = chance.randrange(size)
            ranges.append((first, chance.randrange(first, min(size, first + 3 * MIB))))
        bad = [r for r in ranges if node.cat(path, "--range", f"{r[0]}-{r[1]}") != data[r[0]: r[1] + 1]]
        check(f"cat --range A-B of {size} bytes: both ends included", not bad, bad)
        check(f"cat --range A- of {size} bytes: to the end", node.cat(path, "--range", f"{size - 7}-") == data[-7:])
    data = kept[300 * KIB][0]
    back = temp_dir() / "range.back"
    answer = node.cli("get", "--range", "100-70000", f"/sizes/{300 * KIB}", back)
    check("get --range", answer.code == 0 and back.read_bytes() == data[100:70001], answer)
    back.unlink()
    for name, path in (("an empty file", "/sizes/0"), ("a small file", "/sizes/4096"),
                       ("a large file", f"/sizes/{5 * MIB}")):
        check_failure(f"a range that starts after the end of {name}",
                      node.cli("get", "--range", "99999999-99999999", path, back), 2, "bad-range")
    check("a failed get leaves no file", not back.exists())


def test_stdin(node, chance):
    data = content(chance, 700 * KIB)
    line = node.put_bytes("/stdin/a", data)
    check("put from standard input", line["sha256"] == sha256(data) and node.cat("/stdin/a") == data, line)
    line = node.put_bytes("/stdin/empty", b"")
    check("put from an empty standard input", line["size"] == 0 and node.cat("/stdin/empty") == b"", line)
    # A source that is silent for longer than the timeout is no dead node.
    slow = subprocess.Popen([str(CLIENT), "--profile", str(node.profile), "--timeout", "1", "put", "-", "/stdin/slow",
                             "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV)
    slow.stdin.write(data)
    slow.stdin.flush()
    time.sleep(3)
    out, err = slow.communicate(data, timeout=60)
    check("put from a source that pauses longer than the timeout", slow.returncode == 0 and
          json.loads(out.splitlines()[-1]).get("sha256") == sha256(data + data), (slow.returncode, out, err))
    # Ctrl-C in the middle.
    stopped = subprocess.Popen([str(CLIENT), "--profile", str(node.profile), "put", "-", "/stdin/stopped", "--json"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV)
    stopped.stdin.write(data)
    stopped.stdin.flush()
    time.sleep(0.7)
    stopped.send_signal(signal.SIGINT)
    began = time.monotonic()
    out, err = stopped.communicate(timeout=60)
    last = json.loads(out.splitlines()[-1]) if out.strip() else {}
    check("Ctrl-C ends a put with 130, soon", stopped.returncode == 130 and last.get("type") == "error" and
          last.get("exit") == 130 and time.monotonic() - began < 3, (stopped.returncode, out, err))
    check_equal("and nothing is stored", node.cli("stat", "/stdin/stopped").code, 3)


# -- versions -------------------------------------------------------------------------------------------------


def test_versions(node, chance):
    path, made = "/docs/notes", []
    for size in (100, 5000, 4096, 700 * KIB, 0, 3):
        data = content(chance, size)
        made.append((node.put_bytes(path, data), data))
    numbers = [line["number"] for line, _ in made]
    check_equal("edits count versions", numbers, [1, 2, 3, 4, 5, 6])
    check_equal("an edit keeps the file id", len({line["file_id"] for line, _ in made}), 1)
    listed = node.cli("version", "ls", path).lines
    versions = [line for line in listed if line["type"] == "version"]
    check_equal("version ls: newest first", [v["version"] for v in versions], [m[0]["version"] for m in made[::-1]])
    check("version ls: ends with the result", listed[-1]["type"] == "result" and listed[-1]["count"] == 6, listed[-1])
    for version in versions[:1]:
        check_fields("version ls: the fields", version, {"version": is_hex64, "number": is_count, "kind": is_text,
                                                         "size": is_count, "time": is_time, "author": is_hex32,
                                                         "head": lambda v: v is True})
    check_equal("version ls: one head", [v["head"] for v in versions].count(True), 1)
    bad = [line["number"] for line, data in made if node.cat(path, "--version", line["version"]) != data]
    check("every version comes back by its id", not bad, bad)
    bad = [line["number"] for line, data in made if node.cat(path, "--version", line["version"][:8]) != data]
    check("every version comes back by 8 digits of it", not bad, bad)
    back = temp_dir() / "version.back"
    answer = node.cli("get", "--version", made[3][0]["version"][:11], "--range", "1000-400000", path, back)
    check("get --version --range", answer.code == 0 and back.read_bytes() == made[3][1][1000:400001], answer)
    old = node.cli("stat", "--version", made[1][0]["version"], path).lines[-1]
    check("stat --version", old.get("number") == 2 and old.get("size") == 5000 and
          old.get("sha256") == sha256(made[1][1]), old)
    # (decimal ones alone would be a number)
    check_failure("7 digits are too few", node.cli("cat", "--version", made[0][0]["version"][:6] + "a", path), 2, "invalid")
    check_failure("no hexadecimal digits", node.cli("cat", "--version", "not-a-version", path), 2, "invalid")
    check_failure("a version that is not there", node.cli("cat", "--version", "0" * 64, path), 3, "no-such-version")
    other = node.put_bytes("/docs/other", b"other")
    check_failure("a version of another file", node.cli("cat", "--version", other["version"], path), 3,
                  "no-such-version")

    answer = node.cli("version", "restore", path, made[1][0]["version"][:8])
    line = answer.lines[-1]
    check("version restore makes a new version", answer.code == 0 and line.get("type") == "result" and
          line.get("number") == 7 and is_hex64(line.get("version")) and line["version"] != made[1][0]["version"], answer)
    check("with the old content", node.cat(path) == made[1][1])
    now = node.cli("stat", path).lines[-1]
    check("which stat shows", now["sha256"] == sha256(made[1][1]) and now["heads"] == [line["version"]] and
          now["number"] == 7, now)
    check_equal("and version ls calls restore", node.cli("version", "ls", path).lines[0]["kind"], "restore")
    check_failure("version restore of nothing", node.cli("version", "restore", path, "f" * 64), 3, "no-such-version")
    check_failure("version restore of no file", node.cli("version", "restore", "/nothing", "f" * 64), 3, "not-found")

    head = line["version"]
    check_failure("put --if-match with an old version", node.cli("put", "--if-match", made[0][0]["version"], "-", path),
                  4, "mismatch")
    answer = node.cli("put", "--if-match", head, "-", path, stdin=b"matched")
    check("put --if-match with the present version", answer.code == 0 and answer.lines[-1]["number"] == 8, answer)


# -- names ----------------------------------------------------------------------------------------------------


def test_ls(node, chance):
    names = ["b", "a", "ä", "B", "z z", "10", "9"]
    for name in names:
        node.put_bytes(f"/list/{name}", name.encode())
    node.cli("mkdir", "/list/dir")
    answer = node.cli("ls", "/list")
    entries = [line for line in answer.lines if line["type"] == "entry"]
    wanted = sorted(names + ["dir"], key=lambda n: n.encode())
    check_equal("ls --json: one entry a line, in the order of bytes", [e["name"] for e in entries], wanted)
    check("ls --json: ends with type=result", answer.code == 0 and answer.lines[-1]["type"] == "result", answer.lines[-1])
    files = [e for e in entries if e["kind"] == "file"]
    check_equal("ls --json: kinds", [e["kind"] for e in entries if e["name"] == "dir"], ["directory"])
    bad = [wrong_fields(e, ENTRY_FIELDS) for e in files if wrong_fields(e, ENTRY_FIELDS)]
    check("ls --json: an entry's fields", len(files) == len(names) and not bad, bad)
    check("ls --json: paths and sizes", all(e["path"] == f"/list/{e['name']}" and
                                            e["size"] == len(e["name"].encode()) for e in files), files)
    # The contract: `heads` is an array of version ids, wherever it stands.
    bad = [e["heads"] for e in entries if "heads" in e and not isinstance(e["heads"], list)]
    check("ls --json: heads, if there, is an array", not bad, bad[:1])
    one = node.cli("ls", "/list/a").lines
    check("ls of a file: itself", len(one) == 2 and one[0]["path"] == "/list/a" and one[0]["name"] == "a", one)
    check_equal("ls of an empty directory", [line["type"] for line in node.cli("ls", "/list/dir").lines], ["result"])
    check_failure("ls of nothing", node.cli("ls", "/nothing"), 3, "not-found")
    check_failure("ls FILE/", node.cli("ls", "/list/a/"), 4, "not-directory")
    plain = node.cli("ls", "/list", as_json=False)
    check("ls without --json: one name a line", plain.code == 0 and plain.stdout.decode().splitlines() ==
          [n + "/" if n == "dir" else n for n in wanted], plain)
    check("ls -l", node.cli("ls", "-l", "/list", as_json=False).code == 0)
    prefix = node.cli("ls", "--prefix", "1", "/list").lines
    check_equal("ls --prefix", [line.get("name") for line in prefix], ["10", None])


def test_names(node, chance):
    names = ["a b", " leading", "trailing ", "ünïcode", "日本語", "🗄", "new\nline", "tab\tstop", "bell\x07", "esc\x1b[31m",
             "back\\slash", "quote\"'", "-r", "--json", "a:b", "home:", "*?[x]", "$(id)", "#", "%2e%2e", "...", ".hidden",
             "\u0301combining", "del\x7f", "nel\u0085", "n" * 255, "ä" * 127, "rtl\u202eabc"]
    made = {}
    for at, name in enumerate(names):
        data = content(chance, at + 1)
        answer = node.cli("put", "-", f"/names/{name}/{name}", stdin=data)
        if check(f"put a name like {name[:20]!a}", answer.code == 0 and
                 answer.lines[-1]["path"] == f"/names/{name}/{name}", answer):
            made[name] = data
    bad = [name for name, data in made.items() if node.cat(f"/names/{name}/{name}") != data]
    check("every odd name comes back", not bad, bad)
    listed = [line["name"] for line in node.cli("ls", "/names").lines if line["type"] == "entry"]
    check_equal("and is listed", listed, sorted(made, key=lambda n: n.encode()))
    plain = node.cli("ls", "/names", as_json=False).stdout
    check("a plain listing has no control characters", len(plain.splitlines()) == len(made) and
          not any(c < 0x20 and c != 0x0a or c == 0x7f for c in plain), plain[:300])
    folder = temp_dir() / "odd"
    folder.mkdir()
    local = folder / "-x\n\x01 y"
    local.write_bytes(b"odd local")
    answer = node.cli("put", local, "/names/from-odd", cwd=folder)
    check("an odd local name", answer.code == 0 and node.cat("/names/from-odd") == b"odd local", answer)
    answer = node.cli("put", "--", "-x\n\x01 y", "/names/dashes", cwd=folder)
    check("-- ends options", answer.code == 0 and node.cat("/names/dashes") == b"odd local", answer)

    deep = "/" + "/".join("d" for _ in range(63))
    check_equal("64 names deep", node.cli("put", "-", deep + "/f", stdin=b"deep").code, 0)
    check("comes back", node.cat(deep + "/f") == b"deep")
    for name, path in (("65 names deep", deep + "/e/f"), ("a name of 256 bytes", "/" + "n" * 256),
                       ("a name '.'", "/a/./b"), ("a name '..'", "/a/../b"), ("an empty name", "/a//b"),
                       ("bytes that are no UTF-8", b"/bad\xff"), ("an overlong sequence", b"/bad\xc0\xaf"),
                       ("a surrogate", b"/bad\xed\xa0\x80"), ("a path of more than 4096 bytes", "/" + "/".join(["n" * 250] * 17))):
        check_failure(f"{name} is refused", node.cli("put", "-", path), 2, "bad-name")


def test_spaces(node):
    node.put_bytes("/spaces/a", b"by home")
    check("home:/path is /path", node.cat("home:/spaces/a") == b"by home")
    check_equal("put to home:/path", node.cli("put", "-", "home:/spaces/b", stdin=b"b").lines[-1]["path"], "/spaces/b")
    check_equal("ls home:/", node.cli("ls", "home:/").code, 0)
    for args in (["stat", "nix:/a"], ["put", "-", "nix:/a"], ["ls", "nix:/"], ["rm", "nix:/a"], ["changes", "nix:/"]):
        check_failure(f"{' '.join(args)}: no such space", node.cli(*args), 3, "no-such-space")
    check_failure("not a name of a space", node.cli("stat", "no space:/a"), 2, "bad-name")


# -- changing names -------------------------------------------------------------------------------------------


def test_mkdir(node):
    answer = node.cli("mkdir", "/made")
    check("mkdir: the result", answer.code == 0 and answer.lines[-1]["type"] == "result" and
          answer.lines[-1]["path"] == "/made" and is_hex32(answer.lines[-1]["file_id"]), answer)
    known = node.cli("stat", "/made").lines[-1]
    check("stat of a directory", known["kind"] == "directory" and known["version"] is None and
          known["heads"] == [] and is_hex32(known["file_id"]) and is_time(known["modified"]), known)
    check_failure("mkdir again", node.cli("mkdir", "/made"), 4, "exists")
    check_equal("mkdir -p again", node.cli("mkdir", "-p", "/made").code, 0)
    check_failure("mkdir without its parent", node.cli("mkdir", "/nowhere/below"), 3, "no-parent")
    check_equal("mkdir -p with parents", node.cli("mkdir", "-p", "/deep/er/still").code, 0)
    node.put_bytes("/made/file", b"x")
    check_failure("mkdir over a file", node.cli("mkdir", "/made/file"), 4, "exists")
    check_failure("mkdir -p over a file", node.cli("mkdir", "-p", "/made/file"), 4, "exists")
    check_failure("mkdir below a file", node.cli("mkdir", "-p", "/made/file/below"), 4, "not-directory")
    check_failure("put below a file", node.cli("put", "-", "/made/file/below"), 4, "not-directory")
    check("put into a directory needs a name with '-'", node.cli("put", "-", "/made").code == 4)
    check_failure("cat of a directory", node.cli("cat", "/made"), 4, "is-directory")
    check_failure("get of a directory without -r", node.cli("get", "/made", temp_dir() / "made"), 4, "is-directory")


def test_mv(node, chance):
    data = content(chance, 300 * KIB)
    first = node.put_bytes("/mv/from/a", data)
    node.put_bytes("/mv/from/sub/b", b"b")
    answer = node.cli("mv", "/mv/from/a", "/mv/new/parents/c")
    check("mv makes missing parents", answer.code == 0 and answer.lines[-1]["path"] == "/mv/new/parents/c" and
          answer.lines[-1]["file_id"] == first["file_id"], answer)
    check("the file is there with its versions", node.cat("/mv/new/parents/c", "--version", first["version"]) == data)
    check_failure("and not here any more", node.cli("stat", "/mv/from/a"), 3, "not-found")
    folder = node.cli("stat", "/mv/from").lines[-1]["file_id"]
    check_equal("mv of a folder", node.cli("mv", "/mv/from", "/mv/to").code, 0)
    check("keeps its id and what is in it", node.cli("stat", "/mv/to").lines[-1]["file_id"] == folder and
          node.cat("/mv/to/sub/b") == b"b")
    check_failure("a folder into itself", node.cli("mv", "/mv/to", "/mv/to/sub/x"), 4, "cycle")
    check_failure("mv of nothing", node.cli("mv", "/mv/nothing", "/mv/x"), 3, "not-found")
    check_equal("mv into a folder", node.cli("mv", "/mv/new/parents/c", "/mv/to").code, 0)
    check("has the old name there", node.cat("/mv/to/c") == data)
    node.put_bytes("/mv/target", b"target")
    check_failure("mv --no-replace onto a file", node.cli("mv", "-n", "/mv/to/c", "/mv/target"), 4, "exists")
    check("leaves both", node.cat("/mv/target") == b"target" and node.cat("/mv/to/c") == data)
    check_equal("mv onto a file replaces it", node.cli("mv", "/mv/to/c", "/mv/target").code, 0)
    check("with what moved", node.cat("/mv/target") == data and node.cli("stat", "/mv/to/c").code == 3)
    answer = node.cli("mv", "/mv/target", "/mv/to/sub/b", "/mv/several/")
    check("mv of several into a folder, which it makes", answer.code == 0 and answer.lines[-1]["type"] == "result" and
          node.cat("/mv/several/target") == data and node.cat("/mv/several/b") == b"b", answer)


def test_cp(node, chance):
    data = content(chance, 700 * KIB)
    first = node.put_bytes("/cp/a", data)
    answer = node.cli("cp", "/cp/a", "/cp/new/parents/b")
    line = answer.lines[-1]
    check("cp makes missing parents", answer.code == 0 and line["path"] == "/cp/new/parents/b" and
          is_hex32(line["file_id"]) and line["file_id"] != first["file_id"] and line["number"] == 1, answer)
    copy = node.cli("stat", "/cp/new/parents/b").lines[-1]
    check("the copy is the same content", copy["content_root"] == first["content_root"] and
          copy["sha256"] == first["sha256"] and node.cat("/cp/new/parents/b") == data, copy)
    node.put_bytes("/cp/a", b"changed")
    check("and independent", node.cat("/cp/new/parents/b") == data and node.cat("/cp/a") == b"changed")
    check_failure("cp --no-replace onto a file", node.cli("cp", "-n", "/cp/a", "/cp/new/parents/b"), 4, "exists")
    check_equal("cp onto a file", node.cli("cp", "/cp/a", "/cp/new/parents/b").code, 0)
    check("replaces it", node.cat("/cp/new/parents/b") == b"changed")
    check_failure("cp of a folder", node.cli("cp", "/cp/new", "/cp/x"), 4, "is-directory")
    check_failure("cp of nothing", node.cli("cp", "/cp/nothing", "/cp/x"), 3, "not-found")


def test_rm(node):
    for name in ("a", "dir/b", "dir/sub/c"):
        node.put_bytes(f"/rm/{name}", b"x")
    answer = node.cli("rm", "/rm/a")
    check("rm: the result", answer.code == 0 and answer.lines[-1]["type"] == "result", answer)
    check_failure("what was removed is gone", node.cli("stat", "/rm/a"), 3, "not-found")
    check_failure("rm again", node.cli("rm", "/rm/a"), 3, "not-found")
    check_failure("rm of a folder with content", node.cli("rm", "/rm/dir"), 4, "not-empty")
    check_equal("rm -r of it", node.cli("rm", "-r", "/rm/dir").code, 0)
    check_failure("is gone with all in it", node.cli("stat", "/rm/dir/sub/c"), 3, "not-found")
    node.cli("mkdir", "/rm/empty")
    check_equal("rm of an empty folder", node.cli("rm", "/rm/empty").code, 0)
    check("rm of the root is refused", node.cli("rm", "-r", "/").code not in (0, None))
    again = node.put_bytes("/rm/a", b"again")
    check("a new file at an old name starts at version 1", again["number"] == 1, again)
    answer = node.cli("rm", "/rm/a", "/rm/nothing")
    check("done in part: exit 7 and the error line", answer.code == 7 and answer.lines[-1]["type"] == "error" and
          answer.lines[-1]["exit"] == 7 and answer.lines[-1]["symbol"] == "not-found", answer)


def test_local_failures(node):
    check_failure("put of a local file that is not there", node.cli("put", "/nonexistent/file", "/x"), 3, "not-found")
    check_failure("put of a local directory without -r", node.cli("put", temp_dir(), "/x"), 4, "is-directory")
    node.put_bytes("/local/a", b"content")
    check_failure("get into a local directory that is not there",
                  node.cli("get", "/local/a", temp_dir() / "no" / "such"), 3, "not-found")
    keep = temp_dir() / "keep"
    keep.write_bytes(b"mine")
    check_failure("get of nothing", node.cli("get", "/nothing", keep), 3, "not-found")
    check_failure("get of a version that is not there", node.cli("get", "--version", "0" * 8, "/local/a", keep), 3,
                  "no-such-version")
    check("leaves the local file as it was", keep.read_bytes() == b"mine" and
          not [n for n in os.listdir(temp_dir()) if n.startswith(".fsp")])
    folder = temp_dir() / "into"
    folder.mkdir()
    check_equal("get into a local directory", node.cli("get", "/local/a", folder).code, 0)
    check("has the remote name there", (folder / "a").read_bytes() == b"content")
    answer = node.cli("put", "--no-replace", "-", "/local/a", stdin=b"other")
    check_failure("put --no-replace onto a file", answer, 4, "exists")
    check("leaves it", node.cat("/local/a") == b"content")


def test_node_show(node):
    answer = node.cli("node", "show")
    line = answer.lines[-1]
    check_fields("node show: the fields", line, {"type": lambda v: v == "result", "version": is_text,
                                                 "node_id": is_hex64, "uptime_s": is_count, "rss_bytes": is_count,
                                                 "disk": lambda v: isinstance(v, dict), "sync": lambda v: v is True})
    check_fields("node show: disk", line["disk"], {"total_bytes": is_count, "free_bytes": is_count,
                                                   "reserve_bytes": is_count, "state": lambda v: v in ("ok", "reserve")})
    check("node show: values make sense", line["rss_bytes"] > MIB and line["disk"]["total_bytes"] >=
          line["disk"]["free_bytes"] > 0, line)


def test_changes(node):
    lines = node.cli("changes").lines
    changes = [line for line in lines if line["type"] == "change"]
    check_equal("changes: numbered from 1 without a gap", [c["index"] for c in changes],
                list(range(1, len(changes) + 1)))
    check("changes: ends with the result", lines[-1]["type"] == "result" and lines[-1]["count"] == len(changes), lines[-1])
    after = node.cli("changes", "--after", str(len(changes) - 3)).lines
    check_equal("changes --after", [c.get("index") for c in after[:-1]], [c["index"] for c in changes[-3:]])
    check_equal("changes after the last", len(node.cli("changes", "--after", str(len(changes))).lines), 1)


def test_plain(node):
    """Every command without --json: exit 0, data on stdout, nothing on stderr."""
    file = temp_dir() / "plain.txt"
    file.write_bytes(b"plain")
    node.put_bytes("/plain/v", b"1")
    version = node.put_bytes("/plain/v", b"2")["version"]
    for args in (["put", file, "/plain/a"], ["ls", "/plain"], ["stat", "/plain/a"], ["get", "/plain/a", temp_dir() / "p"],
                 ["cat", "/plain/a"], ["mkdir", "/plain/d"], ["mv", "/plain/a", "/plain/b"],
                 ["cp", "/plain/b", "/plain/c"], ["version", "ls", "/plain/v"],
                 ["version", "restore", "/plain/v", version], ["changes"], ["node", "show"], ["rm", "/plain/b"]):
        answer = node.cli(*args, as_json=False)
        check(f"plain {args[0]} {args[1] if args[0] in ('version', 'node') else ''}".strip(),
              answer.code == 0 and answer.stderr == "", answer)
    quiet = node.cli("put", "-q", file, "/plain/q", as_json=False)
    check("-q says nothing", quiet.code == 0 and quiet.stdout == b"" and quiet.stderr == "", quiet)


def run(options):
    chance = random.Random(options.seed)
    say(f"FSP_SEED={options.seed}")
    node = Node()
    node.start()
    profile = test_profile(node)
    code = test_recovery_code(node)
    test_terminal()
    test_addresses()
    test_default_address()
    test_daemon_usage()
    test_profiles(node)
    test_unreachable(node)
    test_usage(node)
    kept = test_sizes(node, chance)
    test_again(node, kept)
    test_ranges(node, chance, kept)
    test_stdin(node, chance)
    test_versions(node, chance)
    test_ls(node, chance)
    test_names(node, chance)
    test_spaces(node)
    test_mkdir(node)
    test_mv(node, chance)
    test_cp(node, chance)
    test_rm(node)
    test_local_failures(node)
    test_node_show(node)
    test_plain(node)
    test_changes(node)
    check_equal("the node stops cleanly", node.stop(), 0)
    check("the node's output has no secret", code.encode() not in node.log() and
          profile["secret_key"].encode() not in node.log())


if __name__ == "__main__":
    main(run, seconds=300)
