#!/usr/bin/env python3
"""Trees at their edges: put -r, get -r, sync and check, and what goes wrong on the way.

Round trips of real trees, odd names, things that cannot be stored, files that change or vanish while they are read,
directories that must not be written to, Ctrl-C in the middle, many small files, conditions, progress.

Normal run: /usr/lib/python3 and 2,000 small files.  --long: all of /usr/lib, and 100,000.
"""
import os, pty, random, re, shutil, signal, socket, subprocess, threading, time
from pathlib import Path

from node import CLIENT, ENV, Answer, Node, check, check_equal, client, look_for_sanitizer, main, need, parse_lines, say, \
    sha256, temp_dir
from test_tree import check_same, differences, snapshot

PYTHON, LIB = Path("/usr/lib/python3"), Path("/usr/lib")
# A superuser writes everywhere; without its capabilities it is like everybody else.
PLAIN = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"] if os.geteuid() == 0 else []
TEMPORARY = re.compile(rb"\.fsp-[0-9a-f]{16}")


def actions(answer):
    """(action, path) of the lines of a sync, sorted."""
    return sorted((line["action"], line.get("path") or line.get("local")) for line in answer.lines
                  if line.get("type") == "action")


def plain(node, *args, timeout=120):
    """The client as somebody who may not write everywhere."""
    done = subprocess.run([*PLAIN, CLIENT, "--profile", node.profile, *args, "--json"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV, timeout=timeout)
    look_for_sanitizer(f"filesphere {args}", done.stderr)
    return Answer(done.returncode, parse_lines(done.stdout), done.stderr.decode("utf-8", "replace"), done.stdout)


def temporary_files(root):
    return [os.path.join(folder, name) for folder, _, names in os.walk(os.fsencode(root)) for name in names
            if TEMPORARY.fullmatch(name)]


def fill(root, sizes, chance):
    """Files f0, f1, ... in folders of a hundred."""
    for at, size in enumerate(sizes):
        folder = root / f"d{at // 100:04}"
        if at % 100 == 0:
            folder.mkdir(parents=True)
        (folder / f"f{at}").write_bytes(chance.randbytes(size))


# -- round trips ----------------------------------------------------------------------------------------------


def test_real(node, source, name):
    back = temp_dir() / f"back-{name}"
    began = time.monotonic()
    answer = node.cli("put", "-r", source, f"/{name}", timeout=3000)
    put_seconds = time.monotonic() - began
    skipped = answer.lines[-1].get("skipped") if answer.lines else None
    need(f"put -r of {source}", answer.code == 0 and skipped == 0, (answer.code, answer.lines[-1:], answer.stderr[-500:]))
    began = time.monotonic()
    answer = node.cli("get", "-r", f"/{name}", back, timeout=3000)
    get_seconds = time.monotonic() - began
    need(f"get -r of it", answer.code == 0, (answer.code, answer.lines[-1:], answer.stderr[-500:]))
    done = subprocess.run(["diff", "-r", "--no-dereference", source, back], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    check("diff -r --no-dereference finds nothing", done.returncode == 0, done.stdout[:500])
    was, now = snapshot(source), snapshot(back)
    # Set-id bits are never restored.
    check_same(f"{source} comes back the same, with modes and times", was, now)
    answer = node.cli("check", source, f"/{name}", timeout=3000)
    check("check finds no difference", answer.code == 0 and answer.lines[-1].get("checked") == len(was) - 1,
          (answer.code, answer.lines[-3:], len(was)))
    answer = node.cli("sync", source, f"/{name}", timeout=3000)
    check("sync has nothing to do", answer.code == 0 and not actions(answer) and answer.lines[-1].get("same") == len(was),
          answer.lines[-3:])
    answer = node.cli("sync", "--down", back, f"/{name}", timeout=3000)
    check("neither has sync --down", answer.code == 0 and not actions(answer), answer.lines[-3:])
    size = sum(v[3] for v in was.values() if v[0] == "file")
    say(f"{source}: {len(was)} entries, {size >> 20} MiB, put {put_seconds:.1f} s, get {get_seconds:.1f} s")
    shutil.rmtree(back)


def test_many_small(node, count, size, chance):
    source, back = temp_dir() / f"many-{size}", temp_dir() / f"many-{size}-back"
    fill(source, [size] * count, chance)
    began = time.monotonic()
    answer = node.cli("put", "-r", source, f"/many-{size}", timeout=3000)
    middle = time.monotonic()
    need(f"put -r of {count} files of {size} bytes", answer.code == 0 and answer.lines[-1].get("files") == count,
         (answer.code, answer.lines[-1:], answer.stderr[-500:]))
    lines = [line for line in answer.lines if line.get("type") == "file"]
    check("each has its line, in the order of the names",
          [line["path"] for line in lines] == [f"/many-{size}/d{at // 100:04}/f{at}" for folder in range(0, count, 100)
                                               for at in sorted(range(folder, min(folder + 100, count)), key=str)],
          lines[:2])
    wrong = [line["path"] for line in lines
             if line["sha256"] != sha256((source / line["path"][len(f"/many-{size}/"):]).read_bytes())]
    check("with the digest of its content", not wrong, wrong[:5])
    again = time.monotonic()
    answer = node.cli("get", "-r", f"/many-{size}", back, timeout=3000)
    end = time.monotonic()
    check("get -r of them", answer.code == 0 and answer.lines[-1].get("files") == count, answer.lines[-1:])
    check_same("they come back the same", snapshot(source), snapshot(back))
    say(f"{count} files of {size} bytes: put {count / (middle - began):.0f}/s, get {count / (end - again):.0f}/s")
    shutil.rmtree(back)
    return source


# -- names and kinds ------------------------------------------------------------------------------------------

ODD = ["new\nline", "two\n\nlines", "quo'te", 'dou"ble', "-r", "--help", "-", "a" * 255, "名前" * 40, "имя", "اسم", "e\u0301",
       "\u00e9", "Case", "case", "CASE", " lead", "trail ", "\t", "\x1b[31mred", "back\\slash", "*", "?", "[a]", "~", "$HOME",
       "%00", "#", "a:b", "...", ".hidden", "\u202e", "😀"]


def test_names(node):
    source, back = temp_dir() / "odd", temp_dir() / "odd-back"
    for number, folder in enumerate((source, source / "in \n it")):
        folder.mkdir()
        for name in ODD:
            (folder / name).write_text(f"{number} {name}")
            if number == 0 and len(name) < 100:
                (folder / (name + ".d")).mkdir()
    answer = node.cli("put", "-r", source, "/odd")
    check("put -r of odd names", answer.code == 0, (answer.code, answer.lines[-1:], answer.stderr[-500:]))
    answer = node.cli("get", "-r", "/odd", back)
    check("get -r of them", answer.code == 0, (answer.code, answer.lines[-1:]))
    check_same("odd names come back the same", snapshot(source), snapshot(back))
    answer = node.cli("get", "-r", "/odd", temp_dir() / "odd-third", as_json=False)
    check("lines for people have no control characters", answer.code == 0 and
          not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", answer.stdout), answer.stdout[:300])
    bad = [b"bad-\xff", b"\xc0\xaf", b"\xed\xa0\x80 surrogate"]
    for name in bad:
        with open(os.path.join(os.fsencode(source), name), "wb") as file:
            file.write(b"x")
    answer = node.cli("put", "-r", source, "/bad")
    failures = [line for line in answer.lines if line.get("type") == "failure"]
    check("names that are no UTF-8: exit 7, and a line each", answer.code == 7 and len(failures) == len(bad) and
          all(line["symbol"] == "bad-name" for line in failures), (answer.code, failures))
    check("the line escapes what it names", any("bad-\\xff" in line["message"] or "bad-\ufffd" in line["message"]
                                                for line in failures), failures)
    check_equal("the rest was stored", answer.lines[-1].get("done"), len(snapshot(source)) - len(bad))
    for name in bad:
        os.unlink(os.path.join(os.fsencode(source), name))


def test_kinds(node):
    source, back = temp_dir() / "kinds", temp_dir() / "kinds-back"
    (source / "empty").mkdir(parents=True)
    (source / "empty-in" / "empty").mkdir(parents=True)
    os.symlink("nowhere", source / "dangling")
    os.symlink("empty", source / "to-directory")
    (source / "one").write_bytes(b"linked")
    os.link(source / "one", source / "two")
    os.mkfifo(source / "pipe")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(source / "socket"))
    for mode, name in ((0o555, "closed"), (0o500, "closed/inner")):
        (source / name).mkdir()
    for name in ("closed/file", "closed/inner/file"):
        (source / name).write_bytes(b"in a directory that cannot be written to")
    os.chmod(source / "closed" / "inner" / "file", 0o400)
    os.chmod(source / "closed" / "inner", 0o500)
    os.chmod(source / "closed", 0o555)
    os.utime(source / "closed", ns=(10**18, 10**18))
    answer = node.cli("put", "-r", source, "/kinds")
    check("pipes and sockets are skipped with a warning", answer.code == 0 and answer.lines[-1].get("skipped") == 2 and
          "pipe: skipped" in answer.stderr and "socket: skipped" in answer.stderr, answer)
    answer = node.cli("put", "-r", "--strict", source, "/strict")
    check("--strict: exit 7", answer.code == 7 and answer.lines[-1].get("failed") == 2, answer.lines[-1:])
    listener.close()
    os.unlink(source / "socket")
    os.unlink(source / "pipe")
    was = snapshot(source)
    for name in ("/kinds", "/kinds again"):  # the second time over what is there, which cannot be written to
        answer = plain(node, "get", "-r", "/kinds", back if name == "/kinds" else temp_dir())
        check(f"get -r of {name}", answer.code == 0, (answer.code, answer.lines[-3:], answer.stderr))
        if name == "/kinds":
            shutil.copytree(back, temp_dir() / "copy", symlinks=True)
            os.rename(back, temp_dir() / "kinds.first")
            os.rename(temp_dir() / "kinds", temp_dir() / "kinds.source")
            os.rename(temp_dir() / "kinds.first", temp_dir() / "kinds")
        now = snapshot(temp_dir() / "kinds")
        was_here = {k: v for k, v in was.items() if k}  # renaming changes nothing below
        check_same("links, empty and read-only directories come back", was_here, {k: v for k, v in now.items() if k})
    check_equal("hard links are two files", (temp_dir() / "kinds" / "two").stat().st_nlink, 1)


def test_unwritable(node):
    """Where nothing may be written nothing is, and it is said."""
    node.put_bytes("/w/a", b"a")
    node.put_bytes("/w/b", b"b" * 10_000)
    target = temp_dir() / "no"
    target.mkdir()
    os.chmod(target, 0o555)
    answer = plain(node, "get", "-r", "/w", target)
    check("get -r into a directory that may not be written to: exit 1, nothing is there",
          answer.code == 1 and os.listdir(target) == [] and "cannot be made" in answer.lines[-1].get("message", ""), answer)
    answer = plain(node, "get", "/w/a", target)
    check("get of a file into it, too", answer.code == 1 and os.listdir(target) == [], answer)
    os.chmod(target, 0o755)
    # A directory stands where a file goes: the others come all the same.
    (target / "w" / "a").mkdir(parents=True)
    answer = node.cli("get", "-r", "/w", target)
    check("a directory in the way of a file: exit 7", answer.code == 7 and answer.lines[-1].get("failed") == 1 and
          (target / "w" / "b").read_bytes() == b"b" * 10_000 and not temporary_files(target), answer)
    unreadable = temp_dir() / "unreadable"
    (unreadable / "secret").mkdir(parents=True)
    (unreadable / "file").write_bytes(b"x")
    (unreadable / "good").write_bytes(b"good")
    os.chmod(unreadable / "file", 0)
    os.chmod(unreadable / "secret", 0)
    answer = plain(node, "put", "-r", unreadable, "/unreadable")
    check("what cannot be read: exit 7, and a line each", answer.code == 7 and answer.lines[-1].get("failed") == 2,
          answer.lines)
    check_equal("the rest is stored", node.cat("/unreadable/good"), b"good")
    os.chmod(unreadable / "secret", 0o700)


def test_full_disk(node, chance):
    """A full local disk ends the command, with 9, and leaves nothing half-written."""
    source, target = temp_dir() / "large", temp_dir() / "tiny-disk"
    fill(source, [60_000] * 60, chance)
    target.mkdir()
    need("put -r", node.cli("put", "-r", source, "/large").code == 0)
    # In a mount namespace of its own, which goes with its last process.
    script = 'mount -t tmpfs -o size=1m none "$1" || exit 99; shift; "$@"; code=$?; ls -aR "$TARGET" >&2; exit $code'
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", target, CLIENT, "--profile", node.profile, "get",
                           "-r", "/large", target / "back", "--json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env={**ENV, "TARGET": str(target)}, timeout=60)
    if done.returncode in (1, 99) and not done.stdout:
        say("not allowed to mount a small file system: a full disk was not tried")
        return
    look_for_sanitizer("get onto a full disk", done.stderr)
    last = parse_lines(done.stdout)[-1]
    check("a full disk: exit 9, and said why", done.returncode == 9 and "No space left" in last.get("message", ""),
          (done.returncode, last, done.stderr[-300:]))
    check("what had room is there, nothing half-written", b"\nf" in done.stderr and not TEMPORARY.search(done.stderr),
          done.stderr[-1000:])


# -- trees that do not stand still ----------------------------------------------------------------------------


def test_changing(node):
    source = temp_dir() / "changing"
    source.mkdir()
    (source / "log").write_bytes(bytes(30 << 20))
    (source / "shrinks").write_bytes(bytes(30 << 20))
    (source / "still").write_bytes(b"still")
    stop = threading.Event()

    def scribble():
        at = 0
        with open(source / "log", "r+b") as file:
            while not stop.is_set():
                file.seek(at % (30 << 20))
                file.write(b"%d" % at)
                file.flush()
                at += 4099
                os.truncate(source / "shrinks", (10 << 20) + at % (20 << 20))
                os.truncate(source / "shrinks", 5 << 20)
                time.sleep(0.001)

    thread = threading.Thread(target=scribble)
    thread.start()
    try:
        answer = node.cli("put", "-r", source, "/changing", timeout=120)
    finally:
        stop.set()
        thread.join()
    failures = [line for line in answer.lines if line.get("type") == "failure"]
    check("files that are written to, or shrink, while they are read: exit 7, they are named", answer.code == 7 and
          [re.search(r"(log|shrinks): changed while it was read", line["message"]) is not None for line in failures] ==
          [True, True], (answer.code, failures))
    check_equal("the others are stored", node.cat("/changing/still"), b"still")
    answer = node.cli("put", "-r", os.fspath(source) + "/", "/changing")
    check("again, when nobody writes to it", answer.code == 0 and
          node.cli("check", source, "/changing/changing").code == 0, answer.lines[-1:])


def test_vanishing(node, chance):
    source = temp_dir() / "vanishing"
    count, gone = 1500, 100
    source.mkdir()
    for at in range(count):
        (source / f"f{at:04}").write_bytes(chance.randbytes(6000))
    process = subprocess.Popen([CLIENT, "--profile", node.profile, "put", "-r", source, "/vanishing", "--json"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV)
    line = b""
    while b'"file"' not in line:
        line = process.stdout.readline()
        if not line:
            break
    for at in range(count - gone, count):
        (source / f"f{at:04}").unlink()
    out, err = process.communicate(timeout=120)
    look_for_sanitizer("put of vanishing files", err)
    last = parse_lines(out)[-1]
    check("files that vanish are skipped, with a word", process.returncode == 0 and last.get("files") == count - gone and
          last.get("skipped") == gone and err.count(b"it went away") == gone, (process.returncode, last, err[-300:]))


def interrupt(node, *args, until, lines):
    """Runs it and presses Ctrl-C after so many lines with this text: the answer."""
    process = subprocess.Popen([CLIENT, "--profile", node.profile, *args, "--json"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=ENV)
    seen, data = 0, b""
    for line in process.stdout:
        data += line
        seen += until in line
        if seen == lines:
            process.send_signal(signal.SIGINT)
            break
    began = time.monotonic()
    out, err = process.communicate(timeout=60)
    look_for_sanitizer(f"interrupted {args}", err)
    return Answer(process.returncode, parse_lines(data + out), err.decode(), data + out), time.monotonic() - began


def test_interrupt(node, chance):
    source, back = temp_dir() / "stop", temp_dir() / "stop-back"
    fill(source, [chance.choice([100, 5000, 60_000, 300_000]) for _ in range(1200)], chance)
    answer, seconds = interrupt(node, "put", "-r", source, "/stop", until=b'"file"', lines=40)
    last = answer.lines[-1]
    check("Ctrl-C in put -r: exit 130, and how to go on", answer.code == 130 and "run the same command again" in
          last.get("message", ""), (answer.code, last, answer.stderr[-300:]))
    check("it ends soon", seconds < 10, seconds)
    files = sum(1 for line in answer.lines if line.get("type") == "file")
    check("not everything was stored, something was", 40 <= files < 1200, files)
    answer = node.cli("sync", source, "/stop", timeout=120)
    check("sync goes on with what is missing", answer.code == 0 and 0 < answer.lines[-1]["put"] <= 1200 - 40, answer.lines[-1:])
    answer, _ = interrupt(node, "get", "-r", "/stop", back, until=b'"file"', lines=40)
    check("Ctrl-C in get -r: exit 130", answer.code == 130, (answer.code, answer.lines[-1:]))
    check("nothing half-written is left", back.exists() and not temporary_files(back), temporary_files(back))
    was = snapshot(source)
    wrong = [name for name, value in snapshot(back).items() if value[0] == "file" and value != was.get(name)]
    check("what is there is complete", not wrong, wrong[:5])
    answer = node.cli("sync", "--down", back, "/stop", timeout=120)
    check("sync --down completes it", answer.code == 0, answer.lines[-1:])
    check_same("and it is the same", was, snapshot(back))


def test_gone_node(node, chance):
    """A node that goes away ends the command, with 8."""
    source = temp_dir() / "gone"
    fill(source, [60_000] * 600, chance)
    process = subprocess.Popen([CLIENT, "--profile", node.profile, "put", "-r", source, "/gone", "--json", "--timeout", "2"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV)
    for line in process.stdout:
        if b'"file"' in line:
            break
    node.kill9()
    out, err = process.communicate(timeout=120)
    look_for_sanitizer("put to a node that goes away", err)
    lines = parse_lines(out)
    check("the node goes away in the middle: exit 8", process.returncode == 8 and lines[-1].get("type") == "error",
          (process.returncode, lines[-3:], err[-300:]))
    failures = sum(1 for line in lines if line.get("type") == "failure")
    check("at most what was in flight is told", 1 <= failures <= 17, failures)
    node.start()
    answer = node.cli("sync", source, "/gone", timeout=120)
    check("the second run completes", answer.code == 0 and node.cli("check", source, "/gone").code == 0, answer.lines[-1:])


# -- conditions and options -----------------------------------------------------------------------------------


def test_options(node):
    folder = temp_dir() / "options"
    folder.mkdir()
    file, receipt = folder / "file", folder / "receipt"
    file.write_bytes(b"first")
    answer = node.cli("put", "--dry-run", file, "/o/file")
    check("put --dry-run says what it would do", answer.code == 0 and actions(answer) == [("put", "/o/file")], answer)
    check_equal("and does not", node.cli("stat", "/o/file").code, 3)
    answer = node.cli("put", "--receipt", receipt, file, "/o/file")
    first = answer.lines[-1]
    check("--receipt keeps the signed bytes", answer.code == 0 and receipt.read_bytes().hex() ==
          first["receipt"]["signed"], answer)
    for option in ("-n", "--no-replace", "--if-none-match"):
        answer = node.cli("put", option, file, "/o/file")
        check(f"put {option} onto a file: exit 4", answer.code == 4 and answer.lines[-1].get("symbol") == "exists", answer)
    answer = node.cli("put", "--replace", "--message", "again", file, "/o/file")
    second = answer.lines[-1]
    check("put --replace", answer.code == 0 and second.get("number") == 2, answer)
    answer = node.cli("put", "--if-match", first["version"], file, "/o/file")
    check("put --if-match with an old version: exit 4", answer.code == 4, answer)
    answer = node.cli("put", "--if-match", second["version"], file, "/o/file")
    check("put --if-match with the present one", answer.code == 0, answer)
    third = answer.lines[-1]["version"]
    answer = node.cli("put", "--checksum", file, "/o/file")
    check("put --checksum of the same content does nothing", answer.code == 0 and
          node.cli("stat", "/o/file").lines[-1].get("version") == third, answer)
    file.write_bytes(b"other")
    answer = node.cli("put", "--checksum", file, "/o/file")
    check("put --checksum of another content stores it", answer.code == 0 and node.cat("/o/file") == b"other", answer)
    base = answer.lines[-1]["version"]
    for number in (1, 2):
        file.write_bytes(b"edit %d" % number)
        answer = node.cli("put", "--edit", base, file, "/o/file")
        check(f"edit {number} of one version", answer.code == 0, answer)
    check_equal("both edits stand", len(node.cli("stat", "/o/file").lines[-1]["heads"]), 2)
    answer = node.cli("put", "--base", "/o/file", "--base", "/o/none", file, "/o/based")
    check("put --base", answer.code == 0 and node.cat("/o/based") == b"edit 2", answer)
    for words in (("--if-match", base, "-r"), ("--edit", base, "-r"), ("--receipt", receipt, "-r"), ("--edit", base, "-n"),
                  ("--replace", "-n"), ("--exclude", "x"), ("--edit", "1x"), ("--dry-run", "--receipt", receipt)):
        answer = node.cli("put", *words, file, "/o/file")
        check(f"put {' '.join(map(str, words))[:40]}: exit 2", answer.code == 2 and answer.lines[-1].get("symbol") == "invalid",
              answer)
    # What is there already, small files in groups, and others around it.
    tree = folder / "tree"
    tree.mkdir()
    for at in range(100):
        (tree / f"f{at:02}").write_bytes(b"%d" % at)
    node.put_bytes("/o/tree/f07", b"mine")
    node.put_bytes("/o/tree/f50", b"mine")
    answer = node.cli("put", "-r", "-n", os.fspath(tree) + "/.", "/o/tree")
    failed = [line["message"].split(":")[0] for line in answer.lines if line.get("type") == "failure"]
    check("put -r -n: exit 7, and only what was there is refused", answer.code == 7 and
          sorted(failed) == ["/o/tree/f07", "/o/tree/f50"], (answer.code, failed))
    check("what was there stays, the rest is stored", node.cat("/o/tree/f07") == b"mine" and node.cat("/o/tree/f08") == b"8")
    # A refused group is done one by one: a directory stands where one of them goes.
    node.cli("rm", "-r", "/o/tree")
    node.cli("mkdir", "-p", "/o/tree/f33")
    answer = node.cli("put", "-r", os.fspath(tree) + "/.", "/o/tree")
    check("one that cannot be stored does not take its group with it", answer.code == 7 and
          answer.lines[-1].get("failed") == 1 and node.cat("/o/tree/f34") == b"34", answer.lines[-2:])


def test_attributes(node):
    """A directory that is there gets the new mode and time."""
    source, back = temp_dir() / "attr", temp_dir() / "attr-back"
    (source / "sub").mkdir(parents=True)
    (source / "file").write_bytes(b"x")
    need("put -r", node.cli("put", "-r", source, "/attr").code == 0)
    for path, mode, ns in ((source / "sub", 0o711, 10**18 + 1), (source / "file", 0o640, 10**18 + 2), (source, 0o750, 10**18 + 3)):
        os.chmod(path, mode)
        os.utime(path, ns=(ns, ns))
    answer = node.cli("put", "-r", os.fspath(source) + "/", "/")
    check("put -r over it", answer.code == 0, answer)
    node.cli("get", "-r", "/attr", back)
    check_same("directories have the new modes and times, too", snapshot(source), snapshot(back))
    os.chmod(source / "file", 0o600)
    os.chmod(source / "sub", 0o700)
    answer = node.cli("sync", source, "/attr")
    check("sync sends only the modes", answer.code == 0 and actions(answer) == [("attr", "/attr/file"), ("attr", "/attr/sub")],
          actions(answer))
    answer = node.cli("sync", "--down", back, "/attr")
    check("and takes only the modes", answer.code == 0 and
          actions(answer) == [("attr", "/attr/file"), ("attr", "/attr/sub")], actions(answer))
    check_same("and both are the same", snapshot(source), snapshot(back))
    check_equal("no version was made", node.cli("stat", "/attr/file").lines[-1].get("number"), 2)


def test_exclude(node):
    source, back = temp_dir() / "exclude", temp_dir() / "exclude-back"
    for name in ("a.o", "b.c", "sub/c.o", "sub/d.c", "cache/x", "sub/cache/y", "build/out", "sub/build/out", "cache.c"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    globs = ["--exclude", "*.o", "--exclude", "cache/", "--exclude", "/build"]
    answer = node.cli("put", "-r", *globs, source, "/exclude")
    wanted = ["b.c", "cache.c", "sub/build/out", "sub/d.c"]
    found = sorted(line["path"][9:] for line in answer.lines if line.get("type") == "file")
    check("put -r --exclude", answer.code == 0 and found == wanted, found)
    node.cli("put", "-r", os.fspath(source), "/whole")
    node.cli("get", "-r", *globs, "/whole", back)
    found = sorted(str(p.relative_to(back)) for p in back.rglob("*") if p.is_file())
    check_equal("get -r --exclude", found, wanted)


# -- sync -----------------------------------------------------------------------------------------------------


def test_sync_up(node):
    local = temp_dir() / "up"
    for name in ("same", "changed", "gone", "sub/deep/file", "sub/gone", "old/all/of/it", "kind", "excluded.o"):
        (local / name).parent.mkdir(parents=True, exist_ok=True)
        (local / name).write_text(name)
    os.symlink("same", local / "link")
    answer = node.cli("sync", local, "/up")
    check("sync up stores everything", answer.code == 0 and answer.lines[-1].get("put") == 9 and
          answer.lines[-1].get("mkdir") == 6, answer.lines[-1:])
    answer = node.cli("sync", local, "/up")
    check("a second one does nothing", answer.code == 0 and not actions(answer) and answer.lines[-1].get("same") == 15,
          answer.lines)
    answer = node.cli("sync", local, "/up", as_json=False)
    check("and says so", answer.stdout.startswith(b"nothing to do"), answer.stdout)
    (local / "changed").write_text("CHANGED")
    (local / "new").write_text("new")
    (local / "gone").unlink()
    (local / "sub" / "gone").unlink()
    shutil.rmtree(local / "old")
    (local / "kind").unlink()
    (local / "kind").mkdir()
    (local / "kind" / "inside").write_text("inside")
    (local / "link").unlink()
    os.symlink("changed", local / "link")
    (local / "excluded.o").unlink()
    wanted = [("delete", "/up/gone"), ("delete", "/up/kind"), ("delete", "/up/old"), ("delete", "/up/sub/gone"),
              ("mkdir", "/up/kind"), ("put", "/up/changed"), ("put", "/up/kind/inside"), ("put", "/up/link"),
              ("put", "/up/new")]
    args = ("sync", "--delete", "--exclude", "*.o", local, "/up")
    before = [line for line in node.cli("changes").lines if line.get("type") == "change"]
    answer = node.cli(*args, "--dry-run")
    real = lambda answer: [a for a in actions(answer) if a[0] != "attr"]  # directories have new times
    check("--dry-run says what would be done", answer.code == 0 and real(answer) == wanted, real(answer))
    after = [line for line in node.cli("changes").lines if line.get("type") == "change"]
    check("and does nothing", len(after) == len(before), after[len(before):])
    answer = node.cli(*args)
    words = answer.lines[-1].get("message", "")
    check("--delete without --yes and a terminal: exit 2, nothing is done", answer.code == 2, answer)
    check("it says where things go, and how to mean it", "moved to the trash" in words and "--yes" in words and
          "undone" not in words, words)
    answer = node.cli(*args, "--yes")
    check("--delete --yes does it", answer.code == 0 and real(answer) == wanted, (answer.code, real(answer), answer.lines[-1:]))
    answer = node.cli("check", "--exclude", "*.o", local, "/up")
    check("both are the same now", answer.code == 0, answer.lines)
    check_equal("what is excluded stays", node.cat("/up/excluded.o"), b"excluded.o")
    trash = [line.get("path") for line in node.cli("trash", "ls").lines]
    check("what went is in the trash", {"/up/gone", "/up/old"} <= set(trash), trash)
    answer = node.cli(*args, "--yes")
    check("then there is nothing to do", answer.code == 0 and not actions(answer), answer.lines)


def test_sync_down(node):
    local, outside = temp_dir() / "down", temp_dir() / "outside-down"
    for name in ("same", "changed", "sub/deep/file", "kind/inside"):
        node.put_bytes(f"/down/{name}", name.encode())
    answer = node.cli("sync", "--down", local, "/down")
    check("sync --down fetches everything", answer.code == 0 and answer.lines[-1].get("get") == 4, answer.lines[-1:])
    # No attributes there: only what has a time there can be known to be the same.
    back = temp_dir() / "down-source"
    shutil.copytree(local, back, symlinks=True)
    need("sync up", node.cli("sync", local, "/down2").code == 0)
    answer = node.cli("sync", "--direction", "down", local, "/down2")
    check("a second one does nothing", answer.code == 0 and not actions(answer), answer.lines)
    outside.mkdir()
    (outside / "precious").write_text("must stay")
    node.cli("rm", "-r", "/down2/kind")
    node.put_bytes("/down2/kind", b"a file now")
    node.put_bytes("/down2/changed", b"CHANGED!")
    (local / "extra").mkdir()
    (local / "extra" / "file").write_text("x")
    os.symlink(outside, local / "extra" / "way-out")
    os.symlink(outside, local / "way-out")
    os.chmod(local / "extra", 0o500)
    shutil.rmtree(local / "sub" / "deep")
    os.symlink(outside, local / "sub" / "deep")  # where a directory goes
    (local / "keep.o").write_text("excluded")
    wanted = [("delete", str(local / "extra")), ("delete", str(local / "kind")), ("delete", str(local / "sub" / "deep")),
              ("delete", str(local / "way-out")), ("get", "/down2/changed"), ("get", "/down2/kind"),
              ("get", "/down2/sub/deep/file"), ("mkdir", "/down2/sub/deep")]
    args = ("sync", "--down", "--delete", "--exclude", "*.o", local, "/down2")
    real = lambda answer: [a for a in actions(answer) if a[0] != "attr"]
    was = snapshot(local)
    answer = node.cli(*args, "--dry-run")
    check("--dry-run says what would be done", answer.code == 0 and real(answer) == wanted, real(answer))
    check("and does nothing", snapshot(local) == was, differences(was, snapshot(local)))
    answer = node.cli(*args)
    check("--delete wants --yes, for good as it is", answer.code == 2 and "deleted; this cannot be undone" in
          answer.lines[-1].get("message", ""), answer)
    answer = plain(node, *args, "--yes")
    check("--delete --yes does it", answer.code == 0 and real(answer) == wanted, (answer.code, real(answer), answer.stderr))
    check("nothing outside the tree is touched", (outside / "precious").read_text() == "must stay", os.listdir(outside))
    check("what is excluded stays", (local / "keep.o").exists())
    check("both are the same now", node.cli("check", "--exclude", "*.o", local, "/down2").code == 0)
    # --checksum: times do not count.
    for path in local.rglob("*"):
        if path.is_file() and not path.is_symlink():
            os.utime(path, ns=(10**18, 10**18))
    answer = node.cli("sync", "--checksum", "--exclude", "*.o", local, "/down2")
    check("sync --checksum sends no content again", answer.code == 0 and
          {a for a, _ in actions(answer)} == {"attr"} and answer.lines[-1].get("put") == 0, answer.lines)


# What is there on the other side only, and in the way; what of it must stay under EXCLUDES, and what goes.
EXCLUDES = ["--exclude", "*.o", "--exclude", "cache/", "--exclude", "/pin/me"]
EXTRA = ["whole/x", "whole/sub/y", "some/x", "some/keep.o", "some/deep/z", "some/deeper/in/keep.o", "some/deeper/w",
         "some/cache/file", "pin/me", "pin/you", "a.o/b/c", "last", "open/way/x", "stop/way/x", "stop/way/in/keep.o", "stop2/cache/x"]
STAYS = ["a.o/b/c", "pin/me", "some/cache/file", "some/deeper/in/keep.o", "some/keep.o", "stop/way/in/keep.o", "stop/way/x",
         "stop2/cache/x"]
WANTED = ["last", "open/way", "pin/you", "some/deep", "some/deeper/w", "some/x", "whole"]
IN_THE_WAY = ["open/way", "stop/way", "stop2/cache"]  # files there, directories here


def check_protected(answer, name, done, kept, refused):
    check_equal(f"{name}: what is not excluded goes, as large as it can", done, WANTED)
    failures = [line["message"] for line in answer.lines if line.get("type") == "failure"]
    check(f"{name}: a directory with something excluded in the way of a file: exit 7, a line each", answer.code == 7 and
          len(failures) == 2 and all(path in text and "excluded" in text for path, text in zip(refused, failures)),
          (answer.code, failures))
    warnings = [line for line in answer.stderr.splitlines() if "warning" in line]
    check(f"{name}: one line for each extra directory that stays", len(warnings) == 2 and
          all(path + ": " in text and "excluded" in text for path, text in zip(kept, warnings)), answer.stderr)


def test_protected_up(node):
    local = temp_dir() / "protect"
    for name in IN_THE_WAY:
        (local / name).parent.mkdir(parents=True)
        (local / name).write_text("a file")
    for name in EXTRA:
        node.put_bytes(f"/protect/{name}", name.encode())
    node.cli("mkdir", "/protect/some/void")
    args = ("sync", "--delete", "--yes", *EXCLUDES, local, "/protect")
    kept = [f"/protect/{name}" for name in ("pin", "some")]
    refused = [f"/protect/{name}" for name in ("stop/way", "stop2/cache")]

    def there():
        return sorted(line["path"][9:] for line in node.cli("find", "/protect").lines if line.get("type") == "entry" and
                      line["kind"] == "file")

    for name, more in (("up --dry-run", ("--dry-run",)), ("up", ())):
        answer = node.cli(*args, *more)
        done = [path[9:] for action, path in actions(answer) if action == "delete"]
        check(f"{name}: an empty directory goes, too", "some/void" in done, done)
        check_protected(answer, name, [path for path in done if path != "some/void"], kept, refused)
        if more:
            check_equal("nothing was done", there(), sorted(EXTRA))
    check_equal("what is excluded stays", there(), sorted(STAYS + ["open/way"]))
    check_equal("also its content", node.cat("/protect/some/deeper/in/keep.o"), b"some/deeper/in/keep.o")
    answer = node.cli(*args)
    check("once more nothing is deleted", not [a for a in actions(answer) if a[0] == "delete"], actions(answer))
    answer = node.cli("sync", "--delete", "--yes", local, "/protect")
    check("without --exclude it goes", answer.code == 0 and there() == sorted(IN_THE_WAY), (answer.lines, there()))


def test_protected_down(node):
    local, outside = temp_dir() / "protect-down", temp_dir() / "protect-outside"
    for name in IN_THE_WAY:
        node.put_bytes(f"/protect-down/{name}", b"a file")
    for name in EXTRA:
        (local / name).parent.mkdir(parents=True, exist_ok=True)
        (local / name).write_text(name)
    outside.mkdir()
    (outside / "x.o").write_text("must stay")
    os.symlink(outside, local / "some" / "void")  # a link is removed, and nobody looks behind it
    os.chmod(local / "some" / "deeper", 0o500)
    args = ("sync", "--down", "--delete", "--yes", *EXCLUDES, local, "/protect-down")
    kept = [str(local / name) for name in ("pin", "some")]
    refused = [str(local / name) for name in ("stop/way", "stop2/cache")]
    there = lambda: sorted(str(p.relative_to(local)) for p in local.rglob("*") if not p.is_dir() or p.is_symlink())
    before = snapshot(local)
    for name, more in (("down --dry-run", ("--dry-run",)), ("down", ())):
        answer = plain(node, *args, *more)
        done = [os.path.relpath(path, local) for action, path in actions(answer) if action == "delete"]
        check(f"{name}: a link goes, too", "some/void" in done, done)
        check_protected(answer, name, [path for path in done if path != "some/void"], kept, refused)
        if more:
            check("nothing was done", snapshot(local) == before, differences(before, snapshot(local)))
    check_equal("what is excluded stays", there(), sorted(STAYS + ["open/way"]))
    check_equal("with its content", (local / "some/deeper/in/keep.o").read_text(), "some/deeper/in/keep.o")
    check_equal("and the mode of what is around it", (local / "some/deeper").stat().st_mode & 0o777, 0o500)
    check_equal("behind the link all stays", (outside / "x.o").read_text(), "must stay")
    answer = plain(node, *args)
    check("once more nothing is deleted", not [a for a in actions(answer) if a[0] == "delete"], actions(answer))
    answer = plain(node, "sync", "--down", "--delete", "--yes", local, "/protect-down")
    check("without --exclude it goes", answer.code == 0 and there() == sorted(IN_THE_WAY), (answer.lines, there()))


# -- check ----------------------------------------------------------------------------------------------------


def test_check(node, chance):
    local = temp_dir() / "checked"
    fill(local, [100, 5000, 70_000, 300_000], chance)
    os.symlink("d0000/f0", local / "link")
    (local / "extra").write_text("here only")
    node.cli("put", "-r", "--exclude", "extra", local, "/checked")
    node.put_bytes("/checked/there", b"there only")
    node.put_bytes("/checked/kind", b"a file")
    (local / "kind").mkdir()
    path = local / "d0000" / "f2"
    about = path.stat()
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    os.chmod(local / "d0000" / "f1", 0o777)
    (local / "d0000" / "f0").write_bytes(b"short")
    (local / "link").unlink()
    os.symlink("d0000/f1", local / "link")
    answer = node.cli("check", local, "/checked")
    found = sorted((line["what"], line.get("path") or line.get("local")) for line in answer.lines
                   if line.get("type") == "difference")
    wanted = [("content", "/checked/d0000/f2"), ("kind", "/checked/kind"), ("mode", "/checked/d0000/f1"),
              ("only-local", str(local / "extra")), ("only-remote", "/checked/there"), ("size", "/checked/d0000/f0"),
              ("target", "/checked/link")]
    check("check finds every difference, a flipped byte among them: exit 7", answer.code == 7 and found == wanted,
          (answer.code, found))
    check("its last line says so", answer.lines[-1].get("symbol") == "mismatch" and answer.lines[-1].get("exit") == 7,
          answer.lines[-1])
    answer = node.cli("check", "/checked")
    check("check of what is stored", answer.code == 0 and answer.lines[-1].get("differences") == 0, answer.lines)


def test_check_damage(chance):
    """Bytes flip on the node's disk: check REMOTE finds them, and get leaves nothing."""
    node = Node(name="damaged").start()
    for at in range(4):
        node.put_bytes(f"/big/{at}", chance.randbytes(3_000_000))
    need("what is stored is sound", node.cli("check", "/big").code == 0)
    need("the node stops", node.stop() == 0)
    segment = max(node.directory.glob("segments/*"), key=lambda path: path.stat().st_size, default=None)
    need("large contents are in segments", segment is not None, os.listdir(node.directory))
    with open(segment, "r+b") as file:
        # In the middle of the second file, and more than lies between two records: those bytes mean nothing to a get.
        file.seek(segment.stat().st_size * 3 // 8)
        octets = file.read(8192)
        file.seek(-len(octets), os.SEEK_CUR)
        file.write(bytes(octet ^ 0x10 for octet in octets))
    node.start()
    answer = node.cli("check", "/big", timeout=120)
    failures = [line for line in answer.lines if line.get("type") == "failure"]
    check("check REMOTE finds what flipped: exit 10, and names the file", answer.code == 10 and len(failures) == 1 and
          "/big/" in failures[0]["message"], (answer.code, answer.lines))
    back = temp_dir() / "damaged-back"
    answer = node.cli("get", "-r", "/big", back, timeout=120)
    check("get -r fetches the others and leaves nothing of it", answer.code == 7 and len(os.listdir(back)) == 3 and
          not temporary_files(back), (answer.code, os.listdir(back)))
    if node.running():
        node.stop()


# -- progress -------------------------------------------------------------------------------------------------


def test_progress(node, chance):
    """A node that sleeps for a while makes a transfer take long."""
    source = temp_dir() / "slow"
    fill(source, [20_000] * 400, chance)
    (source / "\x1b[31mred").write_bytes(chance.randbytes(20_000))

    def start(*more, stderr=subprocess.PIPE):
        return subprocess.Popen([CLIENT, "--profile", node.profile, "put", "-r", source, f"/slow-{chance.random()}",
                                 "--timeout", "20", "--json", *more], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=stderr, env={**ENV, "TERM": "xterm"})

    def slow(process, seconds=2.6):
        """(stdout, stderr) at its end."""
        while b'"file"' not in process.stdout.readline():
            pass
        node.send(signal.SIGSTOP)
        wake = threading.Timer(seconds, lambda: node.send(signal.SIGCONT))
        wake.start()
        try:
            return process.communicate(timeout=60)  # read all the time: a full pipe would hold it up, too
        finally:
            wake.join()

    for style, wanted in (("json", b'{"type":"progress"'), ("plain", b" files  "), ("none", None), ("auto", None)):
        process = start(f"--progress={style}")
        _, err = slow(process, 6.2 if style == "plain" else 2.6)
        look_for_sanitizer("progress", err)
        check(f"--progress={style}, not on a terminal", process.returncode == 0 and
              (wanted in err if wanted else err == b""), (process.returncode, err[-300:]))
    leader, follower = pty.openpty()
    process = start(stderr=follower)
    os.close(follower)
    slow(process)
    data = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # the other side is closed, and nothing is left
            break
        data += piece
    os.close(leader)
    check("a bar on a terminal", process.returncode == 0 and b" files " in data and data.count(b"\r") > 5, data[-400:])
    check("which is gone at the end", data.endswith(b"\r\x1b[K"), data[-100:])
    check("and escapes names", b"\x1b[31m" not in data, data[-400:])


def run(options):
    chance = random.Random(options.seed)
    say(f"FSP_SEED={options.seed}")
    node = Node().start()
    test_names(node)
    test_kinds(node)
    test_unwritable(node)
    test_full_disk(node, chance)
    test_options(node)
    test_attributes(node)
    test_exclude(node)
    test_sync_up(node)
    test_sync_down(node)
    test_protected_up(node)
    test_protected_down(node)
    test_check(node, chance)
    test_changing(node)
    test_vanishing(node, chance)
    test_interrupt(node, chance)
    test_progress(node, chance)
    test_gone_node(node, chance)
    test_many_small(node, 100_000 if options.long else 2000, 2000, chance)
    test_many_small(node, 10_000 if options.long else 1000, 10_240, chance)
    if options.long:
        test_real(node, LIB, "lib")
    elif PYTHON.is_dir():
        test_real(node, PYTHON, "python3")
    check_equal("the node stops cleanly", node.stop(), 0)
    test_check_damage(chance)


if __name__ == "__main__":
    main(run, seconds=400, long_seconds=7000)
