#!/usr/bin/env python3
"""Writes golden vectors as first inputs for the fuzz targets: seeds_vectors.py DIR makes DIR/TARGET/vector-N.

Beside fuzz-seeds (seeds.c): accepted and refused entries of tests/vectors whose kind a target reads, each with the
selector that the target's head says.  Of commands also stories for fuzz_bodies: all of a file, one after the other.
"""
import json, struct, sys
from pathlib import Path

VECTORS = Path(__file__).resolve().parent.parent / "vectors"
sys.path.insert(0, str(VECTORS.parent / "interop"))
from vector_types import decode, encode  # noqa: E402

STORY = 40  # entries that fuzz_bodies reads
# Kind: (target, selector or None).
TARGETS = {"client-request": ("request", None), "canon": ("canon", None), "command": ("command", None), "result": ("result", None), "query": ("query", None),
           "carrier": ("carrier", None), "details": ("details", 0), "attr": ("details", 1),
           "log-hard": ("logrows", 0), "log-entry": ("logrows", 1), "log-base": ("logrows", 3),
           "segment-record": ("segrow", 0), "index-row": ("segrow", 1), "segment-row": ("segrow", 2),
           "segments-row": ("segrow", 3), "migrated-row": ("segrow", 4),
           "raft-conf": ("raft", 0), "raft-message": ("raft", 1), "replica-message": ("raft", 2)}
TARGETS.update({kind: ("reply", None) for kind in ("client-reply", *(f"client-reply-{item}" for item in
                ("entry", "version", "change", "space", "key")))})
TARGETS.update({f"answer-{item}": ("answer", number) for number, item in
                enumerate(("node", "entry", "version", "change", "space", "link", "upload", "row"))})
TARGETS.update({kind: ("metarows", number) for number, kind in
                enumerate(("row-shard", "row-space", "row-entry", "row-node", "row-version", "row-version-index",
                           "row-op", "change-row", "version-record"))})
TARGETS.update({f"row-{table}": ("familyrows", number) for number, table in
                enumerate(("past-heads", "prune", "upload", "upload-root", "link", "system", "member", "invitation",
                           "placed-shard", "directory", "account", "group", "token", "system-change", "list"))})


def body_entry(command, how):
    """type u8, how u8, length u16, body."""
    values = decode(command)
    body = encode(values[11])
    return struct.pack(">BBH", values[0], how | (values[1] == 2), len(body)) + body


def stories(path, folder):
    """As the owner, as the node itself, in batches."""
    accepted = [bytes.fromhex(entry["hex"]) for entry in json.loads(path.read_text())
                if entry["kind"] == "command" and "meaning" in entry]
    shard = bytes([path.stem == "system"])
    folder.mkdir(parents=True, exist_ok=True)
    for how in (0, 2, 16):
        for start in range(0, len(accepted), STORY):
            entries = [body_entry(command, how) for command in accepted[start:start + STORY]]
            (folder / f"vectors-{path.stem}-{how}-{start}").write_bytes(shard + b"".join(entries))


def main():
    if len(sys.argv) != 2:
        print("usage: seeds_vectors.py DIRECTORY")
        return 2
    counts = {}
    for path in sorted(VECTORS.glob("*.json")):
        stories(path, Path(sys.argv[1]) / "bodies")
        for entry in json.loads(path.read_text()):
            target, selector = TARGETS.get(entry["kind"], (None, None))
            if target is None or "hex" not in entry: continue
            folder = Path(sys.argv[1]) / target
            folder.mkdir(parents=True, exist_ok=True)
            counts[target] = counts.get(target, 0) + 1
            front, octets = b"" if selector is None else bytes([selector]), bytes.fromhex(entry["hex"])
            if entry["kind"].startswith("client-"):  # of the envelope fuzz_request takes the type, fuzz_reply nothing
                front, octets = octets[6:8] if target == "request" else b"", octets[20:]
            (folder / f"vector-{counts[target]:03}").write_bytes(front + octets)
    print(", ".join(f"{target} {count}" for target, count in sorted(counts.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
