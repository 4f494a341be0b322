"""A FileSphere client, written from docs/protocol/client.md and keys.md alone; its sections are cited as (4.1).

    client = Client(Profile.load("admin.profile"))
    answer = client.put("/notes/a.txt", b"hello", parents=True)     # bytes or a seekable binary file
    content, about = client.get("/notes/a.txt")
    for entry in client.list("/notes"): print(entry["name"], entry.get("size", 0))
    client.close()

Needs python3-zmq, python3-msgpack, python3-nacl.  One thread; a request that fails raises Refused (the server's
ERROR) or Lost (the connection).  What changes something is repeated by itself after a failure (6.1), an upload is
taken up where it stood (4.4), and a download goes on behind what came.
"""
import hashlib, io, json, os, struct, time
from collections import deque, namedtuple

import msgpack
import nacl.exceptions, nacl.signing
import zmq
from zmq.utils.monitor import parse_monitor_message

HELLO, WELCOME, PING, PONG, OK, ERROR = range(1, 7)
PUT, DATA, COMMIT, ABORT, CREDIT, RESUME = range(10, 16)
GET, STAT, LIST, VERSIONS, CHANGES, SPACES = 20, 30, 31, 32, 33, 34
MKDIR, DELETE, MOVE, COPY, RESTORE, NODE = 40, 41, 42, 43, 44, 50

REPLACE, EDIT, MATCH, NONE_MATCH, MERGE = range(1, 6)  # `if` (6.2)
BODY, FRAME, CREDIT_MOST, VALUES, DEPTH = 2097152, 262144, 8388608, 65536, 8  # limits (8)
PROTOCOL, NOT_KEPT = 1008, 2004  # codes of ERROR that mean something to the connection itself

Message = namedtuple("Message", "type id body payload")  # body: a map; of DATA: the offset


class Refused(Exception):
    """ERROR (6.4): .code, .symbol, .retry, and .body with all of it."""

    def __init__(self, body):
        self.body, self.code, self.retry = body, body.get("code", 0), body.get("retry", 0)
        self.symbol = body.get("symbol", "")
        super().__init__(f"{self.symbol} ({self.code}): {body.get('text', '')}")


class Lost(Exception):
    """The connection is gone, or was never there."""


class Bad(Exception):
    """The server sent what the specification forbids."""


# -- bodies (3.3) and envelopes (3.2) --------------------------------------------------------------------------


_WIDTHS = {0xC4: "b1", 0xC5: "b2", 0xC6: "b4", 0xC7: "e1", 0xC8: "e2", 0xC9: "e4", 0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2,
           0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8, 0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17,
           0xD9: "b1", 0xDA: "b2", 0xDB: "b4", 0xDC: "a2", 0xDD: "a4", 0xDE: "m2", 0xDF: "m4"}


def check_counts(body):
    """Depth, values and lengths against the octets that are there, before anything is allocated by them."""
    at, values, open_counts = 0, 0, [1]
    while open_counts:
        if not open_counts[-1]:
            open_counts.pop()
            continue
        open_counts[-1] -= 1
        values += 1
        if at >= len(body) or values > VALUES:
            raise Bad("body: too many values")
        head, at, inside = body[at], at + 1, None
        if 0x80 <= head < 0xA0:
            inside = (head & 15) * (2 if head < 0x90 else 1)
        elif 0xA0 <= head < 0xC0:
            at += head & 31
        elif head in _WIDTHS:
            width = _WIDTHS[head]
            if isinstance(width, int):
                at += width
            else:
                size = int(width[1])
                count, at = int.from_bytes(body[at:at + size], "big"), at + size
                if width[0] in "am":
                    inside = count * (2 if width[0] == "m" else 1)
                else:
                    at += count + (width[0] == "e")
        if inside is not None:
            open_counts.append(inside)
            if len(open_counts) - 1 > DEPTH or inside > VALUES:
                raise Bad("body: too deep or too large")
        if at > len(body):
            raise Bad("body: cut short")


def unpack(body):
    if not body:
        return {}
    check_counts(body)

    def pairs(items):
        made = dict(items)
        if len(made) != len(items):
            raise Bad("body: a key twice")
        return made

    try:
        value = msgpack.unpackb(body, raw=False, strict_map_key=True, object_pairs_hook=pairs)
    except (ValueError, UnicodeError) as error:
        raise Bad(f"body: {error}")
    if not isinstance(value, dict):
        raise Bad("body: no map")
    return value


def frames(type, id, body=None, payload=None):
    """The frames of one message; `body` is a map, raw octets, or the offset of DATA."""
    if isinstance(body, int):
        raw = struct.pack(">Q", body)
    elif isinstance(body, bytes):
        raw = body
    else:  # what is zero, empty or false is left out
        raw = msgpack.packb({k: v for k, v in body.items() if v or k == "credit"}) if body else b""
    parts = [b"FSP\x01\x01\x00" + struct.pack(">HQI", type, id, len(raw))]
    return parts + ([raw] if raw else []) + ([payload] if payload else [])


