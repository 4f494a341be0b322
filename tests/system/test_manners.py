#!/usr/bin/env python3
"""Manners of the client where users and scripts are careless: standard streams that are closed or full, odd names,
slips in options; and that what it says names the thing that was meant."""
import os, signal, subprocess, time

from node import CLIENT, ENV, Node, check, check_equal, client, main, need, parse_lines, temp_dir


def shell(node, script, *args, seconds=30):
    """Runs a line of sh with FS as the client and "$@"; (code, stdout, stderr); code None: it hung."""
    env = {**ENV, "FS": str(CLIENT), "FILESPHERE_PROFILE": str(node.profile)}
    try:
        done = subprocess.run(["sh", "-c", script, "sh", *args], env=env, cwd=temp_dir(), capture_output=True,
                              timeout=seconds)
        return done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired as late:
        return None, late.stdout, late.stderr


# -- standard streams -----------------------------------------------------------------------------------------

PRINTERS = ("ls /", "ls --json /", "stat /a", "cat /a", "get /a -", "version ls /a", "changes", "tree", "find", "du",
            "node show", "space ls", "key ls", "completion bash", "help", "--version", "ls --help", "check /",
            "put a /b", "undo --dry-run /b", "watch --count 1 --after 0")


def test_streams(node):
    (temp_dir() / "a").write_bytes(b"content")
    for words in PRINTERS:
        for name, where in (("full", "> /dev/full"), ("closed", ">&-")):
            code, _, err = shell(node, f'"$FS" {words} {where}')
            reason = b"No space left" if name == "full" else b"Bad file descriptor"
            check(f"{words} with {name} stdout: exit 1, and why", code == 1 and err.startswith(b"filesphere: ")
                  and (reason in err or b"not all of it could be written" in err), (code, err))
    code, _, err = shell(node, '"$FS" cat --json /a > /dev/full')
    check("cat --json with full stdout says why, too", code == 1 and b"No space left" in err, (code, err))
    code, _, err = shell(node, '"$FS" put - /nothing <&-')
    check("put - with closed stdin fails", code == 1 and b"Bad file descriptor" in err, (code, err))
    check_equal("and stores nothing", node.cli("stat", "/nothing").code, 3)
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        name = "got" + closed.replace(" ", "")
        code, _, _ = shell(node, f'"$FS" --json get /a /none {closed}; "$FS" --json get /a \'{name}\' {closed}')
        check_equal(f"what is said with {closed} is not in the file that is fetched",
                    (temp_dir() / name).read_bytes(), b"content")


# -- slips ----------------------------------------------------------------------------------------------------

# What is typed, exit code, what the words must have.
SLIPS = (
    (("ls", "-xl", "/"), 2, "-x: there is no such option"),
    (("ls", "-lx", "/"), 2, "-x: there is no such option"),
    (("put", "--recursive=yes", "a", "/a"), 2, "--recursive=yes: the option takes no argument"),
    (("put", "--re", "a", "/a"), 2, "--re: "),
    (("--recursive", "put", "a", "/a"), 2, "--recursive: the option belongs behind its command"),
    (("put", "--mes"), 2, "--mes: the option needs an argument"),
    (("ls", "docs"), 2, "did you mean /docs?"),
    (("ls", "team:docs"), 2, "did you mean team:/docs?"),
    (("ls", ""), 2, "''"),
    (("put", "", "/x"), 2, "''"),
    (("ls", "C:/a"), 2, "'C' is not a name of a space"),
    (("ls", "nothere:/a"), 3, "nothere"),
    (("stat", "/a/../b"), 2, "'..'"),
    (("stat", "/a//b"), 2, "empty"),
    (("stat", "/" + "n" * 256), 2, "255 bytes"),
    (("stat", "/x" * 65), 2, "64"),
    (("stat", ("/" + "n" * 200) * 25), 2, "4096"),
    (("stat", b"/x\xffy"), 2, "UTF-8"),
    (("find", "--newer", "1970-01-01"), 2, "--newer 1970-01-01: give a moment after the beginning of 1970"),
    (("find", "--older", "-99999999999999w"), 2, "after the beginning of 1970"),
    (("ls", "--at", "-3000w", "/"), 2, "after the beginning of 1970"),
    (("find", "--newer", "yesterday"), 2, "give a time as 20"),
)


def test_slips(node):
    for words, code, part in SLIPS:
        plain = node.cli(*words, as_json=False)
        lined = node.cli("--json", *words, as_json=False)
        lined = lined._replace(lines=parse_lines(lined.stdout))
        shown = " ".join(w if isinstance(w, str) else repr(w) for w in words)[:60]
        check(f"{shown}: exit {code}, {part}", plain.code == code and part in plain.stderr and plain.stdout == b"", plain)
        check(f"{shown}: the same in JSON", lined.code == code and lined.lines[-1].get("exit") == code
              and part in lined.lines[-1]["message"], lined)


# -- batches --------------------------------------------------------------------------------------------------

