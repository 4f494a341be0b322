"""A FileSphere client, written from client.md (whose sections are cited as (4.1)), content.md and keys.md alone.

    client = Client(Profile.load("admin.profile"))
    answer = client.put("/notes/a.txt", b"hello", parents=True)     # bytes, or a binary file that can seek
    content, about = client.get("/notes/a.txt")
    client.change(MOVE, path="/notes/a.txt", to="/b.txt")           # ask(STAT, ...), pages(LIST, ...)
    client.put("/film", file, keep=True)                            # goes on after anything, and sends what is new

Python 3.11; one thread.  Raises Refused (the node's ERROR), Lost (the connection) or Bad (the node is at fault).
What changes something is repeated after a failure (6.1), transfers are taken up where they stood (4.4).
"""
import hashlib, hmac, io, itertools, json, os, struct, time
from collections import deque, namedtuple

import msgpack, nacl.exceptions, nacl.signing, zmq
from zmq.utils.monitor import parse_monitor_message

HELLO, WELCOME, PING, PONG, OK, ERROR = range(1, 7)
PUT, DATA, COMMIT, ABORT, CREDIT, RESUME = range(10, 16)
OFFER, WANT = 17, 18
GET, STAT, LIST, VERSIONS, CHANGES, SPACES = 20, 30, 31, 32, 33, 34
MKDIR, DELETE, MOVE, COPY, RESTORE, NODE = 40, 41, 42, 43, 44, 50
SPACE_CREATE = 53
ATTR, SPACE_SET, COLLECT, KEY_ADD, KEY_LIST, KEY_REMOVE = range(55, 61)
REPLACE, EDIT, MATCH, NONE_MATCH, MERGE = range(1, 6)  # `if`, here `when` (6.2)
BODY, FRAME, VALUES, DEPTH = 2097152, 262144, 65536, 8  # limits (8)
PAGES = {LIST: ("after", "name"), VERSIONS: ("after_index", "number"), CHANGES: ("after_index", "change")}
Message = namedtuple("Message", "type id body payload")  # body: a map; of DATA: the offset


class Refused(Exception):
    """ERROR (6.4).  .body has all of it."""

    def __init__(self, body):
        self.body, self.code, self.symbol = body, body.get("code", 0), body.get("symbol", "")
        self.retry = body.get("retry", 0)
        super().__init__(f"{self.symbol} ({self.code}): {body.get('text', '')}")


class Lost(Exception):
    """The connection is gone, or was never there."""


class Bad(Exception):
    """The node sent what the specification forbids."""


def checked_map(items):
    if not all(isinstance(key, (str, bytes)) for key, _ in items) or len(dict(items)) != len(items):
        raise Bad("a key that is no text, or there twice")
    return dict(items)


def unpack(body):
    """The map of a body (3.3).  No length, count or depth is believed before its octets are there."""
    unpacker, values = msgpack.Unpacker(), itertools.count(1)
    unpacker.feed(body)

    def value(depth):
        head = body[unpacker.tell()]
        is_map, is_array = head >> 4 == 8 or head in (0xDE, 0xDF), head >> 4 == 9 or head in (0xDC, 0xDD)
        if next(values) > VALUES or depth > DEPTH and (is_map or is_array):
            raise Bad("body: too many values, or too deep")
        if is_map:
            return checked_map([(value(depth + 1), value(depth + 1)) for _ in range(unpacker.read_map_header())])
        if is_array:
            return [value(depth + 1) for _ in range(unpacker.read_array_header())]
        return unpacker.unpack()

    try:
        whole = value(1)
    except (msgpack.OutOfData, IndexError, ValueError) as error:  # UnicodeError is a ValueError
        raise Bad(f"body: cut short, or malformed: {error!r}")
    if not isinstance(whole, dict) or unpacker.tell() != len(body):
        raise Bad("body: not one map")
    return whole


def frames(type, id, body=None, payload=None):
    """The frames of a Message.  Of a map, what is zero, empty or false is left out (3.3)."""
    raw = (struct.pack(">Q", body) if type == DATA else
           msgpack.packb({key: value for key, value in body.items() if value}) if body else b"")
    return [b"FSP\x01\x01\x00" + struct.pack(">HQI", type, id, len(raw))] + [f for f in (raw, payload) if f]


