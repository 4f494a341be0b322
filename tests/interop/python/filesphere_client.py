"""A FileSphere client, written from docs/protocol/client.md and keys.md alone; its sections are cited as (4.1).

    client = Client(Profile.load("admin.profile"))
    answer = client.put("/notes/a.txt", b"hello", parents=True)     # bytes, or a binary file that can seek
    content, about = client.get("/notes/a.txt")
    client.change(MOVE, path="/notes/a.txt", to="/notes/b.txt")
    names = [entry["name"] for entry in client.pages(LIST, path="/notes")]
    client.close()

Needs python3-zmq, python3-msgpack, python3-nacl.  One thread.  Answers are the maps of the protocol.  A request that
fails raises Refused (the node's ERROR), Lost (the connection) or Bad (the node breaks the rules).  What changes
something is repeated after a failure (6.1), an upload is taken up where it stood (4.4), a download behind what came.
"""
import hashlib, io, os, time
from collections import deque

import zmq
from zmq.utils.monitor import parse_monitor_message

from filesphere_wire import *  # types, Profile, Bad, ...


class Client:
    def __init__(self, profile, patience=15.0):
        self.profile, self.patience = profile, patience
        self.socket, self.welcome, self.session, self.next_id = None, {}, None, 1
        self.open = {}  # request id -> messages that came under it
        self.known = {}  # space -> highest change number that was seen: `since`
        self.context = zmq.Context()
        self.connect()

    # connection and session (2, 4)

    def connect(self):
        """A new connection; takes up the session if there was one.  True: its uploads live on."""
        self.disconnect()
        s = self.socket = self.context.socket(zmq.DEALER)
        s.linger, s.maxmsgsize, s.sndtimeo = 0, 2162688, int(self.patience * 1000)
        s.curve_serverkey, s.curve_publickey, s.curve_secretkey = self.profile[1:4]
        # libzmq connects again unawares, and does not say that a key was refused; its monitor tells both.
        self.monitor = s.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
        s.connect(self.profile.endpoints[0])
        self.heard = self.said = time.monotonic()
        hello = {"versions": [1], "client": "filesphere-python/1", "session": self.session}
        self.welcome = self.end(self.begin(HELLO, hello), WELCOME)
        if self.welcome.get("mesh") != self.profile.mesh:
            self.disconnect()
            raise Bad("the node is of another mesh than the profile")
        self.session = self.welcome.get("session")
        self.note(self.welcome)
        return self.welcome.get("resumed", False)

    def disconnect(self):
        if self.socket:
            self.socket.disable_monitor()
            self.monitor.close(0)
            self.socket.close(0)
        self.socket = None
        self.open.clear()

    def lose(self, why):
        self.disconnect()
        raise Lost(why)

    def close(self):
        self.disconnect()
        self.context.term()

    # messages (3, 4.1, 4.3)

    def send(self, *message):
        if self.socket is None:
            raise Lost("not connected")
        try:
            self.socket.send_multipart(frames(*message))
        except zmq.Again:
            self.lose("the node does not read")
        self.said = time.monotonic()

    def begin(self, type, body=None, payload=None, id=None):
        """Sends a request under a new id (RESUME: an old one), and opens it; the id."""
        if id is None:  # never used again: ids of uploads that ended can be asked for by RESUME
            id, self.next_id = self.next_id, self.next_id + 1
        self.open[id] = deque()
        self.send(type, id, body, payload)
        return id

    def receive(self, timeout):
        """Waits for one message and files it under its request; False: time is up."""
        deadline, beat = time.monotonic() + timeout, self.welcome.get("beat", 10000) / 1000
        poller = zmq.Poller()
        poller.register(self.socket, zmq.POLLIN)
        poller.register(self.monitor, zmq.POLLIN)
        while True:
            now = time.monotonic()
            ready = dict(poller.poll(max(0, 1000 * min(deadline - now, beat / 4))))
            if self.monitor in ready:  # first: what else there is may be of a connection made since
                event = parse_monitor_message(self.monitor.recv_multipart())["event"]
                self.lose("broken connection" if event == zmq.EVENT_DISCONNECTED else "the node does not know the key")
            if self.socket in ready:
                message, self.heard = parse(self.socket.recv_multipart()), now
                if message.id in self.open:  # others crossed what ended them
                    self.open[message.id].append(message)
                return True
            if now >= deadline:
                return False
            if now - self.heard > 3 * beat:
                self.lose("the node is silent")
            if now - self.said > beat:
                self.send(PING, 0)

    def next(self, id):
        """The next message under a request; an ERROR is raised."""
        deadline = time.monotonic() + self.patience
        while not self.open[id]:
            if not self.receive(deadline - time.monotonic()):
                self.lose("no answer in time")
        message = self.open[id].popleft()
        if message.type == ERROR:
            del self.open[id]
            raise Refused(message.body)
        return message

    def end(self, id, type=OK):
        """The body of the one answer that ends a request."""
        message = self.next(id)
        del self.open[id]
        if message.type != type:
            raise Bad(f"an answer of type {message.type}")
        return message.body

    def ping(self):
        self.end(self.begin(PING), PONG)

    def note(self, body, space=None):
        """Remembers the highest change number, and checks paths."""
        space = body.get("sp") or space or self.welcome["space"]
        self.known[space] = max(self.known.get(space, 0), body.get("change", 0))
        for item in body.get("items", [body]):
            for path in (item.get("path", "/"), item.get("from", "/"), "/" + item.get("name", "a").replace("/", "\0")):
                if isinstance(path, str):  # "from" of GET is a number
                    check_path(path)

    # requests (6.3): path, file, space, version... are keywords, as section 7.1 has them

    def ask(self, type, **fields):
        """A request that only looks: harmless to repeat."""
        for last in (False, False, True):
            try:
                if self.socket is None:
                    self.connect()
                body = self.end(self.begin(type, fields))
                if "change" in body:
                    self.note(body, fields.get("space"))
                return body
            except Lost:
                if last:
                    raise

    def pages(self, type, **fields):
        """All items of LIST, VERSIONS or CHANGES."""
        key, cursor = {LIST: ("name", "after"), VERSIONS: ("number", "after_index"),
                       CHANGES: ("change", "after_index")}[type]
        more = True
        while more:
            body = self.ask(type, **fields)
            yield from body.get("items", [])
            more = body.get("more")
            fields[cursor] = body["items"][-1][key] if more else None

    def once(self, perform, op=None, when=0, **fields):
        """Calls perform(body), again and again with a higher `attempt`, until the answer is final."""
        space = fields.get("space") or self.welcome["space"]
        if space not in self.known:
            self.note(self.ask(LIST, path="/", space=space, limit=1), space)
        body = {"op": op or os.urandom(16), "attempt": 1, "since": self.known[space], "if": when, **fields}
        give_up, pause = time.monotonic() + 4 * self.patience, 0.05
        while True:
            try:
                if self.socket is None:
                    self.connect()
                answer = perform(body)
                self.note(answer, space)
                return answer
            except (Lost, Refused) as error:
                if time.monotonic() > give_up or isinstance(error, Refused) and error.retry != 1:
                    raise
            time.sleep(pause)
            pause, body["attempt"] = min(2 * pause, 2), body["attempt"] + 1

    def change(self, type, **fields):
        """MKDIR, DELETE, MOVE, COPY, RESTORE."""
        return self.once(lambda body: self.end(self.begin(type, body)), **fields)

    # transfers (5)

    def put(self, path, content, whole=True, **fields):
        """Content that fits one frame goes whole, other in parts; `whole=False`: in parts anyway."""
        source, digest = io.BytesIO(content) if isinstance(content, bytes) else content, hashlib.sha256()
        size = source.seek(0, io.SEEK_END)
        source.seek(0)
        while piece := source.read(1 << 20):
            digest.update(piece)
        fields.update(path=path, size=size, sha256=digest.digest())
        if whole and size <= self.welcome["frame"]:
            source.seek(0)
            data = source.read()
            answer = self.once(lambda body: self.end(self.begin(PUT, body, data)), end=True, **fields)
        else:
            answer = self.once(lambda body: self.drive(Upload(self, body, source, size)), **fields)
        if "receipt" in answer:
            verify_receipt(answer["receipt"], answer, self.profile.node_key)
        return answer

    def get(self, path=None, sink=None, window=1 << 20, **fields):
        """(content, answer); with `sink`, a binary file, the content goes there."""
        out = sink or io.BytesIO()
        answer = self.drive(Download(self, dict(fields, path=path), out, window))
        return (b"" if sink else out.getvalue()), answer

    def drive(self, transfer):
        """Steps a transfer to its end, over broken connections."""
        while True:
            try:
                while not transfer.step():
                    pass
                return transfer.answer
            except Lost:
                transfer.resume(self.connect())


