#!/usr/bin/env python3
"""A data directory of a program before: it starts, everything is there, and the old way back is shut.

tests/fixtures/node-FORMAT.tar.gz are nodes that were killed.  In format 1 large objects lie in the database itself: the
first start moves them to segments; it is killed on the way, and goes on.  With too little room nothing is touched.  In
format 2 they lie in segments already, each of them with pages of its own.
"""
import ctypes, os, random, shutil, subprocess, tarfile, time

from node import DAEMON, ENV, ROOT, Node, check, check_equal, look_for_sanitizer, main, need, parse_lines, say, sha256, \
    temp_dir

FORMAT = 3  # of the store that this program writes
ROUNDS = 12  # starts that are killed
MIB = 1 << 20


def contents():
    """{path: octets} and [octets of the versions of one path, oldest first], as the fixture was made."""
    chance, files = random.Random("node-1"), {}
    for size in (0, 1, 4096, 4097, 20_000, 66_000):
        files[f"/d{size % 3}/size {size}"] = chance.randbytes(size)
    versions = [b"first", chance.randbytes(70_000), b"third"]
    files["/many versions"] = versions[-1]
    chance.randbytes(66_000)  # removed again
    files["/zeros"] = bytes(5 * MIB)
    files["/in the log"] = chance.randbytes(70_000)
    return files, versions


def unpack(directory, form):
    directory.mkdir(mode=0o700, exist_ok=True)
    with tarfile.open(ROOT / "tests" / "fixtures" / f"node-{form}.tar.gz") as archive:
        archive.extractall(directory)


def run_check(directory):
    done = subprocess.run([DAEMON, "check", directory, "--json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=ENV, timeout=60)
    look_for_sanitizer("filesphered check", done.stderr)
    return done.returncode, parse_lines(done.stdout)


def formats(directory):
    """What the two slots of WATERMARK say."""
    data = (directory / "WATERMARK").read_bytes()
    return {int.from_bytes(data[at + 8:at + 12], "big") for at in (0, 4096)}


def wrong(node, trash=True):
    """What is not as it was."""
    files, versions = contents()
    bad = [path for path, data in files.items() if node.cat(path) != data]
    listed = node.cli("version", "ls", "/many versions").lines
    ids = [line["version"] for line in listed if "version" in line][::-1]
    bad += [f"version {at}" for at, data in enumerate(versions)
            if node.cat("/many versions", "--version", ids[at]) != data]
    listed = node.cli("trash", "ls")
    if trash and not any(line.get("path") == "/gone" for line in listed.lines):
        bad.append(f"the trash: {listed}")
    return bad


def check_whole(name, node, expect_segments=True):
    code, lines = run_check(node.directory)
    result = lines[-1]
    check(f"{name}: check finds nothing wrong", code == 0 and result["faults"] == 0, (code, lines[-4:]))
    check_equal(f"{name}: and counts everything", (result["files"], result["versions"], result["objects"]), (10, 12, 9))
    if expect_segments:
        check(f"{name}: the large ones lie in segments", result["segments"] >= 1 and
              result["segment_live_bytes"] > 4 * 66_000, result)


def test_plain(form):
    node = Node(name=f"plain-{form}")
    unpack(node.directory, form)
    check_whole(f"format {form} before", node, expect_segments=form > 1)
    check_equal("before, WATERMARK says", formats(node.directory), {form})
    node.start()
    check_equal("after the first start everything is there", wrong(node), [])
    end = time.monotonic() + 20  # the old bytes go in the background
    node.put_bytes("/new", random.Random(1).randbytes(300_000))
    check("puts work", node.cat("/new") == random.Random(1).randbytes(300_000))
    check("rm works", node.cli("rm", "/new").code == 0 and node.cli("trash", "empty", "--yes").code == 0)
    check("and collecting", all(node.cli("space", "collect", "home").code == 0 for _ in range(2)))
    while time.monotonic() < end and sum(p.stat().st_size for p in node.directory.glob("db/*.blob")) > 100_000:
        time.sleep(0.1)
    left = sum(path.stat().st_size for path in node.directory.glob("db/*.blob"))
    check("the old bytes have left the disk", left < 100_000, left)  # what is left: objects of 4 to 64 KiB
    check_equal("it stops cleanly", node.stop(), 0)
    check_equal("WATERMARK says", formats(node.directory), {FORMAT})
    code, lines = run_check(node.directory)
    check(f"format {form}: check finds nothing wrong afterwards", code == 0 and lines[-1]["faults"] == 0, (code, lines[-4:]))
    node.start()
    check_equal("and after the next start everything is there", wrong(node, trash=False), [])
    check_equal("it stops cleanly again", node.stop(), 0)


def test_killed(form, chance):
    """kill -9 anywhere in the first start, again and again."""
    node = Node(name=f"killed-{form}")
    unpack(node.directory, form)
    for number in range(ROUNDS):
        if number % 4 == 0:
            shutil.rmtree(node.directory)
            unpack(node.directory, form)
        node.launch()
        time.sleep(chance.uniform(0.005, 0.25))
        node.kill9()
        code, lines = run_check(node.directory)
        if code != 0:
            check("killed while it migrates: check finds nothing wrong", False, (code, lines[-4:]))
            return
    check(f"format {form}, killed {ROUNDS} times: check never finds anything wrong", True)
    node.start()
    check_equal("then everything is there", wrong(node), [])
    check_equal("it stops cleanly", node.stop(), 0)
    check_whole("afterwards", node)


def test_no_room():
    """A disk with less room than the large objects take once more."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(0x00020000) != 0:
        if libc.unshare(0x10000000 | 0x00020000) != 0:
            check("SKIPPED: this process may not mount a file system", True)
            return
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    place = temp_dir() / "disk"
    place.mkdir()
    for command in (["mount", "--make-rprivate", "/"],
                    ["mount", "-t", "tmpfs", "-o", "size=48m,mode=700", "tmpfs", str(place)]):
        if subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
            check("SKIPPED: this process may not mount a file system", True)
            return
    try:
        node = Node(directory=place / "node", name="roomless")
        unpack(node.directory, 1)
        before = (node.directory / "WATERMARK").read_bytes()
        code, said, _ = node.refuse()
        check("without room it does not start, and says how much it wants", code == 9 and "MiB" in said, (code, said))
        check("and has changed nothing: the old program still opens it",
              (node.directory / "WATERMARK").read_bytes() == before and not (node.directory / "segments").exists())
        check_whole("without room", node, expect_segments=False)
        subprocess.run(["mount", "-o", "remount,size=256m", str(place)], check=True)
        node.start()
        check_equal("with room it starts, and everything is there", wrong(node), [])
        check_equal("it stops cleanly", node.stop(), 0)
    finally:
        subprocess.run(["umount", "-l", str(place)])


def run(options):
    say(f"FSP_SEED={options.seed}")
    for form in range(1, FORMAT):
        test_plain(form)
        test_killed(form, random.Random(options.seed + form))
    test_no_room()  # last: it leaves this process in a mount namespace of its own


if __name__ == "__main__":
    main(run, seconds=200)
