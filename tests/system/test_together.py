#!/usr/bin/env python3
"""Working together: lock, renew, unlock, put --lease; batch; watch.

One holder at a time; many things at once or none; everybody hears what happens, once and in order.
"""
import json, os, select, signal, subprocess, threading, time

from node import CLIENT, ENV, Node, check, check_equal, client, main, need, say, temp_dir

WAIT_SECONDS = 20


def symbol(answer):
    return answer.lines[-1].get("symbol") if answer.lines else None


# -- leases ---------------------------------------------------------------------------------------------------


def test_lease(node):
    node.put_bytes("/l/a", b"1")
    answer = node.cli("lock", "/l/a", as_json=False)
    check("lock prints the token and nothing else", answer.code == 0 and answer.stdout.strip().isdigit(), answer)
    token = answer.stdout.decode().strip()
    line = node.cli("stat", "/l/a").lines[-1]
    check("stat shows the lease", line["lease"]["token"] == int(token) and line["lease"]["expires"] > line["modified"],
          line)
    node.put_bytes("/l/a", b"2", "--lease", token)
    check_equal("put --lease of the holder", node.cat("/l/a"), b"2")
    answer = node.cli("renew", "--for", "1h", "/l/a", token)
    check_equal("renew keeps the token", (answer.code, answer.lines[-1].get("token")), (0, int(token)))
    later = node.cli("stat", "/l/a").lines[-1]["lease"]["expires"]
    check("and moves the end", later > line["lease"]["expires"], (later, line))
    second = node.cli("lock", "--for", "2m", "/l/a").lines[-1]["token"]
    check("who locks again gets another token", second != int(token))
    answer = node.cli("put", "--lease", token, "-", "/l/a", stdin=b"3")
    check_equal("put with the old token: lease-lost", (answer.code, symbol(answer)), (4, "lease-lost"))
    check_equal("and nothing is stored", node.cat("/l/a"), b"2")
    answer = node.cli("renew", "/l/a", token)
    check_equal("renew with the old token", (answer.code, symbol(answer)), (4, "lease-lost"))
    answer = node.cli("unlock", "/l/a", token)
    check_equal("unlock with the old token", (answer.code, symbol(answer)), (4, "lease-lost"))
    check_equal("unlock with the right one", node.cli("unlock", "/l/a", str(second)).code, 0)
    check("the lease is gone", "lease" not in node.cli("stat", "/l/a").lines[-1])
    node.cli("lock", "/l/a")
    check_equal("unlock --force", node.cli("unlock", "--force", "/l/a").code, 0)
    check_equal("unlock --force without a lease: done", node.cli("unlock", "--force", "/l/a").code, 0)
    answer = node.cli("lock", "/l")
    check_equal("a directory has no lease", (answer.code, symbol(answer)), (4, "is-directory"))
    answer = node.cli("lock", "/l/nothing")
    check_equal("nor has nothing", (answer.code, symbol(answer)), (3, "not-found"))
    for args in (("lock", "--for", "0s", "/l/a"), ("lock", "--for", "10", "/l/a"), ("unlock", "/l/a"),
                 ("unlock", "--force", "/l/a", "5"), ("renew", "/l/a", "x"), ("put", "--lease", "0", "-", "/l/a")):
        check_equal(f"{' '.join(args)}: wrong use", node.cli(*args).code, 2)


def test_lease_passes(node):
    node.put_bytes("/l/short", b"1")
    token = node.cli("lock", "--for", "1s", "/l/short").lines[-1]["token"]
    time.sleep(1.2)  # the lease's own time
    node.put_bytes("/l/short", b"2")
    answer = node.cli("put", "--lease", str(token), "-", "/l/short", stdin=b"3")
    check_equal("a lease that has passed does not say that nobody came between", (answer.code, symbol(answer)),
                (4, "lease-lost"))


# -- batch ----------------------------------------------------------------------------------------------------


def batch(node, *operations, args=(), raw=None):
    text = raw if raw is not None else "".join(json.dumps(o) + "\n" for o in operations)
    return node.cli("batch", "-", *args, stdin=text.encode())