def parse(parts):
    head = parts[0]
    if len(head) != 20 or head[:3] != b"FSP" or head[3] != 1 or head[4] != 1 or head[5]:
        raise Bad("envelope")
    type, id, size = struct.unpack(">HQI", head[6:])
    rest = parts[1:]
    if size > BODY or (size and (not rest or len(rest[0]) != size)):
        raise Bad("body: length")
    raw = rest.pop(0) if size else b""
    if len(rest) > 1 or (rest and len(rest[0]) > FRAME):
        raise Bad("payload")
    payload = rest[0] if rest else b""
    if type == DATA:
        if size != 8 or not payload:
            raise Bad("DATA")
        return Message(type, id, struct.unpack(">Q", raw)[0], payload)
    return Message(type, id, unpack(raw), payload)


def check_name(name):
    """Names that a server says, before anybody makes files of them (3.3)."""
    octets = name.encode() if isinstance(name, str) else b""
    if not 1 <= len(octets) <= 255 or b"/" in octets or b"\0" in octets or name in (".", ".."):
        raise Bad(f"name {name!r}")
    return name


def check_path(path):
    if path != "/":
        if not path.startswith("/") or len(path.encode()) > 4096 or path.count("/") > 64:
            raise Bad(f"path {path!r}")
        for name in path[1:].split("/"):
            check_name(name)
    return path


# -- profile and receipt (keys.md) -----------------------------------------------------------------------------


class Profile(namedtuple("Profile", "endpoints server_key public_key secret_key mesh node_key space")):
    @classmethod
    def load(cls, path):
        with open(path, encoding="utf-8") as file:
            d = json.load(file)
        return cls(d["endpoints"], d["server_key"].encode(), d["public_key"].encode(), d["secret_key"].encode(),
                   bytes.fromhex(d["mesh_id"]), bytes.fromhex(d["node_key"]), d["space"])


# -- the client ------------------------------------------------------------------------------------------------


