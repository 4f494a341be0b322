#!/usr/bin/env python3
"""Uploads that are kept, and offers, on the wire (client protocol 1.3): what is sent twice, what is not sent at all,
who may go on, and what is left behind."""
import hashlib, hmac, os, random, struct, subprocess

import test_bad_input as bad
from node import DAEMON, ENV, Node, check, check_equal, main, need, say
from test_bad_input import ABORT, COMMIT, CREDIT, DATA, DELETE, ERROR, FRAME, GET, HELLO, OK, PUT, RESUME, STAT, Wire
from test_bad_input import operation

KIB, MIB = 1024, 1024 * 1024
OFFER, WANT, SPACES, PURGE, SPACE_CREATE = 17, 18, 34, 51, 53
WINDOW = 8 * MIB


class Third(Wire):
    """A connection that speaks version 3."""

    def __init__(self, node, versions=(1, 2, 3), **hello):
        super().__init__(node, hello=False)
        self.send(HELLO, self.new_id(), {"versions": list(versions), "client": "test_uploads", **hello})
        self.welcome = self.receive()
        assert self.welcome and self.welcome[0] == 2, self.welcome

    def ask(self, kind, body):
        """(symbol or "ok", body of the answer)."""
        request_id = self.new_id()
        self.send(kind, request_id, body)
        while message := self.receive(30):
            if message[1] == request_id and message[0] in (OK, ERROR):
                return message[2].get("symbol", "ok") if message[0] == ERROR else "ok", message[2]
        return "silence", {}


class Silence(Exception):
    """The node says nothing any more."""


class Put:
    """One PUT in parts.  What a node says of it is checked against what it may say."""

    def __init__(self, wire, path, content, upload=None, attempt=1, **more):
        self.wire, self.content, self.kept = wire, content, upload is not None
        self.id, self.sent_bytes, self.answer, self.wants = wire.new_id(), 0, None, []
        self.credit, self.durable, self.at, self.first, self.pieces = 0, 0, None, None, []
        op = {"op": upload or os.urandom(16), "attempt": attempt}
        kept = {"upload": upload} if upload else {}
        wire.send(PUT, self.id, {"path": path, **op, **kept, **more})

    def turn(self, seconds=30.0):
        """Takes one message; False if none came."""
        message = self.wire.receive(seconds)
        if message is None:
            if seconds > 1:
                raise Silence()
            return False
        kind, request_id, body, _ = message
        if request_id != self.id:
            return True
        if kind == CREDIT:
            assert body.get("credit") or "offset" in body or "durable" in body, body
            if self.first is None:
                self.first = body
                self.at = self.start = body.get("offset", 0)
                assert ("offset" in body) == ("durable" in body) == self.kept, body
                assert body.get("durable", 0) == self.at, body
            assert "durable" not in body or body["durable"] >= self.durable, body
            self.durable = body.get("durable", self.durable)
            self.credit += body.get("credit", 0)
            if self.kept:  # so much at most is sent twice
                assert self.sent_since_durable() + self.credit <= WINDOW, (self.at, self.durable, self.credit)
        elif kind == WANT:
            self.wants.append((body["offset"], body["want"]))
        elif kind in (OK, ERROR):
            self.answer = (body.get("symbol", "ok") if kind == ERROR else "ok", body)
        return True

    def sent_since_durable(self):
        return sum(max(0, at + n - max(at, self.durable)) for at, n in self.pieces)

    def begin(self):
        while self.first is None and self.answer is None:
            self.turn()
        return self

    def data(self, to):
        """Sends what is granted, up to an offset; false if nothing could be sent."""
        bytes_now = min(self.credit, FRAME, to - self.at)
        if bytes_now <= 0:
            return False
        self.wire.data(self.id, self.at, self.content[self.at:self.at + bytes_now])
        self.pieces = [p for p in self.pieces if sum(p) > self.durable] + [(self.at, bytes_now)]
        self.at += bytes_now
        self.credit -= bytes_now
        self.sent_bytes += bytes_now
        return True

    def send(self, to=None):
        """Sends as the credit allows, up to an offset."""
        to = len(self.content) if to is None else to
        self.begin()
        while self.at < to and not self.answer:
            if not self.data(to):
                self.turn()
            while self.wire.socket.poll(0):
                self.turn()
        return self

    def commit(self, **more):
        if not self.answer:
            self.wire.send(COMMIT, self.id, {"size": len(self.content), "sha256": digest(self.content), **more})
        return self.end()

    def end(self):
        while not self.answer:
            self.turn()
        return self.answer

    def settle(self, offset):
        """Waits until so much is kept."""
        while self.durable < offset and not self.answer:
            self.turn()
        return self