def parse(parts):
    """The Message of these frames, or Bad."""
    head, rest = parts[0], list(parts[1:])
    if len(head) != 20 or head[:6] != b"FSP\x01\x01\x00":
        raise Bad("envelope")
    type, id, size = struct.unpack(">HQI", head[6:])
    if size > BODY or (size and (not rest or len(rest[0]) != size)):
        raise Bad("body: length")
    raw = rest.pop(0) if size else b""
    if len(rest) > 1 or (rest and len(rest[0]) > FRAME) or (type == DATA and (size != 8 or not rest)):
        raise Bad("frames")
    body = struct.unpack(">Q", raw)[0] if type == DATA else unpack(raw) if raw else {}
    return Message(type, id, body, rest[0] if rest else b"")


def check_path(path):
    """What a server says, before anybody makes files of it (3.3)."""
    names = path[1:].split("/") if path != "/" else []
    if path[:1] != "/" or len(path.encode()) > 4096 or len(names) > 64 or any(
            name in ("", ".", "..") or "\0" in name or len(name.encode()) > 255 for name in names):
        raise Bad(f"path {path!r}")


def chunks(source, at, cut, chunking):
    """(offset, length, digest) of each chunk from `at` on, as the node cuts (content.md, 3)."""
    least, average, most = chunking
    if not 64 <= least <= average <= most <= 4194304:
        raise Bad("chunking")
    prk, table, block = hmac.digest(bytes(32), cut, "sha256"), b"", b""
    for i in range(1, 65):  # HKDF
        block = hmac.digest(prk, block + b"fsp gear v1" + bytes([i]), "sha256")
        table += block
    table, bits = struct.unpack(">256Q", table), average.bit_length() - 1
    strict, lax = (((1 << n) - 1) << (63 - n) for n in (bits + 2, bits - 2))
    source.seek(at)
    data = source.read(most)
    while data:
        size, sum = len(data), 0
        for position in range(least + 1, size + 1 if least < most else 0):
            sum = (sum << 1) + table[data[position - 1]] & 0xFFFFFFFFFFFFFFFF
            if not sum & (strict if position <= average else lax):
                size = position
                break
        yield at, size, hashlib.sha256(data[:size]).digest()
        at, data = at + size, data[size:]
        source.seek(at + len(data))  # who sends reads elsewhere meanwhile
        data += source.read(size)


class Profile(namedtuple("Profile", "endpoints server_key public_key secret_key mesh node_key space")):
    """Whom to talk to, and as whom (section 9)."""

    @classmethod
    def load(cls, path):
        with open(path, encoding="utf-8") as file:
            return cls.read(file.read())

    @classmethod
    def read(cls, text):
        """From the text of a profile, which has exactly these fields."""
        p = json.loads(text, object_pairs_hook=checked_map)
        names = "format name mesh_id endpoints server_key public_key secret_key node_key space"
        if p.get("format", 0) > 1 or set(p) != set(names.split()) or not all("://" in end for end in p["endpoints"]):
            raise Bad("profile: of a newer format, or of other fields")
        curve = [p[k].encode() for k in ("server_key", "public_key", "secret_key")]
        mesh, node_key = bytes.fromhex(p["mesh_id"]), bytes.fromhex(p["node_key"])
        if {len(k) for k in curve} != {40} or len(mesh) != 32 or len(node_key) != 32:
            raise Bad("profile: keys")
        return cls(p["endpoints"], *curve, mesh, node_key, p["space"])


def verify_receipt(receipt, answer, node_key):
    """The receipt's fields (section 10) if that node signed it and it speaks of this answer to PUT; else Bad."""
    try:
        body, signature = msgpack.unpackb(receipt)
        nacl.signing.VerifyKey(node_key).verify(b"fsp receipt v1" + body, signature)
        fields = msgpack.unpackb(body)
        if msgpack.packb(fields) != body or msgpack.packb([body, signature]) != receipt:
            raise Bad("receipt: not canonical")
        names = "format version root sha256 w r classes change issued node node_key"
        said = dict(zip(names.split(), fields, strict=True))
    except (nacl.exceptions.CryptoError, ValueError, TypeError) as error:
        raise Bad(f"receipt: {error}")
    if (said["format"] != 1 or said["node_key"] != node_key or said["node"] != hashlib.sha256(node_key).digest()
            or any(said[key] != answer[key] for key in ("version", "root", "sha256", "change"))):
        raise Bad("receipt: speaks of something else")
    return said


