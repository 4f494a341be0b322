#!/usr/bin/env python3
"""What bad input gets: one row an input, each with the one outcome that docs/protocol/client.md allows.

An outcome is the symbol of an ERROR, "ok", "welcome", "silence", or how a connection ended.  After each row a
well-behaved client beside it puts and gets a file within a bound, and the node is alive.  The node's resident memory is
measured over each group of rows (exact peaks: VmHWM, reset through /proc/PID/clear_refs) and printed.

Needs Debian's python3-zmq, python3-msgpack and python3-nacl (tests/deps.sh): the last for a CURVE client of our own,
which says what libzmq would not.
"""
import json, os, random, resource, socket, statistics, struct, threading, time
from contextlib import contextmanager

# AddressSanitizer keeps what was freed, up to 256 MiB, which would hide growth that matters.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"

import msgpack, zmq
from nacl.bindings import crypto_box, crypto_box_keypair, crypto_box_open
from nacl.exceptions import CryptoError
from zmq.utils import z85
from zmq.utils.monitor import recv_monitor_message

import node as harness
from node import DAEMON, Node, check, main, need, say

harness.PORTS = range(19500, 19600)  # this script's own

KIB, MIB = 1024, 1024 * 1024
HELLO, WELCOME, PING, PONG, OK, ERROR = 1, 2, 3, 4, 5, 6
PUT, DATA, COMMIT, ABORT, CREDIT, RESUME, GET = 10, 11, 12, 13, 14, 15, 20
STAT, LIST, VERSIONS, CHANGES, SPACES, MKDIR, DELETE, MOVE, COPY, RESTORE, NODE = *range(30, 35), *range(40, 45), 50
FRAME, BODY, WINDOW = 256 * KIB, 2 * MIB, 8 * MIB
HANDSHAKE_SECONDS = 3  # within which a connection must have said who it is
WELL_SECONDS = 5  # put and get of a small file: some ms, but the machine may be busy with other tests
STALL_SECONDS = 14  # transfers that do not move for 10 s end when others wait; looked at each second; and some slack
SANITIZED = b"__asan_init" in DAEMON.read_bytes() if DAEMON.exists() else False
CONTEXT = zmq.Context.instance()
CONTEXT.max_sockets = 4096


def envelope(kind, request_id, body_bytes=0, magic=b"FSP", major=1, service=1, flags=0):
    return magic + struct.pack(">BBBHQI", major, service, flags, kind, request_id, body_bytes)


def pack(body):
    return body if isinstance(body, bytes) else msgpack.packb(body)


def operation():
    return {"op": os.urandom(16), "attempt": 1}


# -- a client that says what it is told --------------------------------------------------------------------------------


class Wire:
    def __init__(self, node, hello=True, **options):
        self.profile = json.loads(node.profile.read_text())
        self.socket = CONTEXT.socket(zmq.DEALER)
        self.socket.linger = self.socket.rcvhwm = self.socket.sndhwm = 0
        self.socket.curve_serverkey = self.profile["server_key"].encode()
        self.socket.curve_publickey = self.profile["public_key"].encode()
        self.socket.curve_secretkey = self.profile["secret_key"].encode()
        self.socket.reconnect_ivl = -1
        for name, value in options.items():
            setattr(self.socket, name, value)
        self.socket.connect(self.profile["endpoints"][0])
        self.last_id = 0
        if hello:
            self.send(HELLO, self.new_id(), {"versions": [1], "client": "test_bad_input"})
            message = self.receive()
            assert message and message[0] == WELCOME, message

    def new_id(self):
        self.last_id += 1
        return self.last_id

    def send(self, kind, request_id, body=b"", payload=None):
        raw = pack(body)
        frames = [envelope(kind, request_id, len(raw))] + ([raw] if raw else [])
        self.socket.send_multipart(frames + ([payload] if payload is not None else []))

    def data(self, request_id, offset, payload):
        self.send(DATA, request_id, struct.pack(">Q", offset), payload)

    def receive(self, seconds=10.0):
        """(type, request id, body or offset, payload), None if nothing came."""
        if not self.socket.poll(max(0, int(seconds * 1000))):
            return None
        frames = self.socket.recv_multipart()
        kind, request_id, length = struct.unpack(">HQI", frames[0][6:20])
        body = {}
        if length:
            body = struct.unpack(">Q", frames[1])[0] if kind == DATA else msgpack.unpackb(frames[1])
        rest = frames[2 if length else 1:]
        return kind, request_id, body, rest[0] if rest else b""

    def begin(self, path, **more):
        """Opens an upload in parts and waits for its first credit; its id."""
        request_id = self.new_id()
        self.send(PUT, request_id, {"path": path, **operation(), **more})
        message = self.receive(30)
        assert message and message[:2] == (CREDIT, request_id), message
        return request_id

    def answers(self, *ids, wait=10.0):
        """The symbols that end what was sent under these ids: of all that comes before the PONG of a PING, and if that
        is none, of what comes within `wait` seconds.  A second answer would be seen."""
        found = []

        def flush():
            ping = self.new_id() | 1 << 62
            self.send(PING, ping)
            while message := self.receive(10):
                if message[1] == ping:
                    return
                note(message)
            found.append("no answer to PING")

        def note(message):
            if message[1] in ids and message[0] in (OK, ERROR, WELCOME):
                found.append({OK: "ok", WELCOME: "welcome"}.get(message[0]) or message[2]["symbol"])

        flush()
        if not found and wait:
            end = time.monotonic() + wait
            while not found and (left := end - time.monotonic()) > 0 and (message := self.receive(left)):
                note(message)
            flush()
        return ",".join(found) or "silence"

    def close(self):
        self.socket.close()


def short(message):
    """A message as a note."""
    return message and (message[0], message[2].get("symbol") if isinstance(message[2], dict) else message[2])


class Neighbour:
    """A well-behaved client; it keeps its connection all the time."""

    def __init__(self, node):
        self.node, self.wire, self.times = node, Wire(node), []

    def well(self, seconds=WELL_SECONDS, count=2000):
        """Puts and gets a file; what is wrong, "" if nothing is."""
        if not self.node.running():
            return "the node is dead"
        began, data = time.monotonic(), os.urandom(count)
        self.wire.send(PUT, self.wire.new_id(), {"path": "/neighbour", "end": True, **operation()}, data)
        put = self.answer(seconds)
        self.wire.send(GET, self.wire.new_id(), {"path": "/neighbour", "credit": WINDOW})
        got, back = self.answer(seconds), b""
        if got and got[0] == OK:
            back = got[3]
            while len(back) < count and (message := self.answer(seconds)) and message[0] == DATA:
                back += message[3]
        took = time.monotonic() - began
        self.times.append(took)
        if not put or put[0] != OK or back != data or took > seconds:
            return f"the client beside it: {took:.1f} s, put {short(put)}, get {short(got)}, {len(back)} octets"
        return ""

    def answer(self, seconds):
        while message := self.wire.receive(seconds):
            if message[1] == self.wire.last_id:
                return message

    def upload(self, path, count, seconds):
        """An upload in parts, which has to wait for memory: (symbol, seconds)."""
        began, request_id = time.monotonic(), self.wire.new_id()
        self.wire.send(PUT, request_id, {"path": path, "size": count, **operation()})
        sent = granted = 0
        while message := self.answer(max(0, began + seconds - time.monotonic())):
            if message[0] != CREDIT:
                return message[2].get("symbol", "ok"), time.monotonic() - began
            granted += message[2]["credit"]
            while sent < min(granted, count):
                data = os.urandom(min(FRAME, granted - sent, count - sent))
                self.wire.data(request_id, sent, data)
                sent += len(data)
                if sent == count:
                    self.wire.send(COMMIT, request_id)
        self.wire.send(ABORT, request_id)
        return None, time.monotonic() - began


# -- rows and memory ---------------------------------------------------------------------------------------------------


def row(beside, name, got, wanted):
    """One row: the outcome is one of those allowed, and the neighbour is well."""
    allowed = wanted if isinstance(wanted, (set, tuple)) else {wanted}
    wrong = beside.well()
    check(name, got in allowed and not wrong, f"got {got}, wanted {' or '.join(sorted(allowed))} {wrong}")


