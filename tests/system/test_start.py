#!/usr/bin/env python3
"""Starting and stopping: each start that cannot work ends soon, with a reason and an exit code; every stop is clean."""
import ctypes, ctypes.util, os, random, shutil, signal, socket, struct, subprocess, threading, time

from node import (CLIENT, ENV, Failed, Node, check, check_equal, client, main, need, say, sha256, temp_dir)

SLOT = 4096  # of WATERMARK


def check_refused(name, refusal, exit_code, *words, seconds=10):
    """exit_code None: any but 0.  All words must be in what it says on stderr."""
    code, said, took = refusal
    good = code is not None and (code == exit_code if exit_code is not None else code > 0)
    check(name, good and all(w in said for w in words) and took < seconds and
          len(said.strip().splitlines()[-1:]) == 1, f"exit {code} (wanted {exit_code}), {took:.1f} s, {said[-800:]}")


def check_works(name, node, path=None, data=None):
    """The node answers, keeps what it is given and has what it had."""
    answer = node.cli("put", "-", "/works", stdin=b"works")
    good = answer.code == 0 and node.cat("/works") == b"works" and (path is None or node.cat(path) == data)
    check(name, good, answer)


# -- starts that must fail ------------------------------------------------------------------------------------


def test_in_use(node):
    pid = node.process.pid
    second = Node(node.directory)
    refusal = second.refuse()
    check_refused("a directory in use: exit 8 with the holder's pid", refusal, 8, str(pid), "in use", seconds=4.5)
    check("not before 2 s: the holder may be about to end", refusal[2] > 1.9, refusal)
    check_works("the holder goes on", node)
    waiting = Node(node.directory)
    waiting.launch()
    time.sleep(0.5)
    code = node.stop()
    took_over = False
    for _ in range(1000):
        if b"listens on" in waiting.output() or not waiting.running():
            took_over = waiting.running()
            break
        time.sleep(0.01)
    check("a start within 2 s of the holder's end takes over", code == 0 and took_over, waiting.errors())
    if waiting.process:
        check_equal("and stops", waiting.stop(), 0)
    node.start()


def test_permissions(node):
    node.stop()
    keys = node.directory / "node.keys"
    check_equal("node.keys has mode 0600", keys.stat().st_mode & 0o777, 0o600)
    for mode in (0o644, 0o660, 0o604):
        keys.chmod(mode)
        check_refused(f"node.keys with mode {mode:o}: refused, with the remedy", node.refuse(), None, "node.keys", "chmod")
    keys.chmod(0o600)
    node.start()
    check_works("with 0600 it starts again", node)