class Upload:
    """An upload in parts (5.1); by its own for programs that want to stop in the middle."""

    def __init__(self, client, body, source, size):
        self.client, self.source, self.size, self.answer = client, source, size, None
        self.sent, self.credit = 0, None  # None: no CREDIT yet
        self.committed = self.resuming = self.twice = self.dead = False
        self.id = client.begin(PUT, body)

    def step(self):
        """Sends a piece as far as credit goes, or waits for a message; True at the end."""
        client, wait = self.client, False
        if self.resuming:  # nothing may be sent before the answer to RESUME says where to go on
            wait = True
        elif self.credit and self.sent < self.size:
            self.source.seek(self.sent)
            piece = self.source.read(min(self.credit, client.welcome["frame"], self.size - self.sent))
            client.send(DATA, self.id, None, (self.sent, piece))
            self.sent, self.credit = self.sent + len(piece), self.credit - len(piece)
        elif self.credit is not None and self.sent == self.size and not self.committed:
            client.send(COMMIT, self.id)  # size and digest were in the PUT
            self.committed = True
        else:
            wait = True
        while self.answer is None and (wait or client.open[self.id] or client.receive(0)):
            if wait or client.open[self.id]:
                self.take()
            wait = False
        return self.answer is not None

    def take(self):
        try:
            message = self.client.next(self.id)
        except Refused as error:
            if self.twice and error.symbol == "protocol":  # COMMIT had arrived, too (4.4)
                self.dead = True
                raise Lost("COMMIT twice")
            raise
        granted = message.body.get("credit", 0)
        if message.type == OK:
            self.client.open.pop(self.id)
            self.answer = message.body
        elif "offset" in message.body:  # the answer to RESUME, also where it is 0
            self.sent, self.credit, self.resuming = message.body["offset"], granted, False
            self.twice, self.committed = self.twice or self.committed, False
        elif self.credit is None or not self.resuming:  # the first ever, or more; else it crossed RESUME and is void
            self.credit, self.resuming = (self.credit or 0) + granted, False

    def resume(self, resumed):
        if self.dead or not resumed:
            raise Lost("the upload is gone")  # begin anew, with a higher attempt
        self.resuming = True
        self.client.begin(RESUME, id=self.id)


