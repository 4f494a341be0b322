#!/usr/bin/env python3
"""Minor versions 2 and 3 of the client protocol on the wire: who may speak them, what is refused, what happens once.

The rest of what it does is shown by the commands (test_history, test_together, test_spaces).
"""
import hashlib, os

from node import Node, check, check_equal, main, need
from test_bad_input import (ABORT, COMMIT, CREDIT, DATA, ERROR, HELLO, OK, PUT, STAT, WELCOME, Wire, operation)

NEWS, LIST, WATCH, MKDIR = 16, 31, 35, 40
OFFER, WANT = 17, 18
ATTR, SPACE_SET, COLLECT, KEY_ADD, KEY_LIST, KEY_REMOVE = range(55, 61)
LOCK, RENEW, UNLOCK, UNDELETE, PRUNE, PURGE, BATCH, SPACE_CREATE, SPACE_REMOVE = 45, 46, 47, 48, 49, 51, 52, 53, 54


class Second(Wire):
    """A connection that speaks version 2, or others."""

    def __init__(self, node, versions=(1, 2)):
        super().__init__(node, hello=False)
        self.send(HELLO, self.new_id(), {"versions": list(versions), "client": "test_minor"})
        self.welcome = self.receive()

    def ask(self, kind, body):
        """(symbol or "ok", body of the answer)."""
        request_id = self.new_id()
        self.send(kind, request_id, body)
        while message := self.receive():
            if message[1] == request_id and message[0] in (OK, ERROR):
                return message[2].get("symbol", "ok") if message[0] == ERROR else "ok", message[2]
        return "silence", {}

    def put(self, path, content, **more):
        request_id = self.new_id()
        self.send(PUT, request_id, {"path": path, "end": True, **operation(), **more}, content)
        message = self.receive()
        return message[2].get("symbol", "ok"), message[2]


def check_symbol(wire, name, kind, body, wanted):
    got, answer = wire.ask(kind, body)
    check_equal(f"{name}: {wanted}", got, wanted)
    return answer


def test_versions(node):
    for versions, chosen in (([1], 1), ([2], 2), ([1, 2], 2), ([2, 1], 2), ([1, 2, 3], 3), ([3, 1], 3), ([3], 3),
                             ([2, 9], 2), ([3, 4], 3), ([4], None), ([0], None)):
        wire = Second(node, versions)
        kind, _, body, _ = wire.welcome
        check_equal(f"HELLO in versions {versions}", body.get("v") if kind == WELCOME else body.get("symbol"),
                    chosen or "unsupported")
        wire.close()
    wire = Second(node, [1])
    for name, kind, body in (("LOCK", LOCK, {"path": "/a", "duration": 10**6, **operation()}),
                             ("WATCH", WATCH, {"credit": 1}), ("SPACE_CREATE", SPACE_CREATE, {"space": "x", **operation()}),
                             ("STAT with at", STAT, {"path": "/", "at": 1}), ("LIST with at_time", LIST, {"path": "/", "at_time": 1}),
                             ("NEWS", NEWS, {})):
        check_symbol(wire, f"{name} in version 1", kind, body, "unsupported")
    got, _ = wire.put("/a", b"x", token=1)
    check_equal("PUT with token in version 1: unsupported", got, "unsupported")
    check_symbol(wire, "nothing was made", STAT, {"path": "/a"}, "not-found")
    wire.close()


