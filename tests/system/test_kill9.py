#!/usr/bin/env python3
"""kill -9 under load, 20 times: what was acknowledged is there, bit for bit, and no step by hand is needed.

Each worker has a folder of its own and does one operation after another, so it knows what must be there: everything
acknowledged, in this order, and of the last one, if the kill hit it, all or nothing.  After each restart the change
feed is compared with that, then names and contents with what the feed says.  A reader keeps what the feed showed
before the kill: what somebody has read stays true.  In half of the rounds the clients live on and try again with the
same operation; in the others they are killed as well.

FSP_SEED chooses the operations and the moments; FSP_ROUNDS their number.
"""
import os, random, shutil, subprocess, threading, time
from concurrent.futures import ThreadPoolExecutor

from node import DAEMON, ENV, Failed, Node, check, check_equal, main, say, sha256, sha256_file, temp_dir

WORKERS = 4
ROUNDS = int(os.environ.get("FSP_ROUNDS", "0"))
LIVE_BYTES = 10 << 20  # of a worker; above, it removes
LIVE_FILES = 16
VERSIONS_A_ROUND = 8  # looked at of each worker; at the end all
# Failures that a kill may cause; after them an operation may have happened or not.
BECAUSE_OF_KILL = {"timeout", "unreachable", "closing", "outcome-unknown"}


# -- what must be there ---------------------------------------------------------------------------------------


class Tree:
    """Names of one worker's folder: directories, and files with their versions [(version id, sha256, size)]."""

    def __init__(self, root):
        self.root = root
        self.directories = {root}
        self.files = {}

    def apply(self, op, version):
        kind, path, source = op["kind"], op["path"], op.get("from")
        if kind == "put":
            self.files.setdefault(path, []).append((version, op["sha"], op["size"]))
        elif kind == "mkdir":
            self.directories.add(path)
        elif kind == "delete" and path in self.files:
            del self.files[path]
        elif kind == "delete":
            self.directories = {d for d in self.directories if not below(d, path)}
            self.files = {f: v for f, v in self.files.items() if not below(f, path)}
        elif kind == "move" and source in self.files:
            self.files[path] = self.files.pop(source)
        elif kind == "move":
            self.directories = {move(d, source, path) for d in self.directories}
            self.files = {move(f, source, path): v for f, v in self.files.items()}
        elif kind == "restore":
            self.files[path].append((version, op["sha"], op["size"]))
        elif kind == "copy":
            self.files[path] = [(version, op["sha"], op["size"])]

    def live_bytes(self):
        return sum(versions[-1][2] for versions in self.files.values())


def below(path, folder):
    return path == folder or path.startswith(folder + "/")


def move(path, source, target):
    return target + path[len(source):] if below(path, source) else path


# -- load -----------------------------------------------------------------------------------------------------