def digest(data):
    return hashlib.sha256(data).digest()


def content_of(seed, size):
    return random.Random(str(seed)).randbytes(size)


def plain_put(wire, path, content, **more):
    answer = Put(wire, path, content, **more).send().commit()
    need(f"a plain put of {path}", answer[0] == "ok", answer)
    return answer[1]


def read(wire, path, space=None):
    """The content at a path."""
    request_id = wire.new_id()
    wire.send(GET, request_id, {"path": path, "credit": WINDOW, **({"space": space} if space else {})})
    kind, _, body, payload = wire.receive(30)
    if kind != OK:
        return None
    got, size = bytearray(payload), body["size"]
    while len(got) < size:
        kind, _, offset, payload = wire.receive(30)
        if kind != DATA or offset != len(got):
            return None
        got += payload
        if len(got) < size:
            wire.send(CREDIT, request_id, {"credit": len(payload)})
    return bytes(got)


def used(wire, space="home"):
    return next(item["used"] for item in wire.ask(SPACES, {})[1]["items"] if item["name"] == space)


# -- offers: a client that cuts (docs/protocol/content.md, section 3) --------------------------------------------------


def gear_table(cut_key):
    prk, block, out = hmac.digest(bytes(32), cut_key, "sha256"), b"", b""
    for i in range(1, 65):
        block = hmac.digest(prk, block + b"fsp gear v1" + bytes([i]), "sha256")
        out += block
    return struct.unpack(">256Q", out)


def cuts(content, cut_key, least, average, most):
    """The chunks of content, as (offset, length)."""
    table, bits = gear_table(cut_key), average.bit_length() - 1
    strict, lax = (((1 << n) - 1) << (63 - n) for n in (bits + 2, bits - 2))
    chunks, start, size, mask64 = [], 0, len(content), (1 << 64) - 1
    while start < size:
        at, value = start + least, 0
        end = min(start + most, size)
        turn = min(start + average, end)
        while at < end:
            value = ((value << 1) + table[content[at]]) & mask64
            at += 1
            if not value & (strict if at <= turn else lax):
                break
        at = min(at, size)
        chunks.append((start, at - start))
        start = at
    return chunks


def record(content, offset, length):
    return digest(content[offset:offset + length]) + struct.pack(">I", length)


def offer(put, chunks, batch=1024):
    """Offers chunks (offset, length) in messages of so many; what the node wants, one octet each."""
    for i in range(0, len(chunks), batch):
        some = chunks[i:i + batch]
        put.wire.send(OFFER, put.id, {"offset": some[0][0], "chunks": b"".join(record(put.content, *c) for c in some)})
    want, at = b"", chunks[0][0]
    lengths = iter(chunks)
    while len(want) < len(chunks) and not put.answer:
        while put.wants:
            where, some = put.wants.pop(0)
            assert where == at, (where, at)
            at += sum(next(lengths)[1] for _ in some)
            want += some
        if len(want) < len(chunks):
            put.turn()
    return want