def test_third_in_older_sessions(node):
    """What came with version 3 is unknown in sessions of 1 and 2: nothing is done, and nothing overlooked."""
    key = bytes([7] * 32)
    for versions in ([1], [1, 2]):
        wire = Second(node, versions)
        version = f"in version {versions[-1]}"
        for name, kind, body in (
                ("ATTR", ATTR, {"path": "/", "attr": [0o700, 1, 1], **operation()}),
                ("SPACE_SET", SPACE_SET, {"space": "home", "set": 1, "quota": 1, **operation()}),
                ("COLLECT", COLLECT, {}), ("KEY_ADD", KEY_ADD, {"key": key, "name": "intruder"}),
                ("KEY_LIST", KEY_LIST, {}), ("KEY_REMOVE", KEY_REMOVE, {"key": key}), ("WANT", WANT, {"want": b"\1"}),
                ("a type that nobody knows", 61, {}), ("a type that is never given", 65535, {}),
                ("LIST with attrs", LIST, {"path": "/", "attrs": True}),
                ("PUT with upload", PUT, {"path": "/t", "upload": bytes([1] * 16), **operation()}),
                ("PUT with offer", PUT, {"path": "/t", "offer": True, **operation()}),
                ("PUT with known", PUT, {"path": "/t", "known": [key], **operation()})):
            check_symbol(wire, f"{name} {version}", kind, body, "unsupported")
        if versions[-1] == 2:
            body = {"space": "chunked", "chunking": [65536] * 3, **operation()}
            check_symbol(wire, f"SPACE_CREATE with chunking {version}", SPACE_CREATE, body, "unsupported")
            body = {"ops": [[MKDIR, {"path": "/t"}], [ATTR, {"path": "/", "attr": [0o700, 1, 1]}]], **operation()}
            check_symbol(wire, f"BATCH with an ATTR {version}", BATCH, body, "unsupported")
        # OFFER goes on with an upload that is open; of one that is not, nothing is said, as of DATA.
        upload = wire.new_id()
        wire.send(PUT, upload, {"path": "/t", **operation()})
        first = wire.receive()
        check(f"CREDIT {version} says credit alone", first[0] == CREDIT and set(first[2]) == {"credit"}, first)
        wire.send(OFFER, upload, {"chunks": bytes(32) + (1).to_bytes(4, "big")})
        got = wire.answers(upload)
        check(f"OFFER {version} is refused: {got}", got in ("unsupported", "protocol"))
        check_symbol(wire, f"nothing was made {version}", STAT, {"path": "/t"}, "not-found")
        items = wire.ask(LIST, {"path": "/"})[1].get("items", [])
        check(f"LIST {version} has no attributes", not any("attr" in item for item in items))
        wire.close()
    wire = Second(node, [3])
    names = [item.get("name") for item in wire.ask(KEY_LIST, {})[1].get("items", [])]
    check("no key was added meanwhile", names and "intruder" not in names, names)
    check_symbol(wire, "WANT in version 3", WANT, {"want": b"\1"}, "protocol")
    check_symbol(wire, "a type that nobody knows in version 3", 61, {}, "unsupported")
    wire.close()


