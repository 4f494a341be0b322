#!/usr/bin/env python3
"""Who may not come in does not, who is in cannot break the node, and secrets stay where they belong.

Needs Debian's python3-zmq (tests/deps.sh).  Strange messages are made from the golden ones of docs/protocol/client.md.
"""
import json, os, random, re, socket, stat, subprocess, threading, time

import zmq

from node import CLIENT, ENV, ROOT, Node, check, check_equal, client, main, need, say, temp_dir

CONTEXT = zmq.Context()


def write_profile(name, profile, **changes):
    path = temp_dir() / name
    path.write_text(json.dumps({**profile, **changes}))
    path.chmod(0o600)
    return path


def check_well(name, node, seconds=8):
    """Somebody with the right key is served as always."""
    began = time.monotonic()
    data = os.urandom(300_000)
    answer = node.cli("put", "-", "/well", stdin=data)
    back = node.cat("/well")
    took = time.monotonic() - began
    check(f"{name}: the node stays well", node.running() and answer.code == 0 and back == data and took < seconds,
          (took, answer))


# -- golden messages ------------------------------------------------------------------------------------------


def golden_messages():
    """Name -> (envelope, body) of what a client says."""
    text = (ROOT / "docs" / "protocol" / "client.md").read_text()
    block = re.search(r"## Appendix: golden messages.*?```text\n(.*?)```", text, re.S).group(1)
    messages, name = {}, None
    for line in block.splitlines():
        if not line.startswith("  "):
            name = line.strip()
            messages[name] = []
        else:
            messages[name].append(bytes.fromhex(line.strip()))
    return {n: (parts[0], b"".join(parts[1:])) for n, parts in messages.items() if n.startswith("C:")}


def dealer(node, profile=None, mechanism="CURVE", keys=None):
    sock = CONTEXT.socket(zmq.DEALER)
    sock.linger = 0
    if mechanism == "CURVE":
        sock.curve_serverkey = profile["server_key"].encode()
        sock.curve_publickey, sock.curve_secretkey = keys or (profile["public_key"].encode(),
                                                              profile["secret_key"].encode())
    elif mechanism == "PLAIN":
        sock.plain_username, sock.plain_password = b"admin", b"admin"
    sock.connect(node.endpoint)
    return sock


def ask(sock, envelope, body, timeout_ms):
    """The answer's frames, None if there is none."""
    sock.send_multipart([envelope, body])
    return sock.recv_multipart() if sock.poll(timeout_ms) else None


# -- who comes in ---------------------------------------------------------------------------------------------


def test_keys(node, profile, golden):
    hello = golden["C:HELLO"]
    answer = ask(dealer(node, profile), *hello, 5000)
    need("a client with the profile's keys is welcomed", answer is not None and answer[0][6:8] == b"\0\2", answer)
    public, secret = (k.decode() for k in zmq.curve_keypair())
    other, _ = (k.decode() for k in zmq.curve_keypair())
    for name, changes in (("an unknown client key", {"public_key": public, "secret_key": secret}),
                          ("a wrong server key", {"server_key": other}),
                          ("a known public key without its secret", {"secret_key": secret})):
        began = time.monotonic()
        answer = client("ls", "/", "--timeout", "2", profile=write_profile("wrong.profile", profile, **changes))
        took = time.monotonic() - began
        check(f"{name} is refused: exit 5 or 8 within the timeout", answer.code in (5, 8) and took < 4.5 and
              answer.lines[-1].get("type") == "error", (answer, took))
        check(f"{name}: the words do not show a secret", secret not in str(answer))
    for mechanism in ("NULL", "PLAIN"):
        sock = dealer(node, mechanism=mechanism)
        check(f"a client with mechanism {mechanism} gets no answer", ask(sock, *hello, 1500) is None)
        sock.close()
    sock = dealer(node, profile, keys=zmq.curve_keypair())
    check("a client with CURVE and an unknown key gets no answer", ask(sock, *hello, 1500) is None)
    sock.close()
    mesh = write_profile("mesh.profile", profile, mesh_id="ab" * 32)
    check("a profile of another mesh is refused", client("ls", "/", profile=mesh).code not in (0, None))
    check_well("after strangers", node)


