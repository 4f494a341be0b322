#!/usr/bin/env python3
"""Garbage collection at one node: what nobody needs goes from the disk, what somebody needs never does, whatever is
written, dropped and killed meanwhile.  And what a node does unasked: retention, and spaces that are gone."""
import json, os, random, subprocess, threading, time

from node import DAEMON, Node, check, check_equal, main, need, say

MIB = 1 << 20
LONE_BYTES = 100 * MIB
KILLS, KILLS_LONG = 20, 100


def collect(node, space="home"):
    answer = node.cli("space", "collect", space)
    need(f"space collect {space}", answer.code == 0, answer)
    return answer.lines[-1]


def disk_bytes(node):
    """What database and segments take, holes not counted.  Room is taken ahead, too, so only large pieces show."""
    total = 0
    for path in [*(node.directory / "db").iterdir(), *(node.directory / "segments").iterdir()]:
        try:
            total += path.stat().st_blocks * 512
        except FileNotFoundError:
            pass
    return total


def drop(node, *paths):
    for path in paths:
        check_equal(f"rm {path}", node.cli("rm", path).code, 0)
    check_equal("trash empty", node.cli("trash", "empty", "--yes").code, 0)


def check_store(node, name):
    """`filesphered check` on the stopped node: its result line."""
    done = subprocess.run([str(DAEMON), "check", str(node.directory), "--json"], stdout=subprocess.PIPE, text=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    check(f"{name}: filesphered check finds nothing wrong", done.returncode == 0 and lines[-1]["faults"] == 0,
          done.stdout[-2000:])
    return lines[-1]


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return condition()


# -- one after the other ------------------------------------------------------------------------------------------


def test_bytes_go(node):
    shared, lone, small = os.urandom(8 * MIB), os.urandom(LONE_BYTES), os.urandom(40_000)
    node.put_bytes("/kept", shared)
    node.put_bytes("/twin", shared + b"and more")
    node.put_bytes("/lone", lone)
    node.put_bytes("/small", small)
    before = disk_bytes(node)
    check("the store has the bytes", before > LONE_BYTES, before)
    first = collect(node)
    check("nothing is garbage yet", first["swept_objects"] == 0 and first["epoch"] > 0, first)
    drop(node, "/lone", "/small", "/twin")
    second = collect(node)
    check("one round ran since it was stored: the next one takes it", second["swept_bytes"] > LONE_BYTES * 0.9, second)
    third = collect(node)
    check("the round after it has the rest", second["swept_bytes"] + third["swept_bytes"] > LONE_BYTES, (second, third))
    check("the disk gets its room back", wait_until(lambda: disk_bytes(node) < before - LONE_BYTES // 2),
          (before, disk_bytes(node)))
    check("what is shared with something live stays", node.cat("/kept") == shared)
    check_equal("a round with nothing to do takes nothing", collect(node)["swept_objects"], 0)
    node.put_bytes("/lone", lone)
    check("what went can come again", node.cat("/lone") == lone)
    for number in range(2):
        fresh = os.urandom(2 * MIB)
        node.put_bytes("/fresh", fresh)
        drop(node, "/fresh")
        check_equal(f"what was just stored is not taken by the next round ({number})", collect(node)["swept_objects"], 0)
        check("but by the one after it", collect(node)["swept_bytes"] > 2 * MIB)


def test_versions(node):
    old, new = os.urandom(6 * MIB), os.urandom(6 * MIB)
    node.put_bytes("/versions", old)
    version = node.cli("version", "ls", "/versions").lines[0]["version"]
    node.put_bytes("/versions", new)
    for _ in range(3):
        collect(node)
    check("an old version is kept as any other", node.cat("/versions", "--version", version) == old)
    check_equal("version rm", node.cli("version", "rm", "--yes", "/versions", version).code, 0)
    swept = [collect(node)["swept_bytes"] for _ in range(2)]
    check("then its bytes go", sum(swept) > 5 * MIB, swept)
    check("and the newest one's stay", node.cat("/versions") == new)
    data = os.urandom(5 * MIB)
    node.put_bytes("/trashed", data)
    check_equal("rm", node.cli("rm", "/trashed").code, 0)
    for _ in range(3):
        collect(node)
    check_equal("out of the trash", node.cli("trash", "restore", "/trashed").code, 0)
    check("the trash is no garbage", node.cat("/trashed") == data)


def test_space_gone(node):
    check_equal("space create", node.cli("space", "create", "brief").code, 0)
    data = os.urandom(12 * MIB)
    node.put_bytes("brief:/a", data)
    check("a space is collected by itself", collect(node, "brief")["live_objects"] > 4)
    check_equal("space rm --now", node.cli("space", "rm", "--now", "--yes", "brief").code, 0)
    check("the objects of a space that is gone go unasked", wait_until(lambda: b"have gone" in node.log()),
          node.log()[-500:])
    check_equal("no such space", node.cli("space", "collect", "brief").code, 3)


def test_stop(node):
    """A node that is told to stop does not wait for a round; what waits for it is told."""
    began = time.monotonic()
    workers = [threading.Thread(target=lambda: node.cli("space", "collect", "home")) for _ in range(3)]
    for worker in workers:
        worker.start()
    time.sleep(0.02)
    check_equal("the node stops cleanly in a round", node.stop(), 0)
    check("at once", time.monotonic() - began < 8, time.monotonic() - began)
    for worker in workers:
        worker.join()
    check_store(node, "after a stop in a round")
    node.start()


# -- at once ------------------------------------------------------------------------------------------------------


class Writer(threading.Thread):
    """Puts, drops and puts again what others put and drop: the same few contents, so that chunks die and are wanted
    again at every moment of a round."""

    def __init__(self, node, number, contents, seed):
        super().__init__(daemon=True)
        self.node, self.number, self.contents, self.random = node, number, contents, random.Random(seed)
        self.stopping, self.there, self.puts, self.doubt, self.wrong = False, {}, 0, set(), []

    def run(self):
        while not self.stopping:
            path = f"/w{self.number}/{self.random.randrange(2)}"
            content = self.random.choice(self.contents)
            if self.there.get(path) is None:
                answer = self.node.cli("put", "-", path, stdin=content, timeout=60)
                ok = answer.code == 0
                self.puts += ok
            else:  # with all its versions
                answer = self.node.cli("rm", path, timeout=60)
                ok, content = answer.code in (0, 3), None
                self.node.cli("trash", "empty", "--yes", timeout=60)
            if ok:
                self.there[path] = content
                self.doubt.discard(path)
            else:
                self.doubt.add(path)  # the node died: it may have happened or not
            if path not in self.doubt and self.random.random() < 0.3 and content is not None:
                got = self.node.cat(path)
                if got is not None and got != content:
                    self.wrong.append(path)

    def check(self):
        check_equal(f"writer {self.number} never read anything else than it wrote", self.wrong, [])
        bad = [path for path, content in self.there.items()
               if path not in self.doubt and self.node.cat(path) != content]
        check_equal(f"writer {self.number} finds everything after {self.puts} puts", bad, [])


def shared_contents():
    """Overlapping contents: whole ones, halves, and such that differ in the middle."""
    base = os.urandom(3 * MIB)
    return [base, base[:2 * MIB], base[:MIB] + os.urandom(MIB) + base[2 * MIB:], os.urandom(2 * MIB), b"inline", base[:70_000]]


def test_writers(node, seconds):
    contents = shared_contents()
    writers = [Writer(node, number, contents, number) for number in range(3)]
    for writer in writers:
        writer.start()
    rounds = swept = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        line = collect(node)
        rounds, swept = rounds + 1, swept + line["swept_objects"]
    for writer in writers:
        writer.stopping = True
    for writer in writers:
        writer.join()
        writer.check()
    say(f"{rounds} rounds swept {swept} objects under {sum(w.puts for w in writers)} puts")
    check("rounds and sweeps met puts", rounds >= 5 and swept > 0 and sum(w.puts for w in writers) > 10, (rounds, swept))
    node.cli("trash", "empty", "--yes")
    for _ in range(2):
        collect(node)
    check_equal("the node stops", node.stop(), 0)
    check_equal("two rounds later nothing is left over", check_store(node, "after the writers")["orphans"], 0)
    node.start()


def test_kills(kills, seed):
    """kill -9 at random moments of rounds, with writers beside them; every time the store must be whole."""
    node = Node(name="killed")
    node.start()
    chance = random.Random(seed)
    contents = shared_contents()
    stopping = False

    def rounds():
        while not stopping:
            node.cli("space", "collect", "home", timeout=60)

    writers = [Writer(node, number, contents, seed * 1000 + number) for number in range(2)]
    threads = [*writers, threading.Thread(target=rounds, daemon=True)]
    for thread in threads:
        thread.start()
    for number in range(kills):
        time.sleep(chance.uniform(0.1, 0.8))
        node.kill9()
        check_store(node, f"kill {number}")
        node.start()  # clients have waited for it
    stopping = True
    for writer in writers:
        writer.stopping = True
    for thread in threads:
        thread.join()
    for writer in writers:
        writer.check()
    swept = sum(int(line.split(b" swept=")[1].split()[0]) for line in node.log().splitlines() if b"\"collected\"" in line)
    say(f"{kills} kills, {node.log().count(b'collected')} rounds, {swept} objects swept")
    check("rounds ended and swept in between", node.log().count(b"collected") > kills // 2 and swept > 0)
    node.cli("trash", "empty", "--yes")
    for _ in range(2):
        collect(node)
    check_equal("the node stops", node.stop(), 0)
    check_equal("nothing is left over", check_store(node, "after all kills")["orphans"], 0)


# -- unasked ------------------------------------------------------------------------------------------------------


def test_retention():
    node = Node(name="keeper")
    node.start("--duties-after", "3600")
    check_equal("space set --keep-last 2", node.cli("space", "set", "home", "--keep-last", "2").code, 0)
    contents = [os.urandom(2 * MIB) for _ in range(6)]
    for content in contents:
        node.put_bytes("/file", content)
    node.put_bytes("/gone", os.urandom(MIB))
    node.cli("rm", "/gone")

    def kept():
        return [line["retained"] for line in node.cli("version", "ls", "/file").lines if line["type"] == "version"]

    check_equal("nothing is pruned before its time", kept(), [True] * 6)
    node.stop()
    node.start("--duties-after", "1")
    check("the policy is carried out unasked", wait_until(lambda: kept() == [True, True] + [False] * 4, 30), kept())
    check("and said", wait_until(lambda: b"chores done" in node.log()), node.log()[-500:])
    check("the newest is there", node.cat("/file") == contents[-1])
    check_equal("what was deleted lately stays in the trash", node.cli("trash", "restore", "/gone").code, 0)
    check("garbage is collected unasked, too", b"msg=\"collected\"" in node.log())
    for _ in range(2):
        collect(node)
    check_equal("the node stops", node.stop(), 0)
    line = check_store(node, "after pruning")
    check("pruned bytes have gone", line["object_bytes"] < 6 * MIB and line["orphans"] == 0, line)
    code, words, _ = node.refuse("--duties-after", "0")
    check("--duties-after 0 is refused", code == 2 and "duties-after" in words, (code, words))


def run(options):
    node = Node()
    node.start()
    test_bytes_go(node)
    test_versions(node)
    test_space_gone(node)
    test_writers(node, 60 if options.long else 12)
    test_stop(node)
    check_equal("the node stops", node.stop(), 0)
    check_store(node, "at the end")
    test_kills(KILLS_LONG if options.long else KILLS, options.seed)
    test_retention()


main(run, seconds=500)