def test_third_refused(node):
    wire = Second(node, [3])
    need("a file", wire.put("/third", b"x")[0] == "ok")
    target, key = {"path": "/third"}, bytes([7] * 32)
    attr = {"attr": [0o600, 1, 1]}
    for name, kind, body, wanted in (
            ("ATTR without attr", ATTR, target, "invalid"), ("ATTR of nothing", ATTR, attr, "invalid"),
            ("ATTR by path and file", ATTR, {**target, **attr, "file": bytes([1] * 16)}, "invalid"),
            ("ATTR with mode 010000", ATTR, {**target, "attr": [0o10000, 1, 1]}, "invalid"),
            ("ATTR of what is not there", ATTR, {"path": "/nothing", **attr}, "not-found"),
            ("ATTR below a file", ATTR, {"path": "/third/x", **attr}, "not-directory"),
            ("ATTR under none-match", ATTR, {**target, **attr, "if": 4}, "invalid"),
            ("ATTR under another head", ATTR, {**target, **attr, "if": 3, "bases": [key]}, "mismatch"),
            ("ATTR with a name to go to", ATTR, {**target, **attr, "to": "/x"}, "invalid"),
            ("SPACE_SET of nothing", SPACE_SET, {"space": "home"}, "invalid"),
            ("SPACE_SET without a space", SPACE_SET, {"set": 1}, "invalid"),
            ("SPACE_SET of an unknown space", SPACE_SET, {"space": "nothing", "set": 1}, "no-such-space"),
            ("SPACE_SET of set 4", SPACE_SET, {"space": "home", "set": 4}, "invalid"),
            ("SPACE_SET quota without saying so", SPACE_SET, {"space": "home", "set": 2, "quota": 1}, "invalid"),
            ("SPACE_SET keep without saying so", SPACE_SET, {"space": "home", "set": 1, "keep": [1] * 6}, "invalid"),
            ("SPACE_SET of five numbers", SPACE_SET, {"space": "home", "set": 2, "keep": [1] * 5}, "invalid"),
            ("SPACE_SET of seven numbers", SPACE_SET, {"space": "home", "set": 2, "keep": [1] * 7}, "too-large"),
            ("SPACE_SET of 1000001 days", SPACE_SET, {"space": "home", "set": 2, "keep": [1000001] * 6}, "invalid"),
            ("SPACE_CREATE with two numbers", SPACE_CREATE, {"space": "q", "chunking": [65536, 65536]}, "invalid"),
            ("SPACE_CREATE with least below 64 KiB", SPACE_CREATE, {"space": "q", "chunking": [65535] * 3}, "invalid"),
            ("SPACE_CREATE with most above 4 MiB", SPACE_CREATE, {"space": "q", "chunking": [4194305] * 3}, "invalid"),
            ("SPACE_CREATE falling", SPACE_CREATE, {"space": "q", "chunking": [262144, 131072, 65536]}, "invalid"),
            ("SPACE_CREATE with chunks of 2^63", SPACE_CREATE, {"space": "q", "chunking": [1 << 63] * 3}, "invalid"),
            ("STAT with chunking", STAT, {**target, "chunking": [65536] * 3}, "invalid"),
            ("STAT with a key", STAT, {**target, "key": key}, "invalid"),
            ("KEY_ADD without a name", KEY_ADD, {"key": key}, "invalid"),
            ("KEY_ADD without a key", KEY_ADD, {"name": "x"}, "invalid"),
            ("KEY_ADD of a key of zeros", KEY_ADD, {"key": bytes(32), "name": "x"}, "invalid"),
            ("KEY_ADD of 31 octets", KEY_ADD, {"key": bytes([7] * 31), "name": "x"}, "invalid"),
            ("KEY_ADD with a name of 64", KEY_ADD, {"key": key, "name": "x" * 64}, "too-large"),
            ("KEY_ADD with a name that is a path", KEY_ADD, {"key": key, "name": "../x"}, "bad-name"),
            ("KEY_REMOVE of what is not there", KEY_REMOVE, {"key": key}, "not-found"),
            ("COLLECT of an unknown space", COLLECT, {"space": "nothing"}, "no-such-space"),
            ("COLLECT with a path", COLLECT, {"path": "/"}, "invalid"),
            ("a whole PUT with upload", PUT, {"path": "/w", "end": True, "upload": key[:16]}, "invalid"),
            ("a whole PUT with offer", PUT, {"path": "/w", "end": True, "offer": True}, "invalid"),
            ("a whole PUT with known", PUT, {"path": "/w", "end": True, "known": [key]}, "invalid"),
            ("PUT with 17 known versions", PUT, {"path": "/w", "known": [key] * 17}, "too-large"),
            ("PUT with upload of 15 octets", PUT, {"path": "/w", "upload": key[:15]}, "invalid"),
            ("BATCH with a PUT that is kept", BATCH, {"ops": [[PUT, {"path": "/w", "upload": key[:16]}]]}, "invalid")):
        op = {} if kind in (STAT, COLLECT, KEY_ADD, KEY_REMOVE) else operation()
        check_symbol(wire, name, kind, {**body, **op}, wanted)
    check_symbol(wire, "ATTR without op", ATTR, {**target, **attr, "attempt": 1}, "invalid")
    check_symbol(wire, "nothing of them was made", STAT, {"path": "/w"}, "not-found")
    # Once, and in a batch.
    op = operation()
    first = wire.ask(ATTR, {**target, **attr, **op})
    again = wire.ask(ATTR, {**target, **attr, **op, "attempt": 2})
    check("ATTR that is sent again is done once", first[0] == "ok" and first == again, (first, again))
    check_symbol(wire, "the same op with other attributes", ATTR, {**target, "attr": [0o777, 1, 1], **op}, "op-reused")
    ops = [[MKDIR, {"path": "/third-d"}], [ATTR, {"path": "/third-d", "attr": [0o711, 2, 3]}]]
    got = check_symbol(wire, "ATTR in a batch", BATCH, {"ops": ops, **operation()}, "ok")
    check_equal("acts on what the batch made", wire.ask(STAT, {"path": "/third-d"})[1].get("attr"), [0o711, 2, 3])
    check_equal("with one item each", len(got.get("items", [])), 2)
    wire.close()