def offer_put(put, batch=1024):
    """A whole put by offers: begins, offers, sends what is wanted.  (offered, wanted)"""
    put.begin()
    if "cut" not in put.first:
        put.send()
        return 0, 0
    start = put.start
    chunks = [c for c in cuts(put.content[start:], put.first["cut"], *put.first["chunking"])]
    chunks = [(o + start, n) for o, n in chunks]
    wanted = 0
    for i in range(0, len(chunks), 500):
        some = chunks[i:i + 500]
        for chunk, want in zip(some, offer(put, some, batch)):
            if put.answer:
                return len(chunks), wanted
            put.at = chunk[0]
            wanted += want
            if want:
                put.send(chunk[0] + chunk[1])
            else:
                put.at = chunk[0] + chunk[1]
    return len(chunks), wanted


# -- kept ------------------------------------------------------------------------------------------------------------


def test_whole(node):
    wire = Third(node)
    for size in (0, 1, 4096, 4097, 300 * KIB, 3 * MIB, 21 * MIB + 77):
        content = content_of(size, size)
        wanted = plain_put(wire, f"/plain{size}", content)
        put = Put(wire, f"/kept{size}", content, os.urandom(16), size=size).send()
        if size > 20 * MIB:
            put.settle(12 * MIB)
        answer = put.commit()
        check_equal(f"a kept put of {size} octets: its root is that of a plain put",
                    (answer[0], answer[1].get("root"), answer[1].get("sha256"), answer[1].get("chunks")),
                    ("ok", wanted["root"], digest(content), wanted.get("chunks")))
        if size > 20 * MIB:
            check("a new gateway is told that its content is there", read(wire, f"/kept{size}") == content)
    check_equal("no upload is left", open_uploads(node, wire), 0)
    wire.close()


def open_uploads(node, wire):
    """Octets that are counted as used and belong to no version: those of open uploads."""
    total = 0
    stack = ["/"]
    while stack:
        path = stack.pop()
        after = ""
        while True:
            _, body = wire.ask(bad.LIST, {"path": path, **({"after": after} if after else {})})
            for item in body.get("items", []):
                full = path.rstrip("/") + "/" + item["name"]
                if item["kind"] == 2:
                    stack.append(full)
                    continue
                _, versions = wire.ask(bad.VERSIONS, {"path": full})
                total += sum(v.get("size", 0) for v in versions["items"])
            if not body.get("more"):
                break
            after = body["items"][-1]["name"]
    return used(wire) - total


def test_killed(node, rounds):
    """The node is killed at random points; the put goes on where its last checkpoint was."""
    rng = random.Random(7)
    size = 48 * MIB + 12345
    content = content_of("killed", size)
    wire = Third(node)
    wanted = plain_put(wire, "/whole", content)
    check_equal("it is deleted again", wire.ask(DELETE, {"path": "/whole", **operation()})[0], "ok")
    check_equal("and purged", wire.ask(PURGE, operation())[0], "ok")
    wire.close()
    for turn in range(rounds):
        upload, attempt, sent, path = os.urandom(16), 0, 0, f"/killed{turn}"
        most, answer, reached = 0, None, 0
        while answer is None:
            attempt += 1
            wire = Third(node)
            put = Put(wire, path, content, upload, attempt, size=size, since=0)
            try:
                put.begin()
                if put.at < reached:
                    check("what was acknowledged is there", False, (put.at, reached))
                stop = put.at + rng.randrange(1, 24 * MIB)
                if stop < size or attempt < 3:
                    put.send(min(stop, size))
                    node.send(9)
                    node.wait()
                    try:
                        while put.turn(0.5):
                            pass
                    except Silence:
                        pass
                    reached, most = put.durable, max(most, put.at - put.durable)
                    sent += put.sent_bytes
                    wire.close()
                    node.start()
                    continue
                answer = put.send().commit()
                sent += put.sent_bytes
            finally:
                wire.close()
        check_equal(f"killed {attempt - 1} times: the root is that of a plain put",
                    (answer[0], answer[1].get("root"), answer[1].get("sha256")), ("ok", wanted["root"], digest(content)))
        check(f"never more than 8 MiB are sent twice ({most} at most, {sent - size} together)",
              most <= WINDOW and sent - size <= (attempt - 1) * WINDOW, (most, sent, attempt))
    wire = Third(node)
    check("it reads as it was sent", read(wire, "/killed0") == content)
    check_equal("no upload is left", open_uploads(node, wire), 0)
    wire.close()