class Download:
    """A download (5.2) that verifies order, bounds, and of whole content the digest."""

    def __init__(self, client, body, out, window):
        self.client, self.body, self.out, self.window, self.answer = client, body, out, window, None
        self.digest = None if "range" in body else hashlib.sha256()
        self.ask()

    def ask(self, **more):
        self.fresh, self.left = True, self.window
        self.id = self.client.begin(GET, dict(self.body, credit=self.window, **more))

    def step(self):
        message = self.client.next(self.id)
        if self.fresh and message.type == OK:
            if self.answer is None:
                self.answer, self.at, self.to = message.body, message.body.get("from", 0), message.body.get("to", 0)
            elif (message.body.get("from", 0), message.body.get("to", 0)) != (self.at, self.to):
                raise Bad("GET: another range")
            self.fresh = False
        elif self.fresh or message.type != DATA or message.body != self.at:
            raise Bad("GET: order")
        self.at, self.left = self.at + len(message.payload), self.left - len(message.payload)
        if self.at > self.to or message.type == DATA and self.left < 0:
            raise Bad("GET: more than was said or granted")
        self.out.write(message.payload)
        if self.digest:
            self.digest.update(message.payload)
        if self.at == self.to:
            del self.client.open[self.id]
            if self.digest and self.digest.digest() != self.answer.get("sha256"):
                raise Bad("GET: digest")
        elif self.left <= self.window // 2:
            self.client.send(CREDIT, self.id, {"credit": self.window - self.left})
            self.left = self.window
        return self.at == self.to

    def resume(self, _):
        if self.answer:  # the same version, behind what came
            self.ask(version=self.answer["version"].hex(), range=[self.at, self.to - 1])
        else:
            self.ask()
