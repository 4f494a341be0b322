#!/usr/bin/env python3
"""Many large transfers at once: the node's memory stays below what is promised, and all of them end well.

Resident memory is the peak that the kernel keeps (VmHWM).  Puts come as fast as credit allows, from more clients than
there are windows.  Gets are granted all they may be, and nothing is read for a while: what was read ahead and what lies
in the queues of libzmq is then as much as it can be.  Small transfers must not wait behind large ones meanwhile.
Clients that never read hold up others for a while, and keep nothing: their connections are cut.
"""
import hashlib, os, struct, time

# AddressSanitizer keeps what was freed, up to 256 MiB, which would hide what matters.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"

import zmq

from node import DAEMON, Node, check, check_equal, main, need, say
from test_bad_input import COMMIT, CREDIT, DATA, ERROR, GET, OK, PUT, Wire, operation

MIB, FRAME = 1 << 20, 256 << 10
SANITIZED = b"__asan_init" in DAEMON.read_bytes() if DAEMON.exists() else False
# 256 are promised, of which the database's rows may have a part: here it has none.  A sanitizer has memory of its own.
NODE_MIB = 512 if SANITIZED else 200
CLIENTS, FILE, WINDOW, SMALL = 28, 16 * MIB, 8 * MIB, 600 << 10
SMALL_SECONDS = 8  # far less than all large transfers take; the machine may be busy with other tests
QUIET_SECONDS = 1.5  # of clients that do not read
DEAF = 60  # clients that never read: at most 18 at a time have memory, each for 10 s
DEAF_SECONDS = 50
BLOCK = os.urandom(FRAME)


def peak_mib(node):
    with open(f"/proc/{node.process.pid}/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM:"))


def content(number, offset):
    """A frame of a file; no two are alike, so no chunk is there already."""
    return struct.pack(">QQ", number, offset) + BLOCK[16:]


def digest(number):
    sha = hashlib.sha256()
    for offset in range(0, FILE, FRAME):
        sha.update(content(number, offset))
    return sha.digest()


class Put:
    def __init__(self, node, number):
        self.wire, self.number, self.sent, self.ended = Wire(node), number, 0, None
        self.id = self.wire.new_id()
        self.wire.send(PUT, self.id, {"path": f"/large-{number}", "size": FILE, **operation()})

    def read(self):
        kind, _, body, _ = self.wire.receive(0)
        if kind in (OK, ERROR):
            self.ended = body
            return
        assert kind == CREDIT, kind
        credit = body["credit"]
        while credit > 0 and self.sent < FILE:
            count = min(FRAME, credit, FILE - self.sent)
            frame, at = content(self.number, self.sent // FRAME * FRAME), self.sent % FRAME
            count = min(count, FRAME - at)
            self.wire.data(self.id, self.sent, frame[at:at + count])
            self.sent += count
            credit -= count
            if self.sent == FILE:
                self.wire.send(COMMIT, self.id, {"size": FILE})


class Get:
    def __init__(self, node, number):
        self.wire, self.sha, self.got, self.ended = Wire(node, rcvhwm=2), hashlib.sha256(), 0, None
        self.number, self.id = number, self.wire.new_id()
        self.wire.send(GET, self.id, {"path": f"/large-{number}", "credit": WINDOW})

    def read(self):
        kind, _, body, payload = self.wire.receive(0)
        if kind == ERROR:
            self.ended = body
        if kind != DATA:
            return
        assert body == self.got, (body, self.got)
        self.sha.update(payload)
        self.got += len(payload)
        if self.got == FILE:
            self.ended = {"sha256": self.sha.digest()}
        else:
            self.wire.send(CREDIT, self.id, {"credit": len(payload)})


def go_on(transfers, seconds):
    """Reads whatever comes to any of them until all have ended, or for so long."""
    poller = zmq.Poller()
    open_ones = {one.wire.socket: one for one in transfers if not one.ended}
    for socket in open_ones:
        poller.register(socket, zmq.POLLIN)
    end = time.monotonic() + seconds
    while open_ones and (left := end - time.monotonic()) > 0:
        for socket, _ in poller.poll(int(left * 1000)):
            one = open_ones[socket]
            one.read()
            if one.ended:
                poller.unregister(socket)
                del open_ones[socket]


def finish(name, transfers, seconds):
    go_on(transfers, seconds)
    bad = [(one.number, one.ended) for one in transfers if not one.ended or "symbol" in one.ended]
    check(f"{len(transfers)} {name}, all at once, end well", not bad, bad[:3])
    for one in transfers:
        one.wire.close()


def small_goes_on(node, name, transfers):
    """A put that is not whole in one message takes memory of transfers, but does not wait for large ones."""
    wire, data, began = Wire(node), os.urandom(SMALL), time.monotonic()
    request_id = wire.begin(f"/small-{name}", size=SMALL)
    for offset in range(0, SMALL, FRAME):
        wire.data(request_id, offset, data[offset:offset + FRAME])
    wire.send(COMMIT, request_id, {"size": SMALL})
    answer = wire.answers(request_id)
    took = time.monotonic() - began
    still = sum(not one.ended for one in transfers)
    check(f"a small put goes on beside large {name} ({took:.1f} s, at most {SMALL_SECONDS})",
          answer == "ok" and took <= SMALL_SECONDS and still > 0, f"{answer}, {still} large ones are under way")
    wire.close()


def test_deaf(node):
    """What was made for who does not read is in libzmq, and more than the socket's buffers hold."""
    wires = [Wire(node, rcvhwm=1, rcvbuf=64 << 10) for _ in range(DEAF)]
    for number, wire in enumerate(wires):
        wire.send(GET, 9, {"path": f"/large-{number % CLIENTS}", "credit": WINDOW})
    time.sleep(QUIET_SECONDS)
    wire, began = Wire(node), time.monotonic()
    wire.send(PUT, 9, {"path": "/beside-deaf", "size": FILE, **operation()})
    first = wire.receive(DEAF_SECONDS)
    check(f"a large put begins behind {DEAF} clients that do not read ({time.monotonic() - began:.1f} s, "
          f"at most {DEAF_SECONDS})", first and first[0] == CREDIT, first)
    for one in [wire, *wires]:
        one.close()


def run(_):
    node = Node()
    node.start()
    idle = peak_mib(node)
    puts = [Put(node, number) for number in range(CLIENTS)]
    go_on(puts, 0.5)
    small_goes_on(node, "puts", puts)
    finish("puts", puts, 120)
    after_puts = peak_mib(node)
    gets = [Get(node, number) for number in range(CLIENTS)]
    time.sleep(QUIET_SECONDS)
    small_goes_on(node, "gets", gets)
    finish("gets", gets, 120)
    need("the node lives", node.running())
    after_gets = peak_mib(node)
    wrong = [one.number for one in gets if one.ended.get("sha256") != digest(one.number)]
    check_equal("files whose content is not what was put", wrong, [])
    test_deaf(node)
    need("the node lives", node.running())
    most = peak_mib(node)
    say(f"peak: {idle:.0f} MiB idle, {after_puts:.0f} with puts, {after_gets:.0f} with gets, {most:.0f} in all")
    check(f"memory of the node: at most {NODE_MIB} MiB", most <= NODE_MIB, f"{most:.0f} MiB")
    node.stop()


if __name__ == "__main__":
    main(run)
