#!/usr/bin/env python3
"""Whole directories in and out: put -r, get -r, and what came back is the same in bytes, links, modes and times.

Normal run: a generated tree, and /usr/share/doc, or a part of it where it is very large.  --long: all of it, and a
file of 1 GiB.
"""
import hashlib, os, random, stat, time
from pathlib import Path

from node import Node, check, check_equal, main, need, say, sha256_file, temp_dir

DOC = Path("/usr/share/doc")
PART_ENTRIES, PART_BYTES = 8000, 160 << 20  # about 25 s under sanitizers
GIB = 1 << 30


# -- comparing ------------------------------------------------------------------------------------------------


def snapshot(root, times=True):
    """Path below root -> what makes it up.  A link's own time and mode mean nothing."""
    found = {}
    todo = [os.fsencode(root)]
    base = len(todo[0])
    while todo:
        path = todo.pop()
        about = os.lstat(path)
        name = path[base:]
        if stat.S_ISLNK(about.st_mode):
            found[name] = ("link", os.readlink(path))
        elif stat.S_ISDIR(about.st_mode):
            found[name] = ("directory", about.st_mode & 0o777, about.st_mtime_ns if times else None)
            todo += [path + b"/" + entry for entry in os.listdir(path)]
        elif stat.S_ISREG(about.st_mode):
            found[name] = ("file", about.st_mode & 0o777, about.st_mtime_ns if times else None, about.st_size,
                           sha256_file(path))
        else:
            found[name] = ("other",)
    return found


def differences(was, now):
    """A few words for each difference, at most ten."""
    words = []
    for name in sorted(set(was) | set(now)):
        if was.get(name) != now.get(name):
            words.append(f"{name!r}: was {was.get(name)}, is {now.get(name)}")
    return words[:10] + ([f"... {len(words)} in all"] if len(words) > 10 else [])


def check_same(name, was, now):
    check(f"{name} ({len(was)} entries)", was == now and len(was) > 0, differences(was, now))


# -- a generated tree -----------------------------------------------------------------------------------------

ODD_NAMES = ["a b", "ünï", "日本語", "new\nline", "tab\t", "\x01\x1b[1m", "-r", "--", "back\\slash", "a:b", "...", "~",
             "n" * 255, "*", "'\"", "\u0301x", " "]


def generate(root, chance):
    """Files of many sizes, links of every kind, empty things, deep things, odd names, modes, times."""
    made = []

    def write(path, size):
        path.write_bytes(chance.randbytes(size))
        os.chmod(path, chance.choice([0o644, 0o600, 0o755, 0o400, 0o444, 0o640]))
        made.append(path)

    root.mkdir()
    for size in (0, 1, 4096, 4097, 65535, 65536, 300_000, 3_000_000):
        write(root / f"size-{size}", size)
    for at in range(12):
        folder = root / f"folder-{at % 4}" / f"sub-{at}"
        folder.mkdir(parents=True)
        for number in range(chance.randrange(8)):
            write(folder / f"file-{number}", chance.choice([0, 10, 5000, chance.randrange(200_000)]))
        made.append(folder)
    (root / "empty").mkdir()
    (root / "empty-in" / "an-empty").mkdir(parents=True)
    odd = root / "odd"
    odd.mkdir()
    for name in ODD_NAMES:
        write(odd / name, len(name))
    for name in ODD_NAMES[:6]:
        (odd / ("d" + name)).mkdir()
        write(odd / ("d" + name) / name, 3)
    deep = root
    for _ in range(60):
        deep = deep / "d"
    deep.mkdir(parents=True)
    write(deep / "bottom", 100)
    links = root / "links"
    links.mkdir()
    for name, target in (("to-file", "../size-4096"), ("to-folder", "../folder-0"), ("dangling", "nowhere"),
                         ("absolute", "/etc/hostname"), ("absolute-dangling", "/nonexistent/x"), ("itself", "itself"),
                         ("parent", ".."), ("odd\nname", "a \t\x01b"), ("long", "x/" * 2000)):
        os.symlink(target, links / name)
    for folder in sorted((p for p in root.rglob("*") if p.is_dir() and not p.is_symlink()), reverse=True):
        os.chmod(folder, chance.choice([0o755, 0o700, 0o750, 0o555]))
        made.append(folder)
    os.chmod(root, 0o751)
    made.append(root)
    special = [-1_000_000_001, 0, 1, 4_102_444_800_123_456_789, 1_234_567_890_999_999_999]
    for at, path in enumerate(made):
        ns = special[at] if at < len(special) else chance.randrange(10**18, 17 * 10**17)
        os.utime(path, ns=(ns, ns))


