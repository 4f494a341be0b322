#!/usr/bin/env python3
"""Spaces: space create, ls, rm; what is in one is in no other; a removed one goes at its time, over restarts."""
import os, pty, select, subprocess, time

from node import CLIENT, DAEMON, Node, check, check_equal, main, need, sha256
from test_bad_input import HELLO, WELCOME, Wire, operation

WAIT_SECONDS = 15


def symbol(answer):
    return answer.lines[-1].get("symbol") if answer.lines else None


def spaces(node):
    return {line["name"]: line for line in node.cli("space", "ls").lines if line["type"] == "space"}


def wait_gone(node, name):
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        if name not in spaces(node):
            return True
        time.sleep(0.05)
    return False


def test_create(node):
    check_equal("a mesh has a home space", list(spaces(node)), ["home"])
    answer = node.cli("space", "create", "team")
    check("space create", answer.code == 0 and answer.lines[-1]["space"] == "team", answer)
    check_equal("space ls shows it", sorted(spaces(node)), ["home", "team"])
    data = os.urandom(2_000_000)
    node.put_bytes("team:/a/big", data)
    check_equal("it can be used at once", node.cat("team:/a/big") == data, True)
    check_equal("what is in it is in no other", node.cli("stat", "/a/big").code, 3)
    node.put_bytes("/a/big", b"home's")
    check_equal("the same path in another space is another file", node.cat("team:/a/big") == data, True)
    check_equal("it counts what it holds", spaces(node)["team"]["used"], len(data))
    answer = node.cli("space", "create", "team")
    check_equal("a name is taken once", (answer.code, symbol(answer)), (4, "exists"))
    for name in ("Team", "-x", "a" * 64, "a_b", ""):
        check_equal(f"a space cannot be named {name[:8]!r}", node.cli("space", "create", name).code, 2)
    answer = node.cli("space", "create", "small", "--quota", "100K")
    check_equal("space create --quota", (answer.code, spaces(node)["small"]["quota"]), (0, 102400))
    answer = node.cli("put", "-", "small:/x", stdin=bytes(102401))
    check_equal("the quota holds", (answer.code, symbol(answer)), (9, "quota"))
    check_equal("up to its last octet", node.cli("put", "-", "small:/x", stdin=bytes(102400)).code, 0)
    check_equal("the node stops", node.stop(), 0)
    node.start()
    check_equal("after a restart they are there", sorted(spaces(node)), ["home", "small", "team"])
    check_equal("with their keys", sha256(node.cat("team:/a/big")), sha256(data))
    check_equal("and home is still the home space", node.cat("/a/big"), b"home's")
    answer = node.cli("changes", "team:/")
    check_equal("each has a feed of its own", [l["operation"] for l in answer.lines if l["type"] == "change"],
                ["space-init", "put"])


def test_remove(node):
    answer = node.cli("space", "rm", "team")
    line = answer.lines[-1]
    check("space rm closes it, with a delay", answer.code == 0 and line["closes"] > "2026", answer)
    check_equal("space ls says until when it is there", spaces(node)["team"]["closes"], line["closes"])
    answer = node.cli("put", "-", "team:/x", stdin=b"x")
    check_equal("it takes nothing any more", (answer.code, symbol(answer)), (4, "space-closing"))
    check("and is still read", node.cli("ls", "team:/a").code == 0 and node.cat("team:/a/big") is not None)
    node.stop()
    node.start()
    check_equal("a restart does not forget it", spaces(node)["team"]["closes"], line["closes"])
    check_equal("space rm --cancel", node.cli("space", "rm", "--cancel", "team").code, 0)
    check("keeps it", "closes" not in spaces(node)["team"] and
          node.cli("put", "-", "team:/x", stdin=b"x").code == 0)
    answer = node.cli("space", "rm", "--now", "team")
    check_equal("--now wants to be confirmed", (answer.code, symbol(answer)), (2, "invalid"))
    answer = node.cli("space", "rm", "--now", "--yes", "team")
    check("space rm --now --yes", answer.code == 0 and wait_gone(node, "team"), answer)
    answer = node.cli("stat", "team:/a/big")
    check_equal("then there is no such space", (answer.code, symbol(answer)), (3, "no-such-space"))
    check_equal("its name is free again", node.cli("space", "create", "team").code, 0)
    check_equal("and nothing of the old one is in the new one",
                [l for l in node.cli("ls", "team:/").lines if l["type"] == "entry"], [])
    answer = node.cli("space", "rm", "--now", "--yes", "home")
    check_equal("the home space stays", (answer.code, symbol(answer)), (2, "invalid"))
    answer = node.cli("space", "rm", "nothing")
    check_equal("what is not there is not removed", (answer.code, symbol(answer)), (3, "no-such-space"))
    answer = node.cli("space", "rm", "--now", "--cancel", "team")
    check_equal("--now and --cancel exclude each other", answer.code, 2)


