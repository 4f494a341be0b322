#!/usr/bin/env python3
"""A disk that fills up: the reserve keeps a node working and lets it make room for itself.

The data directory lies on a small tmpfs in a mount namespace of this script's own, which ends with it.
"""
import ctypes, os, random, shutil, subprocess, time

from node import DAEMON, Failed, Node, check, check_equal, main, say, sha256, sha256_file, temp_dir

MIB = 1 << 20
DISK_BYTES = 160 * MIB  # so the reserve is a quarter of it, 40 MiB
RESERVE_BYTES = DISK_BYTES // 4
FILE_BYTES = 5 * MIB
SMALL_BYTES = MIB // 4
ROOM_SECONDS = 60  # a bound, not a promise: a loaded machine with one core takes its time
# What may be missing of the room of deleted objects: rows, and a log of them that is not full yet.
SLACK_BYTES = 4 * MIB
AHEAD_BYTES = 16 * MIB  # a node may have so much allocated and not used yet: for it, that is free
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000


def mount_disk():
    """A small file system that nobody else sees; None if this process may not mount one."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWNS) != 0:
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
            return None
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    place = temp_dir() / "disk"
    place.mkdir()
    for command in (["mount", "--make-rprivate", "/"],
                    ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=700", "tmpfs", str(place)]):
        if subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
            return None
    return place


def free_bytes(place):
    about = os.statvfs(place)
    return about.f_bavail * about.f_frsize


def symbol(answer):
    return answer.lines[-1].get("symbol") if answer.lines else None


def disk_state(node):
    """total_bytes, free_bytes, reserve_bytes, state, as the node says them."""
    return node.cli("node", "show").lines[-1]["disk"]


class Contents:
    """What was acknowledged and must be there."""

    def __init__(self, node, seed):
        self.node, self.chance, self.sha, self.count, self.size = node, random.Random(seed), {}, 0, {}

    def put(self, folder, size=FILE_BYTES):
        """One more file; the answer if it was refused, else None."""
        self.count += 1
        path, data = f"{folder}/{self.count:04}", self.chance.randbytes(size)
        answer = self.node.cli("put", "-", path, stdin=data)
        if answer.code != 0:
            return answer
        self.sha[path], self.size[path] = sha256(data), size
        return None

    def bytes_below(self, folder):
        return sum(self.size[path] for path in self.sha if path.startswith(folder + "/"))

    def fill(self, folder, size=FILE_BYTES):
        """Puts until one is refused."""
        for _ in range(2000):
            answer = self.put(folder, size)
            if answer is not None:
                return answer
        raise Failed("the disk does not fill up")

    def fill_up(self, folder):
        """The same up to the reserve itself, with what is small."""
        self.fill(folder)
        return self.fill(folder, SMALL_BYTES)

    def wrong(self):
        """What is not there as it was acknowledged."""
        back = temp_dir() / "back"
        shutil.rmtree(back, ignore_errors=True)
        answer = self.node.cli("get", "-r", "/", back, timeout=120)
        bad = [] if answer.code == 0 else [answer]
        for path, sha in self.sha.items():
            there = back / path[1:]
            if not there.exists() or sha256_file(there) != sha:
                bad.append(path)
        shutil.rmtree(back, ignore_errors=True)
        return bad

    def remove(self, folder):
        """All of a folder, for good."""
        self.sha = {path: sha for path, sha in self.sha.items() if not path.startswith(folder + "/")}
        answers = [self.node.cli("rm", "-r", folder), self.node.cli("trash", "empty", "--yes")]
        return all(answer.code == 0 for answer in answers) or answers


def collect(node, rounds=2):
    for _ in range(rounds):
        answer = node.cli("space", "collect", "home", timeout=120)
        if answer.code != 0:
            return answer
    return None


def wait_room(node, place, bytes_min):
    """Until so much is free and the node takes writes: seconds, None if that does not come.  Only a bound on the time:
    nothing else may depend on it."""
    began = time.monotonic()
    while time.monotonic() - began < ROOM_SECONDS:
        shown = disk_state(node)
        if shown["state"] == "ok" and shown["free_bytes"] >= bytes_min and free_bytes(place) >= bytes_min - AHEAD_BYTES:
            return time.monotonic() - began
        time.sleep(0.1)
    say(f"{free_bytes(place) // MIB} MiB are free, {bytes_min // MIB} were expected: {disk_state(node)}")
    return None


def check_announced(node, place, answer, what):
    check_equal(f"{what}: exit 9, `disk-reserve`", (answer.code, symbol(answer)), (9, "disk-reserve"))
    shown = disk_state(node)
    check(f"{what}: node show says so", shown["state"] == "reserve", shown)
    # Bytes lie in segments once, and rows are few: nothing is in the way that would have to be waited for.
    left = shown["free_bytes"]
    say(f"{what}: {left // MIB} of {RESERVE_BYTES // MIB} MiB of the reserve are left, {free_bytes(place) // MIB} on the disk")
    check(f"{what}: the reserve is hardly touched", left > RESERVE_BYTES * 3 // 4 and
          free_bytes(place) > left - AHEAD_BYTES - SLACK_BYTES, (left, free_bytes(place)))


# -- at the reserve -------------------------------------------------------------------------------------------


def test_refused(node):
    """Whatever brings bytes or names is refused in the same words; nothing else is."""
    operation = b'{"op":"mkdir","path":"/b"}\n'
    refused = {
        "put": node.cli("put", "-", "/small", stdin=b"x"),
        "mkdir": node.cli("mkdir", "/directory"),
        "cp": node.cli("cp", "/note", "/note-2"),
        "batch": node.cli("batch", "-", stdin=operation),
        "space create": node.cli("space", "create", "more"),
        "version restore": node.cli("version", "restore", "/note", node.first_version),
    }
    for name, answer in refused.items():
        check_equal(f"at the reserve, {name}: exit 9", (answer.code, symbol(answer)), (9, "disk-reserve"))


def test_serves(node, contents, seed):
    """What needs no room works: reading, listing, and making room."""
    check_equal("at the reserve, everything that was acknowledged is read", contents.wrong(), [])
    for command in (["ls", "/"], ["stat", "/note"], ["version", "ls", "/note"], ["changes"], ["trash", "ls"],
                    ["space", "ls"], ["lock", "/note"]):
        answer = node.cli(*command)
        check(f"at the reserve, {' '.join(command)} works", answer.code == 0, answer)
    answer = node.cli("version", "rm", "--yes", "/note", node.first_version)
    check("at the reserve, version rm works", answer.code == 0, answer)
    token = node.cli("stat", "/note")
    check("and /note is as it was", node.cat("/note") == b"two", token)


def test_makes_room(node, place, contents):
    """The way out: remove, empty the trash, collect."""
    before = disk_state(node)["free_bytes"]
    removed = contents.bytes_below("/first")
    answer = contents.remove("/first")
    check("at the reserve, rm -r and trash empty work", answer is True, answer)
    answer = collect(node)
    check("at the reserve, space collect works", answer is None, answer)
    seconds = wait_room(node, place, before + removed - SLACK_BYTES)
    check("all the room comes back, and writes are taken again by itself", seconds is not None)
    say(f"{(disk_state(node)['free_bytes'] - before) // MIB} of {removed // MIB} MiB came back after {seconds or 0:.1f} s")
    answer = contents.put("/second")
    check("a put is taken", answer is None, answer)
    check_equal("nothing that was acknowledged is lost", contents.wrong(), [])


def test_start_at_reserve(node, place, contents):
    """A crash and a start cost room, too: the log is written out as tables."""
    answer = contents.fill("/second")
    check_announced(node, place, answer, "filled again")
    node.kill9()
    node.start()
    check_equal("after kill -9 at the reserve everything is there", contents.wrong(), [])
    shown = disk_state(node)
    # The new log of the database takes some 16 MiB ahead, whatever the size of the disk.
    check("and the reserve is still there", shown["free_bytes"] > RESERVE_BYTES // 4, shown)
    check_equal("it stops cleanly", node.stop(), 0)
    node.start()
    answer = contents.remove("/second")
    check("rm works after a start", answer is True, answer)
    answer = collect(node)
    check("and so does space collect", answer is None, answer)
    check("then there is room", wait_room(node, place, DISK_BYTES * 3 // 4) is not None)


def test_large_put(node, place, contents):
    """A put that begins with room and meets the reserve in its middle."""
    before = disk_state(node)["free_bytes"]
    large = (before - RESERVE_BYTES) + 60 * MIB
    source = temp_dir() / "large"
    with open(source, "wb") as file:
        chance = random.Random(7)
        for at in range(0, large, MIB):
            file.write(chance.randbytes(min(MIB, large - at)))
    answer = node.cli("put", source, "/large", timeout=180)
    check_announced(node, place, answer, "a put that meets the reserve")
    check_equal("nothing of it is to be seen", node.cli("stat", "/large").code, 3)
    check_equal("everything else is there", contents.wrong(), [])
    answer = collect(node)
    check("space collect works", answer is None, answer)
    check("then nothing of it is on the disk", wait_room(node, place, before - SLACK_BYTES) is not None)
    source.unlink()


def test_scattered(node, place, contents):
    """Every second file goes, on a disk without room to move what lives between them."""
    contents.fill("/scattered")
    there = sorted(path for path in contents.sha if path.startswith("/scattered/"))
    gone = there[::2]
    for path in gone:
        del contents.sha[path]
    before = disk_state(node)["free_bytes"]
    answers = [node.cli("rm", *gone), node.cli("trash", "empty", "--yes")]
    check("every second file is removed", all(answer.code == 0 for answer in answers), answers)
    answer = collect(node)
    check("space collect works", answer is None, answer)
    wanted = len(gone) * FILE_BYTES
    seconds = wait_room(node, place, before + wanted - SLACK_BYTES)
    check("their room comes back, without room to move anything", seconds is not None and node.running())
    say(f"{(disk_state(node)['free_bytes'] - before) // MIB} of {wanted // MIB} MiB came back after {seconds or 0:.1f} s")
    check_equal("and all that was between them is there", contents.wrong(), [])
    contents.remove("/scattered")
    answer = collect(node)
    check("the rest is removed", answer is None and wait_room(node, place, DISK_BYTES * 3 // 4) is not None, answer)


def test_cycles(node, place, contents, cycles, sizes):
    """Full and empty again and again: no cycle costs the next one room."""
    free, took = [], []
    for number in range(cycles):
        before = len(contents.sha)
        answer = contents.fill(f"/cycle{number}", sizes[number % len(sizes)])
        if symbol(answer) != "disk-reserve":
            raise Failed(f"cycle {number}: {answer}")
        took.append(len(contents.sha) - before)
        contents.remove(f"/cycle{number}")
        if collect(node) is not None or wait_room(node, place, DISK_BYTES * 3 // 4) is None:
            raise Failed(f"cycle {number}: no room: {disk_state(node)}")
        free.append(disk_state(node)["free_bytes"] // MIB)
    say(f"files taken: {took}; MiB free after each cycle: {free}")
    check(f"{cycles} times full and empty: the room stays", min(free) > max(free) - SLACK_BYTES // MIB, free)


def test_full(node, place, contents):
    """Others fill the disk up to the last byte: the node ends rather than promise anything, and loses nothing."""
    contents.put("/kept")
    with open(place / "junk", "wb") as junk:
        try:
            while True:
                junk.write(bytes(MIB))
                junk.flush()
        except OSError:
            pass
    check_equal("the disk is full", free_bytes(place) < MIB, True)
    for number in range(20):  # the log has some room of its own
        if not node.running():
            break
        if node.cli("lock", "/note", "--timeout", "1").code == 0:
            node.cli("unlock", "--force", "/note", "--timeout", "1")
    ended = not node.running()
    code = node.wait() if ended else node.kill9()
    check("a node on a full disk goes on until it cannot write, then says why and ends", not ended or code in (1, 9),
          (ended, code, node.errors()[-600:]))
    code, said, seconds = node.refuse(timeout=15)
    check("a start on a full disk works or ends with 9 and says why", code in (None, 9) and
          (code is None or "space" in said.lower()), (code, said))
    say(f"on a full disk it {'ended by itself' if ended else 'went on'}; a start: "
        f"{'works' if code is None else said.strip().splitlines()[-1]}")
    (place / "junk").unlink()
    node.start()
    check_equal("with room again it starts, and everything is there", contents.wrong(), [])
    answer = contents.put("/kept")
    check("and takes writes as before", answer is None or symbol(answer) == "disk-reserve", answer)


def run(options):
    say(f"FSP_SEED={options.seed}")
    place = mount_disk()
    if place is None:
        check("SKIPPED: this process may not mount a file system, nothing was tested", True)
        return
    try:
        run_on(place, options)
    finally:  # lazily: a node may still be there; main() ends it
        subprocess.run(["umount", "-l", str(place)])


def run_on(place, options):
    node = Node(directory=place / "node")
    node.start()
    contents = Contents(node, options.seed)
    node.first_version = node.put_bytes("/note", b"one")["version"]
    node.put_bytes("/note", b"two")
    for _ in range(2):
        contents.put("/stays")
    shown = disk_state(node)
    check_equal("the reserve is a quarter of a small disk", shown["reserve_bytes"], RESERVE_BYTES)
    answer = contents.fill_up("/first")
    check_announced(node, place, answer, "filled")
    test_refused(node)
    test_serves(node, contents, options.seed)
    test_makes_room(node, place, contents)
    test_start_at_reserve(node, place, contents)
    test_large_put(node, place, contents)
    test_scattered(node, place, contents)
    test_cycles(node, place, contents, 12 if options.long else 2,
                [FILE_BYTES, 200_000, MIB] if options.long else [2 * MIB, FILE_BYTES])
    test_full(node, place, contents)
    check_equal("in the end everything is there", contents.wrong(), [])
    check_equal("the node stops cleanly", node.stop(), 0)
    done = subprocess.run([str(DAEMON), "check", "--json", str(node.directory)], stdout=subprocess.PIPE, timeout=300)
    check("filesphered check finds nothing wrong", done.returncode == 0, done.stdout[-2000:])


if __name__ == "__main__":
    main(run, seconds=550)