class Client:
    def __init__(self, profile, program="filesphere-python/1", patience=15.0, endpoint=None):
        self.profile, self.program, self.patience = profile, program, patience
        self.endpoint = endpoint or profile.endpoints[0]
        self.socket, self.welcome, self.session, self.next_id = None, {}, None, 1
        self.open = {}  # request id -> messages that came under it
        self.known = {}  # space -> highest change number that was seen: `since`
        self.context = zmq.Context()
        self.connect()

    # connection and session (2, 4)

    def connect(self):
        """A new connection; takes the session up again if there was one.  True: uploads live on."""
        self.disconnect()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.MAXMSGSIZE, 2162688)
        self.socket.curve_serverkey = self.profile.server_key
        self.socket.curve_publickey, self.socket.curve_secretkey = self.profile.public_key, self.profile.secret_key
        # libzmq connects again unawares and is silent about a key that was refused; its monitor says both.
        self.monitor = self.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_AUTH
                                                      | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL)
        self.socket.connect(self.endpoint)
        self.heard = self.said = time.monotonic()
        body = {"versions": [1], "client": self.program}
        if self.session:
            body["session"] = self.session
        id = self.begin(HELLO, body)
        answer = self.end(id, WELCOME)
        if answer.body.get("mesh") != self.profile.mesh:
            self.disconnect()
            raise Lost("the node is of another mesh than the profile")
        self.welcome, self.session = answer.body, answer.body.get("session")
        self.note(self.welcome.get("space"), answer.body)
        return bool(answer.body.get("resumed"))

    def disconnect(self):
        if self.socket:
            self.socket.disable_monitor()
            self.monitor.close(0)
            self.socket.close(0)
        self.socket = None
        self.open.clear()

    def close(self):
        self.disconnect()
        self.context.term()

    # messages (3, 4.1)

    def send(self, type, id, body=None, payload=None):
        if self.socket is None:
            raise Lost("not connected")
        try:
            self.socket.send_multipart(frames(type, id, body, payload), zmq.NOBLOCK)
        except zmq.Again:
            raise Lost("the node does not read")
        self.said = time.monotonic()

    def begin(self, type, body=None, payload=None, id=None):
        """Sends a request under an id of its own, or an earlier one (RESUME); the id."""
        if id is None:
            id, self.next_id = self.next_id, self.next_id + 1
        self.open[id] = deque()
        self.send(type, id, body, payload)
        return id

    def receive(self, timeout):
        """Waits for one message and puts it where its request finds it; PINGs meanwhile (4.3)."""
        deadline, beat = time.monotonic() + timeout, self.welcome.get("beat", 10000) / 1000
        poller = zmq.Poller()
        poller.register(self.socket, zmq.POLLIN)
        poller.register(self.monitor, zmq.POLLIN)
        while (now := time.monotonic()) < deadline:
            ready = dict(poller.poll(max(1, int(1000 * min(deadline - now, beat / 4)))))
            if self.monitor in ready:  # first: what the socket has may be of a connection made since
                event = parse_monitor_message(self.monitor.recv_multipart())["event"]
                self.disconnect()
                raise Lost("broken connection" if event == zmq.EVENT_DISCONNECTED else "key is not known to the node")
            if self.socket in ready:
                message = parse(self.socket.recv_multipart())
                self.heard = time.monotonic()
                if message.id in self.open:  # others may have crossed what ended them
                    self.open[message.id].append(message)
                return True
            if now - self.heard > 3 * beat:
                self.disconnect()
                raise Lost("the node is silent")
            if self.welcome and now - self.said > beat:
                self.send(PING, 0)
        return False

    def next(self, id, patience=None):
        """The next message under a request; its ERROR is raised."""
        deadline = time.monotonic() + (self.patience if patience is None else patience)
        while not self.open[id]:
            if not self.receive(max(0.0, deadline - time.monotonic())) and time.monotonic() >= deadline:
                raise Lost("no answer in time")
        message = self.open[id].popleft()
        if message.type == ERROR:
            self.open.pop(id)
            raise Refused(message.body)
        return message

    def end(self, id, type=OK):
        """The one answer that ends a request."""
        message = self.next(id)
        self.open.pop(id, None)
        if message.type != type:
            raise Bad(f"type {message.type} as the answer")
        return message

    def note(self, space, body):
        space = body.get("sp") or space or self.welcome.get("space")
        self.known[space] = max(self.known.get(space, 0), body.get("change", 0))

    def ping(self):
        return self.end(self.begin(PING), PONG)

    # requests that only look (6.3)

    def ask(self, type, **fields):
        """One request, sent again when the connection broke."""
        for again in (True, True, False):
            try:
                if self.socket is None:
                    self.connect()
                body = self.end(self.begin(type, fields)).body
                break
            except Lost:
                if not again:
                    raise
        for name in ("path", "from"):
            if isinstance(body.get(name), str):
                check_path(body[name])
        if "space" in fields or type in (STAT, LIST, VERSIONS, CHANGES):
            self.note(fields.get("space"), body)
        return body

    def pages(self, type, key, cursor, fields, check=lambda item: item):
        while True:
            body = self.ask(type, **fields)
            yield from map(check, body.get("items", []))
            if not body.get("more"):
                return
            fields[cursor] = body["items"][-1][key]

    def stat(self, path=None, **fields):
        return self.ask(STAT, path=path, **fields)

    def list(self, path="/", **fields):
        return self.pages(LIST, "name", "after", dict(path=path, **fields), lambda e: check_name(e["name"]) and e)

    def versions(self, path, **fields):
        return self.pages(VERSIONS, "number", "after_index", dict(path=path, **fields))

    def changes(self, after=0, **fields):
        return self.pages(CHANGES, "change", "after_index", dict(after_index=after, **fields))

    def spaces(self):
        return self.ask(SPACES).get("items", [])

    def node(self):
        return self.ask(NODE)

    # requests that change something, once (6.1)

    def once(self, type, fields, perform, op=None):
        """Calls perform(body) until an answer comes that is final."""
        body = dict(fields, op=op or os.urandom(16), since=fields.get("since", self.since(fields.get("space"))))
        started, pause = time.monotonic(), 0.05
        body.setdefault("attempt", 1)
        while True:
            try:
                if self.socket is None:
                    self.connect()
                answer = perform(body)
                self.note(fields.get("space"), answer)
                return answer
            except (Lost, Refused) as error:
                if isinstance(error, Refused) and error.retry != 1 or time.monotonic() - started > 4 * self.patience:
                    raise
            time.sleep(pause)
            pause, body["attempt"] = min(2 * pause, 2), body["attempt"] + 1

    def since(self, space):
        space = space or self.welcome.get("space")
        if space not in self.known:
            self.note(space, self.ask(LIST, path="/", space=space, limit=1))
        return self.known[space]

    def change(self, type, op=None, **fields):
        return self.once(type, fields, lambda body: self.end(self.begin(type, body)).body, op)

    def mkdir(self, path, **fields):
        return self.change(MKDIR, path=path, **fields)

    def delete(self, path=None, **fields):
        return self.change(DELETE, path=path, **fields)

    def move(self, path, to, **fields):
        return self.change(MOVE, path=path, to=to, **fields)

    def copy(self, path, to, **fields):
        return self.change(COPY, path=path, to=to, **fields)

    def restore(self, path, version, **fields):
        return self.change(RESTORE, path=path, version=version, **fields)

    # upload (5.1)

    def put(self, path, content, op=None, whole=True, **fields):
        """`content`: bytes, or a binary file that can seek.  Small content goes whole, other in parts."""
        source = io.BytesIO(content) if isinstance(content, bytes) else content
        size = source.seek(0, io.SEEK_END)
        digest = hashlib.sha256()
        source.seek(0)
        while piece := source.read(1 << 20):
            digest.update(piece)
        fields.update(path=path, size=size, sha256=digest.digest())
        if whole and size <= self.welcome.get("frame", FRAME):
            source.seek(0)
            data = source.read()
            return self.once(PUT, dict(fields, end=True), lambda b: self.end(self.begin(PUT, b, data)).body, op)
        return self.once(PUT, fields, lambda body: self.drive(Upload(self, body, source, size)), op)

    # download (5.2)

    def get(self, path=None, sink=None, window=1 << 20, **fields):
        """(content, answer); with `sink`, a binary file, the content goes there and is returned as b""."""
        out, whole = sink or io.BytesIO(), "range" not in fields
        about = self.drive(Download(self, dict(fields, path=path), out, window, whole))
        return (b"" if sink else out.getvalue()), about

    def drive(self, transfer):
        """Steps a transfer to its end, over broken connections as long as that is possible (4.4)."""
        for again in range(10):
            try:
                while not transfer.step():
                    pass
                return transfer.answer
            except Lost:
                if again == 9:
                    raise
                transfer.resume(self.connect())


