#!/usr/bin/env python3
"""Clients that break the rules, vanish, or take more than their share: the node keeps its word to all others.

Speaks the protocol itself (docs/protocol/client.md) with pyzmq and msgpack."""
import json, os, resource, select, signal, socket, struct, subprocess, sys, time

import msgpack, zmq

from node import DAEMON, ENV, Node, check, check_equal, main, need, say, sha256, temp_dir

KIB, MIB = 1024, 1024 * 1024
HELLO, WELCOME, PING, PONG, OK, ERROR = 1, 2, 3, 4, 5, 6
PUT, DATA, COMMIT, ABORT, CREDIT, GET, STAT, LIST, MKDIR, COPY, RESTORE = 10, 11, 12, 13, 14, 20, 30, 31, 40, 43, 44
WINDOW = 8 * MIB
CONTEXT = zmq.Context.instance()


class Wire:
    """One connection that says what it is told, right or wrong."""

    def __init__(self, node, hello=True, routing_id=None, receive_hwm=0):
        profile = json.loads(node.profile.read_text())
        self.socket = CONTEXT.socket(zmq.DEALER)
        self.socket.curve_serverkey = profile["server_key"].encode()
        self.socket.curve_publickey = profile["public_key"].encode()
        self.socket.curve_secretkey = profile["secret_key"].encode()
        self.socket.linger = 0
        self.socket.rcvhwm = receive_hwm
        self.socket.sndhwm = 0
        if routing_id:
            self.socket.setsockopt(zmq.IDENTITY, routing_id)
        self.socket.connect(profile["endpoints"][0])
        self.last_id = 0
        if hello:
            self.send(HELLO, 0, {"versions": [1], "client": "hostile"})
            answer = self.receive()
            assert answer and answer[0] == WELCOME, answer

    def send(self, kind, request_id, body=None, payload=None, raw=None):
        data = raw if raw is not None else (msgpack.packb(body) if body else b"")
        frames = [b"FSP\x01\x01\x00" + struct.pack(">HQI", kind, request_id, len(data))]
        frames += [data] if data else []
        frames += [payload] if payload is not None else []
        self.socket.send_multipart(frames)

    def data(self, request_id, offset, payload):
        self.send(DATA, request_id, raw=struct.pack(">Q", offset), payload=payload)

    def new_id(self):
        self.last_id += 1
        return self.last_id

    def change(self, kind, body, payload=None, request_id=None):
        """A request that changes something; its id."""
        request_id = request_id or self.new_id()
        body.setdefault("op", os.urandom(16))
        self.send(kind, request_id, {"attempt": 1, **body}, payload)
        return request_id

    def receive(self, timeout=10.0):
        """(type, request id, body, payload) or None."""
        if not self.socket.poll(int(timeout * 1000)):
            return None
        frames = self.socket.recv_multipart()
        kind, request_id, length = struct.unpack(">HQI", frames[0][6:20])
        body = msgpack.unpackb(frames[1], strict_map_key=False) if length and kind != DATA else {}
        offset = struct.unpack(">Q", frames[1])[0] if kind == DATA else None
        rest = frames[2 if length else 1:]
        return kind, request_id, offset if kind == DATA else body, rest[0] if rest else b""

    def answer(self, request_id, timeout=20.0):
        """The OK or ERROR of a request: (type, body); None if none came.  Everything else is dropped."""
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            message = self.receive(left)
            if message and message[1] == request_id and message[0] in (OK, ERROR):
                return message[0], message[2]
        return None

    def answers(self, request_id, seconds):
        """All OK and ERROR of a request within a time."""
        found, end = [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            message = self.receive(left)
            if message and message[1] == request_id and message[0] in (OK, ERROR):
                found.append(message[2].get("symbol", "ok"))
        return found

    def credit(self, request_id, timeout=20.0):
        """The next CREDIT of an upload; 0 if none came, or another message."""
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            message = self.receive(left)
            if message and message[1] == request_id:
                return message[2].get("credit", 0) if message[0] == CREDIT else 0
        return 0

    def stat(self, path):
        request_id = self.new_id()
        self.send(STAT, request_id, {"path": path})
        return self.answer(request_id)

    def upload(self, path, data, **more):
        """A whole upload by the rules; the answer."""
        request_id = self.change(PUT, {"path": path, **more})
        at = granted = 0
        while at < len(data):
            if granted == 0:
                granted = self.credit(request_id)
                if granted == 0:
                    return None
            part = data[at:at + min(256 * KIB, granted)]
            self.data(request_id, at, part)
            at += len(part)
            granted -= len(part)
        if not data and self.credit(request_id) == 0:
            return None
        self.send(COMMIT, request_id)
        return self.answer(request_id, 60)

    def close(self):
        self.socket.close()


def symbol(answer):
    return None if answer is None else answer[1].get("symbol", "ok")


def resident(node):
    with open(f"/proc/{node.process.pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


def same_bytes(count, seed=b"x"):
    """Bytes that do not compress and differ by seed."""
    block = b"".join(hashed(seed + bytes([i])) for i in range(128))  # 4 KiB
    return (os.urandom(1) + block * (count // len(block) + 1))[:count]


def hashed(data):
    return bytes.fromhex(sha256(data))


# -- one answer, and a true one --------------------------------------------------------------------------------------


def test_answers(node):
    wire = Wire(node)
    for name, kind, raw, payload in (
            ("DATA", DATA, struct.pack(">Q", 0), b"more"), ("COMMIT", COMMIT, b"", None),
            ("CREDIT", CREDIT, msgpack.packb({"credit": 1}), None), ("bad COMMIT", COMMIT, b"\xc1", None),
            ("large DATA", DATA, struct.pack(">Q", 0), bytes(300 * KIB)), ("ABORT", ABORT, b"", None)):
        wrong = 0
        for i in range(5):
            path = f"/{name.replace(' ', '-')}-{i}"
            request_id = wire.change(PUT, {"path": path, "end": True}, b"small content")
            wire.send(kind, request_id, raw=raw, payload=payload)
            found = wire.answers(request_id, 0.2) or ["none"]
            there = symbol(wire.stat(path)) == "ok"
            wrong += found != (["ok"] if there else found[:1]) or (there and found == ["none"])
        check_equal(f"{name} behind a whole PUT does not make a false answer", wrong, 0)
    for i in range(10):  # what is not a transfer at all
        request_id = wire.change(MKDIR, {"path": f"/made-{i}"})
        wire.data(request_id, 0, b"x")
        found = wire.answers(request_id, 0.2)
        there = symbol(wire.stat(f"/made-{i}")) == "ok"
        if found != (["ok"] if there else found[:1]):
            check("DATA behind MKDIR does not make a false answer", False, (found, there))
            break
    else:
        check("DATA behind MKDIR does not make a false answer", True)

    request_id = wire.change(PUT, {"path": "/large-frame"})
    wire.credit(request_id)
    wire.data(request_id, 0, bytes(300 * KIB))
    wire.send(COMMIT, request_id)
    check_equal("a frame that is too large ends the upload with one answer", wire.answers(request_id, 1.0),
                ["too-large"])
    check_equal("and makes no file", symbol(wire.stat("/large-frame")), "not-found")
    wire.data(991, 0, bytes(300 * KIB))
    wire.send(COMMIT, 992, raw=b"\xc1")
    check_equal("transfers that are not open are dropped", wire.answers(991, 0.3) + wire.answers(992, 0.3), [])
    wire.close()


def test_odd_requests(node):
    wire = Wire(node)

    def ask(kind, body, payload=None):
        request_id = wire.change(kind, body, payload)
        return symbol(wire.answer(request_id))

    check_equal("empty content without a payload", ask(PUT, {"path": "/empty", "end": True}), "ok")
    check_equal("empty content with an empty payload", ask(PUT, {"path": "/empty2", "end": True}, b""), "ok")
    check_equal("a payload without end", ask(PUT, {"path": "/no-end"}, b"x"), "invalid")
    check_equal("a size that differs", ask(PUT, {"path": "/size", "end": True, "size": 3}, b"xx"), "invalid")
    check_equal("more than the size", ask(PUT, {"path": "/size", "end": True, "size": 1}, b"xx"), "invalid")
    check_equal("a digest that differs", ask(PUT, {"path": "/sha", "end": True, "sha256": bytes(31) + b"1"}, b"xx"),
                "damaged")
    check_equal("a symbolic link", ask(PUT, {"path": "/link", "kind": 3, "end": True}, b"target"), "ok")
    check_equal("a directory by PUT", ask(PUT, {"path": "/dir-put", "kind": 2, "end": True}, b"x"), "invalid")
    check_equal("the root by PUT", ask(PUT, {"path": "/", "end": True}, b"x") in ("is-directory", "invalid"), True)
    request_id = wire.change(PUT, {"path": "/unsized"})
    wire.credit(request_id)
    wire.send(COMMIT, request_id)
    check_equal("COMMIT without DATA and size", symbol(wire.answer(request_id)), "ok")
    request_id = wire.change(PUT, {"path": "/gap"})
    wire.credit(request_id)
    wire.data(request_id, 1, b"x")
    check_equal("DATA at a wrong offset", symbol(wire.answer(request_id)), "protocol")
    request_id = wire.change(PUT, {"path": "/zero-data"})
    wire.credit(request_id)
    wire.data(request_id, 0, b"")
    check_equal("DATA without bytes", symbol(wire.answer(request_id)), "protocol")
    request_id = wire.change(PUT, {"path": "/greedy"})
    granted = wire.credit(request_id)
    data = same_bytes(256 * KIB)
    for at in range(0, granted + 256 * KIB, len(data)):
        wire.data(request_id, at, data)
    got = symbol(wire.answer(request_id))
    check(f"DATA beyond the credit ends the upload, or found new credit", got in ("no-credit", None), got)
    for first, last, wanted in ((0, 0, b"s"), (5, 99, b" content"[0:]), (12, 12, b"t"), (13, 13, None),
                                (2**64 - 1, 2**64 - 1, None), (0, 2**64 - 1, b"small content")):
        if first == 0 and last == 0:
            ask(PUT, {"path": "/ranges", "end": True}, b"small content")
        request_id = wire.new_id()
        wire.send(GET, request_id, {"path": "/ranges", "range": [first, last]})
        message = wire.receive()
        got = message[3] if message[0] == OK else None
        check_equal(f"range {first}..{last} of inline content", got, wanted)
    wire.send(HELLO, 0, {"versions": [1]})
    check_equal("a second HELLO is welcome", wire.receive()[0], WELCOME)
    wire.send(HELLO, 0, {"versions": [9]})
    check_equal("HELLO in an unknown version is refused", symbol(wire.answer(0)), "unsupported")
    check_equal("and the session lives on", symbol(wire.stat("/ranges")), "ok")
    wire.close()
    silent = Wire(node, hello=False)
    silent.send(STAT, 7, {"path": "/"})
    check_equal("nothing is answered before HELLO", symbol(silent.answer(7)), "protocol")
    silent.close()


def test_garbage(node):
    """Random frames, and mutations of good messages."""
    import random
    source = random.Random(int(os.environ.get("FSP_SEED", "1")))
    wire = Wire(node)
    good = [(PUT, {"path": "/g", "op": bytes(15) + b"1", "attempt": 1, "end": True}), (GET, {"path": "/ranges", "credit": 9}),
            (LIST, {"path": "/", "limit": 5}), (CREDIT, {"credit": 5}), (COMMIT, {"size": 9}), (ABORT, None),
            (MKDIR, {"path": "/g2", "op": bytes(15) + b"2", "attempt": 1}), (STAT, {"path": "/", "version": "0" * 64})]
    for i in range(4000):
        kind, body = source.choice(good)
        if body and source.random() < 0.05:
            body = {**body, "zz": bytes(20000)}
        raw = bytearray(msgpack.packb(body) if body else b"")
        for _ in range(source.randrange(4)):
            if raw:
                raw[source.randrange(len(raw))] = source.randrange(256)
        if source.random() < 0.2:
            kind = source.randrange(70)
        payload = source.randbytes(source.randrange(200)) if source.random() < 0.3 else None
        wire.send(kind, source.randrange(20), raw=bytes(raw), payload=payload)
        if source.random() < 0.05:
            wire.socket.send_multipart([source.randbytes(source.randrange(30)) for _ in range(source.randrange(1, 7))])
        while wire.socket.poll(0):
            wire.socket.recv_multipart()
    wire.close()
    wire = Wire(node)
    check_equal("garbage does no harm", symbol(wire.stat("/")), "ok")
    wire.close()


def test_retries(node):
    """A change that took effect is answered so, whatever happened to its names since."""
    wire = Wire(node)
    need("a file is there", symbol(wire.upload("/again", b"one")) == "ok")
    first = wire.stat("/again")[1]["version"].hex()
    need("and changed", symbol(wire.upload("/again", b"two")) == "ok")
    for kind, more in ((RESTORE, {}), (COPY, {"to": "/again-copy"})):
        op = os.urandom(16)
        request = {"path": "/again", "version": first[:12], "op": op, **more}
        answer = wire.answer(wire.change(kind, dict(request)))
        moved = wire.change(42, {"path": "/again", "to": "/moved"})  # MOVE
        need("the file has moved", symbol(wire.answer(moved)) == "ok")
        repeated = wire.answer(wire.change(kind, {**request, "attempt": 2}))
        check(f"a repeated request {kind} gets the first answer", answer and repeated and symbol(answer) == "ok"
              and answer[1].get("version") == repeated[1].get("version"), (answer, repeated))
        other = wire.answer(wire.change(kind, {**request, "op": os.urandom(16), "attempt": 2}))
        check(f"one that is new is refused ({kind}: {symbol(other)})", other and other[0] == ERROR)
        wire.answer(wire.change(42, {"path": "/moved", "to": "/again"}))
    wire.close()


# -- memory ------------------------------------------------------------------------------------------------------------


class Peak:
    """The most that a node kept resident while it lived."""

    def __init__(self, node):
        self.node, self.start = node, resident(node)
        self.most = self.start

    def look(self):
        self.most = max(self.most, resident(self.node))

    def mib(self):
        self.look()
        return (self.most - self.start) // MIB


def test_aborted_uploads(node):
    """Who aborts gives its reservation back, but what it sent is still under way."""
    wires = [Wire(node) for _ in range(3)]
    peak, end, seed = Peak(node), time.monotonic() + 12, 0
    block = os.urandom(256 * KIB)
    while time.monotonic() < end:
        for wire in wires:
            request_id = wire.change(PUT, {"path": "/aborted"})
            if wire.credit(request_id, 30) == 0:
                continue
            seed += 1
            for at in range(0, 30 * 256 * KIB, 256 * KIB):
                wire.data(request_id, at, struct.pack(">QQ", seed, at) + block[16:])
            wire.send(ABORT, request_id)
        peak.look()
    got = symbol(wires[0].upload("/after-aborts", same_bytes(3 * MIB)))
    check_equal("a good upload gets through after aborted ones", got, "ok")
    check(f"aborted uploads stay within the memory of transfers ({peak.mib()} MiB, {seed} uploads)", peak.mib() < 450)
    for wire in wires:
        wire.close()


def test_whole_puts(node):
    """Whole PUTs need no credit, but memory."""
    wires = [Wire(node) for _ in range(24)]
    peak, block = Peak(node), os.urandom(256 * KIB)
    pending = [set() for _ in wires]
    symbols = {}
    for round_ in range(12):
        for n, wire in enumerate(wires):
            for i in range(32):
                path = f"/whole-{n}-{i}"
                pending[n].add(wire.change(PUT, {"path": path, "end": True}, os.urandom(16) + block[16:]))
        peak.look()
        for n, wire in enumerate(wires):
            while wire.socket.poll(0):
                message = wire.receive()
                pending[n].discard(message[1])
                symbols[message[2].get("symbol", "ok")] = symbols.get(message[2].get("symbol", "ok"), 0) + 1
            peak.look()
    end = time.monotonic() + 60
    for n, wire in enumerate(wires):
        while pending[n] and (message := wire.receive(max(0.1, end - time.monotonic()))):
            pending[n].discard(message[1])
            symbols[message[2].get("symbol", "ok")] = symbols.get(message[2].get("symbol", "ok"), 0) + 1
            peak.look()
    say(f"whole puts: {symbols}")
    check_equal("every whole PUT has an answer", sum(len(p) for p in pending), 0)
    check("whole PUTs are done, or refused as busy", set(symbols) <= {"ok", "busy"} and symbols.get("ok", 0) > 0, symbols)
    check(f"whole PUTs stay within bounds ({peak.mib()} MiB)", peak.mib() < 600)
    for wire in wires:
        wire.close()


def test_large_bodies(node):
    """A request that waits keeps what it means, not what it was wrapped in."""
    wire, peak = Wire(node), Peak(node)
    fillers = [Wire(node) for _ in range(1)]
    for _ in range(17):
        fillers[0].change(PUT, {"path": "/filler"})
    for i in range(45):
        wire.change(PUT, {"path": f"/wide-{i}", "zz": bytes(2 * MIB - 300)})
        peak.look()
    time.sleep(1)
    wire.send(PING, 77)
    while (message := wire.receive(20)) and message[0] != PONG:
        pass
    peak.look()
    check(f"waiting requests do not keep what they do not need ({peak.mib()} MiB)", peak.mib() < 60)
    wire.close()
    fillers[0].close()


def test_slow_reader(node):
    """Clients that take credit and do not read: the node stops sending, not the others."""
    good = Wire(node)
    need("a file is there", symbol(good.upload("/slow", os.urandom(8 * MIB))) == "ok")
    peak = Peak(node)
    wires = [Wire(node, receive_hwm=1) for _ in range(12)]
    for wire in wires:
        wire.socket.rcvbuf = 65536
        for _ in range(32):
            request_id = wire.new_id()
            wire.send(GET, request_id, {"path": "/slow", "credit": WINDOW})
    for _ in range(60):
        time.sleep(0.1)
        peak.look()
    check(f"clients that do not read stay within bounds ({peak.mib()} MiB)", peak.mib() < 450)
    check_equal("another client is served meanwhile", symbol(good.stat("/slow")), "ok")
    for wire in wires:
        wire.close()
    good.close()


def test_many_downloads(node):
    """64 downloads, each with all the credit there is, and a client that takes its time: within its rights."""
    wire = Wire(node, receive_hwm=4)
    need("a file is there", symbol(wire.upload("/many", os.urandom(8 * MIB))) == "ok")
    left = {}
    for _ in range(64):
        request_id = wire.new_id()
        wire.send(GET, request_id, {"path": "/many", "credit": WINDOW})
        left[request_id] = 8 * MIB
    time.sleep(2)
    errors = []
    end = time.monotonic() + 60
    while left and time.monotonic() < end:
        message = wire.receive(5)
        if not message:
            break
        if message[0] == DATA:
            left[message[1]] -= len(message[3])
            if left[message[1]] == 0:
                del left[message[1]]
        elif message[0] == ERROR:
            errors.append(message[2])
    check("64 downloads with full credit come to their end", not left and not errors, (len(left), errors[:2]))
    wire.close()


def test_credit(node):
    wire = Wire(node)
    need("a file is there", symbol(wire.upload("/credit", os.urandom(24 * MIB))) == "ok")
    request_id = wire.new_id()
    wire.send(GET, request_id, {"path": "/credit", "credit": 1})
    wire.answer(request_id)
    for _ in range(40):
        wire.send(CREDIT, request_id, {"credit": WINDOW - 1})
    check_equal("credit beyond the window is refused", wire.answers(request_id, 3), ["too-large"])
    request_id = wire.new_id()
    wire.send(GET, request_id, {"path": "/credit", "credit": 2**31})
    check_equal("so is a first credit beyond it", wire.answers(request_id, 1), ["too-large"])
    wire.close()


def test_vanished(node):
    """Uploads of clients that are gone do not keep the others waiting."""
    gone = [Wire(node) for _ in range(4)]
    for wire in gone:
        for _ in range(4):
            request_id = wire.change(PUT, {"path": "/vanished"})
        wire.credit(request_id)
    for wire in gone:
        wire.close()
    began = time.monotonic()
    wire = Wire(node)
    request_id = wire.change(PUT, {"path": "/after-vanished"})
    granted = wire.credit(request_id, 40)
    check(f"clients that vanished hold nobody up ({time.monotonic() - began:.1f} s)", granted > 0)
    wire.close()


# -- resources of the system ------------------------------------------------------------------------------------------


def test_descriptors():
    """Connections that say nothing do not take the database's descriptors."""
    node = Node(name="few")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        node.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    held = []
    for _ in range(400):
        connection = socket.create_connection(("127.0.0.1", node.port), timeout=2)
        held.append(connection)
    good = [node.cli("put", "-", f"/fd-{i}", stdin=os.urandom(20 * MIB)).code for i in range(3)]
    check_equal("400 silent connections leave the node its descriptors", good, [0, 0, 0])
    for connection in held:
        connection.close()
    check("the node lives", node.running(), node.errors()[-500:])
    if node.running():
        check_equal("it stops cleanly", node.stop(), 0)


def test_full_disk():
    """An upload that began while there was room ends when there is none, and the node goes on."""
    place = temp_dir() / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=640m", "tmpfs", str(place)],
                      stderr=subprocess.DEVNULL).returncode != 0:
        say("no small file system here: the test of a full disk is left out")
        return
    try:
        node = Node(directory=place / "data", name="full")
        node.start()
        path = temp_dir() / "large"
        with open(path, "wb") as file:
            for _ in range(800):
                file.write(os.urandom(MIB))
        answer = node.cli("put", str(path), "/large", timeout=60)
        path.unlink()
        got = answer.lines[-1].get("symbol") if answer.lines else answer
        check_equal("a long upload ends at the reserve", got, "disk-reserve")
        if check("the node lives", node.running(), node.errors()[-500:]):
            free = os.statvfs(place)
            say(f"free: {free.f_bavail * free.f_frsize // MIB} MiB of 640")
            check_equal("and answers", node.cli("ls", "/").code, 0)
            check_equal("it stops cleanly", node.stop(), 0)
            node.start()
            check_equal("and starts again", node.stop(), 0)
    finally:
        if node.running():
            node.kill9()
        subprocess.run(["umount", str(place)])


def test_stops():
    """SIGTERM with work of aborted and vanished clients under way."""
    node = Node(name="stop")
    slowest = 0
    for round_ in range(6):
        node.start()
        wires = [Wire(node) for _ in range(4)]
        for wire in wires:
            request_id = wire.change(PUT, {"path": "/x"})
            wire.credit(request_id)
            for i in range(28):
                wire.data(request_id, i * 256 * KIB, os.urandom(256 * KIB))
            get = wire.new_id()
            wire.send(ABORT, request_id)
        if round_ % 2:
            wires[0].answer(request_id, 1)
        time.sleep(0.005 * round_)
        began = time.monotonic()
        code = node.stop(timeout=20)
        slowest = max(slowest, time.monotonic() - began)
        for wire in wires:
            wire.close()
        if not check(f"the node stops although aborted uploads were under way ({round_})", code == 0, code):
            return
    check(f"and at once ({slowest:.1f} s)", slowest < 8)


TESTS = [test_odd_requests, test_garbage, test_retries, test_answers, test_credit, test_many_downloads, test_slow_reader,
         test_aborted_uploads, test_whole_puts, test_large_bodies, test_vanished]
ALONE = [test_stops, test_descriptors, test_full_disk]


def run(options):
    wanted = set(options.rest)
    node = None
    for test in TESTS:
        if wanted and test.__name__[5:] not in wanted:
            continue
        if node is None or not node.running():
            node = Node()
            node.start()
        say(test.__name__)
        try:
            test(node)
        except AssertionError as error:
            check(test.__name__, False, error)
        check(f"the node lives after {test.__name__}", node.running(), node.errors()[-3000:])
        if not node.running():
            node.wait()
    if node and node.running():
        began = time.monotonic()
        check_equal("the node stops cleanly", node.stop(), 0)
        say(f"stopped in {time.monotonic() - began:.1f} s")
    for test in ALONE:
        if not wanted or test.__name__[5:] in wanted:
            say(test.__name__)
            test()


if __name__ == "__main__":
    main(run, seconds=400)
