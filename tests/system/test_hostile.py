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
    with open(f"/proc/{node.pid()}/statm") as file:
        return int(file.read().split()[1]) * 4096
