#!/usr/bin/env python3
"""What is large takes time and not memory: a directory of 1,000,000 entries, a file of 20 GiB.

The directory is listed while another client adds and removes entries between them: those that stay come once each, in
order.  The file is put, its client is killed in the middle, the put is taken up, and it comes back the same; so do a
stream of unknown length and a sparse file.  Resident memory is the peak that the kernel keeps (VmHWM).  On a release
build it has fixed bounds (CLIENT_MIB, NODE_MIB); everywhere it must not grow with the size.

Normal run: 20,000 entries and 200 MiB.  --long: 1,000,000 and 20 GiB, which need 45 GiB of disk (TMPDIR says where);
where there are none, that is a failure.  100,000 small files are in test_trees.py --long.
"""
import hashlib, os, random, re, shutil, struct, subprocess, threading, time
from contextlib import contextmanager

# AddressSanitizer keeps what was freed, up to 256 MiB, which would hide growth that matters.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"

from node import CLIENT, DAEMON, ENV, Failed, Node, check, check_equal, look_for_sanitizer, main, need, parse_lines, say, \
    sha256_file, temp_dir
from test_bad_input import MKDIR, DELETE, OK, PUT, operation
from test_minor import BATCH, Second

MIB, GIB = 1 << 20, 1 << 30
CLIENT_MIB, NODE_MIB = 100, 256  # of a release build
WALK_MIB, WALK_BYTES = 24, 144  # find and tree keep one directory: so much, and so much an entry
GROWTH_MIB = 24  # more than that from a tenth of the size to all of it is growth
BLOCK, STAMPED = 64 * MIB, 64 * 1024  # a random block; a number in each 64 KiB of it makes every chunk another
BATCH_OPS, IN_FLIGHT = 256, 4
# Read before a kill and sent again after it: the window, a chunk that was not cut yet, and what was not sent yet.
TWICE = 8 * MIB + 4 * MIB + 4 * MIB
SANITIZED = b"__asan_init" in DAEMON.read_bytes() if DAEMON.exists() else False


# -- memory ---------------------------------------------------------------------------------------------------


def status_mib(pid, key):
    """A figure of /proc/PID/status, 0.0 if the process has ended."""
    try:
        with open(f"/proc/{pid}/status") as file:
            return next((int(line.split()[1]) / 1024 for line in file if line.startswith(key + ":")), 0.0)
    except OSError:
        return 0.0


class Peak:
    """Looks at the peak of a process until it ends: it only rises, so the last look counts.  Not wait4's ru_maxrss,
    which begins with the size of the Python that forked."""

    def __init__(self, pid):
        self.pid, self.mib, self.stopped = pid, 0.0, threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self):
        while not self.stopped.wait(0.005):
            self.mib = max(self.mib, status_mib(self.pid, "VmHWM"))

    def end(self):
        self.stopped.set()
        self.thread.join()
        return self.mib


@contextmanager
def node_memory(node, name):
    """The node's peak while something is done: under its bound, wherever it came from."""
    before = status_mib(node.process.pid, "VmRSS")
    with open(f"/proc/{node.process.pid}/clear_refs", "w") as file:
        file.write("5")  # the peak begins anew
    began = time.monotonic()
    yield
    peak = status_mib(node.process.pid, "VmHWM")
    say(f"{name}: {time.monotonic() - began:.1f} s, node {before:.0f} MiB before, {peak:.0f} at its peak")
    if not SANITIZED:
        check(f"{name}: the node stays below {NODE_MIB} MiB", 0 < peak < NODE_MIB, f"{peak:.1f} MiB")
    else:  # padding, and what it had before
        check(f"{name}: the node stays below {2 * NODE_MIB} MiB", 0 < peak < 2 * NODE_MIB, f"{peak:.1f} MiB")


def check_client(name, mib, small_mib=None, bound_mib=CLIENT_MIB):
    say(f"{name}: client {mib:.1f} MiB" + (f", of a tenth of it {small_mib:.1f}" if small_mib else ""))
    if not SANITIZED:
        check(f"{name}: the client stays below {bound_mib} MiB", 0 < mib < bound_mib, f"{mib:.1f} MiB")
    if small_mib:
        check(f"{name}: the client's memory does not grow with the size", mib < small_mib + GROWTH_MIB, (small_mib, mib))