class Worker:
    """One client that does one thing after another; its journal says what was acknowledged."""

    def __init__(self, node, number, seed):
        self.node = node
        self.root = f"/w{number}"
        self.chance = random.Random(seed * 1000 + number)
        self.tree = Tree(self.root)
        self.journal = []  # operations of this round: {"kind", "path", ..., "version", "acknowledged"}
        self.surprises = []
        self.counter = 0
        self.local = temp_dir() / f"load{number}"
        self.process = None  # the client that runs
        self.killed = False

    def cli(self, *command):
        """Runs a client that kill() may end."""
        def started(process):
            self.process = process
            if self.killed:
                process.kill()
        answer = self.node.cli(*command, started=started)
        self.process = None
        return answer

    def kill(self):
        self.killed = True
        process = self.process
        if process:
            process.kill()

    def unexpected(self, answer):
        """A failure that no kill explains."""
        if answer.code == -9 and self.killed:
            return False
        return answer.code is None or not answer.lines or answer.lines[-1].get("symbol") not in BECAUSE_OF_KILL

    def new_path(self):
        self.counter += 1
        folder = self.chance.choice(sorted(self.tree.directories))
        return f"{folder}/{self.chance.choice(['f', 'a b', 'ü', 'x' * 40])}{self.counter}"

    def file_size(self):
        kind = self.chance.random()
        if kind < 0.35:
            return self.chance.randrange(4097)
        if kind < 0.55:
            return self.chance.randrange(4097, 65536)
        if kind < 0.85:
            return self.chance.randrange(65536, 1 << 20)
        return self.chance.randrange(1 << 20, 6 << 20)

    def choose(self):
        """The next operation and its command line."""
        chance, tree = self.chance, self.tree
        files = sorted(tree.files)
        folders = sorted(d for d in tree.directories if d != self.root)
        kind = chance.choices(["put", "edit", "mkdir", "mv", "mv-over", "mv-folder", "rm", "rm-folder", "restore", "cp"],
                              [30, 14, 7, 8, 3, 3, 6, 1, 10, 6])[0]
        if tree.live_bytes() > LIVE_BYTES or len(files) > LIVE_FILES and kind in ("put", "cp"):
            kind = "rm-folder" if folders and chance.random() < 0.3 else "rm"
        old = sorted(f for f in files if len(tree.files[f]) > 1)
        if kind == "mkdir" and len(folders) < 8:
            path = self.new_path()
            return {"kind": "mkdir", "path": path}, ["mkdir", path]
        if kind in ("mv", "cp") and files:
            source, path = chance.choice(files), self.new_path()
        elif kind == "mv-over" and len(files) > 1:
            source, path = chance.sample(files, 2)
        elif kind == "mv-folder" and folders:
            source = chance.choice(folders)
            path = f"{self.root}/moved{self.counter}"
            self.counter += 1
        else:
            source = None
        if source and kind == "cp":
            _, sha, size = tree.files[source][-1]
            return {"kind": "copy", "path": path, "from": source, "sha": sha, "size": size}, ["cp", source, path]
        if source:
            return {"kind": "move", "path": path, "from": source}, ["mv", source, path]
        if kind == "rm" and files:
            path = chance.choice(files)
            return {"kind": "delete", "path": path}, ["rm", path]
        if kind == "rm-folder" and folders:
            path = chance.choice(folders)
            return {"kind": "delete", "path": path}, ["rm", "-r", path]
        if kind == "restore" and old:
            path = chance.choice(old)
            version, sha, size = chance.choice(tree.files[path][:-1])
            return ({"kind": "restore", "path": path, "sha": sha, "size": size},
                    ["version", "restore", path, version[: chance.choice([12, 64])]])
        path = chance.choice(files) if kind == "edit" and files else self.new_path()
        data = chance.randbytes(self.file_size())
        self.local.write_bytes(data)
        return {"kind": "put", "path": path, "sha": sha256(data), "size": len(data)}, ["put", self.local, path]

    def batch(self):
        """Many small files by one client: its lines say, one by one, what was acknowledged.  True: all of them."""
        folder = self.chance.choice(sorted(self.tree.directories))
        ops, locals_ = [], []
        for at in range(self.chance.randrange(4, 17)):
            data = self.chance.randbytes(self.chance.choice([0, 100, 4096, 4097, self.chance.randrange(80_000)]))
            local = temp_dir() / f"batch{self.root[2:]}" / f"b{at}"
            local.parent.mkdir(exist_ok=True)
            local.write_bytes(data)
            locals_.append(local)
            ops.append({"kind": "put", "path": f"{folder}/b{at}", "sha": sha256(data), "size": len(data),
                        "acknowledged": False, "version": None})
        answer = self.cli("put", *locals_, folder + "/")
        stored = [line for line in answer.lines if line.get("type") == "file"]
        if [line["path"] for line in stored] != [op["path"] for op in ops[: len(stored)]]:
            self.surprises.append(f"not in order: {answer}")
        for op, line in zip(ops, stored):
            op["acknowledged"], op["version"] = True, line["version"]
            self.tree.apply(op, op["version"])
            if line["sha256"] != op["sha"]:
                self.surprises.append(f"put {op['path']} said another sha256")
        self.journal += ops[: len(stored) + 1]  # the one after them was under way
        if answer.code == 0 and len(stored) == len(ops):
            return True
        if self.unexpected(answer):
            self.surprises.append(f"batch: {answer}")
        return False

    def step(self):
        if self.chance.random() < 0.3 and len(self.tree.files) < 2 * LIVE_FILES:
            return self.batch()
        op, command = self.choose()
        answer = self.cli(*command)
        last = answer.lines[-1] if answer.lines else {}
        op["acknowledged"] = answer.code in (0, -9) and last.get("type") == "result"
        op["version"] = last.get("version")
        if op["acknowledged"]:
            self.tree.apply(op, op["version"])
            if op["kind"] == "put" and last.get("sha256") != op["sha"]:
                self.surprises.append(f"put {op['path']} said another sha256")
        elif self.unexpected(answer):
            self.surprises.append(f"{command}: {answer}")
        self.journal.append(op)
        return op["acknowledged"]

    def work(self, stop):
        self.killed = False
        while not stop.is_set() and not self.killed:
            if not self.step():
                break  # the node is gone


