#!/usr/bin/env python3
"""Kept uploads, offers and client keys under bad input: one row an input, each with what client.md allows.

Sections 5.4, 5.5 and 6.3 of docs/protocol/client.md.  After each row a well-behaved client beside it puts and gets a file,
and over each group of rows the node's resident memory is bounded.  Rows and client are those of test_bad_input.
"""
import hashlib, io, os, random, struct, sys, time
from pathlib import Path

from node import Node, check, check_equal, main, need
from test_bad_input import (ABORT, COMMIT, CREDIT, ERROR, FRAME, HELLO, MIB, OK, PUT, WELCOME, WINDOW, Neighbour, Wire,
                            memory, operation, row)
from test_minor import KEY_ADD, KEY_LIST, KEY_REMOVE, OFFER, WANT

sys.path.append(str(Path(__file__).resolve().parent.parent / "interop" / "python"))
from filesphere_client import chunks  # the cuts of content.md

CHUNKS_MOST, LENGTH_MOST = 1024, 4 * MIB
GARBAGE = random.Random(7)


def chunk(digest=None, length=300_000):
    return (digest or GARBAGE.randbytes(32)) + struct.pack(">I", length)


class Third(Wire):
    """A connection of version 3."""

    def __init__(self, node):
        super().__init__(node, hello=False)
        self.send(HELLO, self.new_id(), {"versions": [3], "client": "test_bad_offers"})
        message = self.receive()
        assert message and message[0] == WELCOME and message[2]["v"] == 3, message

    def first(self, path, **more):
        """Opens an upload in parts; (id, its first CREDIT)."""
        request_id = self.new_id()
        self.send(PUT, request_id, {"path": path, **operation(), **more})
        while message := self.receive(30):
            if message[1] == request_id:
                assert message[0] == CREDIT, message
                return request_id, message[2]
        raise AssertionError("no CREDIT")

    def ask(self, kind, body=b""):
        request_id = self.new_id()
        self.send(kind, request_id, body)
        return self.answers(request_id, wait=30)

    def want(self, request_id, count):
        """What WANT says of so many chunks."""
        got = b""
        while len(got) < count and (message := self.receive(20)):
            if message[:2] == (WANT, request_id):
                got += message[2]["want"]
            elif message[:2] == (ERROR, request_id):
                return message[2]["symbol"]
        return got