def test_damage(node):
    """A database that went backwards is damaged, not torn."""
    node.put_bytes("/old", b"old")
    node.stop()
    db, mark, old = node.directory / "db", node.directory / "WATERMARK", temp_dir() / "old-db"
    shutil.copytree(db, old)
    node.start()
    data = os.urandom(200_000)
    node.put_bytes("/new", data)
    newest = temp_dir() / "newest"
    for how in ("after a clean stop", "after kill -9"):
        if how == "after kill -9":
            node.start()
            node.put_bytes("/newer", data)
            time.sleep(0.4)  # the watermark follows within 100 ms
            node.kill9()
        else:
            node.stop()
        shutil.rmtree(newest, ignore_errors=True)
        shutil.copytree(node.directory, newest)
        shutil.rmtree(db)
        shutil.copytree(old, db)
        check_refused(f"an old database beside a newer WATERMARK, {how}: exit 10", node.refuse(), 10, "behind its journal", "restore")
        check_refused("and again: a refusal changes nothing", node.refuse(), 10, "behind its journal")
        shutil.rmtree(db)
        check_refused(f"WATERMARK without its database, {how}: exit 10", node.refuse(), 10, "missing")
        check(f"no empty database was made, {how}", not (db / "CURRENT").exists())
        shutil.copytree(newest / "db", db, dirs_exist_ok=True)
        mark.unlink()
        check_refused(f"a database without its WATERMARK, {how}: exit 10", node.refuse(), 10, "WATERMARK is missing")
        slots = (newest / "WATERMARK").read_bytes()
        mark.write_bytes(b"\0" * len(slots))
        check_refused(f"both slots of WATERMARK damaged, {how}: exit 10", node.refuse(), 10, "WATERMARK")
        mark.write_bytes(slots)
        node.start()
        check_works(f"with all in place, {how}, it starts", node, "/new", data)
        node.stop()
    slots = bytearray(mark.read_bytes())
    for slot in (0, 1):
        broken = bytearray(slots)
        broken[slot * SLOT + 100] ^= 0xFF
        mark.write_bytes(broken)
        node.start()
        check_works(f"one rotten slot of a clean WATERMARK ({slot}) is no damage", node, "/new", data)
        node.stop()
        slots = bytearray(mark.read_bytes())
    keys = node.directory / "node.keys"
    kept = keys.read_bytes()
    keys.unlink()
    check_refused("node.keys missing: exit 10", node.refuse(), 10, "node.keys")
    keys.touch(0o600)
    keys.write_bytes(kept[:-1])
    check_refused("node.keys cut off: exit 10", node.refuse(), 10, "node.keys")
    stranger = Node()
    stranger.start()
    stranger.stop()
    keys.write_bytes((stranger.directory / "node.keys").read_bytes())
    check_refused("node.keys of another node: exit 10", node.refuse(), 10, "node.keys")
    keys.write_bytes(kept)
    node.start()
    check_works("with its own keys it starts", node)


def test_newer_format(node):
    node.stop()
    keys = node.directory / "node.keys"
    kept = keys.read_bytes()
    need("node.keys begins with an array and format 1", kept[:2] == b"\x95\x01", kept[:2])
    keys.write_bytes(b"\x95\x02" + kept[2:])
    check_refused("node.keys of a newer format: refused", node.refuse(), 1, "format")
    keys.write_bytes(kept)
    mark = node.directory / "WATERMARK"
    slots = mark.read_bytes()
    library = ctypes.util.find_library("xxhash") or "libxxhash.so.0"
    xxh3 = ctypes.CDLL(library).XXH3_64bits
    xxh3.restype, xxh3.argtypes = ctypes.c_uint64, [ctypes.c_char_p, ctypes.c_size_t]
    newer = b""
    for at in (0, SLOT):
        slot = slots[at: at + SLOT - 8]
        need("the checksum of a slot is XXH3-64", struct.pack(">Q", xxh3(slot, len(slot))) == slots[at + SLOT - 8: at + SLOT])
        slot = slot[:8] + struct.pack(">I", struct.unpack(">I", slot[8:12])[0] + 1) + slot[12:]
        newer += slot + struct.pack(">Q", xxh3(slot, len(slot)))
    mark.write_bytes(newer)
    check_refused("a store of a newer format: refused", node.refuse(), 1, "format", "knows")
    mark.write_bytes(slots)
    node.start()
    check_works("with the old format it starts", node)


def test_addresses():
    node = Node()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        good = node.endpoint
        node.endpoint = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        check_refused("a port in use: refused, naming the address", node.refuse(), None, node.endpoint, "in use")
    for bad in ("nonsense", "tcp://127.0.0.1", "tcp://127.0.0.1:99999", "tcp://127.0.0.1:0", "tcp://:7420", "tcp://203.0.113.7:7420", "udp://127.0.0.1:7420",
                "inproc://x"):
        node.endpoint = bad
        check_refused(f"--listen {bad}: refused", node.refuse(), None, bad)
    node.endpoint = good
    node.start()
    check_works("the same directory starts at a free address", node)
    check_equal("and stops", node.stop(), 0)