def test_refused(node):
    wire = Second(node)
    need("a file", wire.put("/a", b"x")[0] == "ok")
    target = {"path": "/a"}
    long = {"path": "/a", "duration": 60 * 10**6}
    for name, kind, body, wanted in (
            ("LOCK without duration", LOCK, target, "invalid"),
            ("LOCK for less than a second", LOCK, {"path": "/a", "duration": 999_999}, "invalid"),
            ("LOCK for more than 30 days", LOCK, {"path": "/a", "duration": 2_592_000_000_001}, "invalid"),
            ("LOCK of nothing", LOCK, {"duration": 10**6}, "invalid"),
            ("LOCK with a condition", LOCK, {**long, "if": 1}, "invalid"),
            ("RENEW without token", RENEW, long, "invalid"),
            ("RENEW without lease", RENEW, {**long, "token": 5}, "lease-lost"),
            ("UNLOCK without token and force", UNLOCK, target, "invalid"),
            ("UNLOCK with both", UNLOCK, {"path": "/a", "token": 1, "force": True}, "invalid"),
            ("MKDIR with token", MKDIR, {"path": "/d", "token": 1}, "invalid"),
            ("MKDIR with at", MKDIR, {"path": "/d", "at": 1}, "invalid"),
            ("STAT with at and at_time", STAT, {"path": "/a", "at": 1, "at_time": 1}, "invalid"),
            ("STAT with at and version", STAT, {"path": "/a", "at": 1, "version": "0" * 8}, "invalid"),
            ("STAT with at as text", STAT, {"path": "/a", "at": "1"}, "invalid"),
            ("PRUNE without version", PRUNE, target, "invalid"),
            ("UNDELETE of what is not in the trash", UNDELETE, {"path": "/00000000000000000001"}, "not-found"),
            ("PURGE of an item with before", PURGE, {"path": "/x", "before": 1}, "invalid"),
            ("PURGE by path and file", PURGE, {"path": "/x", "file": bytes([1] * 16)}, "invalid"),
            ("SPACE_CREATE without a name", SPACE_CREATE, {}, "invalid"),
            ("SPACE_CREATE of Team", SPACE_CREATE, {"space": "Team"}, "bad-name"),
            ("SPACE_CREATE of home", SPACE_CREATE, {"space": "home"}, "exists"),
            ("SPACE_REMOVE without a name", SPACE_REMOVE, {}, "invalid"),
            ("SPACE_REMOVE of home", SPACE_REMOVE, {"space": "home"}, "invalid"),
            ("SPACE_REMOVE of nothing", SPACE_REMOVE, {"space": "nothing"}, "no-such-space"),
            ("SPACE_REMOVE with duration and cancel", SPACE_REMOVE, {"space": "x", "duration": 1, "cancel": True}, "invalid"),
            ("NEWS from a client", NEWS, {}, "protocol")):
        changes = kind not in (STAT, LIST, WATCH, NEWS)
        check_symbol(wire, name, kind, {**body, **(operation() if changes else {})}, wanted)
    check_symbol(wire, "LOCK without op", LOCK, {**long, "attempt": 1}, "invalid")
    file = wire.ask(STAT, target)[1]["file"]
    check_symbol(wire, "UNDELETE of what lives", UNDELETE, {"file": file, **operation()}, "exists")
    check_symbol(wire, "PURGE of what lives", PURGE, {"file": file, **operation()}, "mismatch")
    wire.close()


def test_batches(node):
    wire = Second(node)
    mkdir = [MKDIR, {"path": "/m"}]
    for name, ops, wanted, failed in (
            ("no operation", [], "invalid", 0), ("257 operations", [mkdir] * 257, "too-large", 0),
            ("an operation that is no array", [7], "invalid", 1), ("a type alone", [[MKDIR]], "invalid", 1),
            ("a batch in a batch", [mkdir, [BATCH, {"ops": []}]], "invalid", 2),
            ("a STAT", [[STAT, {"path": "/"}]], "invalid", 1),
            ("an operation with a space", [[MKDIR, {"path": "/m", "space": "home"}]], "invalid", 1),
            ("an operation with an op", [[MKDIR, {"path": "/m", "op": os.urandom(16)}]], "invalid", 1),
            ("content of 4097 octets", [mkdir, mkdir, [PUT, {"path": "/p"}, bytes(4097)]], "too-large", 3),
            ("content of a MKDIR", [[MKDIR, {"path": "/m"}, b"x"]], "invalid", 1),
            ("another digest", [[PUT, {"path": "/p", "sha256": bytes([1] * 32)}, b"x"]], "damaged", 1),
            ("another size", [[PUT, {"path": "/p", "size": 2}, b"x"]], "invalid", 1),
            ("a version by a prefix", [[44, {"path": "/a", "version": "0" * 8}]], "invalid", 1),
            ("a bad name", [[MKDIR, {"path": "/m/.."}]], "bad-name", 1),
            ("what the state machine refuses", [mkdir, [MKDIR, {"path": "/m"}]], "exists", 2),
            ("as an argument a number", 7, "invalid", 0)):
        got, answer = wire.ask(BATCH, {"ops": ops, **operation()})
        check_equal(f"BATCH: {name}", (got, answer.get("failed", 0)), (wanted, failed))
    check_symbol(wire, "nothing of them was done", STAT, {"path": "/m"}, "not-found")
    # Once.
    op = operation()
    body = {"ops": [mkdir, [PUT, {"path": "/m/f", "sha256": hashlib.sha256(b"content").digest()}, b"content"]], **op}
    first = wire.ask(BATCH, body)
    again = wire.ask(BATCH, {**body, "attempt": 2})
    check("a batch that is sent again is done once", first[0] == "ok" and first == again, (first, again))
    other = {**body, "ops": [mkdir, [PUT, {"path": "/m/f"}, b"another"]], "attempt": 3}
    check_symbol(wire, "the same op with other content", BATCH, other, "op-reused")
    wire.close()


