#!/usr/bin/env python3
"""Exit codes as a table: each that docs/errors.md has and a client can meet is driven by a command, and what the
command says (code, symbol, exit) is compared with the registry; so are words, which name the thing and what to do."""
import json, os, re, signal, subprocess, time
from pathlib import Path

from node import CLIENT, ENV, ROOT, Node, check, check_equal, client, main, temp_dir

ROW = re.compile(r"^\| (\d+) \| `([a-z-]+)` \| (.+?) \| (\d+) \|", re.M)


def registry():
    """{symbol: (code, exit)} of docs/errors.md."""
    rows = ROW.findall((ROOT / "docs" / "errors.md").read_text())
    return {symbol: (int(code), int(exit_)) for code, symbol, _, exit_ in rows}


def prepare(node):
    """What the rows below need; a dictionary for their words."""
    words = {}
    node.put_bytes("/file", b"content")
    node.put_bytes("/dir/inner", b"i")
    node.put_bytes("/twice", b"1")
    node.put_bytes("/twice", b"2")
    words["OLD"] = node.cli("version", "ls", "/twice").lines[1]["version"]
    node.cli("version", "rm", "--yes", "/twice", words["OLD"])
    words["TOKEN"] = str(node.cli("lock", "/file").lines[-1]["token"])
    words["OTHER"] = str(int(words["TOKEN"]) + 1000)
    node.put_bytes("/leased", b"l")
    stale = str(node.cli("lock", "/leased").lines[-1]["token"])
    node.cli("unlock", "/leased", stale)
    words["STALE"] = stale
    node.cli("space", "create", "small", "--quota", "64K")
    node.cli("space", "create", "closing")
    node.cli("space", "rm", "closing")
    base = node.put_bytes("/heads", b"h")["version"]
    for i in range(64):
        node.put_bytes("/heads", b"%d" % i, "--edit", base)
    words["BASE"] = base
    place = temp_dir()
    (place / "local").write_bytes(b"local")
    (place / "big").write_bytes(os.urandom(1 << 20))
    (place / "no.profile").write_text("{}")
    (place / "batch").write_text("".join('{"op":"mkdir","path":"/m%d"}\n' % i for i in range(257)))
    receipt = node.put_bytes("/signed", b"s", "--receipt", str(place / "receipt")) and (place / "receipt").read_bytes()
    (place / "broken").write_bytes(receipt[:-1] + bytes([receipt[-1] ^ 1]))
    dead = json.loads(node.profile.read_text()) | {"endpoints": ["tcp://127.0.0.1:1"]}
    (place / "dead").write_text(json.dumps(dead))
    for name in ("local", "big", "batch", "broken", "dead"):
        words[name.upper()] = str(place / name)
    words["NOWHERE"] = str(place / "none" / "x")
    words["ZERO"] = "0" * 64
    return words


# What is run (words in capitals are of prepare), the symbol of its error, and what its message must have.
ROWS = [
    ("ls relative", "invalid", "relative"),
    ("find --type x", "invalid", "f|d|l"),
    ("batch BATCH", "too-large", "256"),
    ("stat /a//b", "bad-name", "/a//b"),
    ("space create UPPER", "bad-name", ""),
    ("cat --range 100-200 /file", "bad-range", "/file"),
    ("mv /file closing:/x", "unsupported", "one space"),
    ("undo /twice", "unsupported", "/twice"),
    ("cat /none", "not-found", "/none"),
    ("put NOWHERE /x", "not-found", "none/x"),
    ("ls nospace:/", "no-such-space", ""),
    ("stat /file --version ZERO", "no-such-version", "version ls"),
    ("cat /twice --version OLD", "gone", "/twice"),
    ("mkdir /none/sub", "no-parent", "mkdir -p"),
    ("mkdir /dir", "exists", "/dir"),
    ("put -n LOCAL /file", "exists", "--no-replace"),
    ("put --if-match ZERO LOCAL /twice", "mismatch", "stat"),
    ("merge /twice --take ZERO", "mismatch", "one head"),
    ("cp /dir /x", "is-directory", "-r"),
    ("cat /dir", "is-directory", "/dir"),
    ("put LOCAL /file/x", "not-directory", "/file"),
    ("ls /file/", "not-directory", "/file"),
    ("rm /dir", "not-empty", "rm -r"),
    ("mv /dir /dir/below", "cycle", "/dir"),
    ("put --edit BASE LOCAL /heads", "too-many-heads", "/heads"),
    ("space set closing --quota 1G", "space-closing", "--cancel"),
    ("put LOCAL closing:/x", "space-closing", "--cancel"),
    ("renew /leased STALE", "lease-lost", "lock"),
    ("renew /file OTHER", "lease-lost", ""),
    ("key rm admin --yes", "forbidden", "admin"),
    ("put BIG small:/big", "quota", "quota"),
    ("receipt verify BROKEN", "damaged", "trust"),
    ("--profile DEAD --timeout 1 ls", "unreachable", "running"),
    ("get /file /dev/full", "io", "/dev/full"),
]
# Exit codes that belong to other things than one failed command; and symbols that need a second member, a person with
# fewer rights, a full disk or a broken store, which other scripts have.
ELSEWHERE = {0, 5, 7, 130}