def test_places():
    node = Node()
    file = temp_dir() / "a-file"
    file.write_text("x")
    for name, directory, word in (("a file", file, str(file)), ("below a file", file / "x", str(file)),
                                  ("below /dev/null", "/dev/null/x", "/dev/null"),
                                  ("in /proc", "/proc/filesphere", "/proc/filesphere")):
        node.directory = directory
        check_refused(f"--data {name}: refused", node.refuse(), None, word)
    node.directory = temp_dir() / "several" / "levels" / "deep"
    node.profile = node.directory / "admin.profile"
    node.start()
    check_works("missing directories are made", node)
    node.stop()
    for name in ("recovery-code", "admin.profile"):
        (node.directory / name).rename(temp_dir() / f"moved-{name}")
    node.profile = temp_dir() / "moved-admin.profile"
    node.start()
    check_works("recovery-code and admin.profile may be moved away, as advised", node)
    check("and are not made again", not (node.directory / "recovery-code").exists() and
          not (node.directory / "admin.profile").exists())
    node.stop()


# -- stops ----------------------------------------------------------------------------------------------------


class SlowPut:
    """A put whose source is a pipe that this test feeds."""

    def __init__(self, node, path, *more):
        self.process = subprocess.Popen([str(CLIENT), "--profile", str(node.profile), "put", "-", path, "--json", *more],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV)

    def feed(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def end(self, data=b"", timeout=60):
        """(exit code, the last line's words)"""
        out, err = self.process.communicate(data, timeout=timeout)
        return self.process.returncode, (out + err).decode("utf-8", "replace")


def test_stops(node, chance):
    data = chance.randbytes(1 << 20)
    node.put_bytes("/before", data)
    for number in (signal.SIGTERM, signal.SIGINT):
        check_equal(f"{number.name} ends an idle node with 0", node.stop(number), 0)
        node.start()
        check_works(f"a start after {number.name} is clean", node, "/before", data)
    check("nothing is said about recovery", b"level=warning" not in node.errors() and b"level=error" not in node.errors(),
          node.errors())

    put = SlowPut(node, "/under-way")
    put.feed(data)
    time.sleep(0.7)
    node.send(signal.SIGTERM)
    time.sleep(0.3)
    began = time.monotonic()
    answer = node.cli("ls", "/", "--timeout", "2")
    check("while it ends, new work is answered with `closing` or not taken: exit 8", answer.code == 8 and
          answer.lines[-1]["symbol"] in ("closing", "unreachable"), answer)
    check("soon", time.monotonic() - began < 6, time.monotonic() - began)
    stopped = node.wait(30)
    node.start()
    check("nothing of a transfer that SIGTERM met is seen", node.cat("/under-way") is None)
    code, said = put.end(data)
    check("it goes on when the node is there again, and is kept", stopped == 0 and code == 0 and
          node.cat("/under-way") == data + data, (code, stopped, said))

    put = SlowPut(node, "/stalled")
    put.feed(data)
    time.sleep(0.7)
    node.send(signal.SIGTERM)
    began = time.monotonic()
    stopped = node.wait(30)
    took = time.monotonic() - began
    check("a transfer that stalls does not keep the node from ending", stopped == 0 and took < 16, (stopped, took))
    node.start()
    check_failure = node.cli("stat", "/stalled")
    check("nothing of it is there", check_failure.code == 3, check_failure)
    code, said = put.end()
    check("it ends well at the node that is there again", code == 0 and node.cat("/stalled") == data, (code, said))

    for first in (signal.SIGTERM, signal.SIGINT):
        put = SlowPut(node, "/stalled-again")
        put.feed(data)
        time.sleep(0.7)
        node.send(first)
        time.sleep(0.3)
        check(f"{first.name} waits for what is under way", node.running())
        began = time.monotonic()
        node.send(signal.SIGINT)
        stopped = node.wait(30)
        took = time.monotonic() - began
        check(f"SIGINT after {first.name} ends at once with 130", stopped == 130 and took < 1.5, (stopped, took))
        put.process.kill()
        put.end()
        node.start()
        check_works(f"a start after {first.name}, SIGINT works without help", node, "/before", data)


def test_stop_under_load(node, chance):
    """SIGTERM in the middle of many small puts: each is acknowledged and kept, or refused."""
    kept, refused, lock = {}, [], threading.Lock()
    stop = threading.Event()

    def load(number):
        own = random.Random(chance_seed + number)
        at = 0
        while not stop.is_set():
            at += 1
            path, data = f"/load/{number}-{at}", own.randbytes(own.choice([10, 4097, 300_000]))
            answer = node.cli("put", "-", path, "--timeout", "1", stdin=data)
            with lock:
                if answer.code == 0:
                    kept[path] = sha256(data)
                else:
                    refused.append(answer)

    chance_seed = chance.randrange(1 << 30)
    threads = [threading.Thread(target=load, args=(n,), daemon=True) for n in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(1.5)
    code = node.stop()
    stop.set()
    for thread in threads:
        thread.join(60)
    check("and no client of it hangs", not any(thread.is_alive() for thread in threads))
    check("SIGTERM under load ends with 0", code == 0, code)
    check("what is refused is refused with exit 8", all(r.code == 8 for r in refused), refused[:3])
    node.start()
    bad = [path for path, sha in list(kept.items()) if sha256(node.cat(path) or b"?") != sha]
    check(f"all {len(kept)} acknowledged files are there", not bad and len(kept) > 3, bad)


# -- the first start, killed ----------------------------------------------------------------------------------


def read(path):
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def test_first_start_killed(chance, times):
    usual = Node()
    usual.start()
    usual.stop()
    say(f"a first start takes {usual.start_seconds * 1000:.0f} ms")
    found = {}
    for number in range(times):
        node = Node()
        codes, reasons = [], []
        kills = chance.choice([1, 1, 2, 3])
        for _ in range(kills):
            node.launch()
            moment = chance.uniform(0.005, usual.start_seconds * 1.05)
            time.sleep(moment)
            node.kill9()
            codes.append(read(node.directory / "recovery-code"))
            there = [n for n in ("WATERMARK", "db", "node.keys", "recovery-code", "admin.profile")
                     if (node.directory / n).exists()]
            found[len(there)] = found.get(len(there), 0) + 1
        try:
            node.start()
        except Failed as error:
            check(f"first start {number + 1} killed {kills} times: the next one works", False, error)
            continue
        code = read(node.directory / "recovery-code")
        for earlier in codes:
            if earlier is not None and earlier != code:
                reasons.append("another recovery code")
        if code is None or (node.directory / "recovery-code").stat().st_mode & 0o777 != 0o600:
            reasons.append("no recovery code, or open to others")
        answer = node.cli("put", "-", "/first", stdin=b"first")
        if answer.code != 0 or node.cat("/first") != b"first":
            reasons.append(answer)
        changes = [line.get("operation") for line in node.cli("changes").lines if line["type"] == "change"]
        if changes != ["space-init", "put"]:
            reasons.append(changes)
        if node.stop() != 0:
            reasons.append("does not stop")
        node.start()
        if read(node.directory / "recovery-code") != code or node.cat("/first") != b"first":
            reasons.append("the second start changed something")
        node.stop()
        shutil.rmtree(node.directory)
        check(f"first start {number + 1} killed {kills} times: then a working node with one recovery code", not reasons,
              reasons)
    say("files there at the kill: " + ", ".join(f"{k} of 5: {v} times" for k, v in sorted(found.items())))


def run(options):
    chance = random.Random(options.seed)
    say(f"FSP_SEED={options.seed}")
    node = Node()
    node.start()
    test_in_use(node)
    test_permissions(node)
    test_damage(node)
    test_newer_format(node)
    test_addresses()
    test_places()
    test_stops(node, chance)
    test_stop_under_load(node, chance)
    check_equal("the node stops cleanly", node.stop(), 0)
    test_first_start_killed(chance, 200 if options.long else 10)


if __name__ == "__main__":
    main(run, seconds=300)
