"""The octets of docs/protocol/client.md (3) and keys.md: types, envelopes, bodies, profiles, receipts.  No sockets."""
import hashlib, json, struct
from collections import namedtuple

import msgpack, nacl.exceptions, nacl.signing

HELLO, WELCOME, PING, PONG, OK, ERROR = range(1, 7)
PUT, DATA, COMMIT, ABORT, CREDIT, RESUME = range(10, 16)
GET, STAT, LIST, VERSIONS, CHANGES, SPACES = 20, 30, 31, 32, 33, 34
MKDIR, DELETE, MOVE, COPY, RESTORE, NODE = 40, 41, 42, 43, 44, 50
REPLACE, EDIT, MATCH, NONE_MATCH, MERGE = range(1, 6)  # `if`, here `when` (6.2)
BODY, FRAME, VALUES, DEPTH = 2097152, 262144, 65536, 8  # limits (8)

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


# -- bodies and envelopes (3) ----------------------------------------------------------------------------------

# msgpack heads: octets that follow a fixed value; (octets of the length, more octets, values an item) of the others
FIXED = dict(zip(range(0xCA, 0xD9), (4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 3, 5, 9, 17)))
SIZED = dict(zip((0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF),
                 ((n, e, t) for e, t, ns in ((0, 0, (1, 2, 4)), (1, 0, (1, 2, 4)), (0, 0, (1, 2, 4)), (0, 1, (2, 4)),
                                             (0, 2, (2, 4))) for n in ns)))


def check_counts(body):
    """Depth, counts and lengths against the limits and the octets that are there, before anything is unpacked."""
    at, values, left = 0, 1, [1]  # left: values to come, a level of nesting each
    while left:
        if not left[-1]:
            left.pop()
            continue
        left[-1] -= 1
        if at >= len(body):
            raise Bad("body: cut short")
        head, at, inside = body[at], at + 1, None
        if 0x80 <= head <= 0x9F:
            inside = (head & 15) * (2 if head < 0x90 else 1)
        elif head in SIZED:
            width, more, times = SIZED[head]
            count, at = int.from_bytes(body[at:at + width], "big"), at + width
            inside, at = (count * times, at) if times else (None, at + count + more)
        else:
            at += head & 31 if 0xA0 <= head <= 0xBF else FIXED.get(head, 0)
        if inside is not None:
            left.append(inside)
            values += inside
        if at > len(body) or values > VALUES or len(left) - 1 > DEPTH:
            raise Bad("body: too long, too many or too deep")


def no_key_twice(items):
    if len(dict(items)) != len(items):
        raise Bad("a key twice")
    return dict(items)


def unpack(body):
    check_counts(body)
    try:
        value = msgpack.unpackb(body, raw=False, strict_map_key=True, object_pairs_hook=no_key_twice)
    except ValueError as error:  # UnicodeError is one
        raise Bad(f"body: {error}")
    if not isinstance(value, dict):
        raise Bad("body: no map")
    return value


def frames(type, id, body=None, payload=None):
    """The frames of one message.  `body` is a map, in which what is zero, empty or false is left out (3.3)."""
    raw = msgpack.packb({k: v for k, v in body.items() if v}) if body else b""
    if isinstance(payload, tuple):  # DATA: (offset, payload)
        raw, payload = struct.pack(">Q", payload[0]), payload[1]
    return [b"FSP\x01\x01\x00" + struct.pack(">HQI", type, id, len(raw))] + [f for f in (raw, payload) if f]


def parse(parts):
    head, rest = parts[0], list(parts[1:])
    if len(head) != 20 or head[:6] != b"FSP\x01\x01\x00":
        raise Bad("envelope")
    type, id, size = struct.unpack(">HQI", head[6:])
    if size > BODY or (size and (not rest or len(rest[0]) != size)):
        raise Bad("body: length")
    raw = rest.pop(0) if size else b""
    if len(rest) > 1 or (rest and len(rest[0]) > FRAME) or (type == DATA and (size != 8 or not rest)):
        raise Bad("frames")
    payload = rest[0] if rest else b""
    body = struct.unpack(">Q", raw)[0] if type == DATA else unpack(raw) if raw else {}
    return Message(type, id, body, payload)


def check_path(path):
    """What a server says, before anybody makes files of it (3.3)."""
    names = path[1:].split("/") if path != "/" else []
    if path[:1] != "/" or len(path.encode()) > 4096 or len(names) > 64 or any(
            name in ("", ".", "..") or "\0" in name or len(name.encode()) > 255 for name in names):
        raise Bad(f"path {path!r}")


# -- keys.md ---------------------------------------------------------------------------------------------------


class Profile(namedtuple("Profile", "endpoints server_key public_key secret_key mesh node_key space")):
    @classmethod
    def load(cls, path):
        with open(path, encoding="utf-8") as file:
            return cls.read(file.read())

    @classmethod
    def read(cls, text):
        """Section 9: exactly these fields."""
        p = json.loads(text, object_pairs_hook=no_key_twice)
        if p.get("format", 0) > 1:
            raise Bad("profile of a newer format")
        if set(p) != {"format", "name", "mesh_id", "endpoints", "server_key", "public_key", "secret_key", "node_key",
                      "space"} or not all("://" in e for e in p["endpoints"]):
            raise Bad("profile: fields")
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
        names = "format version root sha256 w r classes change issued node node_key".split()
        said = dict(zip(names, fields, strict=True))
    except (nacl.exceptions.CryptoError, ValueError, TypeError) as error:
        raise Bad(f"receipt: {error}")
    if (said["format"] != 1 or said["node_key"] != node_key or said["node"] != hashlib.sha256(node_key).digest()
            or any(said[key] != answer[key] for key in ("version", "root", "sha256", "change"))):
        raise Bad("receipt: speaks of something else")
    return said
