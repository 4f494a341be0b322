#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vectors - a second implementation of object, chunker, tree and place, written from the headers.  Layer tests.

Prints the numbers that test_object.c, test_chunker.c, test_tree.c, test_details.c, test_place.c and test_keys.c
hold.  Not run by the build: the numbers are frozen, and this file shows where they come from.
Needs python3-cryptography and, for the compressed object, the zstd tool.
"""
import hashlib, hmac, struct, subprocess
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

M64 = (1 << 64) - 1
sha = lambda b: hashlib.sha256(b).digest()
def hkdf(key, salt, info, n=32): return HKDF(hashes.SHA256(), n, salt or None, info).derive(key)

# -- core/base/prng -----------------------------------------------------------------------------------------------
def mix64(v):
    v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9 & M64
    v = (v ^ v >> 27) * 0x94d049bb133111eb & M64
    return v ^ v >> 31
def prng(seed):
    s = []
    for _ in range(4):
        seed = seed + 0x9e3779b97f4a7c15 & M64
        s.append(mix64(seed))
    rot = lambda x, k: (x << k | x >> (64 - k)) & M64
    while True:
        yield rot(s[1] * 5 & M64, 7) * 9 & M64
        t = s[1] << 17 & M64
        s[2] ^= s[0]; s[3] ^= s[1]; s[1] ^= s[2]; s[0] ^= s[3]; s[2] ^= t; s[3] = rot(s[3], 45)
def fill(seed, n):
    g = prng(seed)
    return b"".join(struct.pack("<Q", next(g)) for _ in range((n + 7) // 8))[:n]

# -- core/base/canon ----------------------------------------------------------------------------------------------
def canon(v):
    if isinstance(v, int):
        if v < 0x80: return bytes([v])
        for first, bits in ((0xcc, 8), (0xcd, 16), (0xce, 32), (0xcf, 64)):
            if v < 1 << bits: return bytes([first]) + v.to_bytes(bits // 8, "big")
    if isinstance(v, bytes):
        n = len(v)
        head = b"\xc4" + bytes([n]) if n < 256 else b"\xc5" + struct.pack(">H", n) if n < 65536 else b"\xc6" + struct.pack(">I", n)
        return head + v
    if isinstance(v, str):
        b = v.encode(); n = len(b)
        return (bytes([0xa0 | n]) if n < 32 else b"\xd9" + bytes([n]) if n < 256 else b"\xda" + struct.pack(">H", n)) + b
    n = len(v)
    return (bytes([0x90 | n]) if n < 16 else b"\xdc" + struct.pack(">H", n)) + b"".join(canon(x) for x in v)

# -- core/data/object ---------------------------------------------------------------------------------------------
def seal(data_key, generation, kind, open_part, plain, frame=None):
    naming = hkdf(data_key, b"", b"fsp naming v1")
    sealed_input = plain if frame is None else frame
    h = b"FSPO" + bytes([1, kind, frame is not None, 1]) + struct.pack(">IIQQQ", generation, len(open_part), len(sealed_input), len(plain), 0)
    salt = hmac.new(naming, h + sha(open_part) + sha(sealed_input), "sha256").digest()
    gcm = AESGCM(hkdf(data_key, salt, b"fsp object v1"))
    header = h + salt
    count = max(1, -(-len(sealed_input) // 65536))
    sealed = b"".join(gcm.encrypt(i.to_bytes(12, "big"), sealed_input[i * 65536:(i + 1) * 65536],
                                  header + sha(open_part) + struct.pack(">QB", i, i == count - 1)) for i in range(count))
    return header + open_part + sealed, sha(header + sha(open_part) + sha(sealed))

def objects():
    dk = bytes(range(32))
    tree_open = canon([1, 0, [[sha(b"a"), 1000, 900], [sha(b"b"), 70000, 69000]]])
    tree_plain = canon([sha(b"A") + sha(b"B")])
    rows = [(3, b"", b""), (3, b"", b"The quick brown fox"), (1, b"", fill(1, 5000)), (1, b"", fill(2, 65536)),
            (1, b"", fill(3, 200000)), (2, tree_open, tree_plain),
            (4, b"", canon([sha(b"x"), 2, "text/plain", "first"])), (5, b"", canon([0o644, (1 << 62) + 1700000000, 5]))]
    for kind, open_part, plain in rows:
        o, key = seal(dk, 7, kind, open_part, plain)
        print(f'    {{{kind}, {len(open_part)}, {len(plain)}, {len(o)},\n     "{key.hex()}",\n     "{sha(o).hex()}"}},')
    plain = b"a" * 3000 + b"b" * 3000
    open("/tmp/fsp_vector", "wb").write(plain)
    frame = subprocess.check_output(["zstd", "-1", "--no-check", "-c", "-q", "/tmp/fsp_vector"])
    o, key = seal(dk, 7, 1, b"", plain, frame)
    print("compressed:", o.hex(), key.hex())
    print("inline, whole:", seal(dk, 7, 3, b"", b"The quick brown fox")[0].hex())

# -- core/data/chunker --------------------------------------------------------------------------------------------
def cuts(cut_key, params, data):
    low, avg, high = params
    table = struct.unpack(">256Q", hkdf(cut_key, b"", b"fsp gear v1", 2048))
    bits = avg.bit_length() - 1
    top = lambda n: ((1 << n) - 1) << (63 - n)
    lengths, start = [], 0
    while start < len(data):
        h, n, end = 0, low, min(len(data) - start, high)
        while n < end:
            h = (h << 1) + table[data[start + n]] & M64
            n += 1
            if h & (top(bits + 2) if n <= avg else top(bits - 2)) == 0: break
        lengths.append(min(n, len(data) - start)); start += lengths[-1]
    return lengths

def chunks():
    key = bytes(range(32))
    print("gear[0..1]:", [hex(x) for x in struct.unpack(">2Q", hkdf(key, b"", b"fsp gear v1", 2048)[:16])])
    print("small:", cuts(key, (64, 256, 1024), fill(11, 8192)))
    print("default:", cuts(key, (256 << 10, 1 << 20, 4 << 20), fill(12, 8 << 20)))
    print("zeros:", cuts(key, (64, 256, 1024), bytes(3000)))

# -- core/place ---------------------------------------------------------------------------------------------------
def u_of(mesh, slot, node):
    m = 0
    for w in struct.unpack(">4Q", mesh): m = mix64(m ^ w)
    s = mix64(m + slot * 0x9e3779b97f4a7c15 & M64)
    n = 0
    for w in struct.unpack(">4Q", node): n ^= w
    return mix64(s ^ n)
def walk(mesh, members, slot, copies, count):
    ranks = sorted(((u_of(mesh, slot, node) if iw == 0 else (1 << 96) + u_of(mesh, slot, node) * iw), node, i)
                   for i, (node, zone, cap, iw, roles) in enumerate(members) if cap and roles & 1)
    zones = {members[i][1] for _, _, i in ranks}
    if not zones: return []
    quota = -(-copies // min(copies, len(zones)))
    out, used = [], {}
    for _, _, i in ranks:
        if used.get(members[i][1], 0) < quota:
            used[members[i][1]] = used.get(members[i][1], 0) + 1; out.append(i)
    return (out + [i for _, _, i in ranks if i not in out])[:count]

def places():
    mesh = sha(b"mesh")
    print("mix:", [hex(u_of(mesh, s, sha(bytes([n])))) for s, n in ((0, 0), (1, 0), (65535, 9), (262143, 200))])
    # 12 members in zones 0,0,0,0,0,0,1,1,1,2,2,3; weights 1000 + 300 i; 4 has no capacity, 7 no storage, 2 owns all
    zones = [0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3]
    members = [(sha(b"node" + bytes([i])), zones[i], 0 if i == 4 else 1 << 40, 0 if i == 2 else 1000 + 300 * i, 2 if i == 7 else 1) for i in range(12)]
    for slot, r, n in ((0, 3, 3), (0, 3, 6), (1, 3, 6), (77, 1, 2), (65535, 5, 10), (4242, 16, 16)):
        print(f"    {{{slot}, {r}, {n}, {walk(mesh, members, slot, r, n)}}},")

# -- core/crypto/keys ---------------------------------------------------------------------------------------------
def keys():
    raw = lambda k: k.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    seed = bytes(range(32))
    pk = raw(Ed25519PrivateKey.from_private_bytes(seed).public_key())
    print("node id:", sha(pk).hex(), "subject:", sha(b"fsp subject" + pk)[:16].hex())
    e, r = X25519PrivateKey.from_private_bytes(sha(b"e")), X25519PrivateKey.from_private_bytes(sha(b"r"))
    key = hkdf(e.exchange(r.public_key()), raw(e.public_key()) + raw(r.public_key()), b"fsp box")
    print("box:", (raw(e.public_key()) + AESGCM(key).encrypt(bytes(12), b"attack at dawn", b"")).hex())
    salt = sha(b"salt")
    print("wrapped:", (salt + AESGCM(hkdf(seed, salt, b"fsp space key")).encrypt(bytes(12), sha(b"data key"), b"")).hex())
    for bits in (seed, sha(b"code"), bytes(32), b"\xff" * 32):
        n = int.from_bytes(bits, "big") << 4
        n = n << 20 | int.from_bytes(sha(b"fsp recovery" + bits)[:3], "big") >> 4
        d = "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[n >> 5 * (55 - i) & 31] for i in range(56))
        print("code:", bits.hex(), "-".join(d[i:i + 4] for i in range(0, 56, 4)))
    print("recovery kek:", hkdf(seed, b"", b"fsp recovery kek").hex())

if __name__ == "__main__":
    objects(); chunks(); places(); keys()
    print("tree:", canon([1, 0, [[sha(b"a"), 1000, 900], [sha(b"b"), 70000, 69000]]]).hex(), canon([sha(b"A") + sha(b"B")]).hex())
    print("details:", canon([sha(b"x"), 2, "text/plain", "first"]).hex())
    print("attr:", canon([0o644, (1 << 62) + 1700000000, 5]).hex(), canon([0, 0, 0]).hex(), canon([0o7777, (1 << 63) - 1, 999999999]).hex())