def test_batch(node):
    small = temp_dir() / "small"
    small.write_bytes(b"from a file")
    node.put_bytes("/b/old", b"old")
    node.put_bytes("/b/two", b"1")
    version = node.cli("stat", "/b/two").lines[-1]["version"]
    node.put_bytes("/b/two", b"2")
    before = node.cli("mkdir", "/b/m").lines[-1]["change"]
    answer = batch(node, {"op": "mkdir", "path": "/b/new/deep", "parents": True},
                   {"op": "put", "path": "/b/new/deep/text", "text": "hé"},
                   {"op": "put", "path": "/b/new/file", "local": os.fspath(small), "message": "why"},
                   {"op": "move", "path": "/b/old", "to": "/b/new/old"},
                   {"op": "copy", "path": "/b/new/file", "to": "/b/copy"},
                   {"op": "restore", "path": "/b/two", "version": version[:16]},
                   {"op": "lock", "path": "/b/copy", "seconds": 60},
                   {"op": "delete", "path": "/b/m"})
    done = [line for line in answer.lines if line["type"] == "done"]
    last = answer.lines[-1]
    check("a batch of eight operations", answer.code == 0 and len(done) == 8 and last["count"] == 8 and
          last["change"] == before + 1, answer)
    check_equal("what each did", [(d["line"], d["kind"], d["number"]) for d in done][:3],
                [(1, "directory", 0), (2, "file", 1), (3, "file", 1)])
    check_equal("contents", [node.cat(p) for p in ("/b/new/deep/text", "/b/new/file", "/b/copy", "/b/new/old", "/b/two")],
                ["hé".encode(), b"from a file", b"from a file", b"old", b"1"])
    check_equal("the lease's token is the change", node.cli("stat", "/b/copy").lines[-1]["lease"]["token"],
                last["change"])
    lines = [line for line in node.cli("changes", "--after", str(before)).lines if line["type"] in ("change", "part")]
    check_equal("the feed has one change with its parts", [(l["type"], l["operation"]) for l in lines],
                [("change", "batch")] + [("part", o) for o in ("mkdir", "put", "put", "move", "copy", "restore", "lock",
                                                              "delete")])
    check_equal("trash ls knows where a part took it from",
                [i["path"] for i in node.cli("trash", "ls").lines if i.get("change") == last["change"]], ["/b/m"])

    names = [e["name"] for e in node.cli("ls", "/b").lines if e["type"] == "entry"]
    answer = batch(node, {"op": "mkdir", "path": "/b/never"}, {"op": "delete", "path": "/b/nothing"})
    check("one that is refused refuses all, by its line", answer.code == 3 and symbol(answer) == "not-found" and
          "line 2" in answer.lines[-1]["message"] and "/b/nothing" in answer.lines[-1]["message"], answer)
    check_equal("nothing was done", [e["name"] for e in node.cli("ls", "/b").lines if e["type"] == "entry"], names)
    answer = batch(node, *({"op": "mkdir", "path": f"/b/n{i}"} for i in range(256)))
    check_equal("256 operations", (answer.code, answer.lines[-1].get("count")), (0, 256))
    answer = batch(node, {"op": "put", "path": "/b/copy", "text": "x", "no_replace": True})
    check_equal("a condition holds in a batch, too", (answer.code, symbol(answer)), (4, "exists"))
    item = [i for i in node.cli("trash", "ls").lines if i.get("path") == "/b/m"][0]
    answer = batch(node, {"op": "undelete", "file_id": item["file_id"], "to": "/b/m2"})
    check_equal("undelete in a batch", (answer.code, node.cli("stat", "/b/m2").code), (0, 0))


