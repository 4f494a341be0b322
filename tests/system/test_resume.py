#!/usr/bin/env python3
"""Puts that are interrupted 50 times come to the same end, and edits send what changed.

Interruptions come after a random number of bytes on the wire: the client is killed (and the same command run again), the
node is killed (and started again), or the connection is cut by a proxy.  Each time the put goes on: content and root are
those of an undisturbed put, and no more than 8 MiB are sent twice for each interruption.  Then a get under the same
interruptions, edits of a large file (1 MiB in front, five times; with --long of 1 GiB), a put from a pipe, and
`filesphered check`.

FSP_SEED chooses the moments; FSP_INTERRUPTIONS their number.
"""
import json, os, random, select, signal, socket, subprocess, threading, time

from node import (CLIENT, DAEMON, ENV, Failed, Node, check, check_equal, look_for_sanitizer, main, need, parse_lines, say,
                  sha256, sha256_file, temp_dir)

MIB = 1 << 20
BYTES = 64 * MIB
TWICE = 8 * MIB  # sent again after an interruption, at most
INTERRUPTIONS = int(os.environ.get("FSP_INTERRUPTIONS", "50"))
CHUNK = MIB  # average of a space
PUT_SECONDS = 240


# -- the proxy ------------------------------------------------------------------------------------------------


class Proxy:
    """TCP before a node: counts what clients send, and cuts all connections when told."""

    def __init__(self, port):
        self.target = ("127.0.0.1", port)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.lock = threading.Lock()
        self.pairs = set()
        self.up = self.down = 0  # octets to the node, and from it
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.server.accept()
            try:
                node = socket.create_connection(self.target, timeout=5)
            except OSError:
                client.close()  # the node is down
                continue
            for end in (client, node):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.pairs.add((client, node))
            for source, target, up in ((client, node, True), (node, client, False)):
                threading.Thread(target=self._pump, args=(source, target, up), daemon=True).start()

    def _pump(self, source, target, up):
        try:
            while piece := source.recv(65536):
                target.sendall(piece)
                with self.lock:
                    if up:
                        self.up += len(piece)
                    else:
                        self.down += len(piece)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        with self.lock:
            pairs, self.pairs = self.pairs, set()
        for pair in pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


def proxy_profile(node, proxy):
    """The node's profile with the proxy's address."""
    profile = json.loads(node.profile.read_text())
    profile["endpoints"] = [f"tcp://127.0.0.1:{proxy.port}"]
    path = temp_dir() / "proxy.profile"
    path.write_text(json.dumps(profile))
    path.chmod(0o600)
    return path


# -- a command that is interrupted ----------------------------------------------------------------------------


class Command:
    """`filesphere` in the background; its output in files."""

    def __init__(self, profile, *words):
        self.out, self.err = temp_dir() / "cli.out", temp_dir() / "cli.err"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen([str(CLIENT), "--profile", str(profile), *map(str, words), "--json"],
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=ENV)

    def ended(self):
        return self.process.poll() is not None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def result(self):
        """(exit code, last line)."""
        code = self.process.wait()
        look_for_sanitizer("filesphere", self.err.read_bytes())
        lines = parse_lines(self.out.read_bytes())
        return code, lines[-1] if lines else {}


def interrupted(node, proxy, profile, words, chance, budget, counter):
    """Runs a command under at most `budget` interruptions.  (exit code, last line, interruptions, of them since the
    last start of the command)."""
    command = Command(profile, *words)
    count = since = 0
    deadline = time.monotonic() + PUT_SECONDS
    while count < budget:
        start, after = counter(), chance.randrange(20000, 12 * MIB)
        while counter() - start < after and not command.ended():
            if time.monotonic() > deadline:
                command.kill()
                raise Failed(f"{words[0]} is stuck after {count} interruptions: {command.err.read_bytes()!r}")
            time.sleep(0.001)
        if command.ended():
            break
        kind = chance.choice(("client", "node", "cut"))
        if kind == "client":
            command.kill()
            since = -1
            command = Command(profile, *words)
        elif kind == "node":
            node.kill9()
            node.start()
        else:
            proxy.cut()
        count += 1
        since += 1
    try:
        command.process.wait(PUT_SECONDS)
    except subprocess.TimeoutExpired:
        command.kill()
        raise Failed(f"{words[0]} does not end after {count} interruptions: {command.err.read_bytes()!r}")
    code, line = command.result()
    return code, line, count, since


def make_file(name, size, chance):
    path = temp_dir() / name
    with open(path, "wb") as file:
        for _ in range(0, size, MIB):
            file.write(chance.randbytes(min(MIB, size)))
    return path