# -- noise ----------------------------------------------------------------------------------------------------


def test_garbage_bytes(node, chance):
    """Not ZeroMQ at all, half a greeting, silence: on many connections, while somebody works."""
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00CURVE" + bytes(15) + b"\x00" + bytes(31)
    connections = []

    def connect(data):
        sock = socket.create_connection(("127.0.0.1", node.port), timeout=5)
        connections.append(sock)
        try:
            sock.sendall(data)
        except OSError:
            pass  # it was thrown out already

    data = chance.randbytes(2 << 20)
    results = []
    worker = threading.Thread(target=lambda: results.extend(
        (node.cli("put", "-", f"/noise/{n}", stdin=data).code, node.cat(f"/noise/{n}") == data) for n in range(5)))
    worker.start()
    for _ in range(40):
        connect(chance.randbytes(chance.choice([1, 10, 64, 1000, 100_000])))
        connect(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        connect(greeting[: chance.randrange(len(greeting) + 1)])
        connect(greeting + chance.randbytes(chance.randrange(300)))
        connect(greeting + b"\x06" + (1 << 62).to_bytes(8, "big") + b"x" * 100)  # a command of 4 EiB
        connect(b"")
    worker.join(60)
    check("garbage on 240 connections does not disturb another client", results == [(0, True)] * 5, results)
    check_well("with 240 strange connections open", node)
    for sock in connections:
        sock.close()


def mutate(chance, envelope, body):
    """A message that is wrong in some way, as frames."""
    envelope, body = bytearray(envelope), bytearray(body)
    kind = chance.randrange(9)
    if kind == 0 and body:
        for _ in range(chance.choice([1, 1, 3, 10])):
            body[chance.randrange(len(body))] = chance.randrange(256)
    elif kind == 1:
        envelope[chance.randrange(len(envelope))] = chance.randrange(256)
    elif kind == 2:
        body = body[: chance.randrange(len(body) + 1)]
        envelope[16:20] = len(body).to_bytes(4, "big")
    elif kind == 3:
        return [bytes(envelope), bytes(body)] + [chance.randbytes(chance.randrange(2000))] * chance.randrange(1, 8)
    elif kind == 4:
        body = bytearray(chance.choice([b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\x91" * 5000, b"\xc1",
                                        b"\x81\xa1a" * 3000, b"\xdb\xff\xff\xff\xff", chance.randbytes(400)]))
        envelope[16:20] = len(body).to_bytes(4, "big")
    elif kind == 5:
        envelope[6:8] = chance.randrange(60).to_bytes(2, "big")
    elif kind == 6:
        return [bytes(envelope[: chance.randrange(21)])]
    elif kind == 7:
        return [bytes(envelope), bytes(body), chance.randbytes(chance.choice([0, 1, 262144, 262145, 700_000]))]
    else:
        envelope[8:16] = chance.randrange(4).to_bytes(8, "big")
    return [bytes(envelope), bytes(body)]


def test_strange_messages(node, profile, golden, chance, count):
    """Somebody with the right key who talks nonsense hurts himself only."""
    messages = list(golden.values())
    sock, answers = None, 0
    for number in range(count):
        if number % 100 == 0:
            if sock:
                sock.close()
            sock = dealer(node, profile)
            ask(sock, *golden["C:HELLO"], 5000)
        if number % 100 == 50:  # and some on a connection that never said HELLO
            sock.close()
            sock = dealer(node, profile)
        sock.send_multipart(mutate(chance, *chance.choice(messages)))
        while sock.poll(0):
            sock.recv_multipart()
            answers += 1
    time.sleep(0.3)
    while sock.poll(200):
        sock.recv_multipart()
        answers += 1
    sock.close()
    check(f"{count} strange messages, some of them answered", node.running() and answers > count // 20, answers)
    huge = dealer(node, profile)
    ask(huge, *golden["C:HELLO"], 5000)
    huge.send_multipart([golden["C:PING"][0], bytes(3 << 20)])  # above what the socket takes
    # Transfers that they began hold memory until the node misses their signs of life (10 s).
    check_well("after strange messages", node, seconds=20)
    check_well("a little later", node)
    huge.close()


# -- secrets --------------------------------------------------------------------------------------------------


def test_client_secrets(node, profile):
    """What the client says about profiles never holds what is in them."""
    secret = profile["secret_key"]
    broken = temp_dir() / "broken.profile"
    answers = []
    for text in (json.dumps(profile)[:-20], json.dumps({**profile, "secret_key": secret + "x"}),
                 json.dumps({**profile, "format": 99}), json.dumps({**profile, "endpoints": []}), secret, ""):
        broken.write_text(text)
        broken.chmod(0o600)
        answers.append(client("ls", "/", "--timeout", "1", profile=broken))
    check("broken profiles are refused with words", all(a.code not in (0, None) and a.lines and
                                                         len(a.lines[-1].get("message", "")) > 10 for a in answers),
          answers)
    check("which do not show the secret key", not any(secret[:20] in str(a) for a in answers), answers)
    open_profile = write_profile("open.profile", profile)
    open_profile.chmod(0o644)
    answer = client("ls", "/", profile=open_profile)
    check("a profile that others can read: a warning with the remedy", "chmod 600" in answer.stderr and
          secret not in answer.stderr, answer)


def test_disk(node, marker):
    """Contents are not on the disk in clear."""
    found = []
    for at, _, names in os.walk(node.directory):
        for name in names:
            with open(os.path.join(at, name), "rb") as file:
                if marker in file.read():
                    found.append(os.path.join(at, name))
    check("contents lie encrypted in the data directory", not found, found)
    open_ = [p for p in node.directory.iterdir() if p.name in ("node.keys", "recovery-code", "admin.profile", "db") and
             stat.S_IMODE(p.stat().st_mode) & 0o077 and p.is_file()]
    check("files with secrets are closed to others", not open_ and stat.S_IMODE(node.directory.stat().st_mode) == 0o700,
          open_)


def run(options):
    chance = random.Random(options.seed)
    say(f"FSP_SEED={options.seed}")
    node = Node()
    node.start()
    profile = json.loads(node.profile.read_text())
    code = (node.directory / "recovery-code").read_text().strip()
    golden = golden_messages()
    need("the golden messages were found", "C:HELLO" in golden and len(golden) > 6, sorted(golden))
    marker = b"a sentence that is nowhere else " + chance.randbytes(8).hex().encode()
    node.put_bytes("/marker-small", marker * 2)
    node.put_bytes("/marker-large", marker * 20_000)
    test_keys(node, profile, golden)
    test_garbage_bytes(node, chance)
    test_strange_messages(node, profile, golden, chance, 30_000 if options.long else 3000)
    test_client_secrets(node, profile)
    command = open(f"/proc/{node.process.pid}/cmdline", "rb").read()
    check("no secret is in the command line", profile["secret_key"].encode() not in command)
    limits = open(f"/proc/{node.process.pid}/limits").read()
    check("nor in a core dump: there is none", re.search(r"Max core file size +0 +0 ", limits), limits)
    check_equal("the node stops cleanly", node.stop(), 0)
    test_disk(node, marker)
    said = node.log()
    secrets = {"secret key": profile["secret_key"], "recovery code": code}
    pieces = re.split(r"[\s-]+", code)
    longest = max(pieces, key=len)
    if len(longest) >= 6:
        secrets["part of the recovery code"] = longest
    check("the node's output has no secret", not [n for n, s in secrets.items() if s.encode() in said], sorted(secrets))
    check("strangers left a trace in the log, no flood", 0 < said.count(b"refused") < 50, said.count(b"refused"))


if __name__ == "__main__":
    main(run, seconds=180)