def test_taken_over(node):
    content = content_of("over", 30 * MIB)
    first, second = Third(node), Third(node)
    wanted = plain_put(second, "/over-plain", content)
    upload = os.urandom(16)
    a = Put(first, "/over", content, upload, size=len(content)).send(14 * MIB).settle(4 * MIB)
    b = Put(second, "/over", content, upload, 2, size=len(content)).begin()
    check_equal("the first one is told that it is over", a.end()[0], "cancelled")
    check("the second one goes on behind the checkpoint", b.start >= a.durable >= 4 * MIB, (a.durable, b.start))
    answer = b.send().commit()
    check_equal("a second client takes an upload over", (answer[0], answer[1].get("root")), ("ok", wanted["root"]))
    # A connection that breaks.
    upload = os.urandom(16)
    a = Put(first, "/cut", content, upload, size=len(content)).send(20 * MIB).settle(10 * MIB)
    first.close()
    first = Third(node)
    b = Put(first, "/cut", content, upload, 2, size=len(content)).begin()
    check("a cut connection costs at most 8 MiB", b.start >= a.durable and a.at - b.start <= WINDOW, (a.at, b.start))
    answer = b.send().commit()
    check_equal("and the put goes on", (answer[0], answer[1].get("root")), ("ok", wanted["root"]))
    # The answer got lost: the operation is done, and what comes again leaves nothing behind.
    c = Put(second, "/cut", content, upload, 3, size=len(content)).send()
    again = c.commit()
    check_equal("an operation that is done is answered again",
                (again[0], again[1].get("version")), ("ok", answer[1]["version"]))
    # Resumed within its session.
    third = Third(node)
    upload = os.urandom(16)
    put = Put(third, "/same-session", content, upload, size=len(content)).send(12 * MIB)
    third.send(RESUME, put.id, {})
    credit = put.credit
    put.credit, seen = 0, None
    while seen is None:
        message = third.receive(30)
        if message[0] == CREDIT and "offset" in message[2]:
            seen = message[2]
            put.credit, put.durable = seen.get("credit", 0), seen["durable"]
        elif message[0] == CREDIT:
            credit += message[2].get("credit", 0)
    check("RESUME tells offset and durable", seen["offset"] == put.at and seen["durable"] <= put.at, seen)
    check_equal("and the upload goes on", put.send().commit()[1].get("root"), wanted["root"])
    check_equal("no upload is left", open_uploads(node, second), 0)
    for wire in (first, second, third):
        wire.close()