def rows(base, version):
    """(name, outcome, function of a Third that gives the outcome).  base: chunks (at, octets) of that version of /base."""
    whole = b"".join(octets for _, octets in base)
    digests = [hashlib.sha256(octets).digest() for _, octets in base]
    there = [chunk(digest, len(octets)) for digest, (_, octets) in zip(digests, base)]
    said = {"size": len(whole), "sha256": hashlib.sha256(whole).digest()}

    def in_offer(*steps, wait=10.0, known=(), **more):
        """An upload that builds on /base, whose first CREDIT has the cut key; what is said then, and how it ends."""
        def run(wire):
            request_id, first = wire.first("/offered", offer=True, known=[*known, version], **more)
            assert "cut" in first, first
            for step in steps:
                step(wire, request_id)
            got = wire.answers(request_id, wait=wait)
            if got == "silence":
                wire.send(ABORT, request_id)
                got = "open," + wire.answers(request_id)
            return got
        return run

    def offer(*chunks, at=0):
        return lambda wire, request_id: wire.send(OFFER, request_id, {"offset": at, "chunks": b"".join(chunks)})

    def body(body):
        return lambda wire, request_id: wire.send(OFFER, request_id, body)

    def data(at, octets):
        def run(wire, request_id):
            for k in range(0, len(octets), FRAME):
                wire.data(request_id, at + k, octets[k:k + FRAME])
        return run

    def wanted(count):
        return lambda wire, request_id: wire.want(request_id, count)

    def commit(**fields):
        return lambda wire, request_id: wire.send(COMMIT, request_id, fields)

    def plain(*steps, **more):
        """The same for an upload without offer."""
        def run(wire):
            request_id, first = wire.first("/plain", **more)
            assert "cut" not in first, first
            for step in steps:
                step(wire, request_id)
            return wire.answers(request_id)
        return run

    def lone(kind, body=b""):
        def run(wire):
            request_id = wire.new_id()
            wire.send(kind, request_id, body)
            return wire.answers(request_id, wait=0.3)
        return run

    new = GARBAGE.randbytes(262_144)  # never cut, and so one chunk if nothing follows
    new_chunk = chunk(hashlib.sha256(new).digest(), len(new))
    end = base[-1][0]  # of all chunks but the last, which the node cannot have as one that others follow
    had = offer(*there[:-1]), wanted(len(there) - 1)
    most = [chunk() for _ in range(CHUNKS_MOST)]
    return [
        ("OFFER without PUT", "silence", lone(OFFER, {"chunks": chunk()})),
        ("OFFER without PUT, garbage", "silence", lone(OFFER, b"\xc1")),
        ("WANT from a client", "protocol", lone(WANT, {"want": b"\1", "offset": 0})),
        ("OFFER to an upload that does not offer", "protocol", plain(offer(chunk()))),
        ("OFFER to an upload with nothing to offer against", "protocol", plain(offer(chunk()), offer=True)),
        ("OFFER of nothing", "invalid", in_offer(body({}))),
        ("OFFER of 35 octets", "invalid", in_offer(body({"chunks": bytes(35)}))),
        ("OFFER of a number", "invalid", in_offer(body({"chunks": 36}))),
        ("OFFER of a text", "invalid", in_offer(body({"chunks": "x" * 36}))),
        ("OFFER of garbage", "invalid", in_offer(body(b"\xc1"))),
        ("OFFER of 1025 chunks", "too-large", in_offer(offer(*most, chunk()))),
        ("OFFER of 1024 chunks, which is allowed", "open,cancelled", in_offer(offer(*most), wait=1)),
        ("1025 chunks in two OFFERs", "too-large",
         in_offer(offer(*most), offer(chunk(), at=CHUNKS_MOST * 300_000))),
        ("OFFER of length 0", "invalid", in_offer(offer(chunk(length=0)))),
        ("OFFER of length 4194305", "invalid", in_offer(offer(chunk(length=LENGTH_MOST + 1)))),
        ("OFFER of length 2^32-1", "invalid", in_offer(offer(chunk(length=2**32 - 1)))),
        ("the last of 1024 of length 0", "invalid", in_offer(offer(*most[1:], chunk(length=0)))),
        ("OFFER at offset 1", "protocol", in_offer(offer(chunk(), at=1))),
        ("OFFER at offset 2^63-1", {"protocol", "invalid"}, in_offer(offer(chunk(), at=2**63 - 1))),
        ("OFFER at offset 2^63", "invalid", in_offer(offer(chunk(), at=2**63))),
        ("OFFER at offset -1", "invalid", in_offer(offer(chunk(), at=-1))),
        ("OFFER with a gap", "protocol", in_offer(offer(chunk()), offer(chunk(), at=300_001))),
        ("OFFER twice of the same", "protocol", in_offer(offer(chunk()), offer(chunk()))),
        ("OFFER after COMMIT", {"protocol", "ok"}, in_offer(data(0, b"x"), commit(), offer(chunk(), at=1))),
        ("DATA of an offered chunk before its WANT", {"protocol", "open,cancelled"},  # or it crossed WANT
         in_offer(offer(new_chunk), data(0, new), wait=0.3)),
        ("DATA of a chunk that the node has, before its WANT", "protocol", in_offer(offer(there[0]), data(0, base[0][1]))),
        ("DATA of a chunk that the node has", "protocol",
         in_offer(offer(*there[:2]), wanted(2), data(0, base[0][1]))),
        ("DATA behind chunks that are wanted", "protocol",
         in_offer(offer(new_chunk), wanted(1), data(len(new), b"x"))),
        ("DATA of another digest", "damaged",
         in_offer(offer(chunk(length=len(new))), wanted(1), data(0, new), commit(size=len(new)))),
        ("DATA that is cut elsewhere than it was offered", {"invalid", "damaged"},
         in_offer(offer(*(chunk(hashlib.sha256(part).digest(), len(part)) for part in (new[:1000], new[1000:]))),
                  wanted(2), data(0, new[:1000]), data(1000, new[1000:]), commit(size=len(new)))),
        ("COMMIT while nothing of the offer is answered", {"protocol", "damaged", "invalid"},
         in_offer(offer(*most), commit(size=CHUNKS_MOST * 300_000, sha256=bytes(32)))),
        ("COMMIT without what is wanted", "protocol", in_offer(offer(new_chunk), wanted(1), commit(size=len(new)))),
        ("COMMIT of known chunks without size and digest", "invalid", in_offer(*had, commit())),
        ("COMMIT of known chunks without digest", "invalid", in_offer(*had, commit(size=end))),
        ("COMMIT of known chunks without size", "invalid", in_offer(*had, commit(sha256=bytes(32)))),
        ("COMMIT of known chunks with another size", "invalid", in_offer(*had, commit(size=end + 1, sha256=bytes(32)))),
        ("COMMIT of known chunks, which is allowed", "ok",
         in_offer(offer(*there), wanted(len(there)), commit(**said), size=len(whole))),
        ("the same with a digest that is a lie, which nobody but its maker is told", "ok",
         in_offer(offer(*there), wanted(len(there)), commit(sha256=bytes([5] * 32)), size=len(whole))),
        ("the last of the known chunks in the middle of others", {"open,cancelled", "protocol"},
         in_offer(offer(there[-1], *there[:-1]), wanted(len(there)), wait=0.3)),
        ("a digest of a known chunk with another length", {"invalid", "damaged", "open,cancelled"},
         in_offer(offer(chunk(digests[0], 5)), wanted(1), data(0, b"12345"), commit(size=5, sha256=bytes(32)))),
        ("DATA beyond the credit behind an offer", "no-credit",
         in_offer(*had, data(end, bytes(3 * WINDOW)))),
        ("CREDIT for an offer", "protocol", in_offer(lambda wire, i: wire.send(CREDIT, i, {"credit": 1}))),
        ("ABORT in an offer", "cancelled", in_offer(offer(*most), lambda wire, i: wire.send(ABORT, i))),
        ("ABORT in an offer that is kept", "cancelled",
         in_offer(offer(*most), lambda wire, i: wire.send(ABORT, i), upload=os.urandom(16))),
        ("known with ids of nothing", "open,cancelled",
         in_offer(known=[GARBAGE.randbytes(32) for _ in range(15)], wait=0.3)),
        ("known sixteen times the same", "open,cancelled", in_offer(known=[version] * 15, wait=0.3)),
        ("known with an id of 31 octets", "invalid", lone(PUT, {"path": "/k", **operation(), "known": [bytes(31)]})),
        ("known with a number", "invalid", lone(PUT, {"path": "/k", **operation(), "known": [5]})),
        ("known with 17 ids", "too-large", lone(PUT, {"path": "/k", **operation(), "known": [bytes(32)] * 17})),
        ("known of 2^32-1 ids", {"invalid", "too-large"}, lone(PUT, b"\x81\xa5known\xdd\xff\xff\xff\xff")),
        ("upload of zeros, as if absent", "open,cancelled", in_offer(upload=bytes(16), wait=0.3)),
        ("KEY_ADD of garbage", "invalid", lone(KEY_ADD, b"\xc1")),
        ("KEY_ADD with a name of control characters", {"bad-name", "ok"},
         lone(KEY_ADD, {"key": bytes([9] * 32), "name": "\x1b[2J"})),
        ("KEY_LIST with a body of garbage", "invalid", lone(KEY_LIST, b"\xc1")),
    ]