def test_deadline(node):
    """The deadline passes while the node runs, and while it does not."""
    node.cli("space", "create", "soon")
    node.put_bytes("soon:/x", b"x")
    check_equal("space rm --delay 1s", node.cli("space", "rm", "--delay", "1s", "soon").code, 0)
    check("goes by itself", wait_gone(node, "soon"))
    node.cli("space", "create", "later")
    for number in range(30):
        node.put_bytes(f"later:/f{number}", b"x")
    check_equal("another one", node.cli("space", "rm", "--delay", "1s", "later").code, 0)
    node.kill9()
    time.sleep(1.2)  # the deadline
    node.start()
    check("a deadline that passed while the node was down is seen at its start", wait_gone(node, "later"))
    check_equal("and stops cleanly", node.stop(), 0)
    done = subprocess.run([str(DAEMON), "check", "--json", str(node.directory)], stdout=subprocess.PIPE, timeout=60)
    check("filesphered check finds nothing wrong with what is left", done.returncode == 0, done.stdout[-2000:])
    node.start()


def test_typed(node):
    """On a terminal the name of the space is typed."""
    node.cli("space", "create", "typed")
    for word, code in (("no", 130), ("typed", 0)):
        leader, follower = pty.openpty()
        process = subprocess.Popen([str(CLIENT), "--profile", str(node.profile), "space", "rm", "--now", "typed"],
                                   stdin=follower, stdout=follower, stderr=follower)
        os.close(follower)
        said, end = b"", time.monotonic() + WAIT_SECONDS
        while b"to go on:" not in said and time.monotonic() < end:
            if select.select([leader], [], [], 0.1)[0]:
                said += os.read(leader, 4096)
        os.write(leader, word.encode() + b"\n")
        got = process.wait(WAIT_SECONDS)
        os.close(leader)
        check_equal(f"typing {word!r}", got, code)
    check("and then it goes", wait_gone(node, "typed"))


SPACES_MAX, SPACE_CREATE, OPEN_MAX = 1000, 53, 200


def make_many(node, count):
    """Asks for so many spaces, up to 200 at once: how often there was which answer."""
    wire, symbols, waiting, made = Wire(node, hello=False), {}, set(), 0
    wire.send(HELLO, wire.new_id(), {"versions": [2], "client": "test_spaces"})
    need("welcome", wire.receive()[0] == WELCOME)
    while made < count or waiting:
        while made < count and len(waiting) < OPEN_MAX:
            request_id = wire.new_id()
            wire.send(SPACE_CREATE, request_id, {"space": f"many-{made}", **operation()})
            waiting.add(request_id)
            made += 1
        message = wire.receive(10)
        if message is None:
            break
        waiting.discard(message[1])
        name = message[2].get("symbol", "ok")
        symbols[name] = symbols.get(name, 0) + 1
    wire.close()
    return symbols


def test_many(node):
    """As many as a node takes, asked for all at once: it starts with them, too."""
    there = len(spaces(node))
    symbols = make_many(node, SPACES_MAX + 100)
    check_equal("so many are made, and no more", symbols, {"ok": SPACES_MAX - there, "busy": 100 + there})
    check_equal("the node stops cleanly", node.stop(), 0)
    node.start()
    names = spaces(node)
    check("with so many it starts, and lists them all", len(names) == SPACES_MAX and "home" in names, len(names))
    last = max(int(name[5:]) for name in names if name.startswith("many-"))
    check_equal("and serves them", node.cli("ls", f"many-{last}:/").code, 0)
    check_equal("one that goes", node.cli("space", "rm", "--yes", "--now", "many-0").code, 0)
    check("makes room", wait_gone(node, "many-0"))
    check_equal("for another", node.cli("space", "create", "one-more").code, 0)


def run(options):
    node = Node()
    node.start()
    test_create(node)
    test_remove(node)
    test_deadline(node)
    test_typed(node)
    test_many(node)
    check_equal("the node stops cleanly", node.stop(), 0)


if __name__ == "__main__":
    main(run, seconds=180)
