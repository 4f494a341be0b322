#!/usr/bin/env python3
"""The small requests of minor version 3 on the wire: attributes, listings with them, spaces that are set, client keys.

What is refused for its form alone is in test_minor.
"""
import hashlib, os, random, subprocess, time

import zmq

import node as harness
from node import DAEMON, Node, check, check_equal, main, need, say
from test_bad_input import (CHANGES, COMMIT, COPY, CREDIT, DELETE, ERROR, GET, HELLO, LIST, MIB, MKDIR, MOVE, NODE, OK, PUT,
                            RESTORE, SPACES, STAT, VERSIONS, WELCOME, Wire, operation)

harness.PORTS = range(19700, 19750)  # this script's own

LOCK, RENEW, UNLOCK, UNDELETE, PRUNE, PURGE = 45, 46, 47, 48, 49, 51
BATCH, SPACE_CREATE, SPACE_REMOVE, ATTR, SPACE_SET = 52, 53, 54, 55, 56
KEY_ADD, KEY_LIST, KEY_REMOVE = 58, 59, 60
WATCH = 35
KIB = 1024


class Third(Wire):
    """A connection that speaks version 3, by the node's profile or another pair of keys."""

    def __init__(self, node, versions=(1, 2, 3), pair=None, session=None):
        options = {}
        if pair:
            options = {"curve_publickey": pair[0], "curve_secretkey": pair[1]}
        super().__init__(node, hello=False, **options)
        hello = {"versions": list(versions), "client": "test_requests"}
        self.send(HELLO, self.new_id(), {**hello, **({"session": session} if session else {})})
        self.welcome = self.receive(3)

    def ask(self, kind, body, payload=None):
        """(symbol or "ok", body of the answer)."""
        request_id = self.new_id()
        self.send(kind, request_id, body, payload)
        while message := self.receive():
            if message[1] == request_id and message[0] in (OK, ERROR):
                return message[2].get("symbol", "ok") if message[0] == ERROR else "ok", message[2]
        return "silence", {}

    def put(self, path, content, **more):
        return self.ask(PUT, {"path": path, "end": True, **operation(), **more}, content)

    def items(self, kind, body):
        symbol, answer = self.ask(kind, body)
        need(f"an answer to {kind}", symbol == "ok", symbol)
        return answer.get("items", [])


def check_symbol(wire, name, kind, body, wanted):
    got, answer = wire.ask(kind, body)
    check_equal(f"{name}: {wanted}", got, wanted)
    return answer


# -- attributes --------------------------------------------------------------------------------------------------------