def status_mib(node, key):
    with open(f"/proc/{node.process.pid}/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith(key + ":"))


@contextmanager
def memory(node, name, bound_mib, reason, sanitized_mib=None):
    """Growth of the resident memory over a group of rows, at its peak.  A sanitizer pads allocations and keeps 8 MiB
    of what was freed; where that counts, sanitized_mib is the bound."""
    bound = sanitized_mib if SANITIZED and sanitized_mib else bound_mib
    before = status_mib(node, "VmRSS")
    with open(f"/proc/{node.process.pid}/clear_refs", "w") as file:
        file.write("5")  # the peak begins anew
    yield
    if not node.running():
        check(f"memory of {name}", False, "the node is dead")
        return
    peak, after = status_mib(node, "VmHWM"), status_mib(node, "VmRSS")
    say(f"memory, {name}: {before:.1f} MiB before, {peak:.1f} at peak, {after:.1f} after")
    check(f"memory of {name}: at most {bound} MiB more ({reason})", peak - before <= bound, f"{peak - before:.1f} MiB")


def descriptors(node):
    return len(os.listdir(f"/proc/{node.process.pid}/fd"))


# -- below the messages: TCP, ZMTP, CURVE ------------------------------------------------------------------------------


def greeting(mechanism=b"CURVE", as_server=0, version=b"\x03\x00"):
    return b"\xff" + bytes(8) + b"\x7f" + version + mechanism.ljust(20, b"\0") + bytes([as_server]) + bytes(31)


def command(name, body, flags=4):
    data = bytes([len(name)]) + name + body
    if len(data) < 256:
        return bytes([flags, len(data)]) + data
    return bytes([flags | 2]) + struct.pack(">Q", len(data)) + data


class Tcp:
    """A plain TCP connection."""

    def __init__(self, node, *parts):
        self.socket = socket.create_connection(("127.0.0.1", node.port), timeout=5)
        self.began, self.seen = time.monotonic(), b""
        for part in parts:
            self.send(part)

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # it was closed already: seen when reading

    def read(self, count, seconds=5):
        """Exactly so many octets, None if the connection ended before."""
        self.socket.settimeout(seconds)
        data = b""
        try:
            while len(data) < count:
                piece = self.socket.recv(count - len(data))
                if not piece:
                    return None
                data += piece
        except OSError:
            return None
        self.seen += data
        return data

    def end(self, seconds=HANDSHAKE_SECONDS + 3):
        """"closed" if the node ended the connection within the time, without having let it in."""
        end = time.monotonic() + seconds
        try:
            while (left := end - time.monotonic()) > 0:
                self.socket.settimeout(left)
                piece = self.socket.recv(65536)
                if not piece:
                    break
                self.seen += piece
            else:
                return "open"
        except (TimeoutError, socket.timeout):
            return "open"
        except OSError:
            pass  # reset: closed as well
        finally:
            self.socket.close()
        return "let in" if b"\x05READY" in self.seen[64:] or b"FSP\x01" in self.seen else "closed"


class Curve(Tcp):
    """A CURVE client (ZeroMQ RFC 26) that can go wrong at each step."""

    def __init__(self, node, metadata=None, keys=None, **wrong):
        super().__init__(node, greeting())
        profile = json.loads(node.profile.read_text())
        self.server = z85.decode(profile["server_key"])
        self.public, self.secret = keys or (z85.decode(profile["public_key"]), z85.decode(profile["secret_key"]))
        self.nonce, self.welcomed = 0, False
        self.metadata = metadata if metadata is not None else (
            b"\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER" + b"\x08Identity" + bytes(4))
        if self.read(64) is None:
            return
        short_public, self.short_secret = crypto_box_keypair()
        box = crypto_box(bytes(64), *self.next(b"CurveZMQHELLO---"), self.server, self.short_secret)
        self.send(wrong.get("hello") or
                  command(b"HELLO", b"\x01\x00" + bytes(72) + short_public + self.short_nonce() + box))
        welcome = self.command()
        if not welcome or welcome[:8] != b"\x07WELCOME":
            return
        plain = crypto_box_open(welcome[24:], b"WELCOME-" + welcome[8:24], self.server, self.short_secret)
        self.server_short, cookie = plain[:32], plain[32:]
        vouch_nonce = os.urandom(16)
        vouch = crypto_box(short_public + self.server, b"VOUCH---" + vouch_nonce, self.server_short, self.secret)
        box = crypto_box(self.public + vouch_nonce + vouch + self.metadata, *self.next(b"CurveZMQINITIATE"),
                         self.server_short, self.short_secret)
        self.send(wrong.get("initiate") or command(b"INITIATE", cookie + self.short_nonce() + box))
        ready = self.command()
        self.welcomed = bool(ready) and ready[:6] == b"\x05READY"
        self.seen = b""

    def next(self, prefix):
        self.nonce += 1
        return (prefix + self.short_nonce(),)

    def short_nonce(self):
        return struct.pack(">Q", self.nonce)

    def command(self):
        head = self.read(2)
        if head and head[0] & 2:
            head = self.read(7)
            return self.read(int.from_bytes(head, "big")) if head else None
        return self.read(head[1]) if head else None

    def message(self, data, more=False, flags=None):
        """The octets of one frame of a message."""
        plain = bytes([flags if flags is not None else int(more)]) + data
        box = crypto_box(plain, *self.next(b"CurveZMQMESSAGEC"), self.server_short, self.short_secret)
        return command(b"MESSAGE", self.short_nonce() + box, flags=0)

    def hello(self):
        """Says HELLO by the rules and gives the octets."""
        body = pack({"versions": [1]})
        return self.message(envelope(HELLO, 1, len(body)), more=True) + self.message(body)


def test_transport(node, beside):
    """Who does not say who he is, or says it wrong, is thrown out before a message is read."""
    hello_body = pack({"versions": [1]})
    hello = bytes([1, 20]) + envelope(HELLO, 1, len(hello_body)) + bytes([0, len(hello_body)]) + hello_body
    null_ready = command(b"READY", b"\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER" + b"\x08Identity" + bytes(4))
    huge = [(name, b"\x06" + size.to_bytes(8, "big") + b"x" * 100) for name, size in
            (("2^31", 1 << 31), ("2^40", 1 << 40), ("2^62", 1 << 62), ("2^64-1", 2**64 - 1))]
    rows = [
        ("HTTP instead of ZMTP", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"]),
        ("a TLS greeting instead of ZMTP", [bytes.fromhex("1603010200010001fc0303") + os.urandom(500)]),
        ("64 random octets", [random.Random(1).randbytes(64)]),
        ("100 KB of zeros", [bytes(100_000)]),
        ("100 KB of 0xff", [b"\xff" * 100_000]),
        ("ZMTP 1.0, which has no security", [b"\x01\x00", bytes([21, 1]) + envelope(HELLO, 1, len(hello_body)) +
                                               bytes([len(hello_body) + 1, 0]) + hello_body]),
        ("ZMTP 2.0, which has no security", [b"\xff" + bytes(7) + b"\x01\x7f", b"\x01\x05\x00\x00", hello]),
        ("mechanism NULL", [greeting(b"NULL"), null_ready, hello]),
        ("mechanism PLAIN", [greeting(b"PLAIN"), command(b"HELLO", b"\x05admin\x05admin"), hello]),
        ("mechanism GSSAPI", [greeting(b"GSSAPI"), command(b"INITIATE", bytes(100))]),
        ("a mechanism that is none", [greeting(b"\xff" * 20), null_ready]),
        ("mechanism CURVEX", [greeting(b"CURVEX"), null_ready]),
        ("CURVE, but in the server's part", [greeting(as_server=1), command(b"WELCOME", bytes(160))]),
        ("half a greeting, then nothing", [greeting()[:30]]),
        ("a greeting, then nothing", [greeting()]),
        ("READY instead of CURVE's HELLO", [greeting(), null_ready, hello]),
        ("a message instead of CURVE's HELLO", [greeting(), hello]),
        ("CURVE HELLO, one octet short", [greeting(), command(b"HELLO", b"\x01\x00" + bytes(191))]),
        ("CURVE HELLO, one octet long", [greeting(), command(b"HELLO", b"\x01\x00" + bytes(193))]),
        ("CURVE HELLO of zeros", [greeting(), command(b"HELLO", b"\x01\x00" + bytes(192))]),
        ("CURVE HELLO of another version", [greeting(), command(b"HELLO", b"\x09\x00" + os.urandom(192))]),
        ("CURVE INITIATE without HELLO", [greeting(), command(b"INITIATE", os.urandom(300))]),
        ("CURVE MESSAGE without a handshake", [greeting(), command(b"MESSAGE", os.urandom(60), flags=0)]),
        ("a command without a name", [greeting(), b"\x04\x00"]),
        ("a command whose name is longer than it", [greeting(), b"\x04\x03\xffab"]),
        ("reserved flags of a frame", [greeting(), b"\xf8\x05hello"]),
    ] + [(f"a frame that announces {name} octets", [greeting(), data]) for name, data in huge]
    with memory(node, "strange connections", 16, "64 KiB a connection at most, and nothing that they announce", 32):
        open_ = [(name, Tcp(node, *parts)) for name, parts in rows]  # all at once: silence takes its time
        for name, tcp in open_:
            row(beside, f"{name}: closed", tcp.end(), "closed")

        public = z85.decode(json.loads(node.profile.read_text())["public_key"])
        good = Curve(node)
        need("our own CURVE client is let in", good.welcomed)
        good.send(good.hello())
        need("and welcomed", good.command() is not None)
        good.socket.close()
        rows = [
            ("CURVE INITIATE of random octets", lambda: Curve(node, initiate=command(b"INITIATE", os.urandom(352)))),
            ("CURVE INITIATE of 200 KB", lambda: Curve(node, initiate=command(b"INITIATE", os.urandom(200_000)))),
            ("CURVE INITIATE, cut", lambda: Curve(node, initiate=command(b"INITIATE", bytes(20)))),
            ("metadata that is cut", lambda: Curve(node, metadata=b"\x0bSocket-Type\0\0\0\x06DEA")),
            ("metadata of 2^32-1 octets", lambda: Curve(node, metadata=b"\x0bSocket-Type\xff\xff\xff\xffDEALER")),
            ("a socket type that does not fit", lambda: Curve(node, metadata=b"\x0bSocket-Type\0\0\0\x03PUB")),
            ("an unknown client key", lambda: Curve(node, keys=crypto_box_keypair())),
            ("the known public key without its secret",
             lambda: Curve(node, keys=(public, os.urandom(32)))),
        ]
        for name, make in rows:
            tcp = make()
            row(beside, f"{name}: closed", "let in" if tcp.welcomed else tcp.end(), "closed")

        def after_hello(say_it):
            tcp = Curve(node)
            tcp.send(tcp.hello())
            tcp.command()
            tcp.seen = b""
            say_it(tcp)
            return tcp.end()

        def replay(tcp):
            frames = tcp.hello()
            tcp.send(frames + frames)

        def reorder(tcp):
            first, second = tcp.message(envelope(PING, 5)), tcp.message(envelope(PING, 6))
            tcp.send(second + first)

        rows = [
            ("a MESSAGE of random octets", lambda tcp: tcp.send(command(b"MESSAGE", os.urandom(80), flags=0))),
            ("a MESSAGE that is cut", lambda tcp: tcp.send(command(b"MESSAGE", bytes(4), flags=0))),
            ("a MESSAGE in clear", lambda tcp: tcp.send(hello)),
            ("a replayed MESSAGE", replay),
            ("MESSAGEs in another order", reorder),
            ("a frame that announces 2^40 octets", lambda tcp: tcp.send(b"\x02" + (1 << 40).to_bytes(8, "big"))),
            ("a frame of one octet more than a socket takes",
             lambda tcp: tcp.send(b"\x02" + (2162688 + 1).to_bytes(8, "big") + bytes(1000))),
        ]
        for name, say_it in rows:
            got = after_hello(say_it)
            row(beside, f"{name} after HELLO: closed", "closed" if got == "let in" else got, "closed")

    # Routing ids: who may not have one is not answered, and takes nothing from who has it.
    owner = Wire(node, routing_id=b"owner")
    for name, routing_id in (("a routing id that another connection uses", b"owner"),
                             ("a routing id of 255 octets", b"i" * 255)):
        wire = Wire(node, hello=False, routing_id=routing_id)
        wire.send(HELLO, 1, {"versions": [1]})
        got = "silence" if wire.receive(1) is None else "answered"
        owner.send(STAT, 2, {"path": "/"})
        row(beside, f"{name}: silence, and who has it is served", f"{got},{owner.answers(2)}", "silence,ok")
        wire.close()
    owner.close()
    # The same as libzmq's own client sees it.
    other = zmq.curve_keypair()
    profile = json.loads(node.profile.read_text())
    for name, options, wanted in (
            ("libzmq with an unknown client key", {"curve_publickey": other[0], "curve_secretkey": other[1]}, "400"),
            ("libzmq with a wrong server key", {"curve_serverkey": other[0]}, "closed")):
        wire = Wire.__new__(Wire)
        wire.socket = CONTEXT.socket(zmq.DEALER)
        wire.socket.linger = 0
        wire.socket.reconnect_ivl = -1
        keys = {"curve_serverkey": "server_key", "curve_publickey": "public_key", "curve_secretkey": "secret_key"}
        for option, key in keys.items():
            setattr(wire.socket, option, options.get(option, profile[key].encode()))
        monitor = wire.socket.get_monitor_socket()
        wire.socket.connect(node.endpoint)
        row(beside, f"{name}: {wanted}", monitored(monitor, 6), wanted)
        wire.socket.disable_monitor()
        wire.close()


def monitored(monitor, seconds):
    """What libzmq says about a connection: the status of ZAP, "closed", or "open"."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and monitor.poll(int(left * 1000)):
        event = recv_monitor_message(monitor)
        if event["event"] == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            return str(event["value"])
        if event["event"] in (zmq.EVENT_DISCONNECTED, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
                              zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL):
            return "closed"
    return "open"


# -- envelopes and frames ----------------------------------------------------------------------------------------------


def test_envelopes(node, beside):
    stat = pack({"path": "/none"})
    whole = pack({"path": "/whole", "end": True, **operation()})
    r = 77  # the id of them all: each is over before the next
    good = envelope(STAT, r, len(stat))
    rows = [
        ("an empty frame", [b""], "invalid"),
        ("an envelope of 19 octets", [good[:19], stat], "invalid"),
        ("an envelope of 21 octets", [good + b"\0", stat], "invalid"),
        ("an envelope of 1 octet", [b"F"], "invalid"),
        ("an envelope of 1 MB", [bytes(1_000_000)], "invalid"),
        ("an empty delimiter before the envelope (REQ)", [b"", good, stat], "invalid"),
        ("a wrong magic", [envelope(STAT, r, len(stat), magic=b"FSQ"), stat], "invalid"),
        ("major version 0", [envelope(STAT, r, len(stat), major=0), stat], "unsupported"),
        ("major version 2", [envelope(STAT, r, len(stat), major=2), stat], "unsupported"),
        ("major version 255 with flags", [envelope(STAT, r, len(stat), major=255, flags=1), stat], "unsupported"),
        ("flag 1", [envelope(STAT, r, len(stat), flags=1), stat], "invalid"),
        ("flag 128", [envelope(STAT, r, len(stat), flags=128), stat], "invalid"),
        *((f"service {s}", [envelope(STAT, r, len(stat), service=s), stat], "unsupported") for s in (0, 2, 255)),
        *((f"type {t}", [envelope(t, r, len(stat)), stat], "unsupported")
          for t in (0, 7, 16, 21, 35, 45, 51, 63, 64, 65535)),
        *((f"type {t}, which is the server's", [envelope(t, r, len(stat)), stat], {"unsupported", "protocol"})
          for t in (WELCOME, PONG, OK, ERROR)),
        ("a body of 2097153 octets announced", [envelope(STAT, r, BODY + 1), stat], "too-large"),
        ("a body of 2^32-1 octets announced", [envelope(STAT, r, 2**32 - 1), stat], "too-large"),
        ("a body of 2097153 octets", [envelope(STAT, r, BODY + 1), bytes(BODY + 1)], "too-large"),
        ("a body of 2097152 octets that is garbage", [envelope(STAT, r, BODY), b"\xc1" * BODY], "invalid"),
        ("a body shorter than announced", [envelope(STAT, r, len(stat) + 1), stat], "invalid"),
        ("a body longer than announced", [envelope(STAT, r, len(stat) - 1), stat], "invalid"),
        ("a body that is missing", [envelope(STAT, r, len(stat))], "invalid"),
        ("a body that is empty", [envelope(STAT, r, len(stat)), b""], "invalid"),
        ("a body that was not announced", [envelope(STAT, r, 0), stat], "invalid"),
        ("4 frames", [good, stat, b"x", b"x"], "invalid"),
        ("50 frames", [good, stat] + [b"x"] * 48, "invalid"),
        ("5000 frames", [good, stat] + [b"x"] * 4998, "invalid"),
        ("PING with 3 frames and no body", [envelope(PING, r), b"", b""], "invalid"),
        ("a payload of 262145 octets beside STAT", [good, stat, bytes(FRAME + 1)], "too-large"),
        ("a whole PUT of 262145 octets", [envelope(PUT, r, len(whole)), whole, bytes(FRAME + 1)], "too-large"),
        ("a whole PUT of 262144 octets, which is allowed", [envelope(PUT, r, len(whole)), whole, bytes(FRAME)], "ok"),
    ]
    with memory(node, "envelopes and frames", 24, "a few messages of 2 MiB each", 40):
        wire = Wire(node)
        for name, frames, wanted in rows:
            wire.socket.send_multipart(frames)
            row(beside, name + f": {wanted if isinstance(wanted, str) else 'refused'}", wire.answers(r, 0), wanted)
        wire.close()
        for name, frames in (("a body of 3 MiB", [envelope(STAT, r, BODY), bytes(3 * MIB)]),
                             ("an envelope of 3 MiB", [bytes(3 * MIB)]),
                             ("a payload of 30 MiB", [good, stat, bytes(30 * MIB)])):
            wire = Wire(node)
            monitor = wire.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
            wire.socket.send_multipart(frames)
            row(beside, f"{name}, more than a socket takes: closed", monitored(monitor, 10), "closed")
            wire.socket.disable_monitor()
            wire.close()
        chance, wire = random.Random(5), Wire(node)
        for _ in range(300):
            frames = [chance.randbytes(chance.randrange(30)) for _ in range(chance.randrange(1, 6))]
            wire.socket.send_multipart(frames)
            wire.socket.send_multipart([good[: chance.randrange(21)] + chance.randbytes(chance.randrange(3))] + frames)
        got = set(wire.answers(0, r).split(","))
        row(beside, "600 messages of random frames: refused", "refused" if got <= {"invalid"} else got, "refused")
        wire.close()


# -- bodies ------------------------------------------------------------------------------------------------------------


def nested(depth, shape=b"\x91"):
    return shape * depth + b"\xc0"


def text(value):
    """A msgpack str of any octets."""
    if len(value) < 32:
        return bytes([0xa0 | len(value)]) + value
    return b"\xdb" + struct.pack(">I", len(value)) + value


def path_body(path):
    return b"\x81" + text(b"path") + text(path)


def test_bodies(node, beside):
    op = operation
    none = {"path": "/none"}
    huge = b"\xff\xff\xff\xff"
    rows = [  # name, type, body, outcome
        # hostile lengths
        ("5 octets: map32 of 2^32-1", STAT, b"\xdf" + huge, "too-large"),
        ("5 octets: map32 of 2^31", STAT, b"\xdf\x80\0\0\0", "too-large"),
        ("5 octets: map32 of 65536", STAT, b"\xdf\0\1\0\0", "too-large"),
        ("5 octets: array32 of 2^32-1", STAT, b"\xdd" + huge, {"invalid", "too-large"}),
        ("3 octets: map16 of 65535", STAT, b"\xde\xff\xff", {"invalid", "too-large"}),
        ("1 octet: fixmap of 15", STAT, b"\x8f", "invalid"),
        ("str32 of 2^32-1 as body", STAT, b"\xdb" + huge, "invalid"),
        ("bin32 of 2^32-1 as body", STAT, b"\xc6" + huge, "invalid"),
        ("ext32 of 2^32-1 as body", STAT, b"\xc9" + huge + b"\1", "invalid"),
        ("str32 of 2^32-1 as key", STAT, b"\x81\xdb" + huge + b"path", "invalid"),
        ("str32 of 2^32-1 as path", STAT, b"\x81" + text(b"path") + b"\xdb" + huge + b"/x", "invalid"),
        ("bin32 of 2^32-1 as file", STAT, b"\x81" + text(b"file") + b"\xc6" + huge + bytes(16), "invalid"),
        ("array32 of 2^32-1 as bases", PUT, b"\x81" + text(b"bases") + b"\xdd" + huge, "too-large"),
        ("map32 of 2^32-1 under an unknown key", STAT, b"\x81" + text(b"zz") + b"\xdf" + huge, "too-large"),
        ("array32 of 65536 that are not there", STAT, b"\x81" + text(b"zz") + b"\xdd\0\1\0\0", "invalid"),
        ("65537 values", STAT, {"zz": [0] * 65537}, "too-large"),
        ("65536 values in all, with keys", STAT, {"zz": [0] * 65532, "path": "/none"}, {"not-found", "too-large"}),
        ("2 MiB of empty maps", STAT, b"\x81" + text(b"zz") + b"\xdd" + struct.pack(">I", BODY - 10) +
         b"\x80" * (BODY - 10), "too-large"),
        ("65000 empty arrays, twice", STAT, {"zz": [[]] * 65000, "yy": [[]] * 65000}, "too-large"),
        # hostile nesting
        ("arrays nested 1000 deep as body", STAT, nested(1000), {"invalid", "too-large"}),
        ("maps nested 1000 deep as body", STAT, nested(1000, b"\x81\xa1a"), "too-large"),
        ("arrays nested 1000 deep under an unknown key", STAT, b"\x81" + text(b"zz") + nested(1000), "too-large"),
        ("arrays nested 2000000 deep", STAT, b"\x81" + text(b"zz") + nested(2_000_000), "too-large"),
        ("arrays nested 9 deep, the body included", STAT, b"\x82" + text(b"zz") + nested(8) + text(b"path") +
         text(b"/none"), "too-large"),
        ("arrays nested 8 deep, which is allowed", STAT, b"\x82" + text(b"zz") + nested(7) + text(b"path") +
         text(b"/none"), "not-found"),
        ("nesting in a map's key", STAT, b"\x81" + nested(1000), "too-large"),
        # not a map of text keys
        ("an array as body", STAT, [1, 2], "invalid"),
        ("a number as body", STAT, b"\x05", "invalid"),
        ("nil as body", STAT, b"\xc0", "invalid"),
        ("an octet that msgpack does not use", STAT, b"\xc1", "invalid"),
        ("that octet as a value", STAT, b"\x81" + text(b"zz") + b"\xc1", "invalid"),
        ("an octet behind the body", STAT, pack(none) + b"\0", "invalid"),
        ("two maps", STAT, pack(none) * 2, "invalid"),
        ("a map that is cut", STAT, pack(none)[:-1], "invalid"),
        ("a key that is a number", STAT, {5: 1, **none}, "invalid"),
        ("a key that is binary", STAT, {b"path": "/none"}, "invalid"),
        ("a key that is nil", STAT, {None: 1, **none}, "invalid"),
        ("a key without value", STAT, b"\x81" + text(b"path"), "invalid"),
        # keys
        ("path twice", STAT, b"\x82" + (text(b"path") + text(b"/a")) * 2, "invalid"),
        ("limit twice, where it is ignored", STAT, b"\x83" + text(b"path") + text(b"/none") +
         (text(b"limit") + b"\1") * 2, "invalid"),
        ("an unknown key twice, which is ignored", STAT, b"\x83" + (text(b"zz") + b"\1") * 2 + text(b"path") +
         text(b"/none"), "not-found"),
        ("an unknown key with an extension, which is ignored", STAT, {"zz": msgpack.ExtType(7, b"1234567"), **none},
         "not-found"),
        ("an unknown key of 1 MB, which is ignored", STAT, {"z" * 1_000_000: 1, **none}, "not-found"),
        ("a condition with GET, which must not be ignored", GET, {"if": 1, **none}, "invalid"),
        ("to with STAT, which must not be ignored", STAT, {"to": "/x", **none}, "invalid"),
        ("recursive with STAT, which is ignored", STAT, {"recursive": True, **none}, "not-found"),
        ("path and file", STAT, {"file": b"1" * 16, **none}, "invalid"),
        ("neither path nor file", STAT, {"limit": 1}, "invalid"),
        ("no body where there must be one", STAT, b"", "invalid"),
        # types
        ("path as binary", STAT, {"path": b"/none"}, "invalid"),
        ("path as number", STAT, {"path": 7}, "invalid"),
        ("path as nil", STAT, {"path": None}, "invalid"),
        ("path as array", STAT, {"path": ["/none"]}, "invalid"),
        ("path as extension", STAT, {"path": msgpack.ExtType(1, b"/none")}, "invalid"),
        ("file as text", STAT, {"file": "1" * 16}, "invalid"),
        ("file of 15 octets", STAT, {"file": b"1" * 15}, "invalid"),
        ("file of 17 octets", STAT, {"file": b"1" * 17}, "invalid"),
        ("file of 1 MB", STAT, {"file": b"1" * 1_000_000}, {"invalid", "too-large"}),
        ("limit as float", LIST, {"path": "/", "limit": 1.0}, "invalid"),
        ("limit as text", LIST, {"path": "/", "limit": "1"}, "invalid"),
        ("limit -1", LIST, {"path": "/", "limit": -1}, "invalid"),
        ("limit 1001", LIST, {"path": "/", "limit": 1001}, "invalid"),
        ("limit 2^64-1", LIST, {"path": "/", "limit": 2**64 - 1}, "invalid"),
        ("a bool as number", MKDIR, {"path": "/d", "parents": 1, **op()}, "invalid"),
        ("bool nil", MKDIR, {"path": "/d", "parents": None, **op()}, "invalid"),
        ("prefix of 256 octets", LIST, {"path": "/", "prefix": "p" * 256}, "too-large"),
        ("range of one value", GET, {"range": [1], **none}, "invalid"),
        ("range of three values", GET, {"range": [1, 2, 3], **none}, "invalid"),
        ("range as map", GET, {"range": {1: 2}, **none}, "invalid"),
        ("range backwards", GET, {"range": [5, 1], **none}, {"invalid", "bad-range"}),
        ("range from -1", GET, {"range": [-1, 1], **none}, "invalid"),
        ("version of 7 digits", STAT, {"version": "0" * 7, **none}, "invalid"),
        ("version of 65 digits", STAT, {"version": "0" * 65, **none}, "too-large"),
        ("version that is not hex", STAT, {"version": "zzzzzzzz", **none}, "invalid"),
        ("media of 128 octets", PUT, {"path": "/m", "end": True, "media": "m" * 128, **op()}, "too-large"),
        ("message of 1025 octets", PUT, {"path": "/m", "end": True, "message": "m" * 1025, **op()}, "too-large"),
        ("attr with mode 010000", PUT, {"path": "/m", "end": True, "attr": [4096, 0, 0], **op()}, "invalid"),
        ("attr with 10^9 ns", PUT, {"path": "/m", "end": True, "attr": [0, 0, 10**9], **op()}, "invalid"),
        ("attr with 2^63 s", PUT, {"path": "/m", "end": True, "attr": [0, 2**63, 0], **op()}, "invalid"),
        ("attr of two values", PUT, {"path": "/m", "end": True, "attr": [0, 0], **op()}, "invalid"),
        ("size of 2^63", PUT, {"path": "/m", "end": True, "size": 2**63, **op()}, "invalid"),
        ("sha256 of 31 octets", PUT, {"path": "/m", "end": True, "sha256": bytes(31), **op()}, "invalid"),
        ("kind 2: a directory by PUT", PUT, {"path": "/m", "end": True, "kind": 2, **op()}, "invalid"),
        ("kind 4", PUT, {"path": "/m", "end": True, "kind": 4, **op()}, "invalid"),
        ("65 bases", PUT, {"path": "/m", "end": True, "if": 5, "bases": [bytes(32)] * 65, **op()}, "too-large"),
        ("a base of 31 octets", PUT, {"path": "/m", "end": True, "if": 3, "bases": [bytes(31)], **op()}, "invalid"),
        ("if 3 without a base", PUT, {"path": "/m", "end": True, "if": 3, **op()}, "invalid"),
        ("if 1 with a base", PUT, {"path": "/m", "end": True, "if": 1, "bases": [bytes(32)], **op()}, "invalid"),
        ("if 6", PUT, {"path": "/m", "end": True, "if": 6, **op()}, "invalid"),
        ("if 2^32+1", PUT, {"path": "/m", "end": True, "if": 2**32 + 1, **op()}, "invalid"),
        ("if 5 with the same base twice", PUT, {"path": "/neighbour", "end": True, "if": 5, "bases": [b"b" * 32] * 2,
                                                 **op()}, "invalid"),
        ("if 2 with DELETE", DELETE, {"path": "/neighbour", "if": 2, "bases": [bytes(32)], **op()}, "invalid"),
        ("no op", MKDIR, {"path": "/d", "attempt": 1}, "invalid"),
        ("op of zeros", MKDIR, {"path": "/d", "op": bytes(16), "attempt": 1}, "invalid"),
        ("op as text", MKDIR, {"path": "/d", "op": "0123456789abcdef", "attempt": 1}, "invalid"),
        ("attempt 0", MKDIR, {"path": "/d", "op": b"1" * 16, "attempt": 0}, "invalid"),
        ("attempt 2^32", MKDIR, {"path": "/d", "op": b"1" * 16, "attempt": 2**32}, "invalid"),
        ("MOVE without to", MOVE, {"path": "/a", **op()}, "invalid"),
        ("RESTORE without version", RESTORE, {"path": "/a", **op()}, "invalid"),
        ("a space that is not there", STAT, {"space": "nowhere", **none}, "no-such-space"),
        ("a space in capitals", STAT, {"space": "Home", **none}, "bad-name"),
        ("a space named ../home", STAT, {"space": "../home", **none}, "bad-name"),
        ("a space of 64 octets", STAT, {"space": "s" * 64, **none}, "too-large"),
        # names
        *((f"path {path}", kind, {"path": path, **(op() if kind != STAT else {}),
                                   **({"end": True} if kind == PUT else {})}, "bad-name")
          for kind, path in ((STAT, "/.."), (PUT, "/.."), (MKDIR, "/a/../b"), (PUT, "/../../etc/passwd"), (STAT, "/."),
                             (MKDIR, "/./a"), (STAT, "a"), (PUT, "a/b"), (STAT, ".."), (STAT, "//"), (PUT, "/a/"),
                             (STAT, "/a//b"), (STAT, "//a"), (STAT, "/neighbour/"))),
        ("path with NUL", PUT, {"path": "/a\0b", "end": True, **op()}, "bad-name"),
        ("path that is NUL", STAT, {"path": "\0"}, "bad-name"),
        ("path that ends in NUL", STAT, {"path": "/neighbour\0"}, "bad-name"),
        ("an empty path", STAT, {"path": ""}, {"invalid", "bad-name"}),
        ("a name of 256 octets", MKDIR, {"path": "/" + "n" * 256, **op()}, "bad-name"),
        ("a path of 4097 octets", MKDIR, {"path": ("/" + "n" * 240) * 17, **op()}, "too-large"),
        ("a name of 1 MB", PUT, {"path": "/" + "n" * 1_000_000, "end": True, **op()}, "too-large"),
        ("a path of 65 names", MKDIR, {"path": "/n" * 65, "parents": True, **op()}, "bad-name"),
        ("to with ..", MOVE, {"path": "/neighbour", "to": "/../x", **op()}, "bad-name"),
        ("to of 1 MB", COPY, {"path": "/neighbour", "to": "/" + "n" * 1_000_000, **op()}, "too-large"),
        ("/ by PUT", PUT, {"path": "/", "end": True, **op()}, {"is-directory", "invalid"}),
        ("/ by MKDIR", MKDIR, {"path": "/", **op()}, {"exists", "invalid"}),
        ("/ by DELETE", DELETE, {"path": "/", "recursive": True, **op()}, {"forbidden", "invalid"}),
        ("/ by MOVE", MOVE, {"path": "/", "to": "/x", **op()}, {"forbidden", "invalid", "cycle"}),
        ("to / by MOVE", MOVE, {"path": "/neighbour", "to": "/", "replace": True, **op()},
         {"exists", "invalid", "is-directory", "not-empty", "cycle"}),
        ("a file as directory", STAT, {"path": "/neighbour/x"}, "not-directory"),
        ("LIST of a file", LIST, {"path": "/neighbour"}, "not-directory"),
        *((f"text that is not UTF-8: {name}", STAT, path_body(b"/" + octets), {"invalid", "bad-name"})
          for name, octets in (("0xff", b"\xff"), ("0x80", b"\x80"), ("/ in two octets", b"\xc0\xaf"),
                               ("/ in three octets", b"\xe0\x80\xaf"), ("NUL in two octets", b"\xc0\x80"),
                               ("a surrogate", b"\xed\xa0\x80"), ("cut", b"\xe2\x82"),
                               ("U+110000", b"\xf4\x90\x80\x80"),
                               ("5 octets", b"\xf8\x88\x80\x80\x80"), ("cut behind an a", b"a\xf0\x9f\x98"))),
        ("text that is not UTF-8 as message", PUT, b"\x84" + text(b"path") + text(b"/m") + text(b"message") +
         text(b"\xff\xfe") + text(b"op") + b"\xc4\x10" + bytes(15) + b"\1" + text(b"attempt") + b"\1", "invalid"),
        # credit as a field
        ("GET with credit 2^32", GET, {"credit": 2**32, "path": "/neighbour"}, "invalid"),
        ("GET with credit -1", GET, {"credit": -1, "path": "/neighbour"}, "invalid"),
    ]
    with memory(node, "bodies", 24, "a message of 2 MiB at a time, nothing by announced lengths", 40):
        wire = Wire(node)
        for name, kind, body, wanted in rows:
            request_id = wire.new_id()
            wire.send(kind, request_id, body)
            row(beside, f"{name}: {wanted if isinstance(wanted, str) else 'refused'}", wire.answers(request_id), wanted)
        wire.close()
        for name, body, wanted in (
                ("HELLO without versions", {"client": "x"}, "invalid"), ("HELLO with no body", b"", "invalid"),
                ("HELLO with versions [] ", {"versions": []}, "invalid"), ("HELLO in version 4", {"versions": [4]},
                                                                           "unsupported"),
                ("HELLO in version 0", {"versions": [0]}, "unsupported"),
                ("HELLO in 5 versions", {"versions": [1] * 5}, "too-large"),
                ("HELLO in versions as text", {"versions": ["1"]}, "invalid"),
                ("HELLO by a client of 129 octets", {"versions": [1], "client": "c" * 129}, "too-large"),
                ("HELLO with a session of 15 octets", {"versions": [1], "session": bytes(15)}, "invalid"),
                ("HELLO with a session that is not there, which begins a new one",
                 {"versions": [1], "session": b"s" * 16}, "welcome")):
            wire = Wire(node, hello=False)
            wire.send(HELLO, 5, body)
            row(beside, f"{name}: {wanted}", wire.answers(5), wanted)
            wire.close()


# -- what does not fit the conversation --------------------------------------------------------------------------------


def conversations(node, large):
    """(name, outcome, function of a Wire that gives the outcome)."""

    def before_hello(kind, body=b"", payload=None):
        def run(_):
            wire = Wire(node, hello=False)
            wire.send(kind, 9, body, payload)
            got = wire.answers(9)
            wire.close()
            return got
        return run

    def lone(kind, body=b"", payload=None):
        def run(wire):
            request_id = wire.new_id()
            wire.send(kind, request_id, body, payload)
            return wire.answers(request_id, wait=0.2)
        return run

    def in_upload(say_it, **more):
        """An upload that has its credit, what is said then, and the answers."""
        def run(wire):
            request_id = wire.begin("/conversation", **more)
            say_it(wire, request_id)
            return wire.answers(request_id)
        return run

    def in_download(say_it):
        """A GET that stands still without credit, what is said then, and the answers behind its OK."""
        def run(wire):
            request_id = wire.new_id()
            wire.send(GET, request_id, {"path": large})
            assert (message := wire.receive())[0] == OK, message
            say_it(wire, request_id)
            return wire.answers(request_id)
        return run

    def several(*steps):
        def say_it(wire, request_id):
            for step in steps:
                step(wire, request_id)
        return say_it

    def send(kind, body=b"", payload=None):
        return lambda wire, request_id: wire.send(kind, request_id, body, payload)

    def data(offset, payload):
        return lambda wire, request_id: wire.data(request_id, offset, payload)

    def frames(*parts):
        return lambda wire, request_id: wire.socket.send_multipart([envelope(DATA, request_id, 8), *parts])

    def reuse(kind, body):
        """A second request under an open id is refused; the first lives on."""
        def run(wire):
            request_id = wire.begin("/reused")
            wire.send(kind, request_id, body)
            first = wire.answers(request_id)
            wire.data(request_id, 0, b"still open")
            wire.send(COMMIT, request_id)
            return first + "," + wire.answers(request_id)
        return run

    def beyond_credit(wire):
        request_id = wire.begin("/greedy")
        payload = os.urandom(FRAME)
        for at in range(0, 3 * WINDOW, FRAME):  # as fast as it goes, whatever is granted
            wire.data(request_id, at, payload)
        got = wire.answers(request_id, wait=3)
        if got == "silence":  # the node was fast enough to grant it all
            wire.send(ABORT, request_id)
            got = "granted," + wire.answers(request_id)
        return got

    def too_many(kind, count, body):
        """So many open requests and one more."""
        def run(wire):
            ids = [wire.new_id() for _ in range(count)]
            for request_id in ids:
                wire.send(kind, request_id, {**body, **operation()})
            last = wire.new_id()
            wire.send(kind, last, {**body, **operation()})
            got = wire.answers(last)
            for request_id in ids:
                wire.send(ABORT, request_id)
            ended = wire.answers(*ids).split(",")
            return got if set(ended) == {"cancelled"} and len(ended) == count else f"{got}, then {ended}"
        return run

    most = 2**32 - 1
    credit = {"credit": most}
    zero = struct.pack(">Q", 0)
    return [
        *((f"{name} before HELLO", "protocol", before_hello(kind, body, payload)) for name, kind, body, payload in (
            ("STAT", STAT, {"path": "/"}, None), ("PUT", PUT, {"path": "/x", "end": True, **operation()}, b"x"),
            ("DATA", DATA, zero, b"x"), ("COMMIT", COMMIT, b"", None), ("CREDIT", CREDIT, {"credit": 1}, None),
            ("PING", PING, b"", None), ("RESUME", RESUME, b"", None), ("an unknown type", 99, b"", None),
            ("a body of garbage", STAT, b"\xc1", None))),
        ("a second HELLO", "welcome", lone(HELLO, {"versions": [1]})),
        ("COMMIT without PUT", "silence", lone(COMMIT)),
        ("COMMIT without PUT, garbage", "silence", lone(COMMIT, b"\xc1")),
        ("DATA without PUT", "silence", lone(DATA, zero, b"x")),
        ("DATA without PUT, too large", "silence", lone(DATA, zero, bytes(FRAME + 1))),
        ("CREDIT without GET", "silence", lone(CREDIT, {"credit": 1})),
        ("ABORT without anything", "silence", lone(ABORT)),
        ("RESUME without anything", "gone", lone(RESUME)),
        ("a second PUT under an open id", "protocol,ok", reuse(PUT, {"path": "/second", **operation()})),
        ("a whole PUT under an open id", "protocol,ok", reuse(PUT, {"path": "/second", "end": True, **operation()})),
        ("STAT under an open id", "protocol,ok", reuse(STAT, {"path": "/"})),
        ("GET under an open id", "protocol,ok", reuse(GET, {"path": large, "credit": 1})),
        ("CREDIT for a PUT", "protocol", in_upload(send(CREDIT, {"credit": 5}))),
        ("CREDIT overflow for a PUT", "protocol", in_upload(several(*[send(CREDIT, credit)] * 4))),
        ("DATA at offset 1 first", "protocol", in_upload(data(1, b"x"))),
        ("DATA at offset 2^64-1", "protocol", in_upload(data(2**64 - 1, b"x"))),
        ("DATA with a gap", "protocol", in_upload(several(data(0, b"x"), data(2, b"x")))),
        ("DATA twice", "protocol", in_upload(several(data(0, b"x"), data(0, b"x")))),
        ("DATA of 0 octets", {"protocol", "invalid"}, in_upload(data(0, b""))),
        ("DATA of 262145 octets", "too-large", in_upload(data(0, bytes(FRAME + 1)))),
        ("DATA without payload", {"protocol", "invalid"}, in_upload(frames(zero))),
        ("DATA without offset", {"protocol", "invalid"}, in_upload(send(DATA, b"", b"x"))),
        ("DATA with an offset of 7 octets", {"protocol", "invalid"}, in_upload(send(DATA, bytes(7), b"x"))),
        ("DATA with an offset of 9 octets", {"protocol", "invalid"}, in_upload(send(DATA, bytes(9), b"x"))),
        ("DATA with an offset of 2 MiB", {"protocol", "invalid"}, in_upload(send(DATA, bytes(BODY), b"x"))),
        ("DATA with two payloads", "invalid", in_upload(frames(zero, b"x", b"x"))),
        ("DATA with 1000 payloads", "invalid", in_upload(frames(zero, *[b"x"] * 1000))),
        ("DATA beyond the credit", {"no-credit", "granted,cancelled"}, beyond_credit),
        ("DATA beyond the size", "invalid", in_upload(several(data(0, b"xx"), data(2, b"x")), size=2)),
        ("DATA after COMMIT", {"ok", "protocol"}, in_upload(several(send(COMMIT), data(0, b"x")))),
        ("COMMIT twice", {"ok", "protocol"}, in_upload(several(data(0, b"x"), send(COMMIT), send(COMMIT)))),
        ("COMMIT with another size", "invalid", in_upload(several(data(0, b"x"), send(COMMIT, {"size": 2})))),
        ("COMMIT with another digest", "damaged",
         in_upload(several(data(0, b"x"), send(COMMIT, {"sha256": bytes(32)})))),
        ("COMMIT before the size has come", "invalid", in_upload(several(data(0, b"x"), send(COMMIT)), size=5)),
        ("COMMIT with a body of garbage", "invalid", in_upload(send(COMMIT, b"\xc1"))),
        ("COMMIT with hostile nesting", "too-large", in_upload(send(COMMIT, b"\x81\xa1z" + nested(1000)))),
        ("ABORT of an upload", "cancelled", in_upload(several(data(0, b"x"), send(ABORT)))),
        ("ABORT twice", "cancelled", in_upload(several(send(ABORT), send(ABORT)))),
        ("an upload of 2^63-1 octets that is given up", "cancelled", in_upload(send(ABORT), size=2**63 - 1)),
        ("PUT in parts with a payload", "invalid", lone(PUT, {"path": "/x", **operation()}, b"x")),
        ("a whole PUT of 0 octets, which is allowed", "ok", lone(PUT, {"path": "/zero", "end": True, **operation()},
                                                                  b"")),
        ("CREDIT of 0", "invalid", in_download(send(CREDIT, {"credit": 0}))),
        ("CREDIT without credit", "invalid", in_download(send(CREDIT))),
        ("CREDIT of -1", "invalid", in_download(send(CREDIT, {"credit": -1}))),
        ("CREDIT of 2^32", "invalid", in_download(send(CREDIT, {"credit": 2**32}))),
        ("CREDIT of 2^32-1", "too-large", in_download(send(CREDIT, credit))),
        ("CREDIT of 2^32-1, five times", "too-large", in_download(several(*[send(CREDIT, credit)] * 5))),
        ("CREDIT of 1 and then 8388608", "too-large", in_download(several(send(CREDIT, {"credit": WINDOW}),
                                                                            *[send(CREDIT, {"credit": WINDOW})] * 3))),
        ("GET with credit 2^32-1", "too-large", lone(GET, {"path": large, "credit": most})),
        ("DATA for a GET", "protocol", in_download(data(0, b"x"))),
        ("COMMIT for a GET", "protocol", in_download(send(COMMIT))),
        ("RESUME for a GET", "protocol", in_download(send(RESUME))),
        ("ABORT of a GET", "cancelled", in_download(send(ABORT))),
        ("a 65th transfer", "busy", too_many(PUT, 64, {"path": "/many"})),
    ]


def test_conversations(node, beside, large):
    with memory(node, "conversations", 160, "uploads hold up to 88 MiB in all", 260):
        for name, wanted, run in conversations(node, large):
            wire = Wire(node)
            try:
                got = run(wire)
            except (AssertionError, TypeError) as error:
                got = f"stopped: {error!r}"
            shown = wanted if isinstance(wanted, str) else " or ".join(sorted(wanted))
            row(beside, f"{name}: {shown}", got, wanted)
            wire.close()


# -- many, slow, and gone ----------------------------------------------------------------------------------------------


class Slow(threading.Thread):
    """A connection that sends one octet a second; how long the node bears it."""

    def __init__(self, node, data):
        super().__init__(daemon=True)
        self.tcp, self.octets, self.seconds, self.stopped = Tcp(node), data, None, False
        self.start()

    def run(self):
        began = time.monotonic()
        self.tcp.socket.settimeout(1)
        for octet in self.octets:
            try:
                self.tcp.socket.sendall(bytes([octet]))
                if not self.tcp.socket.recv(4096):
                    break
            except (TimeoutError, socket.timeout):
                pass
            except OSError:
                break
            if self.stopped:
                return
        self.seconds = time.monotonic() - began


class SlowAfterHello(threading.Thread):
    """The same by somebody who has been let in: a PING in small pieces."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.curve, self.stopped, self.sent = Curve(node), False, 0
        self.curve.send(self.curve.hello())
        self.curve.command()
        self.octets = self.curve.message(envelope(PING, 3))
        self.start()

    def run(self):
        while not self.stopped:
            self.curve.send(self.octets[self.sent:self.sent + 1])
            self.sent += 1
            time.sleep(1)

    def finish(self):
        """Sends the rest; "pong" if it was answered."""
        self.stopped = True
        self.join()
        self.curve.send(self.octets[self.sent:])
        got = self.curve.command()
        self.curve.socket.close()
        return "pong" if got else "closed"


def test_crowds(node, beside):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    mine = min(hard, 65536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (mine, hard))
    with open(f"/proc/{node.process.pid}/limits") as file:
        limit = next(line.split()[3] for line in file if line.startswith("Max open files"))
    check(f"the node takes the descriptors that it may have ({limit} of {hard})", int(limit) >= mine, limit)
    slow, slow_inside = Slow(node, greeting() + bytes(1000)), SlowAfterHello(node)

    before = descriptors(node)
    silent = min(1000, mine - 200)
    with memory(node, f"{silent} silent connections", 16, "16 KiB each: libzmq's session and engine", 32):
        held = [socket.create_connection(("127.0.0.1", node.port), timeout=5) for _ in range(silent)]
        most, began = descriptors(node), time.monotonic()
        while most < before + silent and time.monotonic() < began + 1.5:  # they wait in the backlog, too
            time.sleep(0.05)
            most = max(most, descriptors(node))
        row(beside, f"{silent} TCP connections that say nothing: others go on ({most - before} descriptors)", "open",
            "open")
        fresh = Wire(node)
        row(beside, "and new ones come in", "in", "in")
        fresh.close()
        left = silent
        while left and time.monotonic() < began + 15:
            left = 0
            for connection in held:
                connection.settimeout(0)
                try:
                    left += connection.recv(1000) != b"" or 0
                except BlockingIOError:
                    left += 1
                except OSError:
                    pass
            time.sleep(0.1)
        took = time.monotonic() - began
        row(beside, f"{silent} silent connections are closed after the {HANDSHAKE_SECONDS} s of a handshake "
            f"({took:.1f} s)", "closed" if left == 0 and took < 12 else f"{left} open, {took:.1f} s", "closed")
        for connection in held:
            connection.close()
        time.sleep(0.5)
        now = descriptors(node)
        check(f"and their descriptors are free again ({before}, then {most}, now {now})", now < before + 20, now)
    slow.join(10)
    row(beside, "one octet a second instead of a greeting: closed "
        f"({slow.seconds and round(slow.seconds, 1)} s)",
        "closed" if slow.seconds and slow.seconds < HANDSHAKE_SECONDS + 3 else "open", "closed")

    with memory(node, "200 clients that authenticate and stay", 24, "120 KiB each: pipes, buffers, a session", 40):
        stay = [Wire(node, hello=False) for _ in range(200)]
        for number, wire in enumerate(stay):
            wire.send(HELLO if number % 2 else PING, 1, {"versions": [1]} if number % 2 else b"")
        got = [wire.receive() for wire in stay]
        good = sum(1 for message in got if message and message[0] in (WELCOME, ERROR))
        row(beside, "200 clients that authenticate and stay, half of them without HELLO: served", str(good), "200")
    again = [wire.send(PING, 2) or wire.receive() for wire in stay[1::20]]
    row(beside, "and are served later", "pong" if all(m and m[0] == PONG for m in again) else again, "pong")
    for wire in stay:
        wire.close()
    row(beside, f"one octet a second after HELLO: the message counts when it is whole ({slow_inside.sent} octets)",
        slow_inside.finish(), "pong")


def vanish(node, count, seed):
    """Clients that open an upload, send half of what they may, and are gone."""
    gone = [Wire(node) for _ in range(count)]
    payload = bytearray(os.urandom(FRAME))
    for number, wire in enumerate(gone):
        wire.send(PUT, 9, {"path": f"/vanished-{number}", **operation()})
    for number, wire in enumerate(gone):
        if (message := wire.receive(0.5 if number < 20 else 0)) and message[0] == CREDIT:
            for at in range(0, WINDOW // 2, FRAME):
                payload[:16] = struct.pack(">QQ", seed + number, at)  # no chunk twice
                wire.data(9, at, bytes(payload))
    time.sleep(1)
    for wire in gone:
        wire.close()


class Dripping(threading.Thread):
    """One client with many uploads, each of which goes on by an octet a second."""

    def __init__(self, node, count):
        super().__init__(daemon=True)
        self.wire, self.count, self.stopped = Wire(node), count, False
        for number in range(count):
            self.wire.send(PUT, 100 + number, {"path": f"/vanished-drip-{number}", **operation()})
        self.start()

    def run(self):
        opened, ended, at = set(), set(), dict.fromkeys(range(100, 100 + self.count), 0)
        while not self.stopped:
            while message := self.wire.receive(0):
                (opened if message[0] == CREDIT else ended).add(message[1])
            for request_id in opened - ended:
                self.wire.data(request_id, at[request_id], b"x")
                at[request_id] += 1
            time.sleep(1)

    def finish(self):
        self.stopped = True
        self.join()
        for number in range(self.count):
            self.wire.send(ABORT, 100 + number)
        self.wire.answers(0, wait=0)
        self.wire.close()


def beside_full_memory(node, beside, name, bound=STALL_SECONDS):
    """Small things go on at once; what needs memory waits its turn, not longer than stalled transfers may stall."""
    row(beside, f"{name}: small files go on at once", "well", "well")
    symbol, took = beside.upload("/beside", 9 * MIB, bound + 4)
    row(beside, f"{name}: an upload in parts waits its turn ({took:.1f} s, at most {bound})",
        symbol if took <= bound else f"{symbol} after {took:.1f} s", "ok")
    wrong = beside.well(bound, count=20_000)
    check(f"{name}: files that are not inline go on", not wrong, wrong)


def test_full_memory(node, beside, large):
    with memory(node, "clients that vanish, or hold memory", 300,
                "88 MiB of transfers, 24 MiB of whole puts, 64 MiB of the database's", 400):
        wires = [Wire(node) for _ in range(2)]
        ids = [(wire, wire.new_id()) for wire in wires for _ in range(12)]
        for wire, request_id in ids:
            wire.send(GET, request_id, {"path": large})
        time.sleep(0.5)
        # A PUT that has to wait has no credit: what it says about itself meanwhile.
        wire = Wire(node)
        wire.send(PUT, 1, {"path": "/waits", **operation()})
        wire.data(1, 0, b"too early")
        row(beside, "DATA while PUT waits for its first credit: no-credit", wire.answers(1), "no-credit")
        wire.send(PUT, 2, {"path": "/waits", **operation()})
        wire.send(COMMIT, 2)
        row(beside, "COMMIT while PUT waits for its first credit: protocol", wire.answers(2), "protocol")
        wire.send(PUT, 3, {"path": "/waits", **operation()})
        wire.send(ABORT, 3)
        row(beside, "ABORT while PUT waits for its first credit: cancelled", wire.answers(3), "cancelled")
        wire.close()
        beside_full_memory(node, beside, "24 large GETs without credit")
        for wire in wires:
            wire.close()
        vanish(node, 16, 1 << 32)
        beside_full_memory(node, beside, "16 clients that vanish in mid-upload")
        vanish(node, 40, 2 << 32)
        beside_full_memory(node, beside, "40 clients that vanish in mid-upload")
        dripping = Dripping(node, 13)
        beside_full_memory(node, beside, "13 uploads of one octet a second")
        dripping.finish()
    answer = node.cli("ls", "/")
    names = [line.get("name") or line.get("path", "") for line in answer.lines]
    check("nothing of an upload that failed is visible", answer.code == 0 and
          not [n for n in names if "vanished" in n or "greedy" in n or "waits" in n], names)


# -- the whole ---------------------------------------------------------------------------------------------------------


def run(options):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    node = Node()
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, hard), hard))  # what a shell gives
    node.start()
    beside = Neighbour(node)
    large = "/large"
    symbol, _ = beside.upload(large, 20 * MIB, 30)
    need("a large file is there", symbol == "ok", symbol)
    need("the well-behaved client is well", not (wrong := beside.well()), wrong)
    say(f"a sanitizer build: {SANITIZED}")
    first = status_mib(node, "VmRSS")
    wanted = set(options.rest)
    for name, test in (("transport", lambda: test_transport(node, beside)),
                       ("envelopes", lambda: test_envelopes(node, beside)),
                       ("bodies", lambda: test_bodies(node, beside)),
                       ("conversations", lambda: test_conversations(node, beside, large)),
                       ("crowds", lambda: test_crowds(node, beside)),
                       ("full_memory", lambda: test_full_memory(node, beside, large))):
        if wanted and name not in wanted:
            continue
        began = time.monotonic()
        test()
        say(f"{name}: {time.monotonic() - began:.1f} s")
        need(f"the node is alive after {name}", node.running(), node.errors()[-3000:])
    say(f"memory, in all: {first:.1f} MiB at first, {status_mib(node, 'VmRSS'):.1f} at the end")
    said = node.cli("node", "show")
    rss = said.lines[-1].get("rss_bytes", 0) / MIB if said.lines else 0
    check(f"the node says the same about itself ({rss:.1f} MiB)", abs(rss - status_mib(node, "VmRSS")) < 20, said)
    times = sorted(beside.times)
    say(f"the client beside them: {len(times)} puts and gets, median {statistics.median(times) * 1000:.1f} ms, "
        f"99 of 100 within {times[len(times) * 99 // 100] * 1000:.0f} ms, longest {times[-1]:.2f} s")
    beside.wire.close()
    began = time.monotonic()
    code = node.stop()
    check(f"the node stops cleanly ({time.monotonic() - began:.1f} s)", code == 0, code)


if __name__ == "__main__":
    main(run, seconds=170)