class Client:
    """A session with one node (2 to 4), and the requests (6.3), whose fields are keywords as section 7.1 has them."""

    def __init__(self, profile, patience=15.0, versions=(1, 2, 3)):
        self.profile, self.patience, self.versions = profile, patience, list(versions)
        self.socket, self.welcome, self.session, self.next_id = None, {}, None, 1
        self.open, self.known = {}, {}  # request id -> messages under it; space -> highest change number seen (`since`)
        self.connect()

    def connect(self):
        """A new connection; takes up the session if there was one.  True: its uploads live on."""
        self.close()
        s = self.socket = zmq.Context.instance().socket(zmq.DEALER)
        s.linger, s.maxmsgsize, s.sndtimeo = 0, 2162688, int(self.patience * 1000)
        s.curve_serverkey, s.curve_publickey, s.curve_secretkey = self.profile[1:4]
        # libzmq connects again unawares, and does not say that a key was refused; its monitor tells both.
        self.monitor = s.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
        s.connect(self.profile.endpoints[0])
        self.heard = self.said = time.monotonic()
        self.welcome = self.call(HELLO, {"versions": self.versions, "client": "filesphere-python/1",
                                         "session": self.session})
        if self.welcome.get("mesh") != self.profile.mesh:
            self.close()
            raise Bad("the node is of another mesh than the profile")
        self.session = self.welcome.get("session")
        self.note(self.welcome)
        return self.welcome.get("resumed", False)

    def close(self, why=None):
        """Closes the connection, which the next request makes again; `why`: raises Lost."""
        if self.socket:
            self.socket.disable_monitor()
            self.monitor.close(0)
            self.socket.close(0)
        self.socket = None
        self.open.clear()
        if why:
            raise Lost(why)

    def send(self, *message):
        if self.socket is None:
            raise Lost("not connected")
        try:
            self.socket.send_multipart(frames(*message))
        except zmq.Again:
            self.close("the node does not read")
        self.said = time.monotonic()

    def begin(self, type, body=None, payload=None, id=None):
        """Sends a request under a new id (RESUME: an old one), and opens it; the id."""
        if self.socket is None:
            self.connect()
        if id is None:  # never used again: ids of uploads that ended can be asked for by RESUME
            id, self.next_id = self.next_id, self.next_id + 1
        self.open[id] = deque()
        self.send(type, id, body, payload)
        return id

    def receive(self, timeout):
        """Waits for one message and files it under its request; False: time is up."""
        deadline, beat = time.monotonic() + timeout, self.welcome.get("beat", 10000) / 1000
        while True:
            now = time.monotonic()
            ready, _, _ = zmq.select([self.monitor, self.socket], [], [], max(0, min(deadline - now, beat / 4)))
            if self.monitor in ready:  # first: what else there is may be of a connection made since
                event = parse_monitor_message(self.monitor.recv_multipart())["event"]
                self.close("broken" if event == zmq.EVENT_DISCONNECTED else "the node does not know the key")
            if self.socket in ready:
                message, self.heard = parse(self.socket.recv_multipart()), now
                if message.id in self.open:  # others crossed what ended them
                    self.open[message.id].append(message)
                return True
            if now >= deadline:
                return False
            if now - self.heard > 3 * beat:
                self.close("the node is silent")
            if now - self.said > beat:
                self.send(PING, 0)

    def next(self, id):
        """The next message under a request; an ERROR is raised."""
        deadline = time.monotonic() + self.patience
        while not self.open[id]:
            if not self.receive(deadline - time.monotonic()):
                self.close("no answer in time")
        message = self.open[id].popleft()
        if message.type == ERROR:
            del self.open[id]
            raise Refused(message.body)
        return message

    def call(self, type, body=None, payload=None, id=None):
        """A request, and the body of the one answer that ends it."""
        id = self.begin(type, body, payload, id)
        message = self.next(id)
        del self.open[id]
        if message.type != {HELLO: WELCOME, PING: PONG}.get(type, OK):
            raise Bad(f"an answer of type {message.type}")
        return message.body

    def note(self, body, space=None):
        """Remembers the highest change number, and checks paths."""
        space = body.get("sp") or space or self.welcome["space"]
        self.known[space] = max(self.known.get(space, 0), body.get("change", 0))
        for item in body.get("items", [body]):
            for path in (item.get("path", "/"), item.get("from", "/"), "/" + item.get("name", "a").replace("/", "\0")):
                check_path(str(path))

    def repeat(self, perform, space=None):
        """Calls perform(0), perform(1)... until the answer is final: neither Lost nor an ERROR with `retry` 1 (6.1)."""
        give_up = time.monotonic() + 4 * self.patience
        for times in itertools.count():
            try:
                answer = perform(times)
                self.note(answer, space)
                return answer
            except (Lost, Refused) as error:
                if time.monotonic() > give_up or isinstance(error, Refused) and error.retry != 1:
                    raise
            time.sleep(min(0.05 * 2**times, 2))

    def ask(self, type, **fields):
        """PING, STAT, LIST, VERSIONS, CHANGES, SPACES, NODE: what only looks; COLLECT and KEY_*, which have no `op`."""
        return self.repeat(lambda times: self.call(type, fields), fields.get("space"))

    def pages(self, type, **fields):
        """All items of LIST, VERSIONS or CHANGES."""
        (cursor, key), body = PAGES[type], {"more": True}
        while body.get("more"):
            body = self.ask(type, **fields)
            yield from body.get("items", [])
            fields[cursor] = body["items"][-1][key] if body.get("more") else None

    def change(self, type, payload=None, **fields):
        """MKDIR, DELETE, MOVE, COPY, RESTORE, ATTR, SPACE_CREATE, SPACE_SET; PUT of a whole."""
        if type == SPACE_CREATE:
            self.known.setdefault(fields["space"], 0)
        return self.once(lambda body: self.call(type, body, payload), **fields)

    def once(self, perform, op=None, attempt=1, when=0, **fields):
        """What changes something: perform(body), repeated under the same `op` with a higher `attempt` (6.1)."""
        space = fields.get("space") or self.welcome["space"]
        if space not in self.known:
            self.ask(LIST, path="/", space=space, limit=1)
        body = {"op": op or os.urandom(16), "since": self.known[space], "if": when, **fields}
        return self.repeat(lambda times: perform(dict(body, attempt=attempt + times)), space)

    def put(self, path, content, whole=True, keep=False, **fields):
        """Content that fits one frame goes whole, other in parts; `whole=False`: in parts anyway (5.1).  `keep`: it is
        kept (5.4) and offered (5.5); a program that was ended gives `op` and `since` again, and a higher `attempt`."""
        source = io.BytesIO(content) if isinstance(content, bytes) else content
        size = source.seek(0, io.SEEK_END)
        source.seek(0)
        fields.update(path=path, size=size, sha256=hashlib.file_digest(source, "sha256").digest())
        source.seek(0)
        if keep:
            fields["upload"] = fields.setdefault("op", os.urandom(16))
            fields["offer"] = True
        if whole and not keep and size <= self.welcome["frame"]:
            answer = self.change(PUT, source.read(), end=True, **fields)
        else:
            answer = self.once(lambda body: self.drive(Upload(self, body, source, size)), **fields)
        if "receipt" in answer:
            verify_receipt(answer["receipt"], answer, self.profile.node_key)
        return answer

    def get(self, path=None, sink=None, window=1 << 20, **fields):
        """(content, answer); with `sink`, a binary file, the content goes there."""
        out, digest, body = sink or io.BytesIO(), hashlib.sha256(), dict(fields, path=path)
        answer = None
        while answer is None or at < to:
            try:
                pieces = self.download(body, window)
                begun = next(pieces)
                span = begun.get("from", 0), begun.get("to", 0)
                if answer is None:
                    answer, (at, to) = begun, span
                if span != (at, to):
                    raise Bad("GET: another range")
                for piece in pieces:
                    out.write(piece)
                    digest.update(piece)
                    at += len(piece)
            except Lost:
                self.connect()
                if answer:  # the same version, behind what came
                    body.update(version=answer["version"].hex(), range=[at, to - 1])
        if "range" not in fields and digest.digest() != answer.get("sha256"):
            raise Bad("GET: digest")
        return (b"" if sink else out.getvalue()), answer

    def download(self, body, window):
        """What one GET brings (5.2), in order and within bounds: the answer, then pieces of content."""
        id, left, at = self.begin(GET, dict(body, credit=window)), window, None
        while True:
            type, _, body, piece = self.next(id)
            if type != (OK if at is None else DATA) or type == DATA and body != at:
                raise Bad("GET: order")
            if type == OK:
                yield body
                at, to = body.get("from", 0), body.get("to", 0)
            at, left = at + len(piece), left - len(piece)
            if at > to or type == DATA and left < 0:
                raise Bad("GET: more than was said or granted")
            yield piece
            if at == to:
                break
            if left <= window // 2:
                self.send(CREDIT, id, {"credit": window - left})
                left = window
        del self.open[id]

    def drive(self, upload):
        """Steps an upload to its end, over broken connections."""
        while upload.answer is None:
            try:
                upload.step()
            except Lost:
                if not self.connect():
                    raise  # the upload is gone: begin anew, with a higher attempt
                upload.resume()
        return upload.answer