def test_refused(node):
    """Every final answer ends the upload."""
    wire = Third(node)
    content = content_of("refused", 9 * MIB)
    plain_put(wire, "/there", content[:5000])
    before = open_uploads(node, wire)
    cases = (("a condition that does not hold", {"if": 4}, {}, "exists"),
             ("a base that is not the head", {"if": 3, "bases": [bytes([9] * 32)]}, {}, "mismatch"),
             ("another digest", {}, {"sha256": bytes(32)[:-1] + b"x"}, "damaged"),
             ("another size", {}, {"size": len(content) - 1}, "invalid"))
    for name, more, commit, wanted in cases:
        put = Put(wire, "/there", content, os.urandom(16), **more).send().settle(2 * MIB)
        check_equal(f"{name}: refused at the end", put.commit(**commit)[0], wanted)
        check_equal(f"{name}: nothing is left", open_uploads(node, wire), before)
    put = Put(wire, "/there", content, os.urandom(16)).send().settle(2 * MIB)
    wire.send(ABORT, put.id)
    check_equal("ABORT is answered", put.end()[0], "cancelled")
    check_equal("and nothing is left", open_uploads(node, wire), before)
    # Who does not want it any more takes it up and gives it up, without waiting for what the node says in between.
    upload = os.urandom(16)
    Put(wire, "/gone", content, upload).send().settle(2 * MIB)
    wire.close()
    wire = Third(node)
    check("a connection that breaks leaves it", open_uploads(node, wire) >= before + 2 * MIB)
    put = Put(wire, "/gone", content, upload, 2)
    wire.send(ABORT, put.id)
    check_equal("an upload that is taken up and given up at once", put.end()[0], "cancelled")
    check_equal("leaves nothing", open_uploads(node, wire), before)
    # What is not there can be aborted, and begun.
    upload = os.urandom(16)
    put = Put(wire, "/again", content, upload).begin()
    wire.send(ABORT, put.id)
    put.end()
    put = Put(wire, "/again", content, upload, 2).begin()
    check_equal("an upload that was given up begins from nothing", put.first.get("offset"), 0)
    check_equal("and may end", put.send().commit()[0], "ok")
    # Another content under the same upload.
    upload = os.urandom(16)
    put = Put(wire, "/size", content, upload, size=len(content)).send(6 * MIB).settle(2 * MIB)
    wire.close()
    wire = Third(node)
    other = Put(wire, "/size", content[:-1], upload, 2, size=len(content) - 1).begin()
    check_equal("another size under the same upload", other.end()[0], "op-reused")
    put = Put(wire, "/size", content, upload, 3, size=len(content)).begin()
    check("which stays as it was", put.start >= 2 * MIB, put.first)
    check_equal("and may end", put.send().commit()[0], "ok")
    check_equal("no upload is left", open_uploads(node, wire), before)
    wire.close()


def test_many(node):
    """Several kept puts at once, on one connection; one of them dies with its client."""
    wire, other = Third(node), Third(node)
    contents = [content_of(("many", i), 11 * MIB + i) for i in range(4)]
    puts = [Put(wire, f"/many{i}", c, os.urandom(16), size=len(c)).begin() for i, c in enumerate(contents)]
    dead = Put(other, "/dead", contents[0], os.urandom(16)).send(5 * MIB).settle(2 * MIB)
    other.close()
    by_id = {p.id: p for p in puts}
    while any(not p.answer for p in puts):
        for p in puts:
            while not p.answer and p.at < len(p.content) and p.data(len(p.content)):
                pass
            if p.at == len(p.content) and not getattr(p, "committed", False):
                p.committed = True
                wire.send(COMMIT, p.id, {"size": len(p.content), "sha256": digest(p.content)})
        message = wire.receive(30)
        need("the node goes on", message is not None)
        p = by_id[message[1]]
        if message[0] == CREDIT:
            p.credit += message[2].get("credit", 0)
        elif message[0] in (OK, ERROR):
            p.answer = message[2].get("symbol", "ok")
    check_equal("four kept puts at once", [p.answer for p in puts], ["ok"] * 4)
    check("they hold what was sent", all(read(wire, f"/many{i}") == c for i, c in enumerate(contents)))
    check("the upload of a client that died stays", open_uploads(node, wire) >= 2 * MIB, dead.durable)
    wire.close()