def test_generated(node, chance):
    source, back = temp_dir() / "source", temp_dir() / "back"
    generate(source, chance)
    was = snapshot(source)
    answer = node.cli("put", "-r", source, "/tree", timeout=180)
    files = sum(1 for v in was.values() if v[0] == "file")
    folders = sum(1 for v in was.values() if v[0] == "directory")
    links = sum(1 for v in was.values() if v[0] == "link")
    last = answer.lines[-1] if answer.lines else {}
    need("put -r of a generated tree", answer.code == 0 and last.get("type") == "result",
         (answer.code, last, answer.stderr[-500:]))
    check_equal("its result counts", [last.get(k) for k in ("files", "directories", "symlinks", "skipped")],
                [files, folders, links, 0])
    check("putting does not change the source", snapshot(source) == was, differences(was, snapshot(source)))
    answer = node.cli("get", "-r", "/tree", back, timeout=180)
    check("get -r of it", answer.code == 0, (answer.code, answer.lines[-1:], answer.stderr[-500:]))
    check_same("it comes back the same", was, snapshot(back))
    kinds = {line["name"]: line["kind"] for line in node.cli("ls", "/tree/links").lines if line["type"] == "entry"}
    check("links are listed as links", len(kinds) == 9 and set(kinds.values()) == {"symlink"}, kinds)
    check_equal("a link's content is its target", node.cat("/tree/links/dangling"), b"nowhere")

    # Again: into the same place, some changed.
    path = source / "size-65536"
    os.chmod(path, 0o600)
    path.write_bytes(b"changed")
    os.utime(path, ns=(10**18, 10**18))
    os.chmod(source / "empty", 0o755)
    (source / "empty" / "not any more").write_bytes(b"")
    was = snapshot(source)
    answer = node.cli("put", "-r", os.fspath(source) + "/.", "/tree", timeout=180)
    check("put -r of DIR/. into what is there", answer.code == 0, (answer.code, answer.lines[-1:], answer.stderr[-500:]))
    check_equal("makes second versions", node.cli("stat", "/tree/size-65536").lines[-1].get("number"), 2)
    again = temp_dir() / "again"
    node.cli("get", "-r", "/tree", again, timeout=180)
    now = snapshot(again)
    check_same("and it comes back the same", was, snapshot(again))


def test_mixed(node):
    """What cannot be stored is said, and the rest is stored all the same."""
    source, back = temp_dir() / "mixed", temp_dir() / "mixed-back"
    source.mkdir()
    (source / "good").write_bytes(b"good")
    os.mkfifo(source / "pipe")
    answer = node.cli("put", "-r", source, "/pipes")
    check("a pipe in a tree is skipped, with a word", answer.code == 0 and answer.lines[-1].get("skipped") == 1 and
          "pipe" in answer.stderr, answer)
    with open(os.fsencode(source) + b"/bad\xff", "wb") as file:
        file.write(b"bad")
    answer = node.cli("put", "-r", source, "/mixed")
    check("a name that is no UTF-8: exit 7, and the words name it", answer.code == 7 and
          answer.lines[-1].get("type") == "error" and answer.lines[-1].get("symbol") == "bad-name", answer)
    check_equal("the rest is there", node.cat("/mixed/good"), b"good")
    # A link that lies in the way is not followed.
    outside = temp_dir() / "outside"
    outside.mkdir()
    node.put_bytes("/way/sub/secret", b"should stay inside")
    back.mkdir()
    (back / "way").mkdir()
    os.symlink(outside, back / "way" / "sub")
    answer = node.cli("get", "-r", "/way", back)
    check("get -r does not follow a link that lies in the way", answer.code not in (0, None) and
          os.listdir(outside) == [], (answer, os.listdir(outside)))