def test_watch(node):
    wire = Second(node)
    for name, body, wanted in (("no credit", {}, "invalid"), ("4097", {"credit": 4097}, "too-large"),
                               ("an unknown space", {"credit": 1, "space": "nothing"}, "no-such-space"),
                               ("a path", {"credit": 1, "path": "/"}, "invalid")):
        check_symbol(wire, f"WATCH with {name}", WATCH, body, wanted)
    _, root = wire.ask(STAT, {"path": "/"})
    last = root["change"]

    def news(request_id, seconds=10):
        message = wire.receive(seconds)
        if message is None:
            return None
        return [i["change"] for i in message[2].get("items", [])] if message[:2] == (NEWS, request_id) else message

    watch = wire.new_id()
    wire.send(WATCH, watch, {"after_index": last, "credit": 2})
    check_equal("the first NEWS comes at once", news(watch), [])
    beside = Second(node)
    for number in range(5):
        beside.ask(MKDIR, {"path": f"/w{number}", **operation()})
    got = news(watch)
    while got is not None and len(got) < 2:
        got += news(watch) or []
    check_equal("no more comes than was granted", (got, news(watch, 0.3)), ([last + 1, last + 2], None))
    wire.send(CREDIT, watch, {"credit": 3})
    check_equal("credit brings the rest", news(watch), [last + 3, last + 4, last + 5])
    wire.send(CREDIT, watch, {"credit": 4096})
    wire.send(CREDIT, watch, {"credit": 1})
    check_equal("credit beyond the bound: too-large", wire.answers(watch), "too-large")
    for name, kind, body, wanted in (("ABORT", ABORT, b"", "cancelled"), ("COMMIT", COMMIT, b"", "protocol")):
        watch = wire.new_id()
        wire.send(WATCH, watch, {"after_index": last, "credit": 1})
        news(watch)
        wire.send(kind, watch, body)
        check_equal(f"{name} ends a watch: {wanted}", wire.answers(watch), wanted)
    watch = wire.new_id()
    wire.send(WATCH, watch, {"credit": 1})
    news(watch)
    wire.data(watch, 0, b"x")
    check_equal("DATA to a watch: protocol", wire.answers(watch), "protocol")
    ids = []
    for _ in range(65):
        ids.append(wire.new_id())
        wire.send(WATCH, ids[-1], {"after_index": last + 5, "credit": 1})
    check_equal("the 65th watch of a connection: busy", wire.answers(ids[-1]), "busy")
    check_equal("and the others stand", wire.answers(*ids[:-1], wait=0), "silence")
    beside.close()
    wire.close()


def test_spaces_once(node):
    wire = Second(node)
    op = operation()
    first = wire.ask(SPACE_CREATE, {"space": "once", **op})
    again = wire.ask(SPACE_CREATE, {"space": "once", **op, "attempt": 2})
    check("SPACE_CREATE that is sent again makes one space", first[0] == again[0] == "ok" and
          first[1]["file"] == again[1]["file"], (first, again))
    check_symbol(wire, "the same op for another name", SPACE_CREATE, {"space": "twice", **op, "attempt": 3}, "op-reused")
    op = operation()
    first = wire.ask(SPACE_REMOVE, {"space": "once", "duration": 10**12, **op})
    again = wire.ask(SPACE_REMOVE, {"space": "once", "duration": 10**12, **op, "attempt": 2})
    check("SPACE_REMOVE that is sent again has one deadline", first[0] == again[0] == "ok" and
          first[1]["expires"] == again[1]["expires"], (first, again))
    op = operation()
    wire.put("/purged", b"x")
    wire.ask(41, {"path": "/purged", **operation()})
    first = wire.ask(PURGE, op)
    wire.put("/later", b"x")
    wire.ask(41, {"path": "/later", **operation()})
    again = wire.ask(PURGE, {**op, "attempt": 2})
    check("PURGE that is sent again takes nothing new", first == again, (first, again))
    wire.close()


def run(options):
    node = Node()
    node.start()
    test_versions(node)
    test_third_in_older_sessions(node)
    test_third_refused(node)
    test_refused(node)
    test_batches(node)
    test_watch(node)
    test_spaces_once(node)
    check_equal("the node stops cleanly", node.stop(), 0)


if __name__ == "__main__":
    main(run, seconds=180)