def test_attr(node):
    wire = Third(node)
    need("a file", wire.put("/a", b"content", attr=[0o640, 5, 6])[0] == "ok")
    before = wire.ask(STAT, {"path": "/a"})[1]
    answer = check_symbol(wire, "ATTR of a file", ATTR, {"path": "/a", "attr": [0o600, -7, 999_999_999], **operation()}, "ok")
    after = wire.ask(STAT, {"path": "/a"})[1]
    check_equal("STAT shows them", after["attr"], [0o600, -7, 999_999_999])
    check_equal("and the same version", (after["version"], after["number"]), (before["version"], before["number"]))
    check_equal("the answer says which file, where and what it has",
                (answer["file"], answer["kind"], answer["path"], answer["sp"], answer["heads"], answer["change"]),
                (before["file"], 1, "/a", "home", [before["version"]], before["change"] + 1))
    check_symbol(wire, "by its id", ATTR, {"file": before["file"], "attr": [0o600, -7, 999_999_999], **operation()}, "ok")
    check_equal("the same once more is no change", wire.ask(STAT, {"path": "/a"})[1]["change"], answer["change"])
    match = {"if": 3, "bases": [before["version"]]}
    check_symbol(wire, "if it is the only head", ATTR, {"path": "/a", "attr": [0o644, 1, 1], **match, **operation()}, "ok")
    need("a new version", wire.put("/a", b"other")[0] == "ok")
    refused = check_symbol(wire, "if it is not", ATTR, {"path": "/a", "attr": [0, 1, 1], **match, **operation()}, "mismatch")
    check_equal("with the heads", len(refused.get("heads", [])), 1)
    check_equal("a put without attributes keeps them", wire.ask(STAT, {"path": "/a"})[1]["attr"], [0o644, 1, 1])
    check_symbol(wire, "ATTR of the root", ATTR, {"path": "/", "attr": [0o755, 3, 0], **operation()}, "ok")
    check_equal("is seen", wire.ask(STAT, {"path": "/"})[1]["attr"], [0o755, 3, 0])
    check_symbol(wire, "ATTR of nothing", ATTR, {"path": "/nothing", "attr": [0, 0, 0], **operation()}, "not-found")
    change = wire.items(CHANGES, {"after_index": answer["change"] - 1, "limit": 1})[0]
    check_equal("the feed says ATTR", (change["what"], change["path"]), (16, "/a"))
    ops = [[MKDIR, {"path": "/d"}], [ATTR, {"path": "/d", "attr": [0o700, 9, 0]}], [ATTR, {"path": "/none", "attr": [0, 0, 0]}]]
    failed = check_symbol(wire, "a batch whose third operation fails", BATCH, {"ops": ops, **operation()}, "not-found")
    check_equal("says which", failed.get("failed"), 3)
    check_symbol(wire, "and has done nothing", STAT, {"path": "/d"}, "not-found")
    check_symbol(wire, "without it, it is done", BATCH, {"ops": ops[:2], **operation()}, "ok")
    check_equal("with attributes", wire.ask(STAT, {"path": "/d"})[1]["attr"], [0o700, 9, 0])
    wire.close()
    old = Third(node, (1, 2))
    check_equal("a client of version 2 is welcome", old.welcome[2].get("v"), 2)
    for name, kind, body in (("ATTR", ATTR, {"path": "/a", "attr": [0, 0, 0], **operation()}),
                             ("LIST with attrs", LIST, {"path": "/", "attrs": True}),
                             ("SPACE_SET", SPACE_SET, {"space": "home", "set": 1, **operation()}),
                             ("SPACE_CREATE with chunking", SPACE_CREATE, {"space": "c", "chunking": [65536] * 3, **operation()}),
                             ("KEY_ADD", KEY_ADD, {"key": bytes([1] * 32), "name": "k"}), ("KEY_LIST", KEY_LIST, {}),
                             ("KEY_REMOVE", KEY_REMOVE, {"key": bytes([1] * 32)}),
                             ("BATCH with ATTR", BATCH, {"ops": ops[:2], **operation()})):
        check_symbol(old, f"{name} in version 2", kind, body, "unsupported")
    check_equal("LIST in version 2 has no attributes", [i for i in old.items(LIST, {"path": "/"}) if "attr" in i], [])
    old.close()