class Upload:
    """In parts; also for programs that want to stop in the middle."""

    def __init__(self, client, body, source, size):
        self.client, self.source, self.size = client, source, size
        self.sent, self.credit, self.committed, self.resuming, self.answer = 0, None, False, False, None
        self.id = client.begin(PUT, body)

    def step(self):
        """Sends one piece if there is credit, else waits for a message; True at the end."""
        if self.credit and self.sent < self.size:
            self.source.seek(self.sent)
            piece = self.source.read(min(self.credit, self.client.welcome["frame"], self.size - self.sent))
            self.client.send(DATA, self.id, self.sent, piece)
            self.sent, self.credit = self.sent + len(piece), self.credit - len(piece)
        elif self.credit is not None and self.sent == self.size and not self.committed:
            self.client.send(COMMIT, self.id)  # size and digest were in the PUT
            self.committed = True
        elif self.take(self.client.next(self.id)):
            return True
        while self.client.open[self.id] or self.client.receive(0):
            if self.client.open[self.id] and self.take(self.client.next(self.id)):
                return True
        return False

    def take(self, message):
        if message.type == CREDIT:
            if self.resuming:
                self.sent, self.credit, self.resuming = message.body.get("offset", 0), 0, False
            self.credit = (self.credit or 0) + message.body.get("credit", 0)
        elif message.type == OK:
            self.client.open.pop(self.id)
            self.answer = message.body
        return message.type == OK

    def resume(self, resumed):
        if not resumed:
            raise Lost("the session is gone")  # anew, with a higher attempt
        self.credit, self.committed, self.resuming = None, False, True
        self.client.begin(RESUME, id=self.id)


class Download:
    def __init__(self, client, body, out, window, whole):
        self.client, self.body, self.out, self.window = client, body, out, window
        self.digest, self.answer, self.at, self.to = hashlib.sha256() if whole else None, None, 0, 0
        self.ask(body)

    def ask(self, body):
        self.id, self.left, self.fresh = self.client.begin(GET, dict(body, credit=self.window)), self.window, True

    def step(self):
        message = self.client.next(self.id)
        if self.fresh:
            first = message.body.get("from", 0)
            if message.type != OK or (self.answer and first != self.at):
                raise Bad("GET: answer")
            self.answer, self.fresh = self.answer or message.body, False
            self.at, self.to = first, message.body.get("to", 0)
        elif message.type != DATA or message.body != self.at:
            raise Bad("GET: DATA")
        self.at, self.left = self.at + len(message.payload), self.left - len(message.payload)
        if self.at > self.to:
            raise Bad("GET: more than was said")
        self.out.write(message.payload)
        if self.digest:
            self.digest.update(message.payload)
        if self.at == self.to:
            self.client.open.pop(self.id)
            if self.digest and self.digest.digest() != self.answer.get("sha256"):
                raise Bad("GET: digest")
            return True
        if self.left <= self.window // 2:
            self.client.send(CREDIT, self.id, {"credit": self.window - self.left})
            self.left = self.window
        return False

    def resume(self, resumed):
        """A new GET of the same version, behind what came; `resumed` does not matter."""
        body = dict(self.body)
        if self.answer:
            body.update(version=self.answer["version"].hex(), range=[self.at, self.to - 1])
        self.ask(body)
