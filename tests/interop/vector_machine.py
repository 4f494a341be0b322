# SPDX-License-Identifier: MIT
"""vector_machine - commands, results, queries, answers, records, rows and messages of the log in golden vectors.
Layer tests.

Written from docs/protocol/commands*.md, records.md, store.md and raft.md alone.
"""
from vector_types import *

# -- names (commands.md, section 2) --------------------------------------------------------------------------------
def name_ok(text):
    return 1 <= len(text.encode()) <= 255 and "/" not in text and "\0" not in text and text not in (".", "..")


def check_path(text):
    parts = text.split("/")
    need(text == "/" or parts[0] == "" and len(parts) <= 65 and all(name_ok(part) for part in parts[1:]), "BAD_NAME")


def check_space_name(text):
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    need(1 <= len(text) <= 63 and set(text) <= set(letters + "-.") and text[0] in letters and text[-1] in letters,
         "BAD_NAME")


PATH, SPACE_NAME = T(4096, check_path), T(63, check_space_name)
PATH_ONLY = (lambda v: {"path": PATH[0](v)}, lambda j: j["path"])
TARGET = (lambda v: {"path": PATH[0](v)} if isinstance(v, str) else {"file": NOT_ZERO(16)[0](v)},
          lambda j: j["path"] if "path" in j else bytes.fromhex(j["file"]))
QUERY_TARGET = (lambda v: {"path": PATH[0](v)} if isinstance(v, str) else {"file": ID(16)[0](v)},
                lambda j: j["path"] if "path" in j else ID(16)[1](j["file"]))


def ascending(texts):
    return all(a < b for a, b in zip(texts, texts[1:]))


def CONDITION(*allowed):
    def read(v):
        need(isinstance(v, list) and v)
        need(len(v) <= 65, "TOO_LARGE")
        kind, versions = U(255)[0](v[0]), [B(32)[0](x) for x in v[1:]]
        need(kind in allowed)
        need({1: not versions, 2: len(versions) == 1, 3: len(versions) == 1, 4: not versions,
              5: versions and len(set(versions)) == len(versions)}[kind])
        return {"type": kind, "versions": versions}
    return read, lambda j: [j["type"]] + [bytes.fromhex(x) for x in j["versions"]]


KEY_PAIR = ROW(("generation", U(M32)), ("wrapped", B(high=128)))
CARRIER = ROW(("root_kind", U(3, 1)), ("root_key", B(32)), ("inline_object", (lambda v: None if v is None else v.hex(),
                                                                                lambda j: j and bytes.fromhex(j))),
              ("sealed_part", B()), check=lambda r: need((r["root_kind"] == 1) == (r["inline_object"] is not None)))


def check_init(r, version=1):
    generations = [k["generation"] for k in r["keys"]]
    need(all(a < b for a, b in zip(generations, generations[1:])) and len(generations) <= 16)
    need(any(bytes.fromhex(r["owner"])) and r["root"] != r["trash"])
    lengths = r["chunk_min"], r["chunk_avg"], r["chunk_max"]
    need(64 <= lengths[0] <= lengths[1] <= lengths[2] <= 4194304)
    need(len(set(lengths)) == 1 or lengths[1] & lengths[1] - 1 == 0)
    need(version == 2 or len(set(lengths)) == 3)


def check_put(r):
    carrier = CARRIER[0](decode(bytes.fromhex(r["carrier"])))
    need(carrier["root_kind"] != 1 or number(r["size"]) <= 4096)
    need(r["node_kind"] in (1, 3))
    need(r["node_kind"] == 1 or number(r["size"]) <= 4096, "TOO_LARGE")


DAY, YEAR = 86400000000, 365 * 86400000000
SEED = NOT_ZERO(16)
SPACE_INIT = (("name", SPACE_NAME), ("owner", B(16)), ("root", NOT_ZERO(16)), ("trash", NOT_ZERO(16)), ("quota", U()),
              ("chunk_min", U(M32)), ("chunk_avg", U(M32)), ("chunk_max", U(M32)), ("keys", LIST(KEY_PAIR, 0, 16)),
              ("cut_key", B(high=128)))