class Reader:
    """Reads the feed all the time; what it was shown must stay true."""

    def __init__(self, node):
        self.node = node
        self.seen = {}  # index -> hash

    def work(self, stop):
        while not stop.is_set():
            answer = self.node.cli("changes", "--after", str(max(0, len(self.seen) - 2)))
            for line in answer.lines:
                if line.get("type") == "change":
                    self.seen[line["index"]] = line["hash"]
            stop.wait(0.05)


# -- looking --------------------------------------------------------------------------------------------------


class Judge:
    """Compares what a restarted node says with what the workers know."""

    def __init__(self, node, workers, reader):
        self.node, self.workers, self.reader = node, workers, reader
        self.feed = []
        self.counts = {"acknowledged": 0, "happened": 0, "did not happen": 0, "contents": 0, "versions": 0}

    def read_feed(self, whole):
        """Problems of the feed; new rows are appended."""
        problems = []
        after = 0 if whole else len(self.feed)
        answer = self.node.cli("changes", "--after", str(after))
        rows = [line for line in answer.lines if line["type"] == "change"]
        if answer.code != 0:
            problems.append(f"the feed cannot be read: {answer}")
        if [row["index"] for row in rows] != list(range(after + 1, after + 1 + len(rows))):
            problems.append("indexes have gaps or repeats")
        if whole:
            if [r["hash"] for r in rows[: len(self.feed)]] != [r["hash"] for r in self.feed]:
                problems.append("rows of earlier rounds changed")
        new = rows[len(self.feed):] if whole else rows
        self.feed += new
        hashes, ops = [r["hash"] for r in self.feed], [r["op_id"] for r in self.feed]
        if len(set(hashes)) != len(hashes):
            problems.append("two rows have one hash")
        if len(set(ops)) != len(ops):
            problems.append("an operation was done twice")
        for index, value in self.reader.seen.items():
            if index > len(self.feed) or self.feed[index - 1]["hash"] != value:
                problems.append(f"row {index} was shown before the kill and is another now, or gone")
        return problems, new

    def match(self, rows):
        """Each worker's rows are its operations in order; an unacknowledged one may be missing."""
        problems = []
        for worker in self.workers:
            mine = [r for r in rows if below(r["path"], worker.root)]
            for op in worker.journal:
                row = mine[0] if mine else None
                fits = row is not None and (row["operation"], row["path"], row.get("from")) == \
                    (op["kind"], op["path"], op.get("from"))
                if fits and op["acknowledged"] and op["kind"] in ("put", "restore", "copy"):
                    fits = row["version"] == op["version"]
                if op["acknowledged"]:
                    self.counts["acknowledged"] += 1
                    if not fits:
                        problems.append(f"acknowledged, but not next in the feed: {op}; there is {row}")
                        break
                    mine.pop(0)
                elif fits:
                    self.counts["happened"] += 1
                    worker.tree.apply(op, row["version"])
                    op["version"] = row["version"]
                    mine.pop(0)
                else:
                    self.counts["did not happen"] += 1
            if mine:
                problems.append(f"rows that nobody asked for: {mine[:3]}")
        return problems

    def look_at_names(self, worker):
        """Everything of a worker, out with get -r: names and contents."""
        back = temp_dir() / f"back{worker.root[1:]}"
        shutil.rmtree(back, ignore_errors=True)
        answer = self.node.cli("get", "-r", worker.root, back, timeout=120)
        if answer.code != 0:
            return [f"get -r {worker.root}: {answer.code} {answer.lines[-1:]} {answer.stderr[-300:]}"]
        directories, files = set(), {}
        for at, names, leaves in os.walk(back):
            remote = worker.root + at[len(os.fspath(back)):]
            directories.add(remote)
            for leaf in leaves:
                files[f"{remote}/{leaf}"] = sha256_file(f"{at}/{leaf}")
        wanted = {path: versions[-1][1] for path, versions in worker.tree.files.items()}
        self.counts["contents"] += len(files)
        problems = []
        if directories != worker.tree.directories:
            problems.append(f"directories: {sorted(directories ^ worker.tree.directories)}")
        for path in sorted(set(wanted) | set(files)):
            if wanted.get(path) != files.get(path):
                what = "missing" if path not in files else "too many" if path not in wanted else "other content"
                problems.append(f"{what}: {path}")
        return problems

    def look_at_versions(self, path, versions, which):
        """The versions of a file: complete, and these come back bit for bit."""
        answer = self.node.cli("version", "ls", path)
        listed = [line["version"] for line in answer.lines if line["type"] == "version"]
        problems = []
        if listed != [v[0] for v in versions][::-1]:
            problems.append(f"version ls {path}: {listed} instead of {versions}")
        for version, sha, size in which:
            data = self.node.cat(path, "--version", version)
            if data is None or len(data) != size or sha256(data) != sha:
                problems.append(f"version {version} of {path}: {'nothing' if data is None else 'other bytes'}")
        self.counts["versions"] += len(which)
        return problems