class Upload:
    """An upload in parts (5.1 to 5.5); by its own for programs that want to stop in the middle."""

    def __init__(self, client, body, source, size):
        self.client, self.source, self.size, self.answer = client, source, size, None
        self.sent, self.credit = 0, None  # None: nothing may be sent before CREDIT, or the answer to RESUME
        self.durable, self.cut, self.chunks = 0, None, None  # chunks: what is cut and not offered yet
        self.offered, self.want = deque(), deque()  # (offset, length) not passed yet; what the node said of the first
        self.started = self.committed = False
        self.id = client.begin(PUT, body)

    def step(self):
        """Sends a piece as far as credit goes, or waits for a message; `answer` is there at the end."""
        client = self.client
        client.receive(0)
        if client.open[self.id] or self.credit is None or self.committed:
            return self.take()
        while self.want and not self.want[0]:  # the node has it
            self.passed()
        end = sum(self.offered[0]) if self.offered else self.size
        if self.chunks and not self.offered and self.sent < self.size:
            self.offer()
        elif self.sent == self.size:
            client.send(COMMIT, self.id)  # size and digest were in the PUT
            self.committed = True
        elif not self.credit or (self.offered and not self.want):
            self.take()
        else:
            self.source.seek(self.sent)
            piece = self.source.read(min(self.credit, client.welcome["frame"], end - self.sent))
            client.send(DATA, self.id, self.sent, piece)
            self.sent, self.credit = self.sent + len(piece), self.credit - len(piece)
            if self.offered and self.sent == end:
                self.passed()

    def offer(self):
        """The next chunks; one OFFER after the other is enough here."""
        some = list(itertools.islice(self.chunks, 64))
        self.offered.extend((at, size) for at, size, _ in some)
        self.client.send(OFFER, self.id, {"offset": some[0][0], "chunks": b"".join(
            digest + struct.pack(">I", size) for _, size, digest in some)})

    def passed(self):
        self.sent = sum(self.offered.popleft())
        self.want.popleft()

    def take(self):
        """The next message, which may be long in coming."""
        type, _, body, _ = self.client.next(self.id)
        if type == OK:
            del self.client.open[self.id]
            self.answer = body
        elif type == WANT:
            asked = list(self.offered)[len(self.want):]
            if not 0 < len(body["want"]) <= len(asked) or body["offset"] != asked[0][0]:
                raise Bad("WANT of what was not offered")
            self.want.extend(body["want"])
        elif "offset" in body:  # the answer to RESUME, or the first; if COMMIT had arrived, another is dropped (4.4)
            self.sent, self.credit, self.started, self.committed = body["offset"], body.get("credit", 0), True, False
        elif self.credit is not None or not self.started:  # more, or the first ever; else it crossed RESUME: void
            self.credit, self.started = (self.credit or 0) + body.get("credit", 0), True
        self.durable = body.get("durable", self.durable)
        self.cut = (body["cut"], body["chunking"]) if "cut" in body else self.cut
        if self.cut and self.credit is not None and not self.chunks:
            self.chunks = chunks(self.source, self.sent, *self.cut)

    def resume(self):
        self.credit = self.chunks = None
        self.offered.clear()
        self.want.clear()
        self.client.begin(RESUME, id=self.id)