def test_rows(node, beside, base, version):
    with memory(node, "offers", 160, "uploads hold up to 88 MiB in all", 260):
        for name, outcome, run in rows(base, version):
            wire = Third(node)
            try:
                got = run(wire)
            except (AssertionError, TypeError) as error:
                got = f"stopped: {error!r}"
            shown = outcome if isinstance(outcome, str) else " or ".join(sorted(outcome))
            row(beside, f"{name}: {shown}", got, outcome)
            wire.close()


def make_base(node, beside):
    """/base, of 7 MiB; its chunks, and which version they are."""
    content = GARBAGE.randbytes(7 * MIB)
    wire = Third(node)
    request_id, first = wire.first("/base", size=len(content))
    credit = first["credit"]
    for at in range(0, len(content), FRAME):
        while credit < min(FRAME, len(content) - at):
            credit += wire.receive(30)[2].get("credit", 0)
        wire.data(request_id, at, content[at:at + FRAME])
        credit -= len(content[at:at + FRAME])
    wire.send(COMMIT, request_id)
    while (message := wire.receive(30))[0] == CREDIT:
        pass
    need("a file is there", message[:2] == (OK, request_id), message)
    request_id, first = wire.first("/base", offer=True)
    wire.send(ABORT, request_id)
    need("an upload that offers to it gets the cut key", wire.answers(request_id) == "cancelled" and "cut" in first)
    wire.close()
    cuts = chunks(io.BytesIO(content), 0, first["cut"], first["chunking"])
    return [(at, content[at:at + size]) for at, size, _ in cuts], message[2]["version"]