# -- a large directory ----------------------------------------------------------------------------------------


NAME = re.compile(rb"(e[0-9]{7}(~[0-9.]+)?)/?\n$")  # at the end of a line; with ~: it comes and goes


def entry_name(number):
    return f"e{number:07}"


class Pipeline:
    """Batches on one connection, some in flight."""

    def __init__(self, node):
        self.wire, self.waiting = Second(node), 0

    def send(self, operations):
        self.wire.send(BATCH, self.wire.new_id(), {"ops": operations, **operation()})
        self.waiting += 1
        while self.waiting >= IN_FLIGHT:
            self.take()

    def take(self):
        message = self.wire.receive(60)
        if not message or message[0] != OK:
            raise Failed(f"a batch: {message}")
        self.waiting -= 1

    def finish(self):
        while self.waiting:
            self.take()
        self.wire.close()


def make_directory(node, path, count, chance):
    """Files and directories, one file of five bytes for 15 empty directories, in no order."""
    need(f"{path} is made", node.cli("mkdir", path).code == 0)
    numbers = list(range(count))
    chance.shuffle(numbers)
    pipeline = Pipeline(node)
    for at in range(0, count, BATCH_OPS):
        pipeline.send([[PUT, {"path": f"{path}/{entry_name(n)}"}, b"small"] if n % 16 == 0 else
                       [MKDIR, {"path": f"{path}/{entry_name(n)}"}] for n in numbers[at:at + BATCH_OPS]])
    pipeline.finish()


class Listing:
    """`filesphere` that writes a line an entry, looked at as it comes: nothing is kept of a million lines."""

    def __init__(self, node, *words):
        self.seen = self.passing = 0
        self.first_wrong, self.last = None, b""
        err = temp_dir() / "listing.err"
        with open(err, "wb") as file:
            process = subprocess.Popen([CLIENT, "--profile", node.profile, *words], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=file, env=ENV)
        peak = Peak(process.pid)
        for line in process.stdout:
            self._note(line)
        self.code, self.mib = process.wait(), peak.end()
        self.errors = err.read_bytes()
        look_for_sanitizer("filesphere " + " ".join(map(str, words)), self.errors)

    def _note(self, line):
        match = NAME.search(line)
        if not match:
            return  # a sum, or the directory itself
        name = match[1]
        if name <= self.last or (not match[2] and name != entry_name(self.seen).encode()):
            self.first_wrong = self.first_wrong or (self.last, name, self.seen)
        self.last = name
        if match[2]:
            self.passing += 1
        else:
            self.seen += 1

    def check(self, name, count):
        check(f"{name}: {count} entries, each once, in order", self.code == 0 and self.seen == count and
              self.first_wrong is None, (self.code, self.seen, self.first_wrong, self.errors[-500:]))


class Churn:
    """Another client: adds entries between those that stay, and removes them again, all the time."""

    def __init__(self, node, path, count, chance):
        self.node, self.path, self.count, self.chance = node, path, count, chance
        self.stop, self.batches, self.failure = threading.Event(), 0, None
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def _run(self):
        wire, there = Second(self.node), []
        while not self.stop.is_set() and self.failure is None:
            new = [f"{self.path}/{entry_name(self.chance.randrange(self.count))}~{self.batches}.{i}" for i in range(100)]
            old, there = (there, []) if len(there) >= 1000 else ([], there)
            operations = [[MKDIR, {"path": name}] for name in new] + [[DELETE, {"path": name}] for name in old[:150]]
            there += new + old[150:]
            got = wire.ask(BATCH, {"ops": operations, **operation()})
            self.failure = None if got[0] == "ok" else got
            self.batches += 1
        wire.close()


