#!/usr/bin/python3
"""The Python client (python/filesphere_client.py, written from the specification alone) against a real node.

FSP_BIN: folder of filesphered and filesphere.  Ports 19300 to 19399 on loopback."""
import hashlib, io, json, os, random, socket, sys, threading, time
from collections import deque
from pathlib import Path

import msgpack, zmq, zmq.utils.z85

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "python"), str(HERE.parent / "system")]
from node import Failed, Node, check, check_equal, main, need
from filesphere_client import *

GRANT_MOST, MIB = 8388608, 1 << 20
CODE = {"invalid": 1001, "too-large": 1002, "bad-name": 1003, "bad-range": 1004, "unsupported": 1005,
        "protocol": 1008, "no-credit": 1009, "not-found": 2001, "no-such-version": 2003, "gone": 2004,
        "no-parent": 2005, "exists": 3001, "mismatch": 3002, "is-directory": 3003, "not-empty": 3005, "cycle": 3006,
        "op-reused": 3010, "forbidden": 5002, "damaged": 7001, "cancelled": 8004}
rng = random.Random(int(os.environ.get("FSP_SEED", "1")))
_ports = iter(rng.sample(range(19300, 19400), 100))


def port():
    for number in _ports:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", number))
                return number
            except OSError:
                pass
    raise Failed("no free port")