def test_offers(node):
    wire = Third(node)
    space = "offers"
    small = {"space": space, "chunking": [64 * KIB, 128 * KIB, 256 * KIB]}
    need("a space of small chunks", wire.ask(SPACE_CREATE, {**small, **operation()})[0] == "ok")
    base = content_of("base", 6 * MIB)
    first = Put(wire, "/file", base, space=space, offer=True, size=len(base))
    first.begin()
    check("nothing is there to offer against: no cut key", "cut" not in first.first, first.first)
    root = first.send().commit()[1]
    new = b"in front" * 1000 + base[:3 * MIB] + b"in the middle" + base[3 * MIB:]
    wanted_root = plain_put(wire, "/plain", new, space=space)["root"]
    for name, more in (("against the present head", {}), ("kept", {"upload": os.urandom(16)})):
        put = Put(wire, "/file", new, space=space, offer=True, size=len(new), **more)
        offered, wanted = offer_put(put)
        answer = put.commit()
        check(f"an edit {name} sends a few chunks of many ({wanted} of {offered})", offered > 30 and 2 <= wanted <= 8)
        check_equal(f"an edit {name}: its root is that of a plain put", (answer[0], answer[1].get("root")),
                    ("ok", wanted_root))
        check_equal(f"an edit {name}: what was stored", answer[1].get("chunks_new", 0) <= wanted, True)
        check(f"an edit {name} reads as it was written", read(wire, "/file", space) == new)
        restored = wire.ask(44, {"path": "/file", "space": space, "version": root["version"].hex(), **operation()})
        need("the base is the head again", restored[0] == "ok", restored)
    # Unchanged: nothing is sent, also of a file of one chunk.
    for name, content in (("many chunks", base), ("one chunk", base[:50 * KIB])):
        path = "/same-" + name.split()[0]
        plain = plain_put(wire, path, content, space=space)
        put = Put(wire, path, content, space=space, offer=True, size=len(content))
        offered, wanted = offer_put(put)
        answer = put.commit()
        check_equal(f"the same content of {name} again: wanted, sent, root",
                    (wanted, put.sent_bytes, answer[1].get("root")), (0, 0, plain["root"]))
    # Of a known version somewhere else; one that nobody has is passed over.
    put = Put(wire, "/copy", new, space=space, offer=True, size=len(new),
              known=[bytes([7] * 32), root["version"]])
    offered, wanted = offer_put(put, batch=7)
    check("a version that is named may be elsewhere", offered > 30 and 2 <= wanted <= 8, (offered, wanted))
    check_equal("and the root is the same", put.commit()[1].get("root"), wanted_root)
    # What ended a base may end no chunk in the middle: the node wants it, and the root stays right.
    longer = base + content_of("more", 2 * MIB)
    plain = plain_put(wire, "/longer-plain", longer, space=space)
    put = Put(wire, "/longer", longer, space=space, offer=True, size=len(longer), known=[root["version"]])
    offer_put(put)
    check_equal("content behind the end of its base", put.commit()[1].get("root"), plain["root"])
    # Mixed: an offer, then just bytes, then an offer at a cut.
    put = Put(wire, "/mixed", new, space=space, offer=True, size=len(new), known=[root["version"]]).begin()
    chunks = cuts(new, put.first["cut"], *put.first["chunking"])
    for i in range(0, len(chunks), 9):
        some = chunks[i:i + 9]
        if i % 18:
            put.send(some[-1][0] + some[-1][1])
            continue
        for chunk, want in zip(some, offer(put, some)):
            put.at = chunk[0]
            if want:
                put.send(chunk[0] + chunk[1])
            put.at = chunk[0] + chunk[1]
    check_equal("offers and bytes in turn", put.commit()[1].get("root"), wanted_root)
    wire.close()
    return base, new, root["version"], wanted_root


def test_offers_killed(node, base_version, new, wanted_root):
    """Kept, offered, and killed in between."""
    rng, upload = random.Random(3), os.urandom(16)
    attempt, starts = 0, []
    while True:
        attempt += 1
        wire = Third(node)
        put = Put(wire, "/offered", new, upload, attempt, space="offers", offer=True, size=len(new), since=0,
                  known=[base_version]).begin()
        starts.append(put.start)
        chunks = [(o + put.start, n) for o, n in cuts(new[put.start:], put.first["cut"], *put.first["chunking"])]
        stop = rng.randrange(len(chunks)) if attempt < 4 else len(chunks)
        for chunk in chunks[:stop]:
            want = offer(put, [chunk])
            put.at = chunk[0]
            if want == b"\1":
                put.send(chunk[0] + chunk[1])
            put.at = chunk[0] + chunk[1]
        if stop == len(chunks):
            break
        if stop > 20:
            put.settle(put.start + 2 * MIB)
        node.send(9)
        node.wait()
        wire.close()
        node.start()
    answer = put.commit()
    check_equal(f"offers that go on after kills (at {starts}): the root", (answer[0], answer[1].get("root")),
                ("ok", wanted_root))
    check("it reads as it was written", read(wire, "/offered", "offers") == new)
    wire.close()