def test_rows(node, known):
    words, met = prepare(node), set()
    for line, symbol, part in ROWS:
        args = [words.get(w, w) for w in line.split()]
        answer = node.cli(*args) if "--profile" not in args else client(*args)
        last = answer.lines[-1] if answer.lines else {}
        code, exit_code = known[symbol]
        met.add(exit_code)
        check(f"{line}: {symbol}, exit {exit_code}", (answer.code, last.get("type"), last.get("code"), last.get("symbol"),
              last.get("exit")) == (exit_code, "error", code, symbol, exit_code), answer)
        check(f"{line}: says so in words", part in last.get("message", ""), last)
        plain = node.cli(*args, as_json=False) if "--profile" not in args else client(*args, as_json=False)
        check(f"{line}: the same without --json, on stderr", plain.code == exit_code and plain.stdout == b""
              and plain.stderr.startswith("filesphere: ") and "\n" in plain.stderr, plain)
    return met


def test_others(node):
    answer = node.cli("stat", "/file")
    check_equal("0: done", answer.code, 0)
    answer = client("ls", env={**ENV, "HOME": str(temp_dir() / "nobody"), "XDG_CONFIG_HOME": ""})
    check("5: no profile", answer.code == 5 and answer.lines[-1]["symbol"] == "no-profile", answer)
    answer = node.cli("stat", "/file", "/none")
    check("7: some done, some failed", answer.code == 7 and answer.lines[-1]["exit"] == 7
          and (answer.lines[-1]["done"], answer.lines[-1]["failed"]) == (1, 1), answer)
    for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen([str(CLIENT), "--profile", str(node.profile), "watch", "--json"], env=ENV,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        first = process.stdout.readline()
        process.send_signal(number)
        rest = process.stdout.read()
        code = process.wait(20)
        last = json.loads(rest.splitlines()[-1]) if rest else {}
        check(f"130: interrupted by signal {int(number)}", code == 130 and b"watching" in first
              and last.get("exit") == 130, (code, first, rest))
    big = subprocess.Popen([str(CLIENT), "--profile", str(node.profile), "put", "--json", "-", "/endless"], env=ENV,
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    big.stdin.write(b"x" * 100000)
    big.stdin.flush()
    time.sleep(0.5)  # it waits for more
    big.send_signal(signal.SIGINT)
    code = big.wait(20)
    big.stdin.close()
    check_equal("130: a put from a pipe, too", code, 130)
    check("and nothing is stored", node.cli("stat", "/endless").code == 3)
    said = node.cli("ls", "/", as_json=False)
    check("a closed standard output is a failure", _full_stdout(node) == 1 and said.code == 0)


def _full_stdout(node):
    with open("/dev/full", "wb") as full:
        return subprocess.run([str(CLIENT), "--profile", str(node.profile), "ls", "/"], env=ENV, stdout=full,
                              stderr=subprocess.DEVNULL).returncode


def run(options):
    known = registry()
    check("docs/errors.md is read", len(known) > 50 and known["quota"] == (6001, 9), known)
    node = Node()
    node.start()
    met = test_rows(node, known)
    test_others(node)
    left = {exit_ for _, exit_ in known.values()} - met - ELSEWHERE
    check_equal("every exit code of the registry was met", left, set())
    check_equal("the node stops cleanly", node.stop(), 0)


if __name__ == "__main__":
    main(run, seconds=180)