def test_directory(node, count, chance):
    with node_memory(node, f"{count} entries are made"):
        make_directory(node, "/small", count // 10, chance)
        make_directory(node, "/large", count, chance)
    with node_memory(node, f"ls of {count} entries"):
        small = Listing(node, "ls", "/small")
        small.check("ls of a tenth", count // 10)
        large = Listing(node, "ls", "/large")
    large.check("ls", count)
    check_client("ls", large.mib, small.mib)
    with node_memory(node, f"ls of {count} entries while others come and go"):
        with Churn(node, "/large", count, chance) as churn:
            large = Listing(node, "ls", "-l", "/large")
    large.check("ls while others come and go", count)
    check_client("ls while others come and go", large.mib, small.mib)
    check("they came and went meanwhile, and some were listed", churn.failure is None and churn.batches > 5 and
          large.passing > 0, (churn.failure, churn.batches, large.passing))
    say(f"{churn.batches} batches meanwhile, {large.passing} of their entries were listed")
    test_walks(node, count)


def test_walks(node, count):
    """Commands that go through trees keep one directory in memory: bounded by its size, and by little an entry."""
    bound = WALK_MIB + count * WALK_BYTES // MIB
    with node_memory(node, f"find and tree of {count} entries"):
        found = Listing(node, "find", "/large", "--depth", "1", "--name", "e???????")
        tree = Listing(node, "tree", "--depth", "1", "/large")
    found.check("find --name", count)
    tree.check("tree --depth 1", count)
    check_client("find --name and tree", max(found.mib, tree.mib), bound_mib=bound)
    usage = node.cli("du", "--summary", "/small", timeout=600)  # goes into each of its directories
    line = usage.lines[-1] if usage.lines else {}
    files = (count // 10 + 15) // 16
    check("du of a tenth", usage.code == 0 and (line.get("files"), line.get("bytes")) == (files, 5 * files), usage.lines)


# -- a large file ---------------------------------------------------------------------------------------------


class Content:
    """Bytes of a seed that cost nearly nothing: a random block, again and again, stamped with numbers."""
    block = None

    def __init__(self, size, chance):
        Content.block = Content.block or bytearray(chance.randbytes(BLOCK))
        self.size, self.digest, self.first = size, hashlib.sha256(), chance.getrandbits(63)

    def pieces(self):
        for start in range(0, self.size, BLOCK):
            for at in range(0, BLOCK, STAMPED):
                struct.pack_into(">QQ", self.block, at, self.first, start + at)
            piece = memoryview(self.block)[:min(BLOCK, self.size - start)]
            self.digest.update(piece)
            yield piece

    def write(self, path):
        with open(path, "wb") as file:
            for piece in self.pieces():
                file.write(piece)
        return path


class Client:
    """`filesphere` in the background, with its peak of memory."""

    def __init__(self, node, *words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE):
        self.process = subprocess.Popen([CLIENT, "--profile", node.profile, *words, "--json"], stdin=stdin, stdout=stdout,
                                        stderr=subprocess.PIPE, env=ENV)
        self.peak, self.words = Peak(self.process.pid), words

    def wait_until_read(self, size):
        """Waits until it has read so much of its file: how much it was; None if it ended before."""
        while self.process.poll() is None:
            with open(f"/proc/{self.process.pid}/io") as file:
                read = int(file.readline().split()[1])  # rchar: read(2), of files
            if read >= size:
                return read
            time.sleep(0.002)
        return None

    def end(self):
        """(exit code, last line)."""
        out, err = self.process.communicate()
        self.mib = self.peak.end()
        look_for_sanitizer("filesphere " + " ".join(map(str, self.words)), err)
        lines = parse_lines(out or err)
        return self.process.returncode, lines[-1] if lines else err


def put_killed(node, path, remote, size):
    """Kills the client when it has read half of the file: the peak of its memory, and what was read."""
    client = Client(node, "put", path, remote)
    read = client.wait_until_read(size // 2)
    client.process.kill()
    code, _ = client.end()
    need("the client is killed in the middle", read is not None and code == -9, (read, code))
    return client.mib, read


def test_file(node, size, chance, small_put, small_get):
    path, copy = temp_dir() / "file", temp_dir() / "copy"
    began = time.monotonic()
    content = Content(size, chance)
    content.write(path)
    say(f"{size >> 20} MiB made in {time.monotonic() - began:.1f} s")
    digest = content.digest.hexdigest()
    with node_memory(node, f"put of {size >> 20} MiB"):
        killed_mib, read = put_killed(node, path, "/file", size)
        again = Client(node, "put", path, "/file")
        code, line = again.end()
    need("the same command again", code == 0, (code, line))
    check("takes the put up where it was", line.get("resumed_at", 0) >= read - TWICE, (line, read))
    check("and sends the rest only", line["bytes_sent"] <= size - line.get("resumed_at", 0), line)
    check_equal("SHA-256 of what was put", (line["size"], line["sha256"]), (size, digest))
    check_client(f"put of {size >> 20} MiB", max(killed_mib, again.mib), small_put)
    path.unlink()  # before it comes back: both and the node's would be three times its size
    with node_memory(node, f"get of {size >> 20} MiB"):
        get = Client(node, "get", "/file", copy)
        code, line = get.end()
    check("it comes back the same", code == 0 and copy.stat().st_size == size and sha256_file(copy) == digest, (code, line))
    check_client(f"get of {size >> 20} MiB", get.mib, small_get)
    copy.unlink(missing_ok=True)


def test_stream(node, size, chance):
    """From one pipe into another: nobody knows the length beforehand.  The peaks of both."""
    content = Content(size, chance)
    with node_memory(node, f"a stream of {size >> 20} MiB, put and read"):
        put = Client(node, "put", "-", "/stream", stdin=subprocess.PIPE)
        for piece in content.pieces():
            put.process.stdin.write(piece)
        code, line = put.end()
        need("put from a pipe", code == 0 and line.get("size") == size, (code, line))
        cat = subprocess.Popen([CLIENT, "--profile", node.profile, "cat", "/stream"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, env=ENV)
        peak, digest = Peak(cat.pid), hashlib.sha256()
        while piece := cat.stdout.read(MIB):
            digest.update(piece)
        code, mib = cat.wait(), peak.end()
    check_equal("a stream comes back the same", (code, line["sha256"], digest.hexdigest()),
                (0, content.digest.hexdigest(), content.digest.hexdigest()))
    check_client("put from a pipe", put.mib)
    check_client("cat into a pipe", mib)
    return put.mib, mib


def test_sparse(node, size, chance):
    path, copy = temp_dir() / "sparse", temp_dir() / "copy"
    with open(path, "wb") as file:
        file.write(chance.randbytes(MIB))
        file.seek(size - MIB)
        file.write(chance.randbytes(MIB))
    before = disk_bytes(node.directory)
    put = Client(node, "put", path, "/sparse")
    code, line = put.end()
    need(f"put of a sparse file of {size >> 20} MiB", code == 0 and line.get("size") == size, (code, line))
    check_client("put of a sparse file", put.mib)
    check("equal chunks are stored once", disk_bytes(node.directory) - before < 32 * MIB, disk_bytes(node.directory) - before)
    code, line = Client(node, "get", "/sparse", copy).end()
    check("a sparse file comes back the same", code == 0 and sha256_file(copy) == sha256_file(path), (code, line))
    path.unlink(), copy.unlink(missing_ok=True)


def disk_bytes(root):
    total = 0
    for folder, _, names in os.walk(root):
        for name in names:
            try:
                total += os.stat(os.path.join(folder, name)).st_blocks * 512
            except OSError:
                pass  # a compaction took it
    return total


def run(options):
    chance = random.Random(options.seed)
    say(f"FSP_SEED={options.seed}")
    count, size = (1_000_000, 20 * GIB) if options.long else (20_000, 200 * MIB)
    free, wanted = shutil.disk_usage(temp_dir()).free, 2 * size + size // 4
    node = Node().start()
    test_directory(node, count, chance)
    check_equal("the node stops cleanly", node.stop(), 0)
    # Before anything large is written: a disk that is full is nobody's friend.
    need(f"{temp_dir().parent} has room for twice {size >> 20} MiB (set TMPDIR)", free >= wanted,
         f"{free >> 20} MiB are free, {wanted >> 20} wanted: the large file was NOT tried")
    node = Node().start()
    test_file(node, size, chance, *test_stream(node, size // 10, chance))
    test_sparse(node, size // 10, chance)
    check_equal("the node stops cleanly", node.stop(), 0)


if __name__ == "__main__":
    main(run, seconds=180, long_seconds=7000)