def test_puts(node, proxy, profile, chance):
    done = number = 0
    while done < INTERRUPTIONS:
        path, remote = make_file("content", BYTES, chance), f"/put{number}"
        digest = sha256_file(path)
        before = proxy.up
        code, line, count, since = interrupted(node, proxy, profile, ("put", path, remote), chance,
                                               INTERRUPTIONS - done, lambda: proxy.up)
        wire = proxy.up - before
        need(f"put {number}: {count} interruptions and it ends well", code == 0, (code, line))
        check_equal(f"put {number}: SHA-256", line.get("sha256"), digest)
        limit = BYTES - line.get("resumed_at", 0) + since * TWICE
        check(f"put {number}: sent in the last process", line["bytes_sent"] <= limit, (line["bytes_sent"], limit))
        limit = BYTES + count * TWICE + BYTES // 50  # what CURVE and envelopes add
        check(f"put {number}: sent in all", wire <= limit, (wire, limit, count))
        plain = node.cli("put", path, f"/plain{number}", timeout=PUT_SECONDS)
        need(f"put {number}: undisturbed", plain.code == 0, plain)
        check_equal(f"put {number}: same root", line.get("content_root"), plain.lines[-1]["content_root"])
        check_equal(f"put {number}: a version of its own once", line.get("number"), 1)
        copy = temp_dir() / "copy"
        answer = node.cli("get", remote, copy, timeout=PUT_SECONDS)
        check(f"put {number}: comes back", answer.code == 0 and sha256_file(copy) == digest, answer)
        copy.unlink()
        done += count
        number += 1
    say(f"{done} interruptions of {number} puts")
    left = list((temp_dir() / "state").rglob("transfers/*"))
    check("no journal stays", not left, left)


def test_get(node, proxy, profile, chance):
    """Without kills of the client, which would begin anew."""
    path = make_file("content", BYTES, chance)
    need("put for the get", node.cli("put", path, "/get", timeout=PUT_SECONDS).code == 0)
    copy = temp_dir() / "copy"
    command = Command(profile, "get", "/get", copy)
    for what in (proxy.cut, "node", proxy.cut, "node"):
        start, after = proxy.down, chance.randrange(1, 12 * MIB)
        while proxy.down - start < after and not command.ended():
            time.sleep(0.001)
        if what == "node":
            node.kill9()
            node.start()
        else:
            what()
    code, line = command.result()
    check("a get under interruptions", code == 0 and sha256_file(copy) == sha256_file(path), (code, line))
    copy.unlink()


# -- edits ----------------------------------------------------------------------------------------------------


def test_edits(node, chance, size):
    """1 MiB in front, five times: what moved is not sent again."""
    path = make_file("edited", size, chance)
    digests, sent = [], []
    for edit in range(6):
        if edit:
            whole = temp_dir() / "edited.new"
            with open(path, "rb") as old, open(whole, "wb") as new:
                new.write(chance.randbytes(MIB))
                while piece := old.read(4 * MIB):
                    new.write(piece)
            whole.rename(path)
        digests.append(sha256_file(path))
        began = time.monotonic()
        answer = node.cli("put", path, "/edited", timeout=PUT_SECONDS)
        need(f"edit {edit} of {size // MIB} MiB", answer.code == 0, answer)
        line = answer.lines[-1]
        say(f"edit {edit}: sent {line['bytes_sent']} of {line['size']} in {time.monotonic() - began:.1f} s")
        check_equal(f"edit {edit}: SHA-256", line["sha256"], digests[-1])
        if edit:
            sent.append(line["bytes_sent"])
    # How soon two ways to cut the same bytes meet again is chance, and the key is random: one chunk or two in most edits,
    # five in one of ten (core/data/README.md).
    check("what changed was sent", max(sent) <= MIB + 16 * CHUNK, sent)
    check("and little else, as a rule", sorted(sent)[2] <= MIB + 8 * CHUNK, sent)
    if size > BYTES:
        check("2 percent of a large file", max(sent) <= size // 50, sent)
    versions = [line for line in node.cli("version", "ls", "/edited").lines if line["type"] == "version"]
    check_equal("six versions", len(versions), 6)
    for version, digest in zip(reversed(versions), digests):
        copy = temp_dir() / "copy"
        answer = node.cli("get", "--version", version["version"], "/edited", copy, timeout=PUT_SECONDS)
        check(f"version {version['number']} comes back", answer.code == 0 and sha256_file(copy) == digest, answer)
        copy.unlink(missing_ok=True)
    path.unlink()


def test_pipe(node, chance):
    path = make_file("piped", 10 * MIB, chance)
    file_line = node.cli("put", path, "/from-file").lines[-1]
    pipe_line = node.put_bytes("/from-pipe", path.read_bytes())
    check_equal("a pipe has the root of the file", pipe_line["content_root"], file_line["content_root"])
    check_equal("and its SHA-256", pipe_line["sha256"], sha256(path.read_bytes()))


def run(options):
    chance = random.Random(options.seed)
    node = Node().start()
    proxy = Proxy(node.port)
    profile = proxy_profile(node, proxy)
    test_puts(node, proxy, profile, chance)
    test_get(node, proxy, profile, chance)
    test_pipe(node, chance)
    test_edits(node, chance, BYTES)
    if options.long:
        node.cli("rm", "/edited")
        test_edits(node, chance, 1024 * MIB)
    check_equal("the node stops cleanly", node.stop(), 0)
    done = subprocess.run([DAEMON, "check", node.directory], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=ENV)
    check("check finds nothing wrong", done.returncode == 0, done.stdout[-2000:])


main(run, seconds=540, long_seconds=3600)