def test_batch_mistakes(node):
    large = temp_dir() / "large"
    large.write_bytes(bytes(4097))
    for name, raw, code in (
            ("nothing", "\n\n", 2), ("no JSON", "hello", 2), ("a list", "[]", 2), ("no op", '{"path": "/x"}', 2),
            ("an unknown op", '{"op": "fly", "path": "/x"}', 2),
            ("an unknown member", '{"op": "mkdir", "path": "/x", "colour": "red"}', 2),
            ("a member of another op", '{"op": "mkdir", "path": "/x", "to": "/y"}', 2),
            ("no path", '{"op": "mkdir"}', 2), ("a bad path", '{"op": "mkdir", "path": "x/../y"}', 2),
            ("another kind", '{"op": "mkdir", "path": 7}', 2), ("a key twice", '{"op": "mkdir", "op": "put"}', 2),
            ("a put of nothing", '{"op": "put", "path": "/x"}', 2),
            ("a put of a missing file", '{"op": "put", "path": "/x", "local": "/nonexistent"}', 3),
            ("a put of 4097 bytes", json.dumps({"op": "put", "path": "/x", "local": os.fspath(large)}), 2),
            ("257 operations", '{"op": "mkdir", "path": "/x"}\n' * 257, 2)):
        answer = batch(node, raw=raw)
        check(f"a batch of {name}", answer.code == code and answer.lines[-1]["type"] == "error", answer)
    check_equal("did nothing", node.cli("stat", "/x").code, 3)
    answer = node.cli("batch", "/nonexistent/file")
    check_equal("a file that is not there", answer.code, 3)


# -- watch ----------------------------------------------------------------------------------------------------


class Watch:
    """`filesphere watch --json` in the background."""

    def __init__(self, node, *args):
        self.process = subprocess.Popen([str(CLIENT), "--profile", str(node.profile), "watch", "--json", *args],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        env=ENV)
        self.buffer = b""

    def line(self, seconds=WAIT_SECONDS):
        """The next line; None if none came in time or it ended."""
        end = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                return None
            self.buffer += piece
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        try:
            return self.process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return None


def test_watch(node):
    watch = Watch(node)
    check_equal("watch says when it stands", (watch.line() or {}).get("type"), "watching")
    below = Watch(node, "/w/sub")
    below.line()
    change = node.put_bytes("/w/a", b"1")["receipt"]["change"]
    began = time.monotonic()
    line = watch.line() or {}
    check_equal("a change comes at once", (line.get("operation"), line.get("path"), line.get("index")),
                ("put", "/w/a", change))
    check("within a second", time.monotonic() - began < 1)
    node.put_bytes("/w/sub/b", b"2")
    node.cli("mv", "/w/a", "/w/sub/c")
    got = [watch.line() or {} for _ in range(2)]
    check_equal("and the next ones, in order", [l.get("operation") for l in got], ["put", "move"])
    got = [below.line() or {} for _ in range(2)]
    check_equal("below a path only what concerns it, also what moves there",
                [(l.get("operation"), l.get("path")) for l in got], [("put", "/w/sub/b"), ("move", "/w/sub/c")])
    check_equal("a quiet time brings nothing", watch.line(6), None)
    node.put_bytes("/w/after", b"3")
    check_equal("and does not end it", (watch.line() or {}).get("path"), "/w/after")
    last = node.cli("mkdir", "/w/last").lines[-1]["change"]
    watch.line()
    # The node restarts: nothing is lost, nothing comes twice.
    check_equal("the node stops although somebody watches", node.stop(), 0)
    node.start()
    made = [node.cli("mkdir", f"/w/again{i}").lines[-1]["change"] for i in range(3)]
    got = [watch.line() or {} for _ in range(3)]
    check_equal("after a restart it goes on where it was", [l.get("index") for l in got], made)
    check_equal("SIGINT ends it: 130", watch.end(), 130)
    check_equal("the other one, too", below.end(signal.SIGTERM), 130)
    answer = node.cli("watch", "--after", str(last), "--count", "2")
    check("watch --after --count: from there on, and then the end", answer.code == 0 and
          [l.get("index") for l in answer.lines[:2]] == made[:2] and answer.lines[-1]["type"] == "result" and
          answer.lines[-1]["count"] == 2, answer)