BODIES = {
    1: ROW(*SPACE_INIT, check=check_init),
    2: ROW(("target", TARGET), ("node_kind", U(3)), ("condition", CONDITION(1, 2, 3, 4, 5)), ("create_parents", BOOL),
           ("ids_seed", SEED), ("size", U(M63)), ("carrier", B(high=16384)), ("attr", B(high=4096)), check=check_put),
    3: ROW(("target", TARGET), ("recursive", BOOL), ("condition", CONDITION(1, 3))),
    4: ROW(("target", PATH_ONLY), ("create_parents", BOOL), ("exist_ok", BOOL), ("ids_seed", SEED),
           ("attr", B(high=4096))),
    5: ROW(("from", TARGET), ("to", PATH_ONLY), ("create_parents", BOOL), ("replace", BOOL), ("ids_seed", B(16)),
           ("condition", CONDITION(1, 3)),
           check=lambda r: need(not r["create_parents"] or any(bytes.fromhex(r["ids_seed"])))),
    6: ROW(("target", TARGET), ("version", B(32)), ("condition", CONDITION(1, 3))),
    7: ROW(("from", TARGET), ("version", B(32)), ("to", PATH_ONLY), ("create_parents", BOOL),
           ("condition", CONDITION(1, 4)), ("ids_seed", SEED)),
}


# -- commands-history.md, section 5 --------------------------------------------------------------------------------
def check_prune(r):
    need(len(r["versions"]) % 64 == 0 and (r["target"] is None) == (r["versions"] == ""))


def check_after(text):
    need(len(text.encode()) <= 255, "BAD_NAME")


SEED_IF_PARENTS = lambda r: need(not r["create_parents"] or any(bytes.fromhex(r["ids_seed"])))
RETENTION = tuple((name, U(1000000)) for name in ("keep_last", "all_days", "daily", "weekly", "monthly", "past_days"))
BODIES.update({
    8: ROW(("from", TARGET), ("to", OPT(PATH_ONLY)), ("create_parents", BOOL), ("ids_seed", B(16)), check=SEED_IF_PARENTS),
    9: ROW(("target", OPT(TARGET)), ("versions", B(high=256 * 32)), check=check_prune),
    10: ROW(("item", OPT(TARGET)), ("before", U()), ("after", T(4096, check_after)), ("person", BOOL),
            check=lambda r: need(r["item"] is None or r["before"] == 0 and r["after"] == "")),
    11: ROW(*RETENTION),
    12: ROW(("target", TARGET), ("legal_hold", BOOL), ("worm_until", U())),
})

# -- commands-node.md, sections 3 to 8 -----------------------------------------------------------------------------
DURATION = U(30 * DAY, 1000000)
ROOT = ROW(("root_kind", U(3, 2)), ("key", B(32)), ("bytes", U(M63, 1)))
BATCHED = {2, 3, 4, 5, 6, 7, 8, 16, 17, 18, 20}


def check_put_2(r):
    check_put(r)
    need(len(set(r["bases"])) == len(r["bases"]))


PUT_2 = ROW(("target", TARGET), ("node_kind", U(3)), ("condition", CONDITION(1, 2, 3, 4, 5)), ("create_parents", BOOL),
            ("ids_seed", SEED), ("size", U(M63)), ("carrier", B(high=16384)), ("attr", B(high=4096)), ("lease", U()),
            ("revive", BOOL), ("upload", ID(16)), ("bases", LIST(B(32), 0, 64)), check=check_put_2)


SECOND = {1: ROW(*SPACE_INIT, check=lambda r: check_init(r, 2)), 2: PUT_2}


def body_of(kind, version):
    """The type of a body; LEVEL if the version is not known."""
    need(version <= (2 if kind in SECOND else 1), "LEVEL")
    need(version >= 1)
    return SECOND[kind] if version == 2 else BODIES[kind]


def rows_of(item):
    """The bound of section 6."""
    body, kind = item["body"], item["type"]
    path = (body["target"] if kind in (2, 4) else body["to"] if kind in (5, 7) else {}).get("path", "")
    parents = 63 if kind == 8 else path.count("/") - 1 if path and body.get("create_parents") else 0
    if kind == 2 and not path and body["create_parents"] and body.get("revive"): parents = 63
    return 10 + 2 * parents + (2049 if body.get("upload") else 0)


def read_item(v):
    need(isinstance(v, list) and len(v) == 3)
    kind, version = U(M32)[0](v[0]), U(M32)[0](v[1])
    need(kind in BATCHED and version > 0)
    return {"type": kind, "version": version, "body": body_of(kind, version)[0](v[2])}


def read_batch(v):
    items = LIST((read_item, None), 1, 256)[0](v)
    need(sum(map(rows_of, items)) <= 4080, "TOO_LARGE")
    return {"items": items}