def verify(judge, pool, everything):
    """After a restart; True if all is well."""
    problems, rows = judge.read_feed(whole=everything)
    problems += judge.match(rows)
    jobs = [pool.submit(judge.look_at_names, worker) for worker in judge.workers]
    for worker in judge.workers:
        fresh = [op["version"] for op in worker.journal if op.get("version")][-VERSIONS_A_ROUND:]
        for path, versions in sorted(worker.tree.files.items()):
            which = versions if everything else [v for v in versions if v[0] in fresh]
            if which:
                jobs.append(pool.submit(judge.look_at_versions, path, list(versions), which))
        problems += worker.surprises
        worker.journal, worker.surprises = [], []
    for job in jobs:
        problems += job.result()
    return problems


def check_store(node, number):
    """What the kill left must be whole before anything mends it."""
    done = subprocess.run([DAEMON, "check", node.directory], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=ENV)
    if done.returncode != 0:
        raise Failed(f"round {number}: filesphered check ends with {done.returncode}: {done.stdout[-3000:]}")


# -- rounds ---------------------------------------------------------------------------------------------------


def run(options):
    chance = random.Random(options.seed)
    rounds = ROUNDS or (200 if options.long else 20)
    say(f"FSP_SEED={options.seed}, {rounds} rounds, {WORKERS} workers")
    node = Node()
    node.start()
    workers = [Worker(node, number, options.seed) for number in range(WORKERS)]
    for worker in workers:
        op = {"kind": "mkdir", "path": worker.root, "acknowledged": True, "version": None}
        if node.cli("mkdir", worker.root).code != 0:
            raise Failed("mkdir does not work")
        worker.journal.append(op)
    judge = Judge(node, workers, Reader(node))
    pool = ThreadPoolExecutor(3)
    slowest = 0.0
    for number in range(1, rounds + 1):
        stop = threading.Event()
        threads = [threading.Thread(target=w.work, args=(stop,), daemon=True) for w in workers + [judge.reader]]
        for thread in threads:
            thread.start()
        time.sleep(chance.choice([chance.uniform(0.02, 0.4), chance.uniform(0.3, 2.0)]))
        node.kill9()
        if number % 2 == 0:
            for worker in workers:
                worker.kill()
        again = 0
        if chance.random() < 0.25:  # and once more while it recovers
            node.launch()
            time.sleep(chance.uniform(0.0, 0.35))
            node.kill9()
            again = 1
        stop.set()
        time.sleep(chance.choice([0, 0, 0.3]))
        check_store(node, number)
        node.start()
        slowest = max(slowest, node.start_seconds)
        for thread in threads:
            thread.join(60)
        if any(thread.is_alive() for thread in threads):
            raise Failed("a client hangs")
        done = sum(1 for w in workers for op in w.journal if op["acknowledged"])
        problems = verify(judge, pool, everything=number == rounds)
        check(f"round {number}: {done} acknowledged, node {'and clients ' if number % 2 == 0 else ''}killed"
              f"{' twice' if again else ''}, all is there", not problems,
              problems[:12])
        if problems:
            raise Failed(f"FSP_SEED={options.seed}, round {number}")
    counts = judge.counts
    say(", ".join(f"{value} {name}" for name, value in counts.items()))
    say(f"slowest start: {slowest:.2f} s; feed: {len(judge.feed)} rows")
    check("the load was a load", counts["acknowledged"] > 10 * rounds and counts["versions"] > 5 * rounds, counts)
    check("the kill hit operations", counts["happened"] + counts["did not happen"] >= rounds // 2, counts)
    check_equal("the node stops cleanly", node.stop(), 0)
    node.start()
    check("and all is there after a clean stop, too", not verify(judge, pool, everything=True))
    check_equal("the node stops cleanly again", node.stop(), 0)


if __name__ == "__main__":
    main(run, seconds=400, long_seconds=3600)