class Proxy:
    """Passes TCP connections on to the node, until cut() breaks them."""

    def __init__(self, to):
        self.to, self.pairs = to, []
        self.listener = socket.create_server(("127.0.0.1", port()))
        self.endpoint = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            here, _ = self.listener.accept()
            try:
                there = socket.create_connection(("127.0.0.1", self.to))
            except OSError:  # the node is away
                here.close()
                continue
            self.pairs.append((here, there))
            for a, b in ((here, there), (there, here)):
                threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    @staticmethod
    def pump(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        for pair in self.pairs:
            for s in pair:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.pairs.clear()


class Tripwire(io.BytesIO):
    """Content that calls `hook` once, when the upload reads at `at`; the digest before that does not read by size."""

    def __init__(self, content, at, hook):
        super().__init__(content)
        self.at, self.hook = at, hook

    def read(self, size=-1):
        if self.hook and 0 < size <= FRAME and self.tell() >= self.at:
            hook, self.hook = self.hook, None
            hook()
        return super().read(size)


def random_bytes(size):
    return rng.randbytes(size)


def refused(name, symbol, perform, **expected):
    """Checks that it is refused with this error, whose code and fields are as the registry says."""
    try:
        got = perform()
    except Refused as error:
        ok = (error.symbol, error.code) == (symbol, CODE[symbol]) and all(
            error.body.get(k) == v for k, v in expected.items())
        check(f"{name} is refused: {symbol}", ok, error.body)
        return error
    check(f"{name} is refused: {symbol}", False, got)
    return None


def raw(c, type, body=None, payload=None, id=None):
    return c.call(type, body, payload, id)


def quiet(c, id, seconds=0.4):
    """All messages that came under an id, until it is quiet."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        before = len(c.open[id])
        c.receive(left)
        if len(c.open[id]) > before:
            end = time.monotonic() + seconds
    got = list(c.open[id])
    c.open[id].clear()
    return got


def changing(**fields):
    return {"op": os.urandom(16), "attempt": 1, **fields}


# -- the parts -------------------------------------------------------------------------------------------------


def session(c, node):
    w = c.welcome
    check("WELCOME has what section 4.2 names", w["v"] == max(c.versions) and w["mesh"] == c.profile.mesh
          and w["frame"] == FRAME and w["space"] == c.profile.space and len(w["session"]) == 16 and w["grace"] > 0 and w["beat"] > 0, w)
    check("the node is the one of the profile", w["node"] == hashlib.sha256(c.profile.node_key).digest())
    c.ask(PING)
    again = raw_welcome(c, {"versions": [1]})
    check("HELLO again is WELCOME again", again["session"] == c.session and not again.get("resumed"), again)
    refused("another minor version", "unsupported", lambda: raw_welcome(c, {"versions": [7]}))
    about = c.ask(NODE)
    check("NODE says who it is", (about["node"], about["mesh"]) == (w["node"], w["mesh"]) and about["sync"], about)
    check("SPACES has the home space", [s["name"] for s in c.ask(SPACES)["items"]] == ["home"])
    d = Client(c.profile)
    check("another connection has another session", d.session != c.session)
    d.close()
    d.session, d.welcome = None, {}
    d.socket = zmq.Context.instance().socket(zmq.DEALER)
    d.socket.curve_serverkey, d.socket.curve_publickey, d.socket.curve_secretkey = d.profile[1:4]
    d.monitor = d.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    d.socket.connect(node.endpoint)
    d.heard = time.monotonic()
    refused("STAT before HELLO", "protocol", lambda: raw(d, STAT, {"path": "/"}))
    d.close()
    public, secret = zmq.curve_keypair()
    try:
        Client(c.profile._replace(public_key=public, secret_key=secret), patience=5)
        check("an unknown key is refused", False)
    except Lost as error:
        check("an unknown key is refused", "key" in str(error), error)


def raw_welcome(c, body):
    return c.call(HELLO, body)


def codec(c):
    head = {"path": "/"}
    for name, extra in (("a map", {"x": {"y": [1, None]}}), ("nil", {"x": None, "zz": 1.5}),
                        ("octets", {"receipt": b"x" * 5000}), ("a key of other requests", {"limit": 10**6})):
        check(f"an unknown optional key is ignored: {name}", "file" in raw(c, STAT, {**head, **extra}))
    refused("a key that acts elsewhere", "invalid", lambda: raw(c, STAT, {**head, "to": "/x"}))
    refused("an unknown type", "unsupported", lambda: raw(c, 99))
    refused("a type of answers", "protocol", lambda: raw(c, WELCOME))
    refused("a bad path", "bad-name", lambda: raw(c, STAT, {"path": "/a//b"}))
    refused("a long path", "too-large", lambda: raw(c, STAT, {"path": "/" + "x" * 5000}))
    refused("a key of the wrong type", "invalid", lambda: raw(c, STAT, {"path": 5}))
    refused("neither path nor file", "invalid", lambda: raw(c, STAT))
    deep = 1
    for _ in range(9):
        deep = [deep]
    refused("a deep body", "too-large", lambda: raw(c, STAT, {**head, "x": deep}))
    c.socket.send_multipart([b"FSP\x02" + frames(PING, 1)[0][4:]])
    c.socket.send_multipart([b"nothing"])
    c.ask(PING)
    check("an envelope that cannot be read costs nothing", True)
    for name, octets in (("cut", b"\x81\xa1a"), ("deep", b"\x81\xa1a" + b"\x91" * 9 + b"\x01"), ("twice",
                         b"\x82\xa1a\x01\xa1a\x01"),
                         ("many", b"\x81\xa1a\xdd\xff\xff\xff\xff"), ("behind", b"\x80\x80"),
                         ("no map", b"\x90"), ("text", b"\x81\xa1a\xa1\xff")):
        try:
            unpack(octets)
            check(f"the client refuses a body: {name}", False)
        except Bad:
            check(f"the client refuses a body: {name}", True)


def vectors(c):
    folder = HERE.parent / "vectors"
    for vector in json.loads((folder / "profile.json").read_text()):
        said = vector.get("meaning")
        try:
            got = Profile.read(bytes.fromhex(vector["hex"]).decode())
            check(f"vector {vector['name']}", said and got.endpoints == said["endpoints"]
                  and got.mesh.hex() == said["mesh_id"], got)
        except (Bad, ValueError) as error:
            check(f"vector {vector['name']}", said is None, error)
    for vector in json.loads((folder / "envelope.json").read_text()):
        octets, said = bytes.fromhex(vector["hex"]), vector.get("meaning")
        if said is None or said["service"] == 1:
            try:
                got = parse([octets])
                check(f"vector {vector['name']}", said and got[:2] == (said["type"], int(said["request_id"])), got)
            except Bad as error:
                check(f"vector {vector['name']}", said is None, error)
    for vector in json.loads((folder / "client.json").read_text()):
        octets, said = bytes.fromhex(vector["hex"]), vector.get("meaning")
        if said and vector["kind"] != "client-data":  # what is refused is refused by a node: requests
            got = parse([octets[:20]] + ([octets[20:]] if octets[20:] else []))
            reply = vector["kind"].startswith("client-reply")
            check(f"vector {vector['name']}", got[:2] == (said["type"], int(said["request_id"]))
                  and (not reply or plain(got.body) == said["body"]), (got, said))


def cuts():
    for vector in json.loads((HERE.parent / "vectors" / "content.json").read_text()):
        if vector["kind"] == "cuts":
            given, counter = vector["given"], vector["given"]["content"]
            if "counter" in counter:
                octets = b"".join(hashlib.sha256(counter["counter"].encode() + i.to_bytes(8, "big")).digest()
                                  for i in range(counter["bytes"] // 32 + 1))[:counter["bytes"]]
                got = [size for _, size, _ in chunks(io.BytesIO(octets), 0, bytes.fromhex(given["cut_key"]),
                                                     [given[k] for k in ("min", "avg", "max")])]
                check(f"vector {vector['name']}", got == vector["result"]["lengths"], got[:9])


def plain(value):
    """As the vectors write it: hex, and large numbers as text."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.hex() if isinstance(value, bytes) else value


def receipts(c):
    for vector in json.loads((HERE.parent / "vectors" / "receipt.json").read_text()):
        octets, said = bytes.fromhex(vector["hex"]), vector.get("meaning")
        fields = msgpack.unpackb(msgpack.unpackb(octets)[0])
        try:
            answer = dict(zip(("version", "root", "sha256"), fields[1:4]), change=fields[7])
            got = verify_receipt(octets, answer, fields[10])
            check(f"vector {vector['name']}", said and got["issued"] == said["issued"], got)
        except Bad as error:
            check(f"vector {vector['name']}", said is None, error)
    answer = c.put("/receipt", random_bytes(100000))
    said = verify_receipt(answer["receipt"], answer, c.profile.node_key)
    check("a receipt is the node's word on this version", said["version"] == answer["version"] and said["w"] >= 1
          and any(c.welcome["node"] in kind[2] for kind in said["classes"]), said)
    for at in range(0, len(answer["receipt"]), 7):
        octets = bytearray(answer["receipt"])
        octets[at] ^= 1 << at % 8
        try:
            verify_receipt(bytes(octets), answer, c.profile.node_key)
            check(f"a receipt with a flipped bit at {at} is refused", False)
            break
        except Bad:
            pass
    else:
        check("a receipt with a flipped bit is refused", True)


def contents(c):
    for size in (0, 1, 4096, 4097, 262144, 262145, MIB + 1, 9 * MIB):
        data, path = random_bytes(size), f"/size/{size}"
        answer = c.put(path, data, parents=True)
        back, about = c.get(path)
        check(f"{size} octets come back bit for bit", back == data and about.get("size", 0) == size)
        check(f"the digest of {size} octets is the content's", answer["sha256"] == about["sha256"]
              == c.ask(STAT, path=path)["sha256"] == hashlib.sha256(data).digest())
        for first, last in {(0, 0), (0, size - 1), (size - 1, size - 1), (size // 2, size + 5), (1, 262144),
                            (262143, 262144), (4095, 4096), (max(0, size - 262145), size - 1), (0, 2**60)}:
            if 0 <= first <= last and first < size:
                back, about = c.get(path, range=[first, last])
                if back != data[first:last + 1] or about.get("from", 0) != first or about["to"] != min(size, last + 1):
                    check(f"range {first}..{last} of {size}", False, about)
                    break
        else:
            check(f"ranges of {size} octets", True)
        refused(f"a range behind {size} octets", "bad-range", lambda: c.get(path, range=[size, size]))
        if size in (1, 0, 262144):
            parts = c.put(path, data, whole=False)
            check(f"{size} octets in parts are the same content", parts["root"] == answer["root"]
                  and parts["number"] == 2 and c.get(path)[0] == data)
    sink = io.BytesIO()
    c.get("/size/9437184", sink=sink, window=70000)
    check("a small window does", sink.getvalue() == data)


def conditions(c):
    first = c.put("/cond", b"1", when=NONE_MATCH)["version"]
    refused("a second none-match", "exists", lambda: c.put("/cond", b"2", when=NONE_MATCH))
    second = c.put("/cond", b"2", when=MATCH, bases=[first])["version"]
    error = refused("match of an old base", "mismatch",
                    lambda: c.put("/cond", b"3", when=MATCH, bases=[first]), retry=2)
    check("mismatch names the heads", error and error.body["heads"] == [second])
    edit = c.put("/cond", b"3", when=EDIT, bases=[first])
    check("edit of an old base makes a sibling", len(edit["heads"]) == 2
          and set(edit["heads"]) == {second, edit["version"]})
    merged = c.put("/cond", b"4", when=MERGE, bases=edit["heads"])
    check("merge leaves one head", merged["heads"] == [merged["version"]])
    refused("delete that does not match", "mismatch", lambda: c.change(DELETE, path="/cond", when=MATCH, bases=[first]))
    refused("a condition without base", "invalid", lambda: c.put("/cond", b"5", when=MATCH))
    refused("replace with a base", "invalid", lambda: c.put("/cond", b"5", when=REPLACE, bases=[first]))
    check("an old version is still there", c.get("/cond", version=first.hex())[0] == b"1"
          and c.get("/cond", version=first.hex()[:16])[0] == b"1")
    back = c.change(RESTORE, path="/cond", version=first.hex())
    check("restore makes a new version of it", back["number"] == merged["number"] + 1 and c.get("/cond")[0] == b"1")
    versions = list(c.pages(VERSIONS, path="/cond", limit=2))
    check_equal("VERSIONS has them all, newest first", [v["number"] for v in versions], [5, 4, 3, 2, 1])
    check("a merge follows both", set(versions[1]["parents"]) == set(edit["heads"]) and versions[1]["how"] == 4)
    refused("a version that is none", "no-such-version", lambda: c.ask(STAT, path="/cond", version="0" * 64))


def names(c):
    refused("put without a parent", "no-parent", lambda: c.put("/n/a", b"x"))
    c.change(MKDIR, path="/n/deep/er", parents=True)
    refused("mkdir twice", "exists", lambda: c.change(MKDIR, path="/n"))
    c.change(MKDIR, path="/n", exist_ok=True)
    a = c.put("/n/a", b"x", attr=[0o640, 1700000000, 5], message="a word", media="text/plain")
    about = c.ask(STAT, path="/n/a")
    check("attr and message are kept", about["attr"] == [0o640, 1700000000, 5] and about["message"] == "a word", about)
    check("file finds what path finds", c.ask(STAT, file=a["file"])["version"] == a["version"])
    c.put("/n/link", b"a", kind=3)
    check("a symbolic link is one", c.ask(STAT, path="/n/link")["kind"] == 3 and c.get("/n/link")[0] == b"a")
    refused("put on a directory", "is-directory", lambda: c.put("/n", b"x"))
    for i in range(7):
        c.put(f"/n/deep/{i:03}", b"%d" % i)
    listed = list(c.pages(LIST, path="/n/deep", limit=3))
    check_equal("LIST pages in order", [e["name"] for e in listed], [f"{i:03}" for i in range(7)] + ["er"])
    check_equal("LIST by prefix", [e["name"] for e in c.pages(LIST, path="/n/deep", prefix="00")],
                [f"{i:03}" for i in range(7)])
    moved = c.change(MOVE, path="/n/a", to="/n/b")
    check("move keeps the file", moved["file"] == a["file"] and moved["path"] == "/n/b")
    refused("the old name", "not-found", lambda: c.ask(STAT, path="/n/a"))
    copied = c.change(COPY, path="/n/b", to="/n/c")
    check("copy is another file", copied["file"] != a["file"] and c.get("/n/c")[0] == b"x")
    refused("copy on a name that is there", "exists", lambda: c.change(COPY, path="/n/b", to="/n/link"))
    c.change(COPY, path="/n/b", to="/n/link", replace=True)
    refused("move on a name that is there", "exists", lambda: c.change(MOVE, path="/n/b", to="/n/c"))
    c.change(MOVE, path="/n/b", to="/n/c", replace=True)
    refused("move of a directory into itself", "cycle", lambda: c.change(MOVE, path="/n", to="/n/deep/n"))
    refused("delete of a full directory", "not-empty", lambda: c.change(DELETE, path="/n/deep"))
    gone = c.change(DELETE, path="/n/deep", recursive=True)
    refused("what was deleted", "not-found", lambda: c.ask(STAT, path="/n/deep/000"))
    check("it lies in the trash", "path" not in c.ask(STAT, file=gone["file"]))
    c.change(MOVE, file=gone["file"], path=None, to="/n/back")
    check("move takes it out of the trash", c.get("/n/back/003")[0] == b"3")


def feed(c):
    changes = list(c.pages(CHANGES, limit=7))
    check("the feed is complete and in order", [x["change"] for x in changes] == list(range(1, len(changes) + 1)))
    check("the feed is a chain", all(b["previous"] == a["hash"] for a, b in zip(changes, changes[1:])))
    check("the feed ends at the present", changes[-1]["change"] == c.ask(STAT, path="/")["change"])
    at = len(changes)
    put = c.put("/feed", b"x")
    c.change(MOVE, path="/feed", to="/fed")
    c.change(DELETE, path="/fed")
    new = list(c.pages(CHANGES, after_index=at))
    check_equal("the feed says what was done", [(x["what"], x["path"], x.get("from")) for x in new],
                [(2, "/feed", None), (5, "/fed", "/feed"), (3, "/fed", None)])
    check("of that file", {x["file"] for x in new} == {put["file"]} and new[0]["version"] == put["version"])


def once(c):
    for name, whole in (("whole", True), ("in parts", False)):
        op, path = os.urandom(16), f"/once-{whole}"
        first = c.put(path, b"abc", op=op, whole=whole)
        again = c.put(path, b"abc", op=op, whole=whole, attempt=2, since=first["change"] - 1)
        same = [k for k in first if k not in ("receipt", "chunks_new") and first[k] != again.get(k)]
        check(f"a put {name} that is sent again has the same answer", not same, (first, again))
        check("and makes one version", len(list(c.pages(VERSIONS, path=path))) == 1)
        refused("its op with other content", "op-reused", lambda: c.put(path, b"abd", op=op, whole=whole, attempt=3))
        refused("its op with another path", "op-reused", lambda: c.put("/other", b"abc", op=op, whole=whole, attempt=3))
    for type, fields in ((MKDIR, {"path": "/od"}), (MOVE, {"path": "/od", "to": "/oe"}), (DELETE, {"path": "/oe"})):
        op = os.urandom(16)
        first, again = (c.change(type, op=op, attempt=n, **fields) for n in (1, 2))
        check(f"type {type} sent again has the same answer", first == again, (first, again))
    refused("an op of another request", "op-reused", lambda: c.change(MKDIR, op=op, attempt=2, path="/oe"))
    op = os.urandom(16)
    refused("a put without parent", "no-parent", lambda: c.put("/later/x", b"x", op=op))
    c.change(MKDIR, path="/later")
    refused("it stays refused under its op", "no-parent", lambda: c.put("/later/x", b"x", op=op, attempt=2))
    c.put("/later/x", b"x")
    refused("no op", "invalid", lambda: raw(c, MKDIR, {"path": "/noop", "attempt": 1}))
    refused("no attempt", "invalid", lambda: raw(c, MKDIR, {"path": "/noop", "op": op}))


def credit(c):
    data = random_bytes(3 * MIB)
    c.put("/credit", data)
    id = c.begin(GET, {"path": "/credit"})
    first = quiet(c, id)
    check("without credit nothing comes", len(first) == 1 and first[0].type == OK and not first[0].payload, first)
    c.send(CREDIT, id, {"credit": 100})
    got = quiet(c, id)
    check("credit of 100 brings 100 octets", [(m.body, m.payload) for m in got] == [(0, data[:100])])
    c.send(CREDIT, id, {"credit": 600000})
    got = quiet(c, id)
    check("credit is never exceeded", b"".join(m.payload for m in got) == data[100:600100]
          and max(len(m.payload) for m in got) <= FRAME)
    refused("a request under an open id", "protocol", lambda: raw_keep(c, STAT, {"path": "/"}, id))
    refused("abort of a download", "cancelled", lambda: raw(c, ABORT, id=id))
    refused("too much credit", "too-large", lambda: raw(c, GET, {"path": "/credit", "credit": GRANT_MOST + 1}))
    seen, send = {"sent": 0, "granted": 0, "over": False}, c.send
    def watch(type, *rest):
        if type == DATA:
            seen["sent"] += len(rest[2])
            seen["over"] |= seen["sent"] > up.granted
        send(type, *rest)
    class Watched(Upload):
        granted = 0
        def take(self):
            message = c.open[self.id][0] if c.open[self.id] or c.receive(5) else None
            self.granted += message.body.get("credit", 0) if message and message.type == CREDIT else 0
            super().take()
    big = random_bytes(10 * MIB)
    c.send, up = watch, Watched(c, changing(path="/up"), io.BytesIO(big), len(big))
    c.drive(up)
    del c.send
    check("the client sends what was granted and no more", seen["sent"] == len(big) and not seen["over"]
          and c.get("/up")[0] == big, seen)


def raw_keep(c, type, body, id):
    """A request under an id that is open stays open."""
    c.send(type, id, body)
    try:
        return c.next(id)
    finally:
        c.open[id] = deque()


def started(c, **fields):
    """An upload in parts that has got its first CREDIT: (id, credit)."""
    id = c.begin(PUT, changing(**fields))
    return id, c.next(id).body["credit"]


def uploads(c):
    refused("parts with a payload", "invalid", lambda: raw(c, PUT, changing(path="/u"), b"x"))
    for name, symbol, fields, data in (("a gap", "protocol", {}, (5, b"x")), ("more than size", "invalid",
                                       {"size": 2}, (0, b"abc"))):
        id, _ = started(c, path="/u", **fields)
        c.send(DATA, id, *data)
        refused(name, symbol, lambda: c.next(id))
    id, _ = started(c, path="/u", size=5)
    c.send(COMMIT, id)
    refused("less than size", "invalid", lambda: c.next(id))
    id, _ = started(c, path="/u", sha256=b"a" * 32)
    c.send(DATA, id, 0, b"abc")
    c.send(COMMIT, id)
    refused("another digest", "damaged", lambda: c.next(id))
    id, _ = started(c, path="/u")
    refused("abort of an upload", "cancelled", lambda: raw(c, ABORT, id=id))
    id, granted = started(c, path="/u")
    piece, at = bytes(FRAME), 0
    while at <= granted + 4 * MIB:  # CREDIT may have come meanwhile
        c.send(DATA, id, at, piece)
        at += FRAME
    try:
        while c.next(id).type == CREDIT:
            pass
        check("more than was granted is refused", False)
    except Refused as error:
        check("more than was granted is refused", error.symbol == "no-credit", error.body)
    refused("nothing of them is visible", "not-found", lambda: c.ask(STAT, path="/u"))


def resume(c, d, node):
    data = random_bytes(5 * MIB)

    def half(path, op, attempt=1, upto=2 * MIB):
        up = Upload(c, {"op": op, "attempt": attempt, "path": path, "size": len(data),
                        "sha256": hashlib.sha256(data).digest()}, io.BytesIO(data), len(data))
        while up.sent < upto:
            up.step()
        return up

    up = half("/resume/1", os.urandom(16))
    raw(c, MKDIR, changing(path="/resume"))
    c.close()
    need("the session is taken up on a new connection", c.connect())
    up.resume()
    while up.credit is None:
        up.step()
    check("RESUME says where to go on", 2 * MIB - FRAME <= up.sent <= 3 * MIB, up.sent)
    answer = c.drive(up)
    check("an upload that was resumed is whole", c.get("/resume/1")[0] == data and answer["number"] == 1)

    up = half("/resume/2", os.urandom(16), upto=len(data))
    if not up.committed:
        c.send(COMMIT, up.id)
    while "/resume/2" not in {"/resume/" + e["name"] for e in d.pages(LIST, path="/resume")}:
        time.sleep(0.02)
    c.close()  # the answer was on its way, or is
    need("the session is taken up", c.connect())
    up.resume()
    answer = c.drive(up)
    stat = c.ask(STAT, path="/resume/2")
    check("the answer that was lost comes again", answer["version"] == stat["version"] and stat["number"] == 1)
    verify_receipt(answer["receipt"], answer, c.profile.node_key)
    check("and again", raw(c, RESUME, id=up.id)["version"] == stat["version"])

    op = os.urandom(16)
    up = half("/resume/3", op, upto=len(data))
    while not up.committed:
        up.step()
    c.ask(PING)  # COMMIT arrived; its answer has not been taken
    need("the session is taken up once more", c.connect())
    try:
        up.resume()
        c.drive(up)
    except Lost:  # COMMIT again was an error: whether it arrived cannot be told
        c.put("/resume/3", data, op=op, attempt=2, whole=False)
    check("an upload that was committed ends after RESUME", c.get("/resume/3")[0] == data
          and len(list(c.pages(VERSIONS, path="/resume/3"))) == 1)

    op = os.urandom(16)
    up = half("/resume/4", op)
    c.close()
    c.session = os.urandom(16)
    asked = c.session
    check("an unknown session is not taken up", not c.connect() and c.session != asked)
    refused("an upload that is not known", "gone", lambda: raw(c, RESUME, id=up.id))
    c.put("/resume/4", data, op=op, attempt=2)
    check("it begins anew under its op", len(list(c.pages(VERSIONS, path="/resume/4"))) == 1)
    refused("RESUME of what never was", "gone", lambda: raw(c, RESUME, id=99999))

    proxy = Proxy(node.port)
    p = Client(c.profile._replace(endpoints=[proxy.endpoint]))
    session = p.session
    p.put("/proxy", Tripwire(data, 3 * MIB, proxy.cut))
    check("a put goes on by itself over a broken connection", p.get("/proxy")[0] == data and p.session == session
          and len(list(p.pages(VERSIONS, path="/proxy"))) == 1)

    class Cut(io.BytesIO):
        def write(self, piece):
            super().write(piece)
            if self.tell() - len(piece) <= MIB < self.tell():
                proxy.cut()

    sink = Cut()
    p.get("/proxy", sink=sink)
    check("a get goes on by range over a broken connection", sink.getvalue() == data)
    proxy.cut()
    check("a request goes on over a broken connection", p.ask(STAT, path="/proxy")["size"] == len(data))
    proxy.cut()
    p.change(MKDIR, path="/after-cut")
    check("so does one that changes something", [x["path"] for x in p.pages(CHANGES)].count("/after-cut") == 1)

    def crash():
        node.kill9()
        node.start()

    p.put("/crash", Tripwire(data, 3 * MIB, crash))
    check("a put goes on over kill -9 of the node", p.get("/crash")[0] == data and p.session != session
          and len(list(p.pages(VERSIONS, path="/crash"))) == 1)
    p.close()


# -- version 1.3 -----------------------------------------------------------------------------------------------


class Counted(Client):
    """Counts the octets of DATA that it sends, and knows its uploads' first offsets and what was durable."""
    sent = 0

    def send(self, type, id, *rest):
        self.sent += len(rest[1]) if type == DATA else 0
        super().send(type, id, *rest)

    def drive(self, upload):
        self.begins = getattr(self, "begins", [])
        while upload.answer is None and upload.credit is None:
            upload.step()
        self.begins.append(upload.sent)
        return super().drive(upload)


def kept_upload(c, path, data, op, attempt=1):
    return Upload(c, {"op": op, "attempt": attempt, "since": c.known["home"], "path": path, "upload": op,
                      "size": len(data), "sha256": hashlib.sha256(data).digest()}, io.BytesIO(data), len(data))


def kept(c, node):
    data, window = random_bytes(24 * MIB), 8 * MIB
    p = Counted(c.profile)

    def lose():
        p.session = None  # nothing is taken up but the upload itself
        p.close("on purpose")

    answer = p.put("/kept/a", Tripwire(data, 18 * MIB, lose), keep=True, parents=True)
    check("a kept upload goes on in a new session", p.begins[0] == 0 and p.begins[1] >= 10 * MIB, p.begins)
    check("never more than the window is sent twice", len(data) < p.sent <= len(data) + window, p.sent)
    check("it is whole, once", p.get("/kept/a")[0] == data and answer["number"] == 1 and answer["chunks"] > 4)

    def crash():
        node.kill9()
        node.start()

    p.sent, p.begins = 0, []
    p.put("/kept/b", Tripwire(data, 18 * MIB, crash), keep=True)
    check("a kept upload goes on after kill -9 of the node", p.begins[-1] >= 10 * MIB, p.begins)
    check("and no more than the window is sent twice", p.sent <= len(data) + window, p.sent)
    check("it is whole, too", p.get("/kept/b")[0] == data and len(list(p.pages(VERSIONS, path="/kept/b"))) == 1)
    p.close()


def taken_over(c, d):
    data, op = random_bytes(20 * MIB), os.urandom(16)
    c.connect()
    d.connect()
    first = kept_upload(c, "/kept/c", data, op)
    steps = []
    while first.durable < 2 * MIB or first.sent < 6 * MIB:
        first.step()
        steps.append((first.durable, first.sent + first.credit if first.credit is not None else 0))
    check("what is durable never falls", [a for a, _ in steps] == sorted(a for a, _ in steps))
    check("credit never reaches beyond durable and the window", all(b <= a + 8 * MIB for a, b in steps), steps[-1])
    check("durable is not ahead of what was sent", all(up <= first.sent for up, _ in steps))
    second = kept_upload(d, "/kept/c", data, op, attempt=2)
    while second.credit is None:
        second.step()
    check("another PUT takes it up where it is durable", second.sent == second.durable >= first.durable, second.durable)

    def ended():
        while True:
            c.next(first.id)

    refused("the PUT that lost it", "cancelled", ended)
    answer = d.drive(second)
    check("what was taken over is whole", d.get("/kept/c")[0] == data and answer["number"] == 1)
    again = c.put("/kept/c", data, op=op, attempt=3, keep=True, since=answer["change"] - 1)
    check("sent again after its end it has the same answer", again["version"] == answer["version"])

    op = os.urandom(16)
    for name, symbol, end in (("ABORT", "cancelled", lambda up: c.send(ABORT, up.id)),
                              ("another content", "damaged", None)):
        up = kept_upload(c, "/kept/d", data, op)
        while up.durable < 4 * MIB:
            up.step()
        if end:
            end(up)
        else:
            up = kept_upload(c, "/kept/d", b"x" + data[1:], op, attempt=2)
        refused(f"{name} of a kept upload", symbol, lambda: c.drive(up))
        up = kept_upload(c, "/kept/d", data, op, attempt=3)
        up.step()
        check(f"{name}: nothing is kept any more", (up.sent, up.durable) == (0, 0), (up.sent, up.durable))
        c.send(ABORT, up.id)
        refused(f"{name}: and given up again", "cancelled", lambda: c.drive(up))
        op = os.urandom(16)
    refused("nothing became visible", "not-found", lambda: c.ask(STAT, path="/kept/d"))


def offers(c):
    first = random_bytes(14 * MIB)
    edited = first[:5 * MIB] + b"edited here" + first[5 * MIB:9 * MIB] + first[9 * MIB + 1:]
    plain_root = c.put("/offer/plain", edited, parents=True, whole=False)
    p = Counted(c.profile)
    one = p.put("/offer/a", first)
    p.sent = 0
    two = p.put("/offer/a", edited, keep=True)
    check("an edit sends the chunks that changed, and no others", 0 < p.sent <= 6 * 4 * MIB // 2 < len(edited), p.sent)
    check("the version is the one that a plain put makes", two["root"] == plain_root["root"] and two["sha256"]
          == plain_root["sha256"] and two["chunks"] == plain_root["chunks"] and two["size"] == len(edited), two)
    check("its content comes back bit for bit", p.get("/offer/a")[0] == edited)
    p.sent = 0
    p.put("/offer/a", edited, keep=True)
    check("a put of what is there sends nothing", p.sent == 0 and p.get("/offer/a")[0] == edited, p.sent)
    p.sent = 0
    new = p.put("/offer/b", first, keep=True, known=[one["version"], bytes(32), os.urandom(32)])
    check("known versions serve another file; what is none is passed over", p.sent == 0 and not new.get("chunks_new")
          and p.get("/offer/b")[0] == first, (p.sent, new))
    p.sent = 0
    p.put("/offer/c", first, keep=True)
    check("without anything known it is streamed", p.sent == len(first), p.sent)

    def cut_off():
        p.session = None
        p.close("on purpose")

    p.sent, longer = 0, random_bytes(6 * MIB) + edited + random_bytes(6 * MIB)
    p.put("/offer/a", Tripwire(longer, 4 * MIB, cut_off), keep=True)
    check("an offer that is taken up sends no more than the window twice", p.sent <= 20 * MIB
          and p.get("/offer/a")[0] == longer, p.sent)
    p.close()


def small_requests(c):
    put = c.put("/attr", b"x", attr=[0o600, 5, 6])
    c.change(MKDIR, path="/attrs/d", parents=True)
    c.put("/attrs/f", b"x", attr=[0o640, -1, 999999999])
    changed = c.change(ATTR, path="/attr", attr=[0o755, 7, 8])
    about = c.ask(STAT, path="/attr")
    check("ATTR sets attributes and makes no version", about["attr"] == [0o755, 7, 8] and about["number"] == 1
          and about["version"] == put["version"] and changed["file"] == put["file"], about)
    c.change(ATTR, path="/attrs/d", attr=[0o700, 9, 0])
    items = {item["name"]: item.get("attr") for item in c.pages(LIST, path="/attrs", attrs=True)}
    check_equal("LIST with attrs", items, {"d": [0o700, 9, 0], "f": [0o640, -1, 999999999]})
    check("LIST without does not say them", not any("attr" in item for item in c.pages(LIST, path="/attrs")))
    refused("ATTR of nothing", "invalid", lambda: c.change(ATTR, path="/attr"))
    refused("ATTR under another head", "mismatch",
            lambda: c.change(ATTR, path="/attr", attr=[1, 1, 1], when=MATCH, bases=[bytes([1] * 32)]))

    c.change(SPACE_CREATE, space="cuts", chunking=[65536, 131072, 262144], op=os.urandom(16))
    c.change(SPACE_SET, space="cuts", set=3, quota=10**9, keep=[3, 30, 7, 4, 12, 400])
    space = {item["name"]: item for item in c.ask(SPACES)["items"]}["cuts"]
    check("a space has its cuts, quota and what is kept", (space["chunking"], space["quota"], space["keep"])
          == ([65536, 131072, 262144], 10**9, [3, 30, 7, 4, 12, 400]), space)
    answer = c.put("/a", random_bytes(MIB), space="cuts")
    check("content is cut by them", answer["chunks"] >= 4, answer)
    c.change(SPACE_SET, space="cuts", set=1)
    check("a quota can be taken away, and nothing else is", "quota" not in (now := {
        item["name"]: item for item in c.ask(SPACES)["items"]}["cuts"]) and now["keep"] == space["keep"], now)
    for bad in ([65535, 131072, 262144], [65536, 131072, 4194305], [262144, 131072, 65536]):
        refused(f"chunking {bad}", "invalid", lambda: c.change(SPACE_CREATE, space="bad", chunking=bad))


def collect(c):
    c.put("/garbage", random_bytes(3 * MIB))
    answer = c.ask(COLLECT)
    check("COLLECT says what it did", answer["live"] > 0 and answer["epoch"] > 0, answer)
    again = c.ask(COLLECT)
    check("a second round is a further one", again["epoch"] > answer["epoch"], again)
    check("what is referred to stays", len(c.get("/garbage")[0]) == 3 * MIB)


def keys(c):
    public, secret = zmq.curve_keypair()
    raw_key = zmq.utils.z85.decode(public)
    c.ask(KEY_ADD, key=raw_key, name="laptop")
    c.ask(KEY_ADD, key=raw_key, name="laptop")
    items = {item["name"]: item for item in c.ask(KEY_LIST)["items"]}
    check("KEY_LIST has the new key, and our own", items["laptop"]["key"] == raw_key and items["laptop"]["added"] > 0
          and [i["key"] for i in items.values() if i.get("own")] == [zmq.utils.z85.decode(c.profile.public_key)], items)
    other = Client(c.profile._replace(public_key=public, secret_key=secret))
    check("it connects and is the same subject", other.ask(STAT, path="/")["file"] == c.ask(STAT, path="/")["file"])
    refused("the same name for another key", "exists",
            lambda: raw(c, KEY_ADD, {"key": os.urandom(32), "name": "laptop"}))
    refused("a key cannot remove itself", "forbidden", lambda: raw(other, KEY_REMOVE, {"key": raw_key}))
    refused("nor the first", "forbidden",
            lambda: raw(other, KEY_REMOVE, {"key": zmq.utils.z85.decode(c.profile.public_key)}))
    c.ask(KEY_REMOVE, key=raw_key)
    try:
        raw(other, STAT, {"path": "/"})
        check("a removed key does nothing any more", False)
    except Refused as error:
        check("a removed key does nothing any more", error.symbol == "forbidden", error.body)
    except Lost:
        check("a removed key does nothing any more", True)
    other.close()
    try:
        other.patience = 5
        other.connect()
        check("nor does it connect", False)
    except Lost:
        check("nor does it connect", True)
    refused("it is not there a second time", "not-found", lambda: raw(c, KEY_REMOVE, {"key": raw_key}))


def older(c):
    """Sessions of 1.1 and 1.2 are what they were."""
    for versions in ((1,), (1, 2)):
        old = Client(c.profile, versions=versions)
        check_equal(f"a client of 1.{versions[-1]} gets it", old.welcome["v"], versions[-1])
        data = random_bytes(MIB)
        old.put(f"/older/{versions[-1]}", data, parents=True)
        check("it puts and gets", old.get(f"/older/{versions[-1]}")[0] == data)
        refused("and is not understood beyond", "unsupported", lambda: old.put("/older/x", data, keep=True))
        refused("nor is ATTR", "unsupported", lambda: old.change(ATTR, path="/older", attr=[1, 1, 1]))
        old.close()


def run(options):
    node = Node(port=port())
    node.start()
    profile = Profile.load(node.profile)
    c, d = Client(profile, patience=20), Client(profile)
    for part, arguments in ((session, (c, node)), (codec, (c,)), (vectors, (c,)), (cuts, ()), (receipts, (c,)),
                            (contents, (c,)), (conditions, (c,)), (names, (c,)), (once, (c,)), (credit, (c,)), (uploads, (c,)),
                            (feed, (c,)), (resume, (c, d, node)), (feed, (c,)), (older, (c,)), (small_requests, (c,)),
                            (keys, (c,)), (kept, (c, node)), (taken_over, (c, d)), (offers, (c,)), (collect, (c,)),
                            (feed, (c,))):
        if options.rest and part.__name__ not in options.rest:
            continue
        began = time.monotonic()
        try:
            part(*arguments)
        except (Refused, Lost, Bad, KeyError) as error:
            import traceback
            check(f"part {part.__name__} ran to its end", False, traceback.format_exc())
        print(f"# {part.__name__}: {time.monotonic() - began:.1f} s", flush=True)
    c.close()
    d.close()
    check_equal("the node stops cleanly", node.stop(), 0)


if __name__ == "__main__":
    main(run, seconds=180)