def test_list(node):
    wire = Third(node)
    need("a directory", wire.ask(MKDIR, {"path": "/list", **operation()})[0] == "ok")
    for start in range(0, 1000, 250):
        ops = [[PUT, {"path": f"/list/f{i:04}", **({"attr": [i % 0o10000, i, i]} if i % 2 else {})}, b"x"]
               for i in range(start, start + 250)]
        need("files", wire.ask(BATCH, {"ops": ops, **operation()})[0] == "ok")
    plain = wire.items(LIST, {"path": "/list"})
    full = wire.items(LIST, {"path": "/list", "attrs": True})
    check_equal("LIST without attrs has none", [i for i in plain if "attr" in i], [])
    wanted = [[i % 0o10000, i, i] if i % 2 else None for i in range(1000)]
    check_equal("LIST with attrs has each entry's own", [i.get("attr") for i in full], wanted)
    check_equal("and else the same", [{k: v for k, v in i.items() if k != "attr"} for i in full], plain)
    ids = [i["file"] for i in plain]
    check("file ids rise, the time in them is now", ids == sorted(ids) and
          abs(int.from_bytes(ids[0][:7], "big") / 1e6 - time.time()) < 600, ids[:3])
    page = wire.ask(LIST, {"path": "/list", "attrs": True, "limit": 3, "after": "f0004"})[1]
    check_equal("pages go on", ([i.get("attr") for i in page["items"]], page["more"]), ([[5, 5, 5], None, [7, 7, 7]], True))
    then = wire.ask(STAT, {"path": "/"})[1]["change"]
    need("changed since", wire.ask(ATTR, {"path": "/list/f0001", "attr": [1, 2, 3], **operation()})[0] == "ok")
    past = wire.items(LIST, {"path": "/list", "attrs": True, "at": then, "limit": 2})
    check_equal("with a moment: the attributes of now", [i.get("attr") for i in past], [None, [1, 2, 3]])
    seconds = {}
    for name, body in (("without", {"path": "/list"}), ("with", {"path": "/list", "attrs": True})):
        times = []
        for _ in range(15):
            began = time.monotonic()
            wire.items(LIST, body)
            times.append(time.monotonic() - began)
        seconds[name] = sorted(times)[len(times) // 2]
    say(f"LIST of 1,000 entries: {1000 * seconds['without']:.1f} ms without, {1000 * seconds['with']:.1f} ms with attributes")
    wire.close()


# -- every answer's change number --------------------------------------------------------------------------------------


def test_changes(node):
    """Each OK about a space says the space's change number, and WELCOME that of the home space."""
    wire = Third(node)
    last = wire.ask(STAT, {"path": "/"})[1]["change"]
    check_equal("WELCOME has the home space's change", wire.welcome[2].get("change"), last)
    need("a file", wire.put("/c", b"1")[0] == "ok")
    last += 1
    for name, kind, body in (("STAT", STAT, {"path": "/c"}), ("LIST", LIST, {"path": "/"}), ("VERSIONS", VERSIONS, {"path": "/c"}),
                             ("CHANGES", CHANGES, {}), ("LIST with a moment", LIST, {"path": "/", "at": 1}),
                             ("GET", GET, {"path": "/c", "credit": 1000})):
        check_equal(f"{name} has it", wire.ask(kind, body)[1].get("change"), last)
    version = wire.items(VERSIONS, {"path": "/c"})[0]["version"].hex()
    need("a second version", wire.put("/c", b"2")[0] == "ok")
    last += 1
    lease = last + 5  # its token is the number of its change
    file = wire.ask(STAT, {"path": "/c"})[1]["file"]
    for name, kind, body in (("MKDIR", MKDIR, {"path": "/c-d"}), ("COPY", COPY, {"path": "/c", "to": "/c-d/copy"}),
                             ("MOVE", MOVE, {"path": "/c-d/copy", "to": "/c-d/moved"}),
                             ("RESTORE", RESTORE, {"path": "/c", "version": version}),
                             ("LOCK", LOCK, {"path": "/c", "duration": 60 * 10**6}),
                             ("RENEW", RENEW, {"path": "/c", "token": lease, "duration": 60 * 10**6}),
                             ("UNLOCK", UNLOCK, {"path": "/c", "token": lease}), ("PRUNE", PRUNE, {"path": "/c", "version": version}),
                             ("DELETE", DELETE, {"path": "/c"}), ("UNDELETE", UNDELETE, {"file": file}),
                             ("DELETE", DELETE, {"path": "/c"}), ("PURGE", PURGE, {"file": file}),
                             ("ATTR", ATTR, {"path": "/c-d", "attr": [0o700, 1, 1]}),
                             ("BATCH", BATCH, {"ops": [[MKDIR, {"path": "/c-e"}], [MKDIR, {"path": "/c-f"}]]}),
                             ("SPACE_SET", SPACE_SET, {"space": "home", "set": 1, "quota": 10**12})):
        symbol, answer = wire.ask(kind, {**body, **operation()})
        check_equal(f"{name} says the number of its change", (symbol, answer.get("change")), ("ok", last + 1))
        last = answer.get("change", last)
    for name, kind, body in (("SPACE_CREATE", SPACE_CREATE, {"space": "counted"}),
                             ("SPACE_REMOVE", SPACE_REMOVE, {"space": "counted", "duration": 10**12})):
        check(f"{name} says the number of its change", wire.ask(kind, {**body, **operation()})[1].get("change", 0) > 0)
    refused = wire.ask(ATTR, {"path": "/none", "attr": [0, 0, 0], **operation()})[1]
    check_equal("so has the refusal of a change", refused.get("change"), last)
    spaces = {i["name"]: i for i in wire.items(SPACES, {})}
    check_equal("SPACES has one in each item", spaces["home"].get("change"), last)
    check("but none of its own, as NODE and KEY_LIST", all("change" not in wire.ask(k, {})[1] for k in (SPACES, NODE, KEY_LIST)))
    wire.close()


def test_versions(node):
    """Versions say which operation made them, and of what."""
    wire = Third(node)
    ops = [operation() for _ in range(3)]
    ids = []
    for i, op in enumerate(ops):
        ids.append(wire.ask(PUT, {"path": "/v", "end": True, **op}, b"%d" % i)[1]["version"])
    items = wire.items(VERSIONS, {"path": "/v"})
    check_equal("VERSIONS: op of each, newest first", [i["op"] for i in items], [o["op"] for o in reversed(ops)])
    check_equal("and its parents", [i.get("parents", []) for i in items], [[ids[1]], [ids[0]], []])
    wire.close()


# -- spaces ------------------------------------------------------------------------------------------------------------


def space(wire, name):
    return {i["name"]: i for i in wire.items(SPACES, {})}.get(name)


def get(wire, space_name, path, size):
    request_id = wire.new_id()
    wire.send(GET, request_id, {"space": space_name, "path": path, "credit": 8 * MIB})
    content, credit = b"", 8 * MIB
    while message := wire.receive():
        if message[0] == ERROR:
            return message[2]
        content += message[3]
        if len(content) >= size:
            return content
        if credit - len(content) < 4 * MIB:
            wire.send(CREDIT, request_id, {"credit": 4 * MIB})
            credit += 4 * MIB
    return content


def upload(wire, space_name, path, content):
    """A put in parts; its answer."""
    request_id = wire.new_id()
    wire.send(PUT, request_id, {"space": space_name, "path": path, **operation()})
    sent = credit = 0
    while message := wire.receive(30):
        if message[0] in (OK, ERROR):
            return message[2]
        if message[0] == CREDIT:
            credit += message[2].get("credit", 0)
        if sent == len(content):
            continue
        while sent < len(content) and sent < credit:
            piece = content[sent:sent + min(256 * KIB, credit - sent)]
            wire.data(request_id, sent, piece)
            sent += len(piece)
        if sent == len(content):
            wire.send(COMMIT, request_id, {"size": len(content), "sha256": hashlib.sha256(content).digest()})
    return {}


def test_chunking(node):
    wire = Third(node)
    default = space(wire, "home")
    check_equal("SPACES: how the home space is cut", default.get("chunking"), [256 * KIB, MIB, 4 * MIB])
    check("and that it keeps everything", "keep" not in default, default)
    for name, chunking, wanted in (("least above average", [131072, 65536, 262144], "invalid"),
                                   ("average above most", [65536, 262144, 131072], "invalid"),
                                   ("below 64 KiB", [32768, 65536, 131072], "invalid"),
                                   ("above 4 MiB", [65536, 1 << 20, (1 << 22) + 1], "invalid"),
                                   ("an average that is no power of two", [65536, 100000, 131072], "invalid"),
                                   ("numbers beyond 32 bits", [65536 + (1 << 32)] * 3, "invalid"),
                                   ("two numbers", [65536, 65536], "invalid"), ("zeros", [0, 0, 0], "invalid")):
        check_symbol(wire, f"SPACE_CREATE: {name}", SPACE_CREATE, {"space": "bad", "chunking": chunking, **operation()}, wanted)
    check("made none of them", space(wire, "bad") is None)
    content = random.Random(7).randbytes(10 * MIB + 12345)
    for name, chunking, counts in (("fixed", [65536] * 3, (161, 161)), ("odd", [100000] * 3, (105, 105)),
                                   ("small", [65536, 131072, 262144], (45, 135)), ("steep", [65536, 65536, 131072], (80, 161)),
                                   ("flat", [65536, 131072, 131072], (80, 161)), ("whole", [4 * MIB] * 3, (3, 3))):
        op = operation()
        made = check_symbol(wire, f"SPACE_CREATE of {chunking}", SPACE_CREATE, {"space": name, "chunking": chunking, **op}, "ok")
        check_equal("sent again, it is the same", wire.ask(SPACE_CREATE, {"space": name, "chunking": chunking, **op, "attempt": 2}),
                    ("ok", made))
        check_equal("SPACES says so", space(wire, name).get("chunking"), chunking)
        answer = upload(wire, name, "/f", content)
        check(f"{name}: a file of 10 MiB is cut as it should be", counts[0] <= answer.get("chunks", 0) <= counts[1], answer)
        check(f"{name}: and comes back", get(wire, name, "/f", len(content)) == content)
        again = upload(wire, name, "/g", content)
        # A chunk below 64 KiB is sent to the store without asking whether it is there.
        last = int(len(content) % chunking[2] < 65536) if chunking[0] == chunking[2] else 1
        check_equal(f"{name}: equal content has an equal root", again.get("root"), answer.get("root"))
        check(f"{name}: and nothing new, but for a small rest", again.get("chunks_new", 0) <= last, again.get("chunks_new"))
    check_symbol(wire, "the same op with other lengths", SPACE_CREATE,
                 {"space": "whole", "chunking": [65536] * 3, **op, "attempt": 3}, "op-reused")
    wire.close()


def test_space_set(node):
    wire = Third(node)
    need("a space", wire.ask(SPACE_CREATE, {"space": "set", "quota": 5000, **operation()})[0] == "ok")
    setting = {"space": "set", "set": 1, "quota": 4000}
    answer = check_symbol(wire, "SPACE_SET of a quota", SPACE_SET, {**setting, **operation()}, "ok")
    now = space(wire, "set")
    check_equal("is shown", (now["quota"], now.get("keep"), now["change"]), (4000, None, answer["change"]))
    check_equal("the answer names the space", answer.get("sp"), "set")
    check_equal("what fits is taken", wire.put("/f", bytes(4000), space="set")[0], "ok")
    check_equal("what is beyond it is refused", wire.put("/g", b"x", space="set")[0], "quota")
    keep = [3, 14, 7, 5, 12, 60]
    check_symbol(wire, "SPACE_SET of keep", SPACE_SET, {"space": "set", "set": 2, "keep": keep, **operation()}, "ok")
    now = space(wire, "set")
    check_equal("is shown, and the quota stays", (now.get("keep"), now["quota"]), (keep, 4000))
    op = operation()
    both = {"space": "set", "set": 3, "quota": 9000, "keep": [1, 0, 0, 0, 0, 0]}
    first = wire.ask(SPACE_SET, {**both, **op})
    check_equal("both at once take two changes", (first[0], first[1]["change"]), ("ok", now["change"] + 2))
    check_equal("sent again, they are done once", wire.ask(SPACE_SET, {**both, **op, "attempt": 2}), first)
    check_symbol(wire, "the same op with another quota", SPACE_SET, {**both, "quota": 1, **op, "attempt": 3}, "op-reused")
    check_symbol(wire, "set 3 with nothing takes both away", SPACE_SET, {"space": "set", "set": 3, **operation()}, "ok")
    now = space(wire, "set")
    check_equal("and shows none", (now.get("quota"), now.get("keep")), (None, None))
    for name, body in (("set 4", {"set": 4}), ("set 0", {"set": 0}), ("1000001 days", {"set": 2, "keep": [0, 1000001, 0, 0, 0, 0]}),
                       ("five numbers", {"set": 2, "keep": [1] * 5}), ("a quota that is not to be set", {"set": 2, "quota": 1})):
        check_symbol(wire, f"SPACE_SET: {name}", SPACE_SET, {"space": "set", **body, **operation()}, "invalid")
    wire.close()


# -- keys --------------------------------------------------------------------------------------------------------------


def keys(wire):
    return [(i["name"], i.get("own", False)) for i in wire.items(KEY_LIST, {})]


def new_pair():
    """(public, secret) in Z85, and the public key's octets."""
    public, secret = zmq.curve_keypair()
    return (public, secret), zmq.utils.z85.decode(public)


def is_let_in(node, pair):
    wire = Third(node, pair=pair)
    answer = wire.welcome and wire.welcome[0]
    wire.close()
    return answer == WELCOME


def test_keys(node):
    admin = Third(node)
    check_equal("one key came with the mesh", keys(admin), [("admin", True)])
    pair, key = new_pair()
    other_pair, other_key = new_pair()
    check("an unknown key is not let in", not is_let_in(node, pair))
    before = int(time.time() * 1e6)
    answer = check_symbol(admin, "KEY_ADD", KEY_ADD, {"key": key, "name": "laptop"}, "ok")
    check("says when", before <= answer.get("modified", 0) <= time.time() * 1e6, answer)
    check_equal("once more is the same", admin.ask(KEY_ADD, {"key": key, "name": "laptop"}), ("ok", answer))
    check_symbol(admin, "under another name", KEY_ADD, {"key": key, "name": "tablet"}, "exists")
    check_symbol(admin, "another key under this name", KEY_ADD, {"key": other_key, "name": "laptop"}, "exists")
    check_symbol(admin, "the admin's name", KEY_ADD, {"key": other_key, "name": "admin"}, "exists")
    for name in ("a/b", ".", "x\n", "bad name", "-x", ".x", "bé"):
        check_symbol(admin, f"the name {name!r}", KEY_ADD, {"key": other_key, "name": name}, "bad-name")
    laptop = Third(node, pair=pair)
    check("the new key is let in", laptop.welcome and laptop.welcome[0] == WELCOME)
    check_equal("and sees whose key is its own", keys(laptop), [("admin", False), ("laptop", True)])
    check_equal("it may write", laptop.put("/of-laptop", b"x")[0], "ok")
    version = admin.items(VERSIONS, {"path": "/of-laptop"})[0]
    need("by the admin", admin.put("/of-laptop", b"y")[0] == "ok")
    check_equal("as the same account", admin.items(VERSIONS, {"path": "/of-laptop"})[0]["author"], version["author"])
    check_symbol(laptop, "KEY_REMOVE of its own key", KEY_REMOVE, {"key": key}, "forbidden")
    admin_key = zmq.utils.z85.decode(admin.profile["public_key"].encode())
    check_symbol(laptop, "KEY_REMOVE of the admin's key", KEY_REMOVE, {"key": admin_key}, "forbidden")
    check_symbol(admin, "KEY_REMOVE of nobody's key", KEY_REMOVE, {"key": other_key}, "not-found")
    # The keys are on disk.
    file = node.directory / "client-keys"
    check_equal("client-keys has mode 0600", file.stat().st_mode & 0o777, 0o600)
    check("and does not hold a secret", pair[1] not in file.read_bytes())
    admin.close(), laptop.close()
    node.kill9()
    node.start()
    check("after a crash the key is let in", is_let_in(node, pair))
    # Another's session cannot be taken up.
    admin, laptop = Third(node), Third(node, pair=pair)
    session = admin.welcome[2]["session"]
    thief = Third(node, pair=pair, session=session)
    check("a session is taken up by its own key only", not thief.welcome[2].get("resumed"))
    thief.close()
    # What is under way when a key goes.
    watch, put, page = laptop.new_id(), laptop.new_id(), laptop.new_id()
    laptop.send(WATCH, watch, {"credit": 10, "after_index": 10**6})
    laptop.send(PUT, put, {"path": "/unfinished", **operation()})
    laptop.send(LIST, page, {"path": "/"})
    seen = [laptop.receive() for _ in range(3)]
    check("a watch, a put and a listing of the key", {m[1] for m in seen if m and m[0] != ERROR} >= {put, page}, seen)
    check_symbol(admin, "KEY_REMOVE", KEY_REMOVE, {"key": key}, "ok")
    check_symbol(admin, "once more", KEY_REMOVE, {"key": key}, "not-found")
    ended = {}
    while message := laptop.receive(1):
        ended[message[1]] = message[2].get("symbol")
    check_equal("its put ends", ended.get(put), "forbidden")
    check_symbol(laptop, "nothing more is served on its connection", STAT, {"path": "/"}, "forbidden")
    check_symbol(laptop, "not even a HELLO", HELLO, {"versions": [3]}, "forbidden")
    check_symbol(laptop, "nor a change", MKDIR, {"path": "/by-nobody", **operation()}, "forbidden")
    check_symbol(admin, "which was not made", STAT, {"path": "/by-nobody"}, "not-found")
    check_symbol(admin, "nor was the file that it put", STAT, {"path": "/unfinished"}, "not-found")
    check("it is not let in any more", not is_let_in(node, pair))
    check_equal("and is not listed", keys(admin), [("admin", True)])
    # The same key once more: neither its open connection nor its old session is a trap.
    check_symbol(admin, "KEY_ADD of the key that was removed", KEY_ADD, {"key": key, "name": "again"}, "ok")
    check_symbol(laptop, "its connection is served again", STAT, {"path": "/"}, "ok")
    session = laptop.welcome[2]["session"]
    check_symbol(admin, "and removed", KEY_REMOVE, {"key": key}, "ok")
    laptop.close()
    check_symbol(admin, "and added", KEY_ADD, {"key": key, "name": "again"}, "ok")
    laptop = Third(node, pair=pair, session=session)
    check("who takes up its session", laptop.welcome and laptop.welcome[2].get("resumed"), laptop.welcome)
    check_symbol(laptop, "is served", STAT, {"path": "/"}, "ok")
    check_symbol(admin, "and it goes for good", KEY_REMOVE, {"key": key}, "ok")
    admin.close(), laptop.close()


def test_long_bodies(node):
    """A body beyond what is kept as it came is written anew for the call: nothing of it may get lost."""
    wire, pad = Third(node), {"unknown": bytes(20 * KIB)}
    need("a file", wire.put("/long", b"x", attr=[0o640, 5, 6])[0] == "ok")
    pair, key = new_pair()
    for name, kind, body in (("ATTR", ATTR, {"path": "/long", "attr": [0o600, -7, 1], **operation()}),
                             ("LIST", LIST, {"path": "/", "attrs": True}),
                             ("SPACE_CREATE", SPACE_CREATE, {"space": "long", "chunking": [65536] * 3, **operation()}),
                             ("SPACE_SET", SPACE_SET, {"space": "long", "set": 3, "quota": 1 << 30, "keep": [1] * 6, **operation()}),
                             ("COLLECT", 57, {"space": "long"}), ("KEY_ADD", KEY_ADD, {"key": key, "name": "long"}),
                             ("BATCH", BATCH, {"ops": [[ATTR, {"path": "/long", "attr": [0o601, -7, 1]}]], **operation()}),
                             ("KEY_REMOVE", KEY_REMOVE, {"key": key})):
        check_symbol(wire, f"{name} of 20 KiB", kind, {**pad, **body}, "ok")
    about = space(wire, "long")
    check_equal("all was said", (about["chunking"], about["quota"], about["keep"]), ([65536] * 3, 1 << 30, [1] * 6))
    check_equal("also in the batch", wire.ask(STAT, {"path": "/long"})[1]["attr"], [0o601, -7, 1])
    upload = wire.new_id()
    wire.send(PUT, upload, {**pad, "path": "/kept", "upload": bytes([7] * 16), "offer": True, "known": [bytes([1] * 32)], **operation()})
    check_equal("PUT of 20 KiB is kept", wire.receive()[2].get("durable"), 0)
    wire.send(13, upload, {})
    need("aborted", wire.receive()[2].get("symbol") == "cancelled")
    wire.close()


def test_many_keys(node):
    admin = Third(node)
    pairs = [new_pair() for _ in range(256)]
    for i, (_, key) in enumerate(pairs):
        need("a key", admin.ask(KEY_ADD, {"key": key, "name": f"{i:063}"})[0] == "ok")
    check_symbol(admin, "the 257th further key", KEY_ADD, {"key": new_pair()[1], "name": "more"}, "busy")
    listed = admin.items(KEY_LIST, {})
    check_equal("all are listed, in their order", [i["key"] for i in listed[1:]], [k for _, k in pairs])
    check("the last is let in", is_let_in(node, pairs[-1][0]))
    check_symbol(admin, "one goes", KEY_REMOVE, {"key": pairs[100][1]}, "ok")
    check_symbol(admin, "one has room again", KEY_ADD, {"key": new_pair()[1], "name": "more"}, "ok")
    admin.close()
    check_equal("the node stops", node.stop(), 0)
    node.start()
    check("all are there after a restart", is_let_in(node, pairs[255][0]) and not is_let_in(node, pairs[100][0]))
    file = node.directory / "client-keys"
    good = file.read_bytes()
    check_equal("the node stops", node.stop(), 0)
    for name, content, words in (("an octet", good[:200] + bytes([good[200] ^ 1]) + good[201:], "client-keys is damaged"),
                                 ("nothing", b"", "client-keys is damaged"), ("half of it", good[:5000], "client-keys is damaged"),
                                 ("a mebibyte", good + bytes(MIB), "client-keys is damaged"),
                                 ("format 2", b"\x93\x02" + good[2:], "newer format")):
        file.write_bytes(content)
        code, errors, _ = node.refuse()
        check(f"client-keys with {name} changed: the node does not start, and says why", code not in (0, None) and words in errors,
              (code, errors[-300:]))
    done = subprocess.run([DAEMON, "check", str(node.directory)], capture_output=True, timeout=120)
    check("and check says so, too", done.returncode == 10 and b"client-keys" in done.stdout, (done.returncode, done.stdout[-500:]))
    file.write_bytes(good)
    file.chmod(0o644)
    code, errors, _ = node.refuse()
    check("readable by others: neither, with the remedy", code not in (0, None) and "chmod 600" in errors, errors[-300:])
    file.chmod(0o600)
    node.start()
    check("as it was, it starts", is_let_in(node, pairs[0][0]))


def test_check(node):
    """What all of this left on disk is sound."""
    check_equal("the node stops", node.stop(), 0)
    done = subprocess.run([DAEMON, "check", str(node.directory)], capture_output=True, timeout=120)
    check("filesphered check finds nothing", done.returncode == 0, (done.stdout + done.stderr)[-2000:])


def run(options):
    node = Node()
    node.start()
    test_attr(node)
    test_list(node)
    test_changes(node)
    test_versions(node)
    test_chunking(node)
    test_space_set(node)
    test_keys(node)
    test_long_bodies(node)
    test_many_keys(node)
    test_check(node)


if __name__ == "__main__":
    main(run)