def check_append(r):
    need((r["tail"] is None) == (r["tail_bytes"] == 0) and 1 <= len(r["midstate"]) // 2)
    end = number(r["keep"]) + sum(number(root["bytes"]) for root in r["roots"]) + r["tail_bytes"]
    need(end <= M63, "TOO_LARGE")
    need(end > number(r["offset"]))


BODIES.update({
    16: ROW(("target", TARGET), ("attr", B(high=4096)), ("condition", CONDITION(1, 3))),
    17: ROW(("target", TARGET)),
    18: ROW(("target", TARGET), ("duration", DURATION)),
    19: ROW(("target", TARGET), ("token", U(low=1)), ("duration", DURATION)),
    20: ROW(("target", TARGET), ("token", U()), ("force", BOOL),
            check=lambda r: need((r["token"] == 0) == r["force"])),
    21: (read_batch, lambda j: [[i["type"], i["version"], body_of(i["type"], i["version"])[1](i["body"])]
                                for i in j["items"]]),
    22: ROW(("upload", NOT_ZERO(16)), ("target", TARGET), ("condition", CONDITION(1, 2, 3, 4, 5)), ("size", U(M63)),
            ("duration", DURATION)),
    23: ROW(("upload", NOT_ZERO(16)), ("offset", U(M63)), ("keep", U(M63)), ("roots", LIST(ROOT, 0, 1024)),
            ("tail", ID(32)), ("tail_bytes", U(4194304)), ("midstate", B(high=1024)), check=check_append),
    24: ROW(("upload", NOT_ZERO(16))),
    25: ROW(("bytes", U())),
    26: ROW(("version", B(32)), ("present", B(32)), ("carrier", B(high=16384)),
            check=lambda r: CARRIER[0](decode(bytes.fromhex(r["carrier"])))),
})

# -- commands-access.md, sections 2 and 4 --------------------------------------------------------------------------
RULE = ROW(("id", NOT_ZERO(16)), ("rights", U(31, 1)))
WHO = ROW(("ceiling", U(31)), ("link", ID(16)), ("groups", LIST(NOT_ZERO(16), 0, 16)),
          check=lambda r: need(ascending(r["groups"]) and (r["ceiling"] < 31 or r["link"] or r["groups"])))
BODIES.update({
    32: ROW(("target", TARGET), ("inherit", BOOL), ("rules", LIST(RULE, 0, 64)),
            check=lambda r: need(ascending([rule["id"] for rule in r["rules"]]))),
    33: ROW(("link", NOT_ZERO(16)), ("target", TARGET), ("rights", U(7, 1)), ("expiry", U()), ("uses", U()),
            ("password", B(high=512))),
    34: ROW(("link", NOT_ZERO(16))), 35: ROW(), 36: ROW(("system_index", U())), 37: ROW(("level", U(low=1))),
    38: ROW(("state", U(1)), ("deadline", U()), check=lambda r: need((r["state"] == 0) == (r["deadline"] == 0))),
    39: ROW(), 40: ROW(("epoch", U(low=1)), ("layout", U())), 41: ROW(("epoch", U(low=1))),
    42: ROW(("jump_time", U(low=1))),
})


# -- commands-system.md, section 5 ---------------------------------------------------------------------------------
def check_roles(roles):
    stores, votes, witness = roles & 1, roles & 2, roles & 8
    need(0 < roles <= 15 and not (stores and witness) and (stores or not votes))
    return roles


ROLES = (lambda v: check_roles(U(M32)[0](v)), number)
NODE, LEVEL, CAPACITY = NOT_ZERO(32), U(M32, 1), U(M63, 1)
SETTING = ROW(("name", SPACE_NAME), ("value", B(high=4096)), check=lambda r: need(r["value"]))
GENESIS_RECORD = ROW(("format", U(1, 1)), ("time", U()), ("slot_bits", U(20, 16)), ("signing_key", B(32)),
                     ("admin", B(32)), ("random", B(32)))


def check_genesis(r):
    need(r["node"]["roles"] & 1 and ascending([setting["name"] for setting in r["settings"]]))
    need(GENESIS_RECORD[0](decode(bytes.fromhex(r["record"])))["signing_key"] == r["node"]["signing_key"])


FIRST_NODE = ROW(("signing_key", NODE), ("store", NOT_ZERO(16)), ("roles", ROLES), ("zone", U(M32)),
                 ("capacity", CAPACITY), ("record", B(high=2048)))
BODIES.update({
    64: ROW(("record", B(high=256)), ("copies", U(16, 1)), ("level", U(M32, 2)), ("node", FIRST_NODE),
            ("account", ROW(("account", NOT_ZERO(16)), ("name", SPACE_NAME), ("secret", B(high=1024)))),
            ("settings", LIST(SETTING, 0, 64)), check=check_genesis),
    65: ROW(("invitation", NODE), ("roles", ROLES), ("zone", U(M32)), ("ceiling", U(M63)), ("expiry", U()),
            check=lambda r: need(r["ceiling"] != 0 or not r["roles"] & 1)),
    66: ROW(("invitation", NODE)),
    67: ROW(("invitation", NODE), ("signing_key", NODE), ("store", NOT_ZERO(16)), ("capacity", U(M63)),
            ("level", LEVEL), ("record", B(high=2048))),
    68: ROW(("base", U()), ("members", LIST(ROW(("node", NODE), ("inverse_weight", U(M32))), 1, 1024)),
            check=lambda r: need(ascending([member["node"] for member in r["members"]]))),
    69: ROW(("node", NODE), ("version", U())), 70: ROW(("node", NODE)), 71: ROW(("node", NODE), ("capacity", CAPACITY)),
    72: ROW(("node", NODE), ("zone", U(M32))), 73: ROW(("node", NODE)), 74: ROW(("node", NODE)),
    75: ROW(("shard", U(M32))),
    76: ROW(("space", NOT_ZERO(16)), ("name", SPACE_NAME), ("owner", NOT_ZERO(16)), ("init", B(high=4096)),
            check=lambda r: need(r["init"])),
    77: ROW(("space", NOT_ZERO(16))),
    78: ROW(("space", NOT_ZERO(16)), ("close", BOOL), ("grace", U(YEAR)),
            check=lambda r: need(r["close"] or r["grace"] == 0)),
    79: ROW(("space", NOT_ZERO(16))),
    80: ROW(("account", NOT_ZERO(16)), ("name", SPACE_NAME), ("admin", BOOL), ("enabled", BOOL),
            ("secret", B(high=1024))),
    81: ROW(("group", NOT_ZERO(16)), ("name", SPACE_NAME), ("drop", BOOL), ("accounts", LIST(NOT_ZERO(16), 0, 1000)),
            check=lambda r: need(ascending(r["accounts"]) and not (r["drop"] and r["accounts"]))),
    82: ROW(("token", NODE), ("account", NOT_ZERO(16)), ("expiry", U()), ("scope", B(high=256)), ("label", T(63))),
    83: ROW(("token", NODE)), 84: ROW(("name", SPACE_NAME), ("value", B(high=4096))),
    85: ROW(("node", NODE), ("level", LEVEL)),
})
SHARD_WIDE = {36, 37, 42, *range(64, 86)}

# -- commands.md, sections 2, 5 and 9, and what grew ---------------------------------------------------------------
FRONT = ROW(("type", U(M32)), ("version", U(M32)), ("space", B(16)), ("subject", B(16)), ("system_index", U()),
            ("op", NOT_ZERO(16)), ("attempt", U(M32, 1)), ("since", U()), ("request_digest", B(32)), ("epoch", U()),
            ("layout", U()))


def read_command(v):
    need(isinstance(v, list) and len(v) in (12, 13))
    kind, version = U(M32)[0](v[0]), U(M32)[0](v[1])
    need(kind in BODIES, "UNSUPPORTED")
    body, front = body_of(kind, version), FRONT[0](v[:11])
    need((kind in SHARD_WIDE) == (front["space"] == "00" * 16))
    command = dict(front, body=body[0](v[11]))
    if len(v) == 13: command["who"] = WHO[0](v[12])
    need(kind != 35 or command.get("who", {}).get("link"))
    return command


def write_command(j):
    return FRONT[1](j) + [body_of(j["type"], j["version"])[1](j["body"])] + ([WHO[1](j["who"])] if "who" in j else [])


COMMAND = (read_command, write_command)
STATUSES = {*range(10), *range(20, 28), *range(30, 44), *range(50, 62), *range(70, 74), 80, 81, 90, 91, *range(100, 104)}
STATUS = (lambda v: (need(v in STATUSES), v)[1], lambda j: j)
RESULT_ITEM = ROW(("node_kind", U(3)), ("file", ID(16)), ("version", ID(32)), ("number", U()), ("size", U(M63)))
RESULT = LENGTHS([("status", STATUS), ("change", U()), ("node_kind", U(3)), ("file", ID(16)), ("version", ID(32)),
                  ("number", U()), ("size", U()), ("time", U()), ("heads", LIST(B(32), 0, 64)), ("repeated", BOOL),
                  ("path", T(4096)), ("more", BOOL), ("offset", U(M63)), ("failed", U(256)),
                  ("items", LIST(RESULT_ITEM, 0, 256))],
                 {10: ANY, 12: lambda r: r["path"] or r["more"], 15: lambda r: r["offset"] or r["failed"] or r["items"]})
QUERY_TYPES = {1, 2, 3, 4, 5, 7, 8, *range(32, 38)}
ASKED = ROW(("type", (lambda v: (need(v in QUERY_TYPES, "UNSUPPORTED"), v)[1], number)), ("space", ID(16)),
            ("subject", B(16)), ("system_index", U()), ("target", QUERY_TARGET), ("version", B(high=64)),
            ("prefix", B(high=255)), ("after", B(high=255)), ("after_index", U()), ("limit", U(1000)))
AS_OF = ROW(("index", U()), ("time", U()), check=lambda r: need((r["index"] == 0) != (r["time"] == 0)))


def read_query(v):
    need(isinstance(v, list) and 10 <= len(v) <= 13)
    query = ASKED[0](v[:10])
    if len(v) == 11 or len(v) > 11 and v[10] is not None: query["who"] = WHO[0](v[10])
    if len(v) == 12 or len(v) == 13 and v[11] is not None: query["at"] = AS_OF[0](v[11])
    if len(v) == 13: query["attrs"] = (need(v[12] is True), True)[1]
    return query


def write_query(j):
    more = [WHO[1](j["who"]) if "who" in j else None, AS_OF[1](j["at"]) if "at" in j else None, j.get("attrs")]
    while more and more[-1] is None: more.pop()
    return ASKED[1](j) + more


QUERY = (read_query, write_query)


# -- records.md ----------------------------------------------------------------------------------------------------
RECORD = ROW(("file", B(16)), ("number", U(low=1)), ("how", U(4, 1)), ("parents", LIST(B(32), 0, 64)), ("size", U()),
             ("author", B(16)), ("time", U()), ("op", B(16)), ("carrier_hash", B(32)),
             check=lambda r: need(ascending(r["parents"])))
WHAT = (("node_kind", U(3)), ("file", B(16)), ("path", T(4096)), ("from_path", T(4096)), ("version", ID(32)),
        ("displaced", ID(16)), ("made", LIST(B(16), 0, 64)))
CHANGED = ROW(("change", U()), ("what", U(65535)), ("time", U()), ("author", B(16)), ("op", B(16)), *WHAT,
              ("previous", B(32)))


def DROPPED(size):
    def read(v):
        text = B(high=256 * size)[0](v)
        need(text and len(text) % (2 * size) == 0)
        return text
    return read, bytes.fromhex


# By what: the name of the fourteenth field, its type, and whether it must be there.
MORE = {9: ("dropped", DROPPED(32), False), 10: ("dropped", DROPPED(16), False),
        21: ("items", LIST(ROW(("what", U(65535)), *WHAT), 1, 256), True),
        26: ("rekey", ROW(("old", B(32)), ("new", B(32)), ("earlier", U())), True)}


def read_change(v):
    need(isinstance(v, list) and len(v) in (13, 14))
    row = CHANGED[0](v[:13])
    name, kind, always = MORE.get(row["what"], (None, None, False))
    need(len(v) == 14 or not always)
    if len(v) == 14:
        need(name)
        row[name] = kind[0](v[13])
    return row


def write_change(j):
    name, kind, _ = MORE.get(j["what"], (None, None, False))
    return CHANGED[1](j) + ([kind[1](j[name])] if name in j else [])


CHANGE = (read_change, write_change)
DETAILS = ROW(("sha256", B(32)), ("chunks", U()), ("media_type", T(127)), ("message", T(1024)))
ATTR = ROW(("mode", U(4095)), ("mtime_biased", U(M63)), ("mtime_ns", U(999999999)))


def WITH(kind, name, extra):
    """A record, and what follows from its octets."""
    return (lambda v: dict(kind[0](v), **{name: extra(encode(v))})), kind[1]


def nested(kind):
    """A record as a binary in another one."""
    return (lambda v: kind[0](decode(v))), (lambda j: encode(kind[1](j)))


CHANGE_ROW = WITH(CHANGE, "hash", lambda b: sha(b).hex())


def version_item(v):
    need(isinstance(v, list) and len(v) == 4)
    return {"id": sha(v[0]).hex(), "record": nested(RECORD)[0](v[0]), "retained": BOOL[0](v[1]), "head": BOOL[0](v[2]),
            "carrier": B(high=16384)[0](v[3])}


VERSION_ITEM = (version_item, lambda j: [nested(RECORD)[1](j["record"]), j["retained"], j["head"],
                                         bytes.fromhex(j["carrier"])])
OPTIONAL_VERSION = (lambda v: None if v is None else version_item(v), lambda j: j and VERSION_ITEM[1](j))
LEASE = ROW(("token", U(low=1)), ("holder", B(16)), ("expiry", U()))
HEADS = PAIRS(("number", U()), ("version", B(32)))
LINK = (("file", NOT_ZERO(16)), ("node_kind", U(3, 1)), ("rights", U(7, 1)), ("expiry", U()), ("uses", U()),
        ("used", U()), ("maker", NOT_ZERO(16)), ("made", U()), ("password", B(high=512)))
def set_values(r):
    need(any(r.values()))


ENTRY = [("name", T(255)), ("node_kind", U(3)), ("file", B(16)), ("size", U(M63)), ("modified", U()), ("version", ID(32)),
         ("number", U()), ("heads", U(64))]


def MAYBE(fields, more):
    """An array that may have one value more behind the others."""
    short, long = ROW(*fields), ROW(*fields, more)
    return (lambda v: (long if isinstance(v, list) and len(v) > len(fields) else short)[0](v),
            lambda j: (long if more[0] in j else short)[1](j))


def SOMETHING(high):
    read, write = B(high=high)
    return (lambda v: (need(v), read(v))[1]), write


ENTRY_ATTR = ("attr", SOMETHING(4096))
ITEMS = {
    "node": LENGTHS([("node_kind", U(3)), ("file", B(16)), ("parent", ID(16)), ("name", T(255)), ("path", T(4096)),
                ("attr", B(high=4096)), ("time", U()), ("heads", LIST(B(32), 0, 64)), ("version", OPTIONAL_VERSION),
                     ("lease", LEASE)], {9: ANY, 10: ANY}),
    "entry": MAYBE(ENTRY, ENTRY_ATTR),
    "version": VERSION_ITEM,
    "change": nested(CHANGE_ROW),
    "space": MAYBE([("space", B(16)), ("name", T(63)), ("owner", B(16)), ("epoch", U()), ("change", U()), ("quota", U()),
                    ("used", U()), ("root", B(16)), ("trash", B(16)), ("chunk_min", U(M32)), ("chunk_avg", U(M32)),
                    ("chunk_max", U(M32)), ("keys", PAIRS(("generation", U(M32)), ("wrapped", B(high=128)))),
                    ("cut_key", B(high=128))], ("retention", ROW(*RETENTION, check=set_values))),
    "link": ROW(("link", B(16)), *LINK),
    "upload": ROW(("upload", B(16)), ("subject", B(16)), ("target", TARGET), ("condition", CONDITION(1, 2, 3, 4, 5)),
                  ("size", U(M63)), ("offset", U(M63)), ("roots", LIST(ROOT, 0, 2048)), ("tail", ID(32)),
                  ("tail_bytes", U(4194304)), ("midstate", B(high=1024)), ("duration", U(30 * DAY)), ("expiry", U())),
    "row": ((lambda v: (need(isinstance(v, list) and len(v) == 2),
                        dict({"id": v[0].hex()} if isinstance(v[0], bytes) else {"number": U()[0](v[0])},
                             row=encode(v[1]).hex()))[1]),
            lambda j: [bytes.fromhex(j["id"]) if "id" in j else number(j["number"]), decode(bytes.fromhex(j["row"]))]),
}
ITEMS_AS_OF = dict(ITEMS, entry=MAYBE([*ENTRY, ("retained", BOOL)], ENTRY_ATTR))


def ANSWER(item):
    now = ROW(("status", STATUS), ("change", U()), ("more", BOOL), ("items", LIST(ITEMS[item], 0, 1000)))
    then = ROW(("status", STATUS), ("change", U()), ("more", BOOL), ("items", LIST(ITEMS_AS_OF[item], 0, 1000)),
               ("at_index", U(low=1)), ("next", B(high=255)), check=lambda r: need(r["status"] == 0))
    return (lambda v: (then if isinstance(v, list) and len(v) == 6 else now)[0](v),
            lambda j: (then if "at_index" in j else now)[1](j))


# -- store.md, 4.3, and what grew ----------------------------------------------------------------------------------
def check_node(r):
    need(r["node_kind"] != 2 or not r.get("lease"))
    need(r["node_kind"] == 2 or not r.get("access"))
    numbers = [number(h["number"]) for h in r["heads"]]
    need((r["node_kind"] == 2) == (not numbers) and all(a > b for a, b in zip(numbers, numbers[1:])))


def is_something(r):
    """Of a part of a row: not all 0, false, empty or nil."""
    need(any(number(v) if isinstance(v, str) and v.isdigit() else v for v in r.values()))


def check_hold(r):
    if "hold_left" not in r: return
    jump, frozen = number(r["jump_time"]), number(r["frozen_time"])
    need(frozen <= jump <= number(r["log_time"]) and jump - frozen > DAY)


def check_life(r):
    is_something(r)
    need((r["state"] in (1, 2)) == (r["deadline"] != 0) and (r["state"] == 2 or not r["cursor"]))


def check_origin(r):
    is_something(r)
    need((r["origin"] is None) == (r["origin_name"] == ""))


def check_upload(r):
    offset, before = number(r["offset"]), number(r["before"])
    need((r["tail"] is None) == (r["tail_bytes"] == 0) and r["tail_bytes"] <= offset)
    need((r["midstate"] == "") == (offset == 0) and (before < offset or before == offset == 0))


def check_directory(r):
    if r["state"] == 4: return need(not r["name"] and not r["init"] and r["owner"] is None)
    check_space_name(r["name"])
    need(r["owner"])


SPACE_HISTORY = ROW(("at_horizon", U()), ("feed_horizon", U()), *RETENTION, check=is_something)
SPACE_ACCESS = ROW(("state", U(3)), ("deadline", U()), ("parted", BOOL), ("links", U(4096)), ("round_open", BOOL),
                   ("cursor", B(high=512)), check=check_life)
NODE_HISTORY = ROW(("since", U()), ("legal_hold", BOOL), ("worm_until", U()), ("purging", BOOL), ("origin", ID(16)),
                   ("origin_name", T(255)), check=check_origin)
NODE_ACCESS = ROW(("inherit", BOOL), ("rules", PAIRS(("id", NOT_ZERO(16)), ("rights", U(31, 1)))),
                  check=lambda r: need(ascending([rule["id"] for rule in r["rules"]]) and
                                       (not r["inherit"] or r["rules"])))
LISTED = ROW(("node", B(32)), ("zone", U(M32)), ("capacity", U(M63)), ("inverse_weight", U(M32)), ("roles", ROLES))
REPLICA = ROW(("node", B(32)), ("number", U()), ("store", B(16)), ("role", U(3, 1)))
ROWS = {
    "row-shard": LENGTHS([("applied_index", U()), ("applied_term", U()), ("log_time", U()), ("feature_level", U()),
                          ("subject_floor", U()), ("jump_time", U()), ("frozen_time", U()), ("hold_left", U(DAY, 1))],
                         {5: ANY, 8: ANY}, check=check_hold),
    "row-space": LENGTHS([("name", T(63)), ("owner", B(16)), ("epoch", U()), ("gc_layout", U()), ("quota", U()), ("used", U()),
                     ("change", U()), ("head_hash", B(32)), ("horizon", U()), ("ops", U()), ("root", B(16)),
                     ("trash", B(16)), ("chunk_min", U(M32)), ("chunk_avg", U(M32)), ("chunk_max", U(M32)),
                     ("keys", LIST(KEY_PAIR, 0, 16)), ("cut_key", B(high=128)), ("history", OPT(SPACE_HISTORY)),
                     ("access", SPACE_ACCESS)],
                    {17: ANY, 18: lambda r: r["history"], 19: ANY}),
    "row-entry": ROW(("node_kind", U(3, 1)), ("file", B(16)), ("since", U())),
    "row-node": LENGTHS([("node_kind", U(3, 1)), ("parent", ID(16)), ("name", T(255)), ("change", U()), ("time", U()),
                    ("content_time", U()), ("size", U()), ("heads", HEADS), ("attr", B(high=4096)),
                    ("history", OPT(NODE_HISTORY)), ("lease", OPT(LEASE)), ("access", NODE_ACCESS)],
                   {9: ANY, 10: lambda r: r["history"], 11: lambda r: r["lease"], 12: ANY}, check=check_node),
    "row-version": LENGTHS([("record", B()), ("retained", BOOL), ("carrier", B(high=16384)), ("rekeyed", U(low=1))],
                           {3: ANY, 4: ANY}),
    "row-version-index": ROW(("file", B(16)), ("number", U())),
    "row-op": ROW(("change", U()), ("digest", B(32)), ("result", B(high=65536))),
    "row-past-heads": ROW(("since", U()), ("heads", HEADS),
                          check=lambda r: need(r["heads"] and ascending([-number(h["number"]) for h in r["heads"]]))),
    "row-prune": ROW(("phase", U(4, 1)), ("key", B(high=487))),
    "row-upload": ROW(("subject", B(16)), ("target", TARGET), ("condition", CONDITION(1, 2, 3, 4, 5)), ("size", U(M63)),
                      ("offset", U(M63)), ("before", U(M63)), ("tail", ID(32)), ("tail_bytes", U(4194304)),
                      ("midstate", B(high=1024)), ("roots", U(2048)), ("duration", U(30 * DAY)), ("expiry", U()),
                      check=check_upload),
    "row-upload-root": ROOT,
    "row-link": ROW(*LINK, check=lambda r: need(r["uses"] == 0 or number(r["used"]) <= number(r["uses"]))),
    "row-system": ROW(("mesh", B(32)), ("slot_bits", U(20, 1)), ("copies", U(16, 1)), ("layout", U()), ("level", U(M32)),
                      ("shards", U(65536, 1)), ("members", U(1024, 1)), ("admins", U()), ("change", U()),
                      ("head_hash", B(32)), ("horizon", U()), ("ops", U())),
    "row-member": ROW(("signing_key", B(32)), ("store", B(16)), ("roles", ROLES), ("zone", U(M32)), ("capacity", U(M63)),
                      ("level", LEVEL), ("state", U(4, 1)), ("ready", BOOL), ("synced", U()), ("joined", U()),
                      ("invitation", ID(32)), ("record", B(high=2048))),
    "row-invitation": ROW(("roles", ROLES), ("zone", U(M32)), ("ceiling", U(M63)), ("expiry", U()), ("state", U(3, 1)),
                          ("node", ID(32)), check=lambda r: need((r["state"] == 2) == (r["node"] is not None))),
    "row-list": ((lambda v: {"members": LIST(LISTED, 1, 1024)[0](v)}), lambda j: LIST(LISTED)[1](j["members"])),
    "row-placed-shard": ROW(("slot", U(M32)), ("list", U()), ("spaces", U()), ("replicas", LIST(REPLICA, 1, 5))),
    "row-directory": ROW(("name", T(63)), ("owner", ID(16)), ("shard", U(M32)), ("state", U(4, 1)), ("deadline", U()),
                         ("init", B(high=4096)), check=check_directory),
    "row-account": ROW(("name", T(63)), ("admin", BOOL), ("enabled", BOOL), ("secret", B(high=1024))),
    "row-group": ROW(("name", T(63)), ("accounts", LIST(NOT_ZERO(16), 0, 1000)),
                     check=lambda r: need(ascending(r["accounts"]))),
    "row-token": ROW(("account", B(16)), ("expiry", U()), ("scope", B(high=256)), ("label", T(63)), ("made", U())),
    "row-system-change": ROW(("change", U()), ("what", U(85, 64)), ("time", U()), ("author", B(16)), ("op", B(16)),
                             ("id", B(high=64)), ("layout", U()), ("level", U(M32)), ("previous", B(32))),
}


# -- raft.md -------------------------------------------------------------------------------------------------------
def check_conf(r):
    numbers, flags = [number(seat["replica"]) for seat in r["seats"]], [seat["flags"] for seat in r["seats"]]
    need(all(a < b for a, b in zip([0] + numbers, numbers + [number(r["next_replica"])])))
    need(all(f in (0, 1, 2, 3, 4) for f in flags))
    need(any(f & 1 for f in flags) or not any(f & 2 for f in flags))


def check_entry(r):
    need((r["entry_kind"] == 1) == (r["bytes"] == ""))


def VERSIONED(kind):
    """A 1 in front, which is read first."""
    def read(v):
        need(isinstance(v, list) and v and isinstance(v[0], int))
        need(v[0] == 1, "UNSUPPORTED")
        return kind[0](v[1:])
    return read, lambda j: [1] + kind[1](j)


SEAT = ROW(("node", B(32)), ("replica", U()), ("store", B(16)), ("flags", U(7)))
CONF = VERSIONED(ROW(("aim", U()), ("next_replica", U()), ("seats", LIST(SEAT, 0, 16)), check=check_conf))
LOG_ENTRY = ROW(("index", U()), ("term", U()), ("entry_kind", U(3, 1)), ("bytes", B()), check=check_entry)
RAFT = VERSIONED(ROW(("type", U(13, 1)), ("from", U(low=1)), ("to", U(low=1)), ("term", U(low=1)), ("index", U()),
                     ("index_term", U()), ("commit", U()), ("round", U()), ("hint_index", U()), ("hint_term", U()),
                     ("refused", BOOL), ("force", BOOL), ("digest", ID(32)), ("entries", LIST(LOG_ENTRY, 0, 1024))))


def check_frame(r):
    need(r["last"] == (r["digest"] is not None) and (r["position"] == 0) == (r["conf"] is not None))


REPLICA_FORMS = {
    1: ROW(("type", U()), ("raft", nested(RAFT))),
    2: ROW(("type", U()), ("raft", nested(RAFT)), ("id", U()), ("position", U(M64 - 1)), ("last", BOOL),
           ("digest", OPT(B(32))), ("conf", OPT(nested(CONF))), ("rows", B()), check=check_frame),
    3: ROW(("type", U()), ("from", U()), ("to", U()), ("term", U()), ("id", U()), ("position", U()), ("refused", BOOL)),
}
REPLICA_MESSAGE = VERSIONED(((lambda v: (need(v and v[0] in REPLICA_FORMS), REPLICA_FORMS[v[0]][0](v))[1]),
                             lambda j: REPLICA_FORMS[j["type"]][1](j)))
RAFT_KINDS = {"raft-conf": CONF, "raft-message": RAFT, "replica-message": REPLICA_MESSAGE}