# -- real files -----------------------------------------------------------------------------------------------


def choose_part(chance):
    """As much of /usr/share/doc as there is time for."""
    folders = sorted(DOC.iterdir())
    chance.shuffle(folders)
    chosen, entries, size = [], 0, 0
    for folder in folders:
        count, total = 1, 0
        for path in folder.rglob("*") if not folder.is_symlink() else ():
            count += 1
            total += path.lstat().st_size
        if entries + count <= PART_ENTRIES and size + total <= PART_BYTES:
            chosen.append(folder)
            entries, size = entries + count, size + total
    return chosen


def test_doc(node, folders, name):
    began = time.monotonic()
    answer = node.cli("put", "-r", *folders, "/doc/", timeout=1800)
    last = answer.lines[-1] if answer.lines else {}
    put_seconds = time.monotonic() - began
    check(f"put -r of {name}", answer.code == 0 and last.get("type") == "result",
          (answer.code, last, answer.stderr[-500:]))
    back = temp_dir() / "doc"
    back.mkdir()
    began = time.monotonic()
    answer = node.cli("get", "-r", "/doc", back, timeout=1800)
    check(f"get -r of {name}", answer.code == 0, (answer.code, answer.lines[-1:], answer.stderr[-500:]))
    get_seconds = time.monotonic() - began
    was, now = {}, {}
    for folder in folders:
        prefix = os.fsencode(folder.name)
        was.update({prefix + k: v for k, v in snapshot(folder).items()})
        target = back / "doc" / folder.name
        if os.path.lexists(target):
            now.update({prefix + k: v for k, v in snapshot(target).items()})
    check_same(f"{name} comes back the same", was, now)
    size = sum(v[3] for v in was.values() if v[0] == "file")
    say(f"{name}: {len(was)} entries, {size >> 20} MiB, put {put_seconds:.1f} s, get {get_seconds:.1f} s")


def test_gib(node, chance):
    path, back = temp_dir() / "gib", temp_dir() / "gib.back"
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        for _ in range(GIB >> 20):
            piece = chance.randbytes(1 << 20)
            digest.update(piece)
            file.write(piece)
    began = time.monotonic()
    answer = node.cli("put", path, "/gib", timeout=1800)
    line = answer.lines[-1] if answer.lines else {}
    check("put of 1 GiB", answer.code == 0 and line.get("sha256") == digest.hexdigest() and line.get("size") == GIB,
          answer)
    put_seconds = time.monotonic() - began
    os.unlink(path)
    began = time.monotonic()
    answer = node.cli("get", "/gib", back, timeout=1800)
    get_seconds = time.monotonic() - began
    check("get of 1 GiB: bit for bit", answer.code == 0 and back.exists() and sha256_file(back) == digest.hexdigest(),
          answer)
    rss = node.cli("node", "show").lines[-1]["rss_bytes"]
    say(f"1 GiB: put {put_seconds:.1f} s, get {get_seconds:.1f} s, the node's memory after it {rss >> 20} MiB")
    check("a restart after it", node.stop() == 0 and node.start() and
          node.cli("stat", "/gib").lines[-1].get("sha256") == digest.hexdigest())


def run(options):
    chance = random.Random(options.seed)
    say(f"FSP_SEED={options.seed}")
    node = Node()
    node.start()
    test_generated(node, chance)
    test_mixed(node)
    if options.long:
        test_doc(node, sorted(p for p in DOC.iterdir()), "all of /usr/share/doc")
        test_gib(node, chance)
    else:
        part = choose_part(chance)
        test_doc(node, part, "all of /usr/share/doc" if len(part) == len(list(DOC.iterdir())) else
                 "a part of /usr/share/doc")
    check_equal("the node stops cleanly", node.stop(), 0)


if __name__ == "__main__":
    main(run, seconds=240)