def test_liars(node, base, base_version, new):
    wire = Third(node)

    def begin(**more):
        put = Put(wire, "/liar", new, space="offers", **{"offer": True, "size": len(new), "known": [base_version], **more})
        put.begin()
        return put, cuts(new, put.first["cut"], *put.first["chunking"]) if "cut" in put.first else []

    def raw(put, offset, chunks):
        wire.send(OFFER, put.id, {"offset": offset, "chunks": chunks})

    put = Put(wire, "/liar", base, space="offers", offer=True, size=len(base), known=[base_version]).begin()
    raw(put, 0, record(base, *cuts(base[:MIB], put.first["cut"], *put.first["chunking"])[0]))
    put.wire.data(put.id, 0, base[:10])
    check_equal("DATA of what is offered, before its WANT", put.end()[0], "protocol")
    put, chunks = begin()
    want = offer(put, chunks[:20])
    known = want.index(0)
    for chunk, w in zip(chunks[:known], want):
        put.at = chunk[0]
        put.send(chunk[0] + chunk[1])
    put.wire.data(put.id, chunks[known][0], new[chunks[known][0]:][:100])
    check_equal("DATA for a chunk that is there", put.end()[0], "protocol")
    put, chunks = begin()
    raw(put, chunks[1][0], record(new, *chunks[1]))
    check_equal("an OFFER with a gap", put.end()[0], "protocol")
    put, chunks = begin()
    raw(put, 0, bytes(32) + struct.pack(">I", 0))
    check_equal("a chunk of no octets", put.end()[0], "invalid")
    put, chunks = begin()
    raw(put, 0, bytes(32) + struct.pack(">I", 256 * KIB + 1))
    check_equal("a chunk larger than any", put.end()[0], "invalid")
    put, chunks = begin(size=100 * KIB)
    raw(put, 0, bytes(32) + struct.pack(">I", 200 * KIB))
    check_equal("a chunk behind the end", put.end()[0], "invalid")
    put, chunks = begin(size=1 << 40)
    raw(put, 0, (bytes(31) + b"x" + struct.pack(">I", 64 * KIB)) * 1024)
    raw(put, 1024 * 64 * KIB, bytes(31) + b"x" + struct.pack(">I", 64 * KIB))
    check_equal("more than 1,024 chunks", put.end()[0], "too-large")
    put, chunks = begin()
    raw(put, 0, bytes(31) + b"x" + struct.pack(">I", chunks[0][1]))
    while not put.wants:
        put.turn()
    put.send(chunks[0][1])
    check_equal("another digest than was offered", put.end()[0], "damaged")
    put, chunks = begin()
    raw(put, 0, digest(new[:100000]) + struct.pack(">I", 100000))
    while not put.wants:
        put.turn()
    put.send(len(new))
    check_equal("an end where no cut is", put.end()[0], "invalid")
    put, chunks = begin()
    put.send(1000)
    raw(put, 1000, record(new, 1000, chunks[0][1] - 1000))
    check_equal("an OFFER that begins where no cut is", put.end()[0], "protocol")
    put, chunks = begin()
    put.send(100000)
    raw(put, 100000, record(new, 100000, 1000))
    check_equal("and behind more than may stay inline", put.end()[0], "protocol")
    # A chunk that is there, under another length: wanted, and then it does not fit.
    put, chunks = begin()
    there = next(c for c, w in zip(chunks, offer(put, chunks)) if not w)
    wire.send(ABORT, put.id)
    put.end()
    put, chunks = begin()
    at = chunks.index(there)
    offer(put, chunks[:at])
    raw(put, there[0], digest(new[there[0]:there[0] + there[1]]) + struct.pack(">I", there[1] - 1))
    while not put.wants:
        put.turn()
    check_equal("a length that is not the chunk's: it is wanted", put.wants[0], (there[0], b"\1"))
    wire.send(ABORT, put.id)
    put.end()
    # The end.
    for name, commit, wanted in (("no size and digest", {}, "invalid"),
                                 ("another size", {"size": len(new) - 1, "sha256": digest(new)}, "invalid")):
        put, chunks = begin()
        offer_all(put, chunks)
        wire.send(COMMIT, put.id, commit)
        check_equal(f"COMMIT with {name}, of what was partly there", put.end()[0], wanted)
    put, chunks = begin()
    offer(put, chunks[:5])
    wire.send(COMMIT, put.id, {"size": len(new), "sha256": digest(new)})
    check_equal("COMMIT before what is wanted has come", put.end()[0], "protocol")
    # The digest of a version of one chunk is that of a chunk to offer against: no word of a client may become it.
    mine, yours = content_of("mine", 50 * KIB), content_of("yours", 50 * KIB)
    plain_put(wire, "/poison", mine, space="offers")
    put = Put(wire, "/poison", mine, space="offers", offer=True, size=len(mine)).begin()
    check_equal("one chunk that is there", offer(put, [(0, len(mine))]), b"\0")
    check_equal("COMMIT of one chunk with another digest than it has", put.commit(sha256=digest(yours))[0], "damaged")
    put = Put(wire, "/poison", yours, space="offers", offer=True, size=len(yours))
    offer_put(put)
    check_equal("what comes next is taken", put.commit()[0], "ok")
    check("and is what was sent", read(wire, "/poison", "offers") == yours)
    put, chunks = begin(offer=False)
    raw(put, 0, bytes(32) + struct.pack(">I", 100))
    check_equal("OFFER in a put that did not say it", put.end()[0], "protocol")
    raw(put, 0, bytes(32) + struct.pack(">I", 100))
    check_equal("OFFER of what is over is told nothing", wire.answers(put.id, wait=0), "silence")
    wire.close()
    old = Third(node, versions=(1, 2))
    old.send(OFFER, 77, {"offset": 0, "chunks": bytes(36)})
    check_equal("OFFER in version 2", old.receive()[2].get("symbol"), "unsupported")
    old.close()