def test_floods(node, beside):
    """As much as a client can say, without reading what it gets."""
    with memory(node, "8 uploads that offer 1024 chunks, again and again", 200, "queues are bounded", 320):
        wire = Third(node)
        ids = [wire.first("/base", offer=True)[0] for _ in range(8)]
        offers = b"".join(chunk() for _ in range(CHUNKS_MOST))
        for _ in range(20):
            for request_id in ids:
                wire.send(OFFER, request_id, {"chunks": offers})
        got = wire.answers(*ids, wait=20).split(",")
        good = len(got) == len(ids) and set(got) <= {"too-large", "protocol"}
        row(beside, "OFFER floods end their uploads, and nothing else", "ended" if good else ",".join(got), "ended")
        wire.close()
    with memory(node, "64 offers of a connection that does not read", 200, "queues are bounded", 320):
        wire = Third(node)
        wire.socket.rcvhwm = 1
        for _ in range(64):
            request_id = wire.new_id()
            wire.send(PUT, request_id, {"path": "/base", "offer": True, **operation()})
            wire.send(OFFER, request_id, {"chunks": offers})
        time.sleep(2)
        row(beside, "a connection that does not read hinders nobody", "alive" if node.running() else "dead", "alive")
        wire.close()
    wire = Third(node)
    before = wire.ask(KEY_LIST)
    added = refused = 0
    with memory(node, "300 KEY_ADD", 32, "at most 256 keys are kept", 64):
        keys = [os.urandom(32) for _ in range(300)]
        for number, key in enumerate(keys):
            got = wire.ask(KEY_ADD, {"key": key, "name": f"flood-{number}"})
            added, refused = added + (got == "ok"), refused + (got == "busy")
        good = before == "ok" and added + refused == 300 and 250 < added <= 256
        row(beside, "300 KEY_ADD: 256 are taken, the rest are busy", "so" if good else f"{added}, {refused}", "so")
        gone = [wire.ask(KEY_REMOVE, {"key": key}) for key in keys]
        row(beside, "and can all be taken away", "so" if gone.count("ok") == added else "not so", "so")
    wire.close()
    with memory(node, "kept uploads that nobody ends", 200, "the log keeps them, not memory", 320):
        for _ in range(8):
            wire = Third(node)
            for _ in range(3):
                request_id, first = wire.first("/kept", upload=os.urandom(16))
                wire.data(request_id, 0, os.urandom(1000))
            wire.close()
        row(beside, "24 kept uploads whose clients are gone", "alive" if node.running() else "dead", "alive")


def run(options):
    node = Node()
    node.start()
    beside = Neighbour(node)
    test_rows(node, beside, *make_base(node, beside))
    test_floods(node, beside)
    check("the node is alive", node.running(), node.errors()[-3000:])
    check_equal("the node stops cleanly", node.stop(), 0)


if __name__ == "__main__":
    main(run, seconds=300)