def test_watch_many(node):
    """More changes than a watch has credit for, from the first one on, while others come."""
    folder = temp_dir() / "flood"
    folder.mkdir()
    for number in range(1500):
        (folder / f"f{number}").write_bytes(b"x")
    watch = Watch(node, "--after", "0")
    thread = threading.Thread(target=lambda: node.cli("put", "-r", folder, "/flood", timeout=120))
    thread.start()
    thread.join()
    last = node.cli("mkdir", "/flood-end").lines[-1]["change"]
    seen = []
    while not seen or seen[-1] < last:
        line = watch.line()
        if line is None:
            break
        if line["type"] == "change":
            seen.append(line["index"])
    check_equal("every change once and in order", seen == list(range(1, last + 1)), True)
    check_equal("and the end", watch.end(), 130)


def test_batch_killed(node):
    """A batch whose node is killed is done or not done, never half."""
    node.start()
    outcomes = set()
    for round_number in range(8):
        operations = [{"op": "mkdir", "path": f"/k{round_number}-{i}"} for i in range(50)]
        text = "".join(json.dumps(o) + "\n" for o in operations).encode()
        client = subprocess.Popen([str(CLIENT), "--profile", str(node.profile), "--timeout", "1", "batch", "-"],
                                  stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENV)
        client.stdin.write(text)
        client.stdin.close()
        time.sleep(0.012 * round_number)  # the moment of the kill
        node.kill9()
        waits = round_number % 2 == 1  # for the node, and asks again; else it dies with it
        if not waits:
            client.kill()
            client.wait(WAIT_SECONDS)
        need("the node starts again", node.start())
        if waits:
            check_equal(f"killed after {12 * round_number} ms: who waits is told that it is done",
                        client.wait(WAIT_SECONDS), 0)
        found = [e for e in node.cli("ls", "--prefix", f"k{round_number}-", "/").lines if e["type"] == "entry"]
        outcomes.add(len(found))
        check(f"killed after {12 * round_number} ms: all or nothing", len(found) in ((50,) if waits else (0, 50)), len(found))
    say(f"batches of 50 left {sorted(outcomes)}")
    check_equal("and stops cleanly", node.stop(), 0)


def test_help():
    for words in (("lock",), ("renew",), ("unlock",), ("batch",), ("watch",), ("version", "rm"), ("trash", "ls"),
                  ("trash", "restore"), ("trash", "empty"), ("space", "create"), ("space", "ls"), ("space", "rm")):
        answer = client(*words, "--help", as_json=False)
        said = answer.stdout.decode()
        check(f"{' '.join(words)} --help: usage and an example", answer.code == 0 and
              said.startswith(f"Usage: filesphere {' '.join(words)} ") and
              "filesphere " + " ".join(words) in said.split("Example:")[-1].split("Options:")[0], said)


def test_long_feed(node):
    """Batches of many short operations: more of them than fit one answer."""
    before = node.cli("mkdir", "/feed").lines[-1]["change"]
    for number in range(60):
        answer = batch(node, *({"op": "mkdir", "path": f"/feed/{number}-{i}"} for i in range(256)))
        need("a batch", answer.code == 0, answer)
    for name, answer in (("changes", node.cli("changes", "--after", str(before))),
                         ("watch", node.cli("watch", "--after", str(before), "--count", "60"))):
        got = [(l["index"], l.get("part", 0)) for l in answer.lines if l["type"] in ("change", "part")]
        check_equal(f"{name} of 15,360 operations: each once and in order", got ==
                    [(before + 1 + c, p) for c in range(60) for p in range(257)], True)


def run(options):
    test_help()
    node = Node()
    node.start()
    test_lease(node)
    test_lease_passes(node)
    test_batch(node)
    test_batch_mistakes(node)
    test_watch(node)
    test_watch_many(node)
    test_long_feed(node)
    check_equal("the node stops cleanly", node.stop(), 0)
    test_batch_killed(node)


if __name__ == "__main__":
    main(run, seconds=240)