def offer_all(put, chunks):
    for chunk, want in zip(chunks, offer(put, chunks)):
        put.at = chunk[0]
        if want:
            put.send(chunk[0] + chunk[1])
        put.at = chunk[0] + chunk[1]


def test_minor(node):
    wire = Third(node, versions=(1, 2))
    for name, more in (("upload", {"upload": os.urandom(16)}), ("offer", {"offer": True})):
        put = Put(wire, "/minor", b"", **{k: v for k, v in more.items() if k != "upload"}) if name == "offer" else None
        if put is None:
            request_id = wire.new_id()
            wire.send(PUT, request_id, {"path": "/minor", **operation(), **more})
            answer = wire.receive()
            got = answer[2].get("symbol")
        else:
            got = put.end()[0]
        check_equal(f"PUT with {name} in version 2", got, "unsupported")
    wire.close()
    wire = Third(node)
    request_id = wire.new_id()
    wire.send(PUT, request_id, {"path": "/minor", "end": True, "upload": os.urandom(16), **operation()}, b"x")
    check_equal("a whole PUT is not kept", wire.receive()[2].get("symbol"), "invalid")
    wire.close()


def check_clean(node, name):
    node.stop()
    done = subprocess.run([str(DAEMON), "check", str(node.directory)], capture_output=True, env=ENV,
                          timeout=120)
    check_equal(f"{name}: `filesphered check` finds nothing wrong", done.returncode, 0)
    if done.returncode:
        say(done.stdout.decode()[-2000:] + done.stderr.decode()[-2000:])


def run(options):
    node = Node()
    node.start()
    test_minor(node)
    test_whole(node)
    test_killed(node, 6 if options.long else 2)
    test_taken_over(node)
    test_refused(node)
    base, new, base_version, wanted_root = test_offers(node)
    test_offers_killed(node, base_version, new, wanted_root)
    test_liars(node, base, base_version, new)
    test_many(node)
    check_clean(node, "with an open upload")


if __name__ == "__main__":
    main(run, seconds=600)
