#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""test_vectors - reads and writes the golden vectors again, in Python.  Layer tests.

Written from docs/protocol alone.  For each entry of tests/vectors/*.json one line `ok FILE: NAME` or `not ok FILE: NAME`.
Needs Debian's python3-nacl, python3-cryptography, python3-msgpack and python3-xxhash; compressed objects are opened with
the zstd tool if it is there.
"""
import hmac, json, shutil, struct, subprocess
from pathlib import Path
import msgpack, nacl.bindings, nacl.signing, xxhash
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from vector_machine import *

VECTORS = Path(__file__).resolve().parent.parent / "vectors"
SENTENCE = "a format change needs a number and a migration"


def hkdf(key, salt, info, size=32):
    secret, out, block, i = hmac.new(salt or bytes(32), key, "sha256").digest(), b"", b"", 1
    while len(out) < size:
        block = hmac.new(secret, block + info + bytes([i]), "sha256").digest()
        out, i = out + block, i + 1
    return out[:size]


def seal(key, nonce, data, plain):
    return AESGCM(key).encrypt(nonce, plain, data)


def unseal(key, nonce, data, sealed):
    try:
        return AESGCM(key).decrypt(nonce, sealed, data)
    except InvalidTag:
        raise Refused("DAMAGED")


def content(rule):
    if "hex" in rule: return bytes.fromhex(rule["hex"])
    if "text" in rule: return rule["text"].encode()
    if "repeat" in rule: return bytes.fromhex(rule["repeat"]) * rule["bytes"]
    if "join" in rule: return b"".join(content(part) for part in rule["join"])
    seed, size = rule["counter"].encode(), rule["bytes"]
    return b"".join(sha(seed, u64(i)) for i in range(-(-size // 32)))[:size]


# -- store.md, 4.2 and 4.4 -----------------------------------------------------------------------------------------
def versioned(v, fields):
    need(isinstance(v, list) and v and isinstance(v[0], int) and v[0] > 0, "DAMAGED")
    need(v[0] == 1, "FORMAT_NEWER")
    need(len(v) == fields, "DAMAGED")


def damaged(read, *arguments):
    try:
        return read(*arguments)
    except Refused as refused:
        raise refused if str(refused) == "FORMAT_NEWER" else Refused("DAMAGED")


HARD = ROW(("term", U(M64 - 1)), ("vote", U()), ("start", U(M64 - 1)), ("start_term", U()))


def read_hard(v):
    versioned(v, 5)
    return HARD[0](v[1:])


def read_entry(v):
    versioned(v, 4)
    term, kind, octets = U(low=1)[0](v[1]), v[2], v[3]
    need(kind in (1, 2, 3), "FORMAT_NEWER")
    if kind == 1:
        need(octets == b"")
        return {"term": term, "entry_kind": 1}
    if kind == 3:
        need(0 < len(octets) <= 4096)
        return {"term": term, "entry_kind": 3, "configuration": octets.hex()}
    need(len(octets) > 8)
    return {"term": term, "entry_kind": 2, "log_time": as_json(int.from_bytes(octets[:8], "big")),
            "command": octets[8:].hex()}


def write_entry(j):
    if j["entry_kind"] == 3: return [1, number(j["term"]), 3, bytes.fromhex(j["configuration"])]
    octets = b"" if j["entry_kind"] == 1 else u64(number(j["log_time"])) + bytes.fromhex(j["command"])
    return [1, number(j["term"]), j["entry_kind"], octets]


def read_base(v):
    versioned(v, 3)
    return dict({"generation": U(M32)[0](v[1])}, **nested(CONF)[0](v[2]))


def read_object_row(v):
    need(isinstance(v, list) and v and isinstance(v[0], int), "DAMAGED")
    need(v[0] <= 1, "FORMAT_NEWER")
    need(len(v) == 11 and v[0] == 1)
    h = read_header(v[10])
    need(v[1] == h["object_kind"] and v[2] == h["open_bytes"] and v[3] == h["sealed_bytes"] and v[4] in (1, 2))
    return {"object_kind": v[1], "open_bytes": v[2], "sealed_bytes": v[3], "where": v[4], "stamp": v[5], "mark": v[6],
            "flags": v[7], "head": (v[10] + v[8] + v[9]).hex()}


def write_object_row(j):
    head = bytes.fromhex(j["head"])
    return [1, j["object_kind"], j["open_bytes"], j["sealed_bytes"], j["where"], j["stamp"], j["mark"], j["flags"],
            head[72:104], head[104:], head[:72]]


MARK = ROW(("shard", U(M32)), ("replica", U()), ("index", U()))
WATERMARK_ROW = ROW(("sequence", U()), ("marks", LIST(MARK, 0, 64)))

# -- objects.md ----------------------------------------------------------------------------------------------------
BOUNDS = {1: (4194304, 0), 2: (4194304, 131072), 3: (4096, 0), 4: (4096, 0), 5: (4096, 0)}


def blocks(size):
    return max(1, -(-size // 65536))


def read_header(b):
    need(len(b) >= 72 and b[:4] == b"FSPO")
    for value in (b[4], b[7]):
        need(value <= 1, "UNSUPPORTED")
        need(value == 1)
    kind, codec = b[5], b[6]
    need(1 <= kind <= 5 and codec <= 1 and b[32:40] == bytes(8))
    generation, open_bytes, input_bytes, plain_bytes = struct.unpack(">IIQQ", b[8:32])
    plain_max, open_max = BOUNDS[kind]
    need(open_max or not open_bytes)
    need(plain_bytes <= plain_max and open_bytes <= open_max, "TOO_LARGE")
    need(input_bytes == plain_bytes if codec == 0 else kind == 1 and 0 < input_bytes < plain_bytes)
    sealed = input_bytes + 16 * blocks(input_bytes)
    need(72 + open_bytes + sealed <= 4325376, "TOO_LARGE")
    return {"object_kind": kind, "codec": codec, "generation": generation, "open_bytes": open_bytes,
            "input_bytes": input_bytes, "plain_bytes": plain_bytes, "salt": b[40:72].hex(), "sealed_bytes": sealed,
            "object_bytes": 72 + open_bytes + sealed}


def write_header(j):
    return b"FSPO" + bytes([1, j["object_kind"], j["codec"], 1]) + struct.pack(
        ">IIQQQ", j["generation"], j["open_bytes"], j["input_bytes"], j["plain_bytes"], 0) + bytes.fromhex(j["salt"])


def aad(header, open_part, index, count):
    return header + sha(open_part) + u64(index) + bytes([index == count - 1])


def seal_object(data_key, generation, kind, open_part, plain):
    front = b"FSPO" + bytes([1, kind, 0, 1]) + struct.pack(">IIQQQ", generation, len(open_part), len(plain), len(plain), 0)
    salt = hmac.new(hkdf(data_key, b"", b"fsp naming v1"), front + sha(open_part) + sha(plain), "sha256").digest()
    key, header, count = hkdf(data_key, salt, b"fsp object v1"), front + salt, blocks(len(plain))
    sealed = b"".join(seal(key, i.to_bytes(12, "big"), aad(header, open_part, i, count),
                           plain[i * 65536:(i + 1) * 65536]) for i in range(count))
    return header + open_part + sealed


def head_of(b):
    end = 72 + int.from_bytes(b[12:16], "big")
    return b[:72] + sha(b[72:end]) + sha(b[end:])


def open_object(data_key, b):
    h = read_header(b)
    need(len(b) == h["object_bytes"])
    open_part, sealed = b[72:72 + h["open_bytes"]], b[72 + h["open_bytes"]:]
    key, count = hkdf(data_key, b[40:72], b"fsp object v1"), blocks(h["input_bytes"])
    found = b"".join(unseal(key, i.to_bytes(12, "big"), aad(b[:72], open_part, i, count),
                            sealed[i * 65552:(i + 1) * 65552]) for i in range(count))
    if h["codec"] == 0: return found
    need(found[:4] == b"\x28\xb5\x2f\xfd", "DAMAGED")
    if not shutil.which("zstd"): return None
    return subprocess.run(["zstd", "-d", "-c", "-q"], input=found, stdout=subprocess.PIPE, check=True).stdout


def describe(b, data_key, plain=None):
    found = open_object(data_key, b)
    need(plain is None or found == plain)
    h = {k: v for k, v in read_header(b).items() if k not in ("sealed_bytes", "object_bytes")}
    head = head_of(b)
    octets = {"bytes": len(b), "sha256": sha(b).hex()}
    if len(b) <= 4096: octets["hex"] = b.hex()
    digest = None if found is None else sha(found).hex()
    return dict(h, head=head.hex(), key=sha(head).hex(), plain_sha256=digest, object=octets)


def worth_a_try(p):
    if len(p) < 64: return False
    equal = pairs = repeats = places = 0
    for i in range(16):
        at = i * (len(p) - 1024) // 15 if len(p) > 16384 else 1024 * i
        window = p[at:at + 1024]
        if not window: break
        b, table, word = len(window), [0] * 1024, 0
        equal += sum(window.count(v) ** 2 for v in set(window)) - b
        pairs += b * (b - 1)
        for octet in window:
            word = (word * 256 + octet) & M32
            place = (word * 2654435761 & M32) >> 22
            repeats += table[place] == word
            table[place] = word
        places += b
    return 192 * equal > pairs or 32 * repeats > places


# -- content.md ----------------------------------------------------------------------------------------------------
def gear(cut_key):
    return struct.unpack(">256Q", hkdf(cut_key, b"", b"fsp gear v1", 2048))


def cuts(cut_key, low, avg, high, data):
    table, n, lengths, start = gear(cut_key), avg.bit_length() - 1, [], 0
    mask = lambda bits: ((1 << bits) - 1) << (63 - bits)
    strict, lax = mask(n + 2), mask(n - 2)
    while start < len(data):
        end, position, h = min(start + high, len(data)), low, 0
        stop = end
        for at in range(start + low, end):
            h = ((h << 1) + table[data[at]]) & M64
            if not h & (strict if at - start + 1 <= avg else lax):
                stop = at + 1
                break
        lengths.append(stop - start)
        start = stop
    return lengths


CHILD = ROW(("key", B(32)), ("object_bytes", U(4325376, 88)), ("content_bytes", U(low=1)))


def read_node(open_part, plain):
    v, digests = decode(open_part), decode(plain)
    need(isinstance(v, list) and v and isinstance(v[0], int))
    need(v[0] <= 1, "UNSUPPORTED")
    need(len(v) == 3 and v[0] == 1 and isinstance(v[1], int) and v[1] <= 4)
    children = LIST(CHILD, 1, 1024)[0](v[2])
    need(sum(number(c["content_bytes"]) for c in children) <= M64)
    need(isinstance(digests, list) and len(digests) == 1 and isinstance(digests[0], bytes))
    need(len(digests[0]) <= (32 * len(children) if v[1] == 0 else 0), "TOO_LARGE")
    need(len(digests[0]) == (32 * len(children) if v[1] == 0 else 0))
    for i, child in enumerate(children if v[1] == 0 else []):
        need(number(child["content_bytes"]) <= 4194304)
        child["sha256"] = digests[0][32 * i:32 * i + 32].hex()
    return {"level": v[1], "children": children}


def write_node(level, children):
    open_part = encode([1, level, [CHILD[1](c) for c in children]])
    return open_part, encode([b"".join(bytes.fromhex(c["sha256"]) for c in children) if level == 0 else b""])


def content_root(g):
    data, data_key, generation = content(g["content"]), bytes.fromhex(g["data_key"]), g["generation"]
    result = {"size": len(data), "sha256": sha(data).hex()}
    if len(data) <= 4096:
        return dict(result, root_kind=1, root_key=sha(head_of(seal_object(data_key, generation, 3, b"", data))).hex(),
                    chunks=0, nodes=[])

    def child(kind, open_part, plain, size):
        # Chunks of roots are even octets: also where a try is worth it, no compressor saves a sixteenth.
        b = seal_object(data_key, generation, kind, open_part, plain)
        return {"key": sha(head_of(b)).hex(), "object_bytes": len(b), "content_bytes": size, "sha256": sha(plain).hex()}
    level, at, row, nodes = 0, 0, [], []
    for size in cuts(bytes.fromhex(g["cut_key"]), g["min"], g["avg"], g["max"], data):
        row.append(child(1, b"", data[at:at + size], size))
        at += size
    chunks = len(row)
    while len(row) > 1:
        above = []
        for i in range(0, len(row), 1024):
            below = row[i:i + 1024]
            above.append(child(2, *write_node(level, below), sum(c["content_bytes"] for c in below)))
            nodes.append({"level": level, "children": len(below), "key": above[-1]["key"]})
        level, row = level + 1, above
    return dict(result, root_kind=2 if level == 0 else 3, root_key=row[0]["key"], chunks=chunks, nodes=nodes)


# -- placement.md --------------------------------------------------------------------------------------------------
def mix64(v):
    v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9 & M64
    v = (v ^ v >> 27) * 0x94d049bb133111eb & M64
    return v ^ v >> 31


def mix(mesh, slot, node):
    m = n = 0
    for word in struct.unpack(">4Q", mesh): m = mix64(m ^ word)
    for word in struct.unpack(">4Q", node): n ^= word
    return mix64(mix64(m + slot * 0x9e3779b97f4a7c15 & M64) ^ n)


def walk(g):
    ranked, mesh = [], bytes.fromhex(g["mesh"])
    for i, m in enumerate(g["members"]):
        if number(m["capacity"]) == 0 or not m["roles"] & 1: continue
        node = bytes.fromhex(m["node"])
        u = mix(mesh, g["slot"], node)
        ranked.append(((1 << 96) + u * m["inverse_weight"] if m["inverse_weight"] else u, node, i, m["zone"]))
    ranked.sort()
    zones = {r[3] for r in ranked}
    if not zones: return []
    quota, used, first, rest = -(-g["copies"] // min(g["copies"], len(zones))), {}, [], []
    for r in ranked:
        fits = used.get(r[3], 0) < quota
        used[r[3]] = used.get(r[3], 0) + fits
        (first if fits else rest).append(r[2])
    return (first + rest)[:g["count"]]


# -- keys.md -------------------------------------------------------------------------------------------------------
DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def z85(b):
    words = struct.unpack(f">{len(b) // 4}I", b)
    return "".join(Z85[w // 85 ** (4 - i) % 85] for w in words for i in range(5))


def z85_ok(text):
    need(len(text) == 40 and set(text) <= set(Z85))


def recovery(bits):
    first = int.from_bytes(bits, "big") << 4
    check = int.from_bytes(sha(b"fsp recovery", bits)[:3], "big") >> 4
    all_bits = first << 20 | check
    text = "".join(DIGITS[all_bits >> 5 * (55 - i) & 31] for i in range(56))
    return "-".join(text[i:i + 4] for i in range(0, 56, 4))


def read_recovery(text):
    digits = [c for c in text.upper() if c not in "- \t\r\n"]
    values = [DIGITS.find({"I": "1", "L": "1", "O": "0"}.get(c, c)) for c in digits]
    need(len(values) == 56 and min(values) >= 0)
    n = 0
    for value in values: n = n << 5 | value
    need(n >> 20 & 15 == 0)
    bits = (n >> 24).to_bytes(32, "big")
    need(int.from_bytes(sha(b"fsp recovery", bits)[:3], "big") >> 4 == n & 0xfffff)
    return bits


x25519, x25519_base = nacl.bindings.crypto_scalarmult, nacl.bindings.crypto_scalarmult_base


def box(receiver_secret, ephemeral, message):
    public, receiver = x25519_base(ephemeral), x25519_base(receiver_secret)
    key = hkdf(x25519(ephemeral, receiver), public + receiver, b"fsp box")
    return public + seal(key, bytes(12), b"", message)


def open_box(secret, sealed):
    need(len(sealed) >= 48, "DAMAGED")
    key = hkdf(x25519(secret, sealed[:32]), sealed[:32] + x25519_base(secret), b"fsp box")
    return unseal(key, bytes(12), b"", sealed[32:])


def wrap(kek, salt, context, plain):
    return salt + seal(hkdf(kek, salt, context), bytes(12), b"", plain)


CLASS = ROW(("object_kind", U(5, 1)), ("count", U()), ("nodes", LIST(B(32), 0, 16)), ("zones", U(M32)))
RECEIPT = ROW(("format", U(1, 1)), ("version", B(32)), ("content_root", B(32)), ("sha256", B(32)), ("w", U(M32)),
              ("r", U(M32)), ("classes", LIST(CLASS, 0, 4)), ("change", U()), ("issued", U()), ("node", B(32)),
              ("node_key", B(32)))


def read_receipt(b):
    outer = decode(b)
    need(len(b) <= 4096 and isinstance(outer, list) and len(outer) == 2 and isinstance(outer[0], bytes) and
         isinstance(outer[1], bytes) and len(outer[1]) == 64)
    meaning = RECEIPT[0](decode(outer[0]))
    key = bytes.fromhex(meaning["node_key"])
    try:
        nacl.signing.VerifyKey(key).verify(b"fsp receipt v1" + outer[0], outer[1])
    except Exception:
        raise Refused("DAMAGED")
    need(sha(key).hex() == meaning["node"], "DAMAGED")
    del meaning["format"]
    return meaning


def write_receipt(j):
    body = encode(RECEIPT[1](dict(j, format=1)))
    signed = nacl.signing.SigningKey(b"\x42" * 32).sign(b"fsp receipt v1" + body)
    return encode([body, signed.signature])


PROFILE = ["format", "name", "mesh_id", "endpoints", "server_key", "public_key", "secret_key", "node_key", "space"]


def read_profile(b):
    def once(pairs):
        need(len({k for k, _ in pairs}) == len(pairs))
        return dict(pairs)
    need(len(b) <= 65536)
    j = json.loads(b, object_pairs_hook=once)
    need(isinstance(j, dict) and isinstance(j.get("format"), int) and j["format"] >= 1)
    need(j["format"] == 1, "FORMAT_NEWER")
    need(sorted(j) == sorted(PROFILE) and len(j["mesh_id"]) == 64 and len(j["node_key"]) == 64)
    bytes.fromhex(j["mesh_id"]), bytes.fromhex(j["node_key"])
    for key in ("server_key", "public_key", "secret_key"): z85_ok(j[key])
    need(name_ok(j["name"]) and len(j["name"].encode()) <= 63 and 1 <= len(j["endpoints"]) <= 16)
    for endpoint in j["endpoints"]:
        transport, separator, address = endpoint.partition("://")
        need(transport and separator and address and len(endpoint) <= 255 and all("!" <= c <= "~" for c in endpoint))
    check_space_name(j["space"])
    del j["format"]
    return j


def write_profile(j):
    return json.dumps(dict(format=1, **j), separators=(",", ":")).encode() + b"\n"


# -- client.md, peer.md --------------------------------------------------------------------------------------------
def read_envelope(b):
    need(len(b) == 20 and b[:3] == b"FSP")
    need(b[3] == 1, "UNSUPPORTED")
    need(b[5] == 0)
    kind, request_id, body_bytes = struct.unpack(">HQI", b[6:20])
    need(body_bytes <= 2097152, "TOO_LARGE")
    return {"service": b[4], "type": kind, "request_id": as_json(request_id), "body_bytes": body_bytes}


def write_envelope(j):
    return b"FSP" + bytes([1, j["service"], 0]) + struct.pack(">HQI", j["type"], number(j["request_id"]),
                                                              j["body_bytes"])


def read_have(v):
    need(isinstance(v, list) and len(v) == 5)
    space, epoch, layout = B(16)[0](v[0]), U()[0](v[1]), U()[0](v[2])
    keys, lengths = bytes.fromhex(B(high=32768)[0](v[3])), bytes.fromhex(B(high=8192)[0](v[4]))
    need(len(keys) % 32 == 0 and len(lengths) % 8 == 0 and len(keys) // 32 == len(lengths) // 8)
    return {"space": space, "epoch": epoch, "layout": layout,
            "objects": [{"key": keys[32 * i:32 * i + 32].hex(),
                         "bytes": int.from_bytes(lengths[8 * i:8 * i + 8], "big")} for i in range(len(keys) // 32)]}


PEER = {
    "peer-object-put": ROW(("space", B(16)), ("epoch", U()), ("layout", U()), ("key", B(32))),
    "peer-object-have": (read_have, lambda j: [bytes.fromhex(j["space"]), j["epoch"], j["layout"],
                                               b"".join(bytes.fromhex(o["key"]) for o in j["objects"]),
                                               b"".join(u64(o["bytes"]) for o in j["objects"])]),
    "peer-object-have-answer": (lambda v: {"yes": B(high=1024)[0](v)}, lambda j: bytes.fromhex(j["yes"])),
    "peer-object-get": ROW(("space", B(16)), ("key", B(32)), ("from", U(4325376)), ("to", U(4325376)),
                           check=lambda r: need(r["to"] == 0 or r["to"] >= r["from"], "BAD_RANGE")),
    "peer-object-got": ROW(("head", B(136)), ("sealed_from", U(4325376)), ("sealed_bytes", U(4325376)),
                           ("open_bytes", U(131072)), check=lambda r: need(r["sealed_from"] <= r["sealed_bytes"])),
}
BIN_KEYS = {"file", "op", "bases", "sha256", "version", "root", "heads", "node", "mesh", "parents", "author", "carrier",
            "previous", "hash", "id", "owner", "trash", "session", "receipt"}


def table_of_client():
    """The field tables of client.md: what each key's type is, in requests and in answers."""
    tables, current = {}, None
    for line in (VECTORS.parent.parent / "docs/protocol/client.md").read_text().splitlines():
        if line.startswith("<!-- fields: "): current = tables.setdefault(line.split()[2], {})
        elif line.startswith("| `") and current is not None:
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            current[cells[0].split("`")[1]] = (cells[0].endswith("!"), cells[1], cells[2], cells[3].split())
        elif not line.startswith("|") and line.strip(): current = None
    return tables


CLIENT = table_of_client()


def plain_map(value, table, names):
    """msgpack to JSON by the table of client.md; refuses another type."""
    result = {}
    for key, v in value:
        need(isinstance(key, str))
        if key not in CLIENT[table]: continue
        strict, kind, bound, carried = CLIENT[table][key]
        if names and not names & set(carried):
            need(not strict)
            continue
        need(key not in result)
        result[key] = field(key, v, kind, bound, table)
    return result


def field(key, v, kind, bound, table):
    if kind == "uint":
        need(isinstance(v, int) and not isinstance(v, bool) and v >= 0)
        high = bound.replace("^", "**")
        need(v <= eval(high, {"__builtins__": {}}))
        return as_json(v)
    if kind == "bool": return BOOL[0](v)
    if kind.startswith("text"):
        need(isinstance(v, str))
        if "path" in kind: check_path(v)
        if "space" in kind: check_space_name(v)
        return v
    if kind == "bin":
        size = int(bound.split()[0])
        need(isinstance(v, bytes) and (len(v) == size if "exactly" in bound else len(v) <= size))
        return v.hex()
    if kind == "array of bin 32": return [B(32)[0](x) for x in v]
    if kind.startswith("array of uint"): return [U()[0](x) for x in v]
    if kind.startswith("array of text"): return [T(64)[0](x) for x in v]
    if kind.startswith("array ["): return [as_json(x) for x in v]
    if kind == "map": return plain_map(v, key, None)
    return [x for x in v]


def client_body(b, table, names, items):
    if not b: return {}
    try:
        value = msgpack.unpackb(b, raw=False, strict_map_key=False, object_pairs_hook=lambda pairs: Pairs(pairs),
                                max_map_len=65536, max_array_len=65536)
    except Exception:
        raise Refused("ANY")
    need(isinstance(value, Pairs))
    need(depth_of(value) <= 8, "TOO_LARGE")
    meaning = plain_map(value, table, names)
    if "items" in meaning: meaning["items"] = [plain_map(x, items, None) for x in meaning["items"]]
    return meaning


class Pairs(list):
    pass


def depth_of(v):
    if isinstance(v, Pairs): return 1 + max([depth_of(x) for pair in v for x in pair], default=0)
    return 1 + max([depth_of(x) for x in v], default=0) if isinstance(v, list) else 0


def to_msgpack(j, table, items):
    packed = {}
    for key, v in j.items():
        kind = CLIENT[table][key][1]
        if kind == "uint": packed[key] = number(v)
        elif kind == "bin": packed[key] = bytes.fromhex(v)
        elif kind == "array of bin 32": packed[key] = [bytes.fromhex(x) for x in v]
        elif kind == "map": packed[key] = to_msgpack(v, key, None)
        elif kind.startswith("array of maps"): packed[key] = [to_msgpack(x, items, None) for x in v]
        elif kind.startswith("array ["): packed[key] = [number(x) for x in v]
        else: packed[key] = v
    return packed


TYPES = {1: "HELLO", 2: "WELCOME", 3: "PING", 4: "PONG", 5: "OK", 6: "ERROR", 10: "PUT", 11: "DATA", 12: "COMMIT",
         13: "ABORT", 14: "CREDIT", 15: "RESUME", 20: "GET", 30: "STAT", 31: "LIST", 32: "VERSIONS", 33: "CHANGES",
         34: "SPACES", 40: "MKDIR", 41: "DELETE", 42: "MOVE", 43: "COPY", 44: "RESTORE", 50: "NODE",
         # minor version 2
         16: "NEWS", 35: "WATCH", 45: "LOCK", 46: "RENEW", 47: "UNLOCK", 48: "UNDELETE", 49: "PRUNE", 51: "PURGE",
         52: "BATCH", 53: "SPACE_CREATE", 54: "SPACE_REMOVE",
         # minor version 3
         17: "OFFER", 18: "WANT", 55: "ATTR", 56: "SPACE_SET", 57: "COLLECT", 58: "KEY_ADD", 59: "KEY_LIST",
         60: "KEY_REMOVE"}
NAMELESS = {"MKDIR", "PURGE", "BATCH", "SPACE_CREATE", "SPACE_REMOVE", "SPACE_SET"}  # no target, or only sometimes, or only a path
CHANGING = {"PUT", "MKDIR", "DELETE", "MOVE", "COPY", "RESTORE", "LOCK", "RENEW", "UNLOCK", "UNDELETE", "PRUNE",
            "ATTR"} | NAMELESS
ACTING = CHANGING - NAMELESS | {"GET", "STAT", "LIST", "VERSIONS"}


def read_client(b, table, items=None):
    meaning = read_envelope(b[:20])
    body = b[20:]
    need(len(body) == meaning["body_bytes"])
    need(meaning["type"] in TYPES, "UNSUPPORTED")
    name = TYPES[meaning["type"]]
    if table == "request":
        need(name not in ("WELCOME", "PONG", "OK", "ERROR", "DATA", "NEWS", "WANT"), "PROTOCOL")
        fields = client_body(body, table, {name}, None)
        need(name not in ACTING or ("path" in fields) != ("file" in fields))
        need(name not in CHANGING or "op" in fields and fields.get("attempt"))
        need(name not in ("CREDIT", "WATCH") or fields.get("credit"))
        need(name not in ("MOVE", "COPY") or "to" in fields)
        need(name not in ("RESTORE", "PRUNE") or "version" in fields)
        need(name not in ("LOCK", "RENEW") or fields.get("duration"))
        need(name != "RENEW" or fields.get("token"))
        need(name != "UNLOCK" or bool(fields.get("token")) != fields.get("force", False))
        need(len({"at", "at_time", "version"} & set(fields)) < 2)
        need(name != "PURGE" or len({"path", "file", "before"} & set(fields)) < 2)
        need(name not in ("SPACE_CREATE", "SPACE_REMOVE", "SPACE_SET") or "space" in fields)
        need(name != "HELLO" or fields.get("versions"))
        need(not fields.get("end") or not {"upload", "offer", "known"} & set(fields))
        need(name != "OFFER" or fields.get("chunks") and len(fields["chunks"]) % 72 == 0)
        need(name != "ATTR" or "attr" in fields and fields.get("if", 0) in (0, 1, 3))
        need(len(fields.get("chunking", [])) in (0, 3) and len(fields.get("keep", [])) in (0, 6))
        need(name != "SPACE_SET" or fields.get("set") and (fields["set"] & 1 or not fields.get("quota"))
             and (fields["set"] & 2 or not fields.get("keep")))
        need(name not in ("KEY_ADD", "KEY_REMOVE") or "key" in fields)
        need(name != "KEY_ADD" or fields.get("name"))
    else:
        fields = client_body(body, table, None, items)
        need(len(fields.get("chunking", [])) in (0, 3))
    return dict(meaning, message=name, body=fields)


def write_client(j, table, items=None):
    packed = msgpack.packb(to_msgpack(j["body"], table, items), use_bin_type=True) if j["body_bytes"] else b""
    return write_envelope(j) + packed


def read_data(b):
    need(len(b) == 28)
    return dict(read_envelope(b[:20]), message="DATA", offset=int.from_bytes(b[20:], "big"))


# -- kinds ---------------------------------------------------------------------------------------------------------
def canonical(kind):
    return (lambda b: kind[0](decode(b))), (lambda j: encode(kind[1](j)))


def canon_to_json(v):
    if v is None: return {"nil": None}
    if isinstance(v, bool): return {"bool": v}
    if isinstance(v, int): return {"uint": as_json(v)}
    if isinstance(v, bytes): return {"bin": v.hex()}
    if isinstance(v, str): return {"text": v}
    return {"array": [canon_to_json(x) for x in v]}


def canon_from_json(j):
    (kind, v), = j.items()
    return {"nil": lambda: None, "bool": lambda: v, "uint": lambda: number(v), "text": lambda: v,
            "bin": lambda: bytes.fromhex(v), "array": lambda: [canon_from_json(x) for x in v]}[kind]()


CODECS = {
    "canon": canonical((canon_to_json, canon_from_json)), "command": canonical(COMMAND), "result": canonical(RESULT),
    "query": canonical(QUERY), "carrier": canonical(CARRIER), "details": canonical(DETAILS),
    "version-record": canonical(WITH(RECORD, "id", lambda b: sha(b).hex())), "change-row": canonical(CHANGE_ROW),
    "attr": canonical(((lambda v: (lambda r: dict(r, mtime_s=str(number(r["mtime_biased"]) - (1 << 62))))(ATTR[0](v))),
                       ATTR[1])),
    "log-hard": ((lambda b: damaged(read_hard, decode(b))), lambda j: encode([1] + HARD[1](j))),
    "log-entry": ((lambda b: damaged(read_entry, decode(b))), lambda j: encode(write_entry(j))),
    "log-base": ((lambda b: damaged(read_base, decode(b))), lambda j: encode([1, j["generation"], nested(CONF)[1](j)])),
    "object-row": ((lambda b: damaged(read_object_row, decode(b))), lambda j: encode(write_object_row(j))),
    "watermark-row": canonical(WATERMARK_ROW), "object-header": (read_header, write_header),
    "envelope": (read_envelope, write_envelope), "client-data": (read_data, lambda j: write_envelope(j) + u64(j["offset"])),
    "client-request": ((lambda b: read_client(b, "request")), lambda j: write_client(j, "request")),
    "client-reply": ((lambda b: read_client(b, "reply")), lambda j: write_client(j, "reply")),
    "profile": (read_profile, write_profile), "receipt": (read_receipt, write_receipt),
    "peer-error": ((lambda b: (lambda v: (need(isinstance(v, list) and len(v) == 2 and v[0] == 1 and v[1] in STATUSES and
                                               v[1] > 0), {"status": v[1]})[1])(decode(b))),
                   lambda j: encode([1, j["status"]])),
}
CODECS.update({kind: canonical(row) for kind, row in {**ROWS, **PEER, **RAFT_KINDS}.items()})
CODECS.update({f"answer-{item}": canonical(ANSWER(item)) for item in ITEMS})
for _item in ("entry", "version", "change", "space", "key"):
    CODECS[f"client-reply-{_item}"] = ((lambda b, i=_item: read_client(b, "reply", i)),
                                       (lambda j, i=_item: write_client(j, "reply", i)))
unhex = bytes.fromhex


def row_key(g):
    key = u32(g["shard"]) + u32(g["generation"]) + bytes([g["table"]]) + unhex(g["space"])
    key += u64(g["number_first"]) if "number_first" in g else b""
    key += unhex(g.get("ids", "")) + g.get("name", "").encode()
    return {"hex": (key + (u64(g["number_last"]) if "number_last" in g else b"")).hex()}


def log_key(g):
    prefix = u32(g["shard"]) + u32(g["generation"]) + u64(number(g["replica"])) + unhex(g["store"])
    return {"hard_state": (prefix + b"\1").hex(), "entry": (prefix + b"\2" + u64(g["index"])).hex()}


def log_base_key(g):
    return {"base": (u32(g["shard"]) + u32(g["generation"]) + u64(number(g["replica"])) + unhex(g["store"]) + b"\3").hex()}


def object_row_key(g):
    slot = int.from_bytes(unhex(g["key"])[:4], "big") >> 32 - g["slot_bits"]
    prefix = u32(slot) + unhex(g["space"]) + unhex(g["key"])
    return {"row": (prefix + b"\0").hex(), "bytes": (prefix + b"\1").hex()}


def slot_of(form, counter, sequence, clean, marks):
    front = b"FSPWMARK" + struct.pack(">IIQQII", form, clean, counter, sequence, len(marks), 0)
    front += b"".join(struct.pack(">IQQ", m["shard"], number(m["replica"]), number(m["index"])) for m in marks)
    whole = front.ljust(4088, b"\0")
    return {"front": front.hex(), "zeros": 4088 - len(front), "checksum": xxhash.xxh3_64_digest(whole).hex()}


def watermark_file(g):
    form = g.get("format", 1)
    return {"slots": [slot_of(form, 2, 0, 0, []), slot_of(form, 3, g["sequence"], g["clean"], g["marks"])]}


# store.md, 5: records of segments and the rows that speak of them.
OBJECT_MAX = (4 << 20) + (128 << 10)
PLACE = (("segment", U(low=1)), ("offset", U(1 << 62)), ("bytes", U(OBJECT_MAX)), ("hash", U()))
PLACE_ROW, LIVE_ROW = ROW(*PLACE), ROW(("used", U((1 << 63) - 1)), ("live", U((1 << 63) - 1)))
NEXT_ROW, MIGRATED_ROW = ROW(("next", U(low=1))), ROW(("key", B(high=512)))


def xxh3(*parts):
    return xxhash.xxh3_64_digest(b"".join(parts))


def in_pages(*numbers, unit=4096):
    need(all(number(n) % unit == 0 for n in numbers))


def packed(form, meaning):
    """Format 3 is said; 1, whose records begin and end with pages, is not."""
    return dict(format=3, **meaning) if form == 3 else meaning


UNIT = {1: 4096, 3: 256}  # by the format of a record or row; there is no 2


def read_segment_record(b):
    if b[:8] != b"FSPBYTES": raise Refused("NOT_FOUND")
    need(len(b) >= 56, "DAMAGED")
    form, key_bytes = struct.unpack(">II", b[8:16])
    need(form < 2 or form == 3, "FORMAT_NEWER")
    size, _, segment, offset = struct.unpack(">QQQQ", b[16:48])
    key = b[56:56 + key_bytes]
    need(form in UNIT and 1 <= key_bytes <= 512 and len(key) == key_bytes and b[48:56] == xxh3(b[:48], key), "DAMAGED")
    place = PLACE_ROW[0]([segment, offset, size, int.from_bytes(b[24:32], "big")])
    in_pages(place["offset"], unit=UNIT[form])
    return packed(form, dict(place, key=key.hex()))


def write_segment_record(j):
    key = unhex(j["key"])
    front = b"FSPBYTES" + struct.pack(">IIQQQQ", j.get("format", 1), len(key), j["bytes"], number(j["hash"]), number(j["segment"]),
                                      number(j["offset"]))
    return front + xxh3(front, key) + key


def store_row(row, size, look=lambda values: None):
    """A row of one form, behind its number."""
    def read(v):
        versioned(v, 1 + size)
        values = row[0](v[1:])
        look(values)
        return values
    return (lambda b: damaged(read, decode(b))), lambda j: encode([1] + row[1](j))


def packed_row(row, size, look):
    """One whose number is 1 or 3, which says what it counts in."""
    def read(v):
        need(isinstance(v, list) and v and isinstance(v[0], int))
        if v[0] > 1 and v[0] != 3: raise Refused("FORMAT_NEWER")
        need(v[0] in UNIT and len(v) == 1 + size)
        values = row[0](v[1:])
        look(values, UNIT[v[0]])
        return packed(v[0], values)
    return (lambda b: damaged(read, decode(b))), lambda j: encode([j.get("format", 1)] + row[1](j))


def look_at_live(values, unit):
    in_pages(values["used"])
    in_pages(values["live"], unit=unit)
    need(number(values["live"]) <= number(values["used"]))


CODECS.update({"segment-record": (read_segment_record, write_segment_record),
               "index-row": packed_row(PLACE_ROW, 4, lambda values, unit: in_pages(values["offset"], unit=unit)),
               "segment-row": packed_row(LIVE_ROW, 2, look_at_live),
               "segments-row": store_row(NEXT_ROW, 1), "migrated-row": store_row(MIGRATED_ROW, 1)})


def segment_file(g):
    file, offsets, form = b"", [], 3 if "groups" in g else 1
    ends = [sum(g.get("groups", [])[:i + 1]) for i in range(len(g.get("groups", [])))]
    for at, item in enumerate(g["objects"], 1):
        octets = content(item["content"])
        offsets.append(len(file))
        record = write_segment_record({"format": form, "segment": g["segment"], "offset": len(file), "bytes": len(octets),
                                       "hash": int.from_bytes(xxh3(octets), "big"), "key": item["key"]}) + octets
        file += record.ljust(-(-len(record) // UNIT[form]) * UNIT[form], b"\0")
        if at in ends: file = file.ljust(-(-len(file) // 4096) * 4096, b"\0")
    name = "%016x" % g["segment"]
    return {"name": name, "row_key": f"segment/{name}".encode().hex(), "offsets": offsets, "bytes": len(file),
            "sha256": sha(file).hex()}


def identity(g):
    keys, genesis = decode(unhex(g["node_keys"])), decode(unhex(g["genesis"]))
    need(keys[0] == 1 and genesis[0] == 1, "FORMAT_NEWER")
    need(len(keys) == 5 and len(genesis) == 6 and 16 <= genesis[2] <= 20, "DAMAGED")
    public = nacl.signing.SigningKey(keys[2]).verify_key.encode()
    need(public == genesis[3], "DAMAGED")
    need(encode(keys) == unhex(g["node_keys"]) and encode(genesis) == unhex(g["genesis"]))
    return {"mesh": sha(unhex(g["genesis"])).hex(), "node": sha(public).hex(), "store": keys[1].hex(),
            "mesh_key": open_box(keys[4], unhex(g["kek_gateway"])).hex(), "sign_public_key": public.hex(),
            "curve_public_key": x25519_base(keys[3]).hex(), "sealing_public_key": x25519_base(keys[4]).hex(),
            "admin_public_key": genesis[4].hex(), "slot_bits": genesis[2]}


def client_keys(g):
    """keys.md, 9.1; REFUSED with what a node says of the file."""
    file, mesh, admin = unhex(g["file"]), unhex(g["mesh"]), unhex(g["admin_key"])
    try:
        whole = decode(file)
        need(isinstance(whole, list) and whole and isinstance(whole[0], int))
        if whole[0] > 1: raise Refused("FORMAT_NEWER")
        need(len(file) <= 32768 and whole[0] == 1 and len(whole) == 3)
        need(whole[2] == sha(b"fsp client keys v1", mesh, whole[1]))
        item = ROW(("key", NOT_ZERO(32)), ("name", T(63)), ("added", U(low=1)))
        keys = LIST(item, 0, 256)[0](decode(whole[1]))
        names = [k["name"] for k in keys]
        need(len({admin.hex(), *(k["key"] for k in keys)}) == 1 + len(keys) == len({"admin", *names}))
        need(all(n and "/" not in n and n not in (".", "..") and all(ord(c) >= 32 and ord(c) != 127 for c in n) for n in names))
        items = encode([item[1](k) for k in keys])
        need(encode([1, items, sha(b"fsp client keys v1", mesh, items)]) == file)
    except Refused as refused:
        return {"refused": "FORMAT_NEWER" if str(refused) == "FORMAT_NEWER" else "DAMAGED"}
    return {"keys": keys}


def compute_object(g):
    data_key, plain = unhex(g["data_key"]), content(g["plain"])
    need(g["object_kind"] != 1 or not worth_a_try(plain))
    return describe(seal_object(data_key, g["generation"], g["object_kind"], content(g["open"]), plain), data_key, plain)


def object_range(g):
    n, low, high = g["plain_bytes"], g["from"], g["to"]
    end = min(-(-high // 65536) * 65552, n + 16 * blocks(n))
    return {"sealed_from": end if low == high else low // 65536 * 65552, "sealed_to": end}


def tree_node(g):
    node = read_node(unhex(g["open"]), unhex(g["plain"]))
    need(write_node(node["level"], node["children"]) == (unhex(g["open"]), unhex(g["plain"])))
    return node


def subject(g):
    secret = unhex(g["secret_key"])
    public = x25519_base(secret)
    return {"public_key": public.hex(), "public_key_z85": z85(public), "secret_key_z85": z85(secret),
            "subject": sha(b"fsp subject", public)[:16].hex()}


def node_id(g):
    public = nacl.signing.SigningKey(unhex(g["seed"])).verify_key.encode()
    return {"public_key": public.hex(), "node": sha(public).hex()}


def gear_of(g):
    table = hkdf(unhex(g["cut_key"]), b"", b"fsp gear v1", 2048)
    return {"entry_0": table[:8].hex(), "entry_1": table[8:16].hex(), "entry_255": table[-8:].hex(),
            "table_sha256": sha(table).hex()}


COMPUTED = {
    "row-key": row_key, "log-key": log_key, "log-base-key": log_base_key, "object-row-key": object_row_key, "watermark-file": watermark_file,
    "identity": identity, "client-keys": client_keys, "segment-file": segment_file,
    "new-store": lambda g: {"format": encode([g.get("format", 1)]).hex()}
    | ({"sequence": encode(1).hex()} if g.get("format", 1) < 3 else {}),
    "object": compute_object, "object-open": lambda g: describe(content(g["object"]), unhex(g["data_key"])),
    "object-range": object_range, "codec-try": lambda g: {"try": worth_a_try(content(g["plain"]))}, "gear": gear_of,
    "cuts": lambda g: {"lengths": cuts(unhex(g["cut_key"]), g["min"], g["avg"], g["max"], content(g["content"]))},
    "tree-node": tree_node, "content-root": content_root,
    "slot": lambda g: {"slot": int.from_bytes(unhex(g["key"])[:4], "big") >> 32 - g["slot_bits"]},
    "mix": lambda g: {"u": as_json(mix(unhex(g["mesh"]), g["slot"], unhex(g["node"])))},
    "walk": lambda g: {"positions": walk(g)}, "node-id": node_id, "subject": subject,
    "space-key": lambda g: {"naming_key": hkdf(unhex(g["data_key"]), b"", b"fsp naming v1").hex(),
                            "sealing_key": hkdf(unhex(g["data_key"]), unhex(g["salt"]), b"fsp object v1").hex()},
    "derived-id": lambda g: {"file": g["seed"] if g["k"] == 0 else
                             sha(b"fsp id", unhex(g["seed"]), u32(g["k"]))[:16].hex()},
    "recovery": lambda g: {"code": recovery(unhex(g["bits"])), "kek": hkdf(unhex(g["bits"]), b"", b"fsp recovery kek").hex()},
    "recovery-read": lambda g: {"bits": read_recovery(g["code"]).hex()},
    "box": lambda g: {"hex": box(unhex(g["receiver_secret_key"]), unhex(g["ephemeral_secret_key"]),
                                 unhex(g["message"])).hex()},
    "wrap": lambda g: {"hex": wrap(unhex(g["kek"]), unhex(g["salt"]), g["context"].encode(), unhex(g["plain"])).hex()},
}


def check(entry):
    """None, or what is wrong."""
    kind = entry["kind"]
    if kind in COMPUTED:
        try:
            result = COMPUTED[kind](entry["given"])
        except Refused as refused:
            result = {"refused": str(refused)}
        wanted = entry["result"]
        if result.get("plain_sha256", 1) is None: wanted = dict(wanted, plain_sha256=None)  # no zstd here
        return None if result == wanted else f"gives {json.dumps(result)}"
    if kind not in CODECS: return f"kind {kind} is not known"
    octets, (read, write) = unhex(entry["hex"]), CODECS[kind]
    try:
        meaning = read(octets)
    except Refused as refused:
        wanted = entry.get("refused")
        return None if wanted == str(refused) or wanted and str(refused) == "ANY" else f"is refused: {refused}"
    except Exception as error:
        return None if "refused" in entry else f"{type(error).__name__}: {error}"
    if "refused" in entry: return "is not refused"
    wanted = dict(entry["meaning"])
    if kind == "peer-error": wanted.pop("status_name")
    if meaning != wanted: return f"means {json.dumps(meaning)}"
    again = write(entry["meaning"])
    return None if again == octets else f"is written {again.hex()}"


def main():
    seen = 0
    for path in sorted(VECTORS.glob("*.json")):
        for entry in json.loads(path.read_text()):
            seen += 1
            wrong = check(entry)
            if wrong is None: print(f"ok {path.stem}: {entry['name']}")
            else: print(f"not ok {path.stem}: {entry['name']}\n  {wrong[:2000]}: {SENTENCE}")
    if not seen: print("not ok there are no vectors")


if __name__ == "__main__":
    main()