# A line of a batch (behind an empty one), exit code, what the words must have besides "line 2: ".
LINES = (
    (b'{"op":"lock","path":"/a","seconds":18446744073710}', 2, "2592000"),  # 2^64 microseconds and some
    (b'{"op":"lock","path":"/a","seconds":0}', 2, "seconds"),
    (b'{"op":"mkdir","path":"rel"}', 2, "did you mean /rel?"),
    (b'{"op":"mkdir","path":"/x/"}', 2, "last '/'"),
    (b'{"op":"mkdir","path":"home:/x"}', 2, "one space"),
    (b'{"op":"move","path":"/a","to":"/x/../y"}', 2, '"to" /x/../y'),
    (b'{"op":"put","path":"/x","local":"/nothere"}', 3, "local path"),
    (b'{"op":"copy","path":"/a","to":"/x","version":"77"}', 3, "no version 77"),
    (b'{"op":"restore","path":"/a","version":"zz"}', 2, "not a version"),
    (b'{"op":"attr","path":"/nothere","mode":420}', 3, "/nothere"),
    (b'{"op":"undelete","to":"/x"}', 2, '"file_id"'),
)


def test_batch_lines(node):
    for line, code, part in LINES:
        answer = node.cli("batch", "-", stdin=b"\n" + line + b"\n")
        words = answer.lines[-1].get("message", "")
        check(f"batch {line.decode()}: exit {code}, line 2, {part}", answer.code == code
              and words.startswith("line 2: ") and part in words, answer)
    check("batch: a lease that lasts too long", node.cli("lock", "--for", "31d", "/a", as_json=False).stderr
          == "filesphere: --for: a lease lasts at most 30 days\n")
    future = node.cli("ls", "--at", "@999999", "/", as_json=False)
    check("--at a change that is to come says so", future.code == 2 and "no such change yet" in future.stderr, future)


# -- several things of one name -------------------------------------------------------------------------------


def test_one_name(node):
    place = temp_dir()
    for number in "12":
        (place / f"from{number}").mkdir()
        (place / f"from{number}" / "same").write_bytes(number.encode())
        node.put_bytes(f"/from{number}/same", number.encode())
    (place / "to").mkdir()
    (place / "to" / "same").write_bytes(b"before")
    local = [str(place / f"from{n}" / "same") for n in "12"]
    remote = ["/from1/same", "/from2/same"]
    for words in (["get", *remote, str(place / "to")], ["get", "/from*/same", str(place / "to")],
                  ["put", *local, "/to/"], ["cp", *remote, "/to/"], ["mv", *remote, "/to/"],
                  ["mv", "/from?/same", "/to/"]):
        answer = node.cli(*words)
        check(f"{words[0]} of two things of one name is refused before anything is done", answer.code == 2
              and "'same'" in answer.lines[-1].get("message", ""), answer)
    check_equal("nothing was overwritten", (place / "to" / "same").read_bytes(), b"before")
    check("nothing was stored, copied or moved", node.cli("stat", "/to").code == 3
          and node.cli("stat", *remote).code == 0)
    out = node.cli("cat", *remote, as_json=False)
    check("to standard output both may go", out.code == 0 and out.stdout == b"12", out)
    out = node.cli("get", *remote, "-", as_json=False)
    check("by get, too", out.code == 0 and out.stdout == b"12", out)


# -- a terminal that is closed --------------------------------------------------------------------------------


def hang_up(node, ignored):
    """SIGHUP while a get waits for a node that stands still; (exit code, files left beside the target)."""
    place = temp_dir() / f"hup-{ignored}"
    place.mkdir()
    # Said either way: whoever runs the tests may be under nohup.
    before = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    process = subprocess.Popen([str(CLIENT), "--profile", str(node.profile), "get", "/large", str(place / "x")], env=ENV,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=before)
    until = time.monotonic() + 20
    while not list(place.iterdir()) and time.monotonic() < until:
        time.sleep(0.002)
    node.process.send_signal(signal.SIGSTOP)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    node.process.send_signal(signal.SIGCONT)
    return process.wait(30), sorted(p.name for p in place.iterdir())


def interrupted(node, *words, stdin=subprocess.DEVNULL):
    """What is said after SIGINT while the command waits for something that does not come."""
    process = subprocess.Popen([str(CLIENT), "--profile", str(node.profile), *words], env=ENV, stdin=stdin,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def test_interrupted(node):
    os.mkfifo(temp_dir() / "pipe")
    words = (130, b"", b"filesphere: interrupted\n")
    check_equal("Ctrl-C while a pipe is opened", interrupted(node, "put", str(temp_dir() / "pipe"), "/pipe"), words)
    reader, writer = os.pipe()
    check_equal("Ctrl-C while standard input says nothing", interrupted(node, "put", "-", "/pipe", stdin=reader), words)
    check_equal("Ctrl-C in a batch that is read", interrupted(node, "batch", "-", stdin=reader), words)
    code, out, _ = interrupted(node, "--json", "put", "-", "/pipe", stdin=reader)
    check("and in JSON", code == 130 and parse_lines(out)[-1].get("symbol") == "cancelled", out)
    os.close(reader)
    os.close(writer)


def test_hang_up(node):
    (temp_dir() / "large").write_bytes(os.urandom(1 << 20) * 256)
    need("a large file is stored", node.cli("put", str(temp_dir() / "large"), "/large").code == 0)
    check_equal("SIGHUP ends a get, and nothing is left", hang_up(node, False), (130, []))
    check_equal("under nohup it goes on", hang_up(node, True), (0, ["x"]))


def run(options):
    node = Node()
    node.start()
    node.put_bytes("/a", b"content")
    test_streams(node)
    test_slips(node)
    test_batch_lines(node)
    test_one_name(node)
    test_interrupted(node)
    test_hang_up(node)
    check_equal("the node stops cleanly", node.stop(), 0)


if __name__ == "__main__":
    main(run, seconds=240)
