# SPDX-License-Identifier: MIT
"""vector_types - canonical msgpack and the types of golden vectors.  Layer tests.

Written from docs/protocol/records.md, section 2, and tests/vectors/README.md alone.
"""
import hashlib, struct

M32, M53, M63, M64 = (1 << 32) - 1, (1 << 53) - 1, (1 << 63) - 1, (1 << 64) - 1
sha = lambda *parts: hashlib.sha256(b"".join(parts)).digest()
u32, u64 = lambda n: struct.pack(">I", n), lambda n: struct.pack(">Q", n)


class Refused(Exception):
    pass


def need(holds, status="INVALID"):
    if not holds:
        raise Refused(status)


# -- values in JSON (tests/vectors/README.md) ----------------------------------------------------------------------
def number(value):
    return int(value) if isinstance(value, (int, str)) else value


def as_json(n):
    return n if -M53 <= n <= M53 else str(n)


# -- records.md, section 2: canonical msgpack ----------------------------------------------------------------------
def utf8(octets):
    try:
        return octets.decode("utf-8", "strict")
    except UnicodeDecodeError:
        raise Refused("INVALID")


def canon_value(b, at, depth):
    need(at < len(b))
    first = b[at]

    def big(width, least):
        need(at + 1 + width <= len(b))
        value = int.from_bytes(b[at + 1:at + 1 + width], "big")
        need(value >= least)
        return value, at + 1 + width

    def octets(size, start):
        need(size <= len(b) - start)
        return b[start:start + size], start + size
    if first < 0x80: return first, at + 1
    if first == 0xc0: return None, at + 1
    if first in (0xc2, 0xc3): return first == 0xc3, at + 1
    numbers = {0xcc: (1, 128), 0xcd: (2, 256), 0xce: (4, 65536), 0xcf: (8, 1 << 32)}
    bins = {0xc4: (1, 0), 0xc5: (2, 256), 0xc6: (4, 65536)}
    texts = {0xd9: (1, 32), 0xda: (2, 256), 0xdb: (4, 65536)}
    arrays = {0xdc: (2, 16), 0xdd: (4, 65536)}
    if first in numbers: return big(*numbers[first])
    if first in bins: return octets(*big(*bins[first]))
    if 0xa0 <= first <= 0xbf or first in texts:
        size, start = (first & 31, at + 1) if first <= 0xbf else big(*texts[first])
        raw, end = octets(size, start)
        return utf8(raw), end
    need(0x90 <= first <= 0x9f or first in arrays)
    need(depth < 8, "TOO_LARGE")
    count, at = (first & 15, at + 1) if first <= 0x9f else big(*arrays[first])
    need(count <= len(b) - at)
    values = []
    for _ in range(count):
        value, at = canon_value(b, at, depth + 1)
        values.append(value)
    return values, at


def decode(b):
    value, end = canon_value(b, 0, 0)
    need(end == len(b))
    return value


def encode(v):
    def head(n, small, *forms):
        if small and n < small[1]: return bytes([small[0] | n])
        for first, width in forms:
            if n < 1 << 8 * width: return bytes([first]) + n.to_bytes(width, "big")
    if v is None: return b"\xc0"
    if isinstance(v, bool): return b"\xc3" if v else b"\xc2"
    if isinstance(v, int): return head(v, (0, 128), (0xcc, 1), (0xcd, 2), (0xce, 4), (0xcf, 8))
    if isinstance(v, bytes): return head(len(v), None, (0xc4, 1), (0xc5, 2), (0xc6, 4)) + v
    if isinstance(v, str):
        raw = v.encode()
        return head(len(raw), (0xa0, 32), (0xd9, 1), (0xda, 2), (0xdb, 4)) + raw
    return head(len(v), (0x90, 16), (0xdc, 2), (0xdd, 4)) + b"".join(encode(x) for x in v)


# A type is (from a value to JSON, checking; from JSON to a value).
def U(high=M64, low=0, status="INVALID"):
    def read(v):
        need(isinstance(v, int) and not isinstance(v, bool))
        need(low <= v <= high, status)
        return as_json(v)
    return read, number


def B(size=None, high=1 << 21):
    def read(v):
        need(isinstance(v, bytes))
        need(len(v) == size if size is not None else True)
        need(len(v) <= high, "TOO_LARGE")
        return v.hex()
    return read, bytes.fromhex


def ID(size):
    read, write = B(size)

    def read_id(v):
        need(v is None or v != bytes(size))
        return None if v is None else read(v)
    return read_id, lambda j: None if j is None else write(j)


def NOT_ZERO(size):
    read, write = B(size)

    def read_id(v):
        text = read(v)
        need(any(v))
        return text
    return read_id, write


def T(high, check=None):
    def read(v):
        need(isinstance(v, str))
        need(len(v.encode()) <= high, "TOO_LARGE")
        if check: check(v)
        return v
    return read, lambda j: j


BOOL = (lambda v: (need(isinstance(v, bool)), v)[1], lambda j: j)


def LIST(kind, low=0, high=M32):
    def read(v):
        need(isinstance(v, list) and len(v) >= low)
        need(len(v) <= high, "TOO_LARGE")
        return [kind[0](x) for x in v]
    return read, lambda j: [kind[1](x) for x in j]


def ROW(*fields, check=None):
    """An array of named values."""
    def read(v):
        need(isinstance(v, list) and len(v) == len(fields))
        row = {name: kind[0](x) for (name, kind), x in zip(fields, v)}
        if check: check(row)
        return row
    return read, lambda j: [kind[1](j[name]) for name, kind in fields]


def PAIRS(first, second):
    """A flat array of pairs."""
    def read(v):
        need(isinstance(v, list) and len(v) % 2 == 0)
        return [{first[0]: first[1][0](v[i]), second[0]: second[1][0](v[i + 1])} for i in range(0, len(v), 2)]
    return read, lambda j: [x for item in j for x in (first[1][1](item[first[0]]), second[1][1](item[second[0]]))]


def OPT(kind):
    """Nil, or a value."""
    return (lambda v: None if v is None else kind[0](v)), (lambda j: None if j is None else kind[1](j))


def LENGTHS(fields, says, check=None):
    """An array that grew: {length: whether its last fields say something}; the shortest form is the only one."""
    def read(v):
        need(isinstance(v, list) and len(v) in says)
        row = {name: kind[0](x) for (name, kind), x in zip(fields, v)}
        need(says[len(v)](row))
        if check: check(row)
        return row

    def write(j):
        length = max(n for n in says if all(name in j for name, _ in fields[:n]))
        return [kind[1](j[name]) for name, kind in fields[:length]]
    return read, write


def ANY(_):
    return True
