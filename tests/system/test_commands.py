#!/usr/bin/env python3
"""Every command of the client: what it does, the shape of its JSON lines, its exit code, its manners."""
import json, os, pty, re, select, shutil, signal, stat, subprocess, time
from pathlib import Path

from node import CLIENT, ENV, Node, check, check_equal, client, main, need, say, sha256, temp_dir

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
HEX64 = re.compile(r"[0-9a-f]{64}")


def types(answer):
    return [line.get("type") for line in answer.lines]


def names(answer, key="path"):
    return [line[key] for line in answer.lines[:-1]]


def result(name, answer, kinds=()):
    """Exit 0, a last line of type result, and before it only lines of these types; that line."""
    good = (answer.code == 0 and bool(answer.lines) and types(answer)[-1] == "result"
            and set(types(answer)[:-1]) <= set(kinds))
    check(name, good, answer)
    return answer.lines[-1] if answer.lines else {}


def refused(name, answer, code, symbol):
    line = answer.lines[-1] if answer.lines else {}
    check(name, answer.code == code and line.get("type") == "error" and line.get("symbol") == symbol
          and line.get("exit") == code and len(line.get("message", "")) > 5, answer)
    return line.get("message", "")


def versions(node, path):
    return [line["version"] for line in node.cli("version", "ls", path).lines[:-1]]


# -- help, man, manners ---------------------------------------------------------------------------------------


def all_commands():
    """Every command by its words, as completion offers them."""
    def offered(*words):
        out = client("__complete", "--", *words, as_json=False).stdout.decode()
        return [line.split("\t") for line in out.splitlines() if line != ":files"]
    found = []
    for word, what in offered(""):
        found += [(word, second[0]) for second in offered(word, "")] if what == "several commands" else [(word,)]
    return found


def test_words():
    everything = all_commands()
    check("completion knows all commands", len(everything) >= 45 and ("undo",) in everything
          and ("version", "diff") in everything, everything)
    overview = client("help", as_json=False).stdout.decode()
    missing = [" ".join(w) for w in everything if not re.search(rf"^  {' '.join(w)}( |$)", overview, re.M)]
    check_equal("the overview lists them all", missing, [])
    for words in everything:
        plain, lined = client(*words, "--help", as_json=False), client(*words, "--help")
        text = plain.stdout.decode()
        check(f"{' '.join(words)} --help: usage, an example, options, exit 0",
              plain.code == 0 and text.startswith(f"Usage: filesphere {' '.join(words)}") and "\nExample:\n  " in text
              and "--json" in text and all(len(line) <= 80 for line in text.splitlines()), text)
        check(f"help {' '.join(words)} is the same, and --json has it as one line",
              client("help", *words, as_json=False).stdout == plain.stdout and len(lined.lines) == 1
              and lined.lines[0]["text"] == text, lined)
        unknown = client(*words, "--no-such-option", as_json=False)
        check(f"{' '.join(words)}: an unknown option is usage, and says where to look",
              unknown.code == 2 and unknown.stdout == b"" and "--help" in unknown.stderr, unknown)
    alone = client(as_json=False)
    check("the program alone says how to begin, exit 0", alone.code == 0 and b"filesphered --data" in alone.stdout
          and b"filesphere put" in alone.stdout and b"filesphere get" in alone.stdout, alone)
    version = client("--version", as_json=False).stdout
    check("--version", re.fullmatch(rb"filesphere \d+\.\d+\.\d+\n", version), version)
    for wrong, meant in ((["lss"], "filesphere ls"), (["vresion", "ls"], "filesphere version"),
                         (["version", "rstore"], "filesphere version restore"), (["snyc"], "filesphere sync")):
        answer = client(*wrong, as_json=False)
        check(f"{' '.join(wrong)}: the nearest command is named", answer.code == 2 and
              f"did you mean: {meant}\n" in answer.stderr, answer)
    far = client("xyzzyx", as_json=False)
    check("a word that is near nothing gets no guess", far.code == 2 and "did you mean" not in far.stderr, far)
    group = client("version", "--help", as_json=False)
    check("version --help lists the group", group.code == 0 and b"version restore" in group.stdout, group)
    check("help of what is no command is usage", client("help", "nothing", as_json=False).code == 2)


def test_man():
    pages = client("__man", as_json=False).stdout.decode().split()
    wanted = {"filesphere"} | {f"filesphere-{w[0]}" for w in all_commands()}
    check_equal("a page for the program, for each group and each command", sorted(pages), sorted(wanted))
    lint = shutil.which("mandoc")
    for page in pages:
        text = client("__man", page, as_json=False).stdout
        good = text.startswith(b".TH " + page.upper().encode()) and b".SH NAME\n" in text and b".SH SYNOPSIS\n" in text
        check(f"{page}(1) has its parts", good and b".SH EXIT STATUS\n" in text and b".SH EXAMPLES\n" in text, text[:300])
        if lint:
            done = subprocess.run([lint, "-Tlint", "-Wwarning"], input=text, capture_output=True)
            check(f"{page}(1): mandoc has nothing to say", done.returncode == 0 and not done.stdout, done.stdout)
    unnamed = [p for p in pages if b"commands of one kind" in client("__man", p, as_json=False).stdout]
    check_equal("every group has a summary", unnamed, [])
    main_page = client("__man", "filesphere", as_json=False).stdout.decode()
    for word in ("FILESPHERE_PROFILE", "FILESPHERE_TIMEOUT", "NO_COLOR", "profiles/NAME", "\\fB130\\fR", "Patterns"):
        check(f"filesphere(1) tells of {word}", word in main_page)
    check("a page that is none is not found", client("__man", "nothing", as_json=False).code == 3)


# -- looking --------------------------------------------------------------------------------------------------


def test_looking(node):
    for path, data in (("/l/a.txt", b"a"), ("/l/b.txt", b"bb"), ("/l/sub/c.pdf", b"c" * 3000),
                       ("/l/sub/deep/d.pdf", b"d"), ("/l/.hidden", b"h"), ("/l/we[i]rd", b"w"), ("/l/wei", b"i")):
        node.put_bytes(path, data)
    answer = node.cli("ls", "/l", "/l/a.txt", "/l/sub")
    line = result("ls of files and directories", answer, ["entry"])
    check("files first, each entry with its path", names(answer)[0] == "/l/a.txt"
          and names(answer)[-2:] == ["/l/sub/c.pdf", "/l/sub/deep"] and line["count"] == len(answer.lines) - 1, answer)
    plain = node.cli("ls", "/l/sub", "/l", as_json=False).stdout.decode()
    check("several directories have headings", plain.startswith("/l/sub:\nc.pdf\ndeep/\n\n/l:\n"), plain)
    refused("ls: a file is no directory", node.cli("ls", "/l/a.txt/"), 4, "not-directory")

    answer = node.cli("stat", "/l/a.txt", "/l/none", "/l")
    check("stat of several: a line each, exit 7 if some failed", answer.code == 7
          and types(answer) == ["node", "failure", "node", "error"], answer)

    answer = node.cli("tree", "/l")
    line = result("tree", answer, ["entry"])
    check("tree: in order, with depths", [(e["path"], e["depth"]) for e in answer.lines[:-1]][-4:] ==
          [("/l/sub/deep", 2), ("/l/sub/deep/d.pdf", 3), ("/l/we[i]rd", 1), ("/l/wei", 1)]
          and (line["files"], line["directories"], line["bytes"]) == (7, 2, 3007), answer)
    check_equal("find counts as tree does", node.cli("find", "/l").lines[-1], line)
    drawn = client("tree", "--depth", "1", "/l", profile=node.profile, as_json=False, env={**ENV, "LC_ALL": "C.UTF-8"})
    check("tree draws", "├── .hidden\n" in drawn.stdout.decode() and "└── wei\n" in drawn.stdout.decode()
          and "deep" not in drawn.stdout.decode(), drawn)
    ascii_ = client("tree", "/l", profile=node.profile, as_json=False, env={**ENV, "LC_ALL": "C"})
    check("tree draws in ASCII where the locale has no more", ascii_.stdout.isascii() and b"`-- wei" in ascii_.stdout,
          ascii_)

    answer = node.cli("du", "/l")
    line = result("du", answer, ["usage"])
    check("du: what lies below, inner ones first", [(u["path"], u["bytes"]) for u in answer.lines[:-1]] ==
          [("/l/sub/deep", 1), ("/l/sub", 3001), ("/l", 3007)] and line["bytes"] == 3007, answer)
    check_equal("du -s", names(node.cli("du", "-s", "/l", "/l/sub")), ["/l", "/l/sub"])
    check_equal("du --depth 1", names(node.cli("du", "--depth", "1", "/l")), ["/l/sub", "/l"])
    check_equal("du of a file", names(node.cli("du", "/l/a.txt"), "bytes"), [1])


def test_find(node):
    found = lambda *args: names(node.cli("find", *args))
    result("find", node.cli("find", "/l"), ["entry"])
    check_equal("find --name", found("/l", "--name", "*.pdf"), ["/l/sub/c.pdf", "/l/sub/deep/d.pdf"])
    check_equal("find --name takes hidden ones", found("/l", "--name", "*hid*"), ["/l/.hidden"])
    check_equal("find --type d", found("/l", "--type", "d"), ["/l", "/l/sub", "/l/sub/deep"])
    check_equal("find --larger", found("/l", "--larger", "2K"), ["/l/sub/c.pdf"])
    check_equal("find --larger is more, not as much", found("/l", "--larger", "3000"), [])
    check_equal("find --smaller and --name", found("/l", "--smaller", "2", "--name", "*.txt"), ["/l/a.txt"])
    check_equal("find --newer a time to come", found("/l", "--newer", "2099-01-01"), [])
    check_equal("find --older", found("/l", "--older", "2099-01-01", "--type", "f", "--name", "[ab]*"),
                ["/l/a.txt", "/l/b.txt"])
    check_equal("find with **", found("/l/**/*.pdf"), ["/l/sub/c.pdf", "/l/sub/deep/d.pdf"])
    check_equal("find with ** in the middle", found("/l/**/deep/*"), ["/l/sub/deep/d.pdf"])
    check_equal("find with ** at the end", found("/l/sub/**"), ["/l/sub/c.pdf", "/l/sub/deep", "/l/sub/deep/d.pdf"])
    check_equal("find --depth", found("/l", "--depth", "1", "--type", "d"), ["/l", "/l/sub"])
    refused("find of nothing", node.cli("find", "/none"), 3, "not-found")
    refused("find --type x", node.cli("find", "--type", "x"), 2, "invalid")
    refused("find --newer @3", node.cli("find", "--newer", "@3"), 2, "invalid")


def test_patterns(node):
    listed = lambda *args: sorted(names(node.cli("ls", *args), "name"))
    check_equal("* takes no hidden names", listed("/l/*.txt", "/l/w*"), ["a.txt", "b.txt", "we[i]rd", "wei"])
    check_equal("a pattern in the middle", listed("/l/s?b/[c]*"), ["c.pdf"])
    check_equal("a name that is there as it was typed wins", listed("/l/we[i]rd"), ["we[i]rd"])
    check_equal("else it is a pattern", listed("/l/we[i]"), ["wei"])
    check_equal("a backslash takes the meaning away", listed("/l/we\\[i\\]rd"), ["we[i]rd"])
    check_equal("a '/' at the end wants directories", node.cli("stat", "/l/*/").lines[-1]["path"], "/l/sub")
    refused("no match", node.cli("ls", "/l/*.zip"), 3, "not-found")
    refused("--no-glob: it is a name", node.cli("ls", "--no-glob", "/l/*.txt"), 3, "not-found")
    check_equal("cat of a pattern, in order", node.cli("cat", "/l/?.txt", as_json=False).stdout[:3], b"abb")
    node.put_bytes("/g/1", b"1")
    node.put_bytes("/g/2", b"2")
    answer = node.cli("rm", "/g/1", "/g/x*")
    check("if one pattern has no match, nothing is done", answer.code == 3 and len(node.cli("ls", "/g").lines) == 3,
          answer)
    result("mv of a pattern", node.cli("mv", "/g/*", "/l/sub/"), ["done"])
    check_equal("both went", names(node.cli("ls", "/l/sub"), "name"), ["1", "2", "c.pdf", "deep"])
    into = temp_dir() / "into"
    into.mkdir()
    result("get of a pattern", node.cli("get", "/l/*.txt", str(into)), ["file"])
    check_equal("all are there", sorted(p.name for p in into.iterdir()), ["a.txt", "b.txt"])


def test_at(node):
    moment = f"@{node.put_bytes('/at/d/f', b'old')['receipt']['change']}"
    node.put_bytes("/at/d/f", b"new content")
    node.put_bytes("/at/d/later", b"x")
    check_equal("ls --at", names(node.cli("ls", "--at", moment, "/at/d"), "name"), ["f"])
    check_equal("stat --at", node.cli("stat", "--at", moment, "/at/d/f").lines[-1]["size"], 3)
    check_equal("cat --at", node.cat("/at/d/f", "--at", moment), b"old")
    check_equal("tree --at", names(node.cli("tree", "--at", moment, "/at"), "name"), ["at", "d", "f"])
    check_equal("find --at", names(node.cli("find", "--at", moment, "--type", "f", "/at")), ["/at/d/f"])
    check_equal("du --at", node.cli("du", "--at", moment, "-s", "/at").lines[-1]["bytes"], 3)
    check_equal("patterns --at", names(node.cli("ls", "--at", moment, "/at/d/*"), "name"), ["f"])
    copy = temp_dir() / "at"
    check("get -r --at", node.cli("get", "-r", "--at", moment, "/at", str(copy)).code == 0
          and [p.read_bytes() for p in copy.rglob("*") if p.is_file()] == [b"old"])


# -- changing -------------------------------------------------------------------------------------------------


def test_copy_tree(node):
    node.put_bytes("/c/a", b"a")
    node.put_bytes("/c/d/b", b"b")
    refused("cp of a directory without -r", node.cli("cp", "/c", "/c2"), 4, "is-directory")
    line = result("cp -r", node.cli("cp", "-r", "/c", "/c2"), ["done"])
    check_equal("cp -r: all of it", names(node.cli("find", "/c2")), ["/c2", "/c2/a", "/c2/d", "/c2/d/b"])
    check_equal("cp -r: says how many", line["count"], 4)
    result("cp -r into a directory", node.cli("cp", "-r", "/c", "/c2"), ["done"])
    check_equal("it went into it", node.cat("/c2/c/d/b"), b"b")
    refused("cp -r into itself", node.cli("cp", "-r", "/c", "/c/d/x"), 4, "cycle")
    answer = node.cli("cp", "-r", "-n", "/c", "/c2")
    check("cp -r -n: directories are merged, files that are there fail, exit 7", answer.code == 7
          and types(answer).count("failure") == 2, answer)
    many = temp_dir() / "many"
    many.mkdir()
    for i in range(300):
        (many / f"{i:03}").write_bytes(b"%d" % i)
    node.cli("put", "-r", str(many), "/many")
    result("cp -r of more than one batch", node.cli("cp", "-r", "/many", "/many2"), ["done"])
    check("all 300 are there", node.cat("/many2/299") == b"299" and len(node.cli("ls", "/many2").lines) == 301)


def test_history(node):
    path = "/h/notes"
    for text in ("one\ntwo\n", "one\n2\n", "one\n2\nthree\n"):
        node.put_bytes(path, text.encode())
    ids = versions(node, path)
    answer = node.cli("version", "ls", path)
    line = result("version ls", answer, ["version"])
    check("version ls: parents, author, the head marked", [v["parents"] for v in answer.lines[:-1]] ==
          [[ids[1]], [ids[2]], []] and [v["head"] for v in answer.lines[:-1]] == [True, False, False]
          and all(re.fullmatch("[0-9a-f]{32}", v["author"]) for v in answer.lines[:-1])
          and (line["count"], line["head_count"]) == (3, 1), answer)
    plain = node.cli("version", "ls", path, as_json=False).stdout.decode()
    check("version ls for people", plain.count("\n") == 3 and plain.count("  head\n") == 1 and " by " in plain
          and f"after {ids[1][:8]}" in plain, plain)
    line = result("version show", node.cli("version", "show", path, ids[1][:12]))
    check("version show: the fields", line["version"] == ids[1] and line["number"] == 2 and line["kind"] == "put"
          and line["size"] == 6 and line["sha256"] == sha256(b"one\n2\n") and line["head"] is False
          and TIME.fullmatch(line["time"]) and line["parents"] == [ids[2]], line)
    for name in ("2", "v2", ids[1][:8], ids[1].upper()):
        check_equal(f"a version is named by {name[:12]}", node.cli("version", "show", path, name).lines[-1]["version"], ids[1])
    check_equal("stat --version takes a number, too", node.cli("stat", "--version", "1", path).lines[-1]["size"], 8)
    check("cat --version takes a number, of each path its own", node.cli("cat", "--version", "v1", path, path,
          as_json=False).stdout == b"one\ntwo\n" * 2 and node.cat(path, "--version", "2") == b"one\n2\n")
    copy = temp_dir() / "by-number"
    check("get --version, too", node.cli("get", "--version", "1", path, str(copy)).code == 0
          and copy.read_bytes() == b"one\ntwo\n")
    node.put_bytes("/h/edited", b"1")
    node.put_bytes("/h/edited", b"2", "--if-match", "1")
    node.put_bytes("/h/edited", b"3", "--edit", "v1")
    check_equal("put --if-match and --edit take numbers", len(node.cli("heads", "/h/edited").lines), 3)
    refused("put --if-match of an older number", node.cli("put", "--if-match", "1", str(copy), "/h/edited"), 4, "mismatch")
    refused("put --edit of no version", node.cli("put", "--edit", "9", str(copy), "/h/edited"), 3, "no-such-version")
    for name in ("0", "4", "v99"):
        refused(f"there is no version {name}", node.cli("version", "show", path, name), 3, "no-such-version")
    for name in ("v", "-1", "1x", "abcdefg", "f" * 65, "latest"):
        refused(f"{name[:12]} names no version", node.cli("version", "show", path, "--", name), 2, "invalid")
    refused("version show of none", node.cli("version", "show", path, "f" * 64), 3, "no-such-version")

    diff = node.cli("version", "diff", path, ids[2], ids[1], as_json=False)
    text = diff.stdout.decode()
    check("version diff of texts is a unified diff", diff.code == 0 and text.startswith(f"--- {path} version 1")
          and f"\n+++ {path} version 2" in text and "\n-two\n+2\n" in text, diff)
    text = node.cli("version", "diff", path, ids[2], as_json=False).stdout.decode()
    check("version diff to the present one", "\n+three\n" in text and "version 3" in text, text)
    line = result("version diff --json", node.cli("version", "diff", path, ids[2]))
    check("version diff --json: sizes, digests, equal", line["from"]["size"] == 8 and line["to"]["size"] == 12
          and line["to"]["sha256"] == sha256(b"one\n2\nthree\n") and line["equal"] is False, line)
    same = node.cli("version", "diff", path, ids[0], as_json=False)
    check("version diff of equal ones: nothing on stdout", same.code == 0 and same.stdout == b"" and "same" in same.stderr)
    node.put_bytes("/h/bin", b"\0a")
    node.put_bytes("/h/bin", b"\0bb")
    diff = node.cli("version", "diff", "/h/bin", versions(node, "/h/bin")[1], as_json=False)
    check("version diff of binary contents says so, with sizes", diff.code == 0 and b"binary contents differ" in
          diff.stdout and b"2 bytes" in diff.stdout, diff)
    left = [p for p in Path(os.environ.get("TMPDIR", "/tmp")).glob("filesphere-*") if p.stat().st_mtime > time.time() - 5]
    check("version diff leaves nothing behind", not left, left)
    refused("version rm without --yes", node.cli("version", "rm", path, ids[2]), 2, "invalid")
    line = result("version restore", node.cli("version", "restore", path, ids[2]))
    check_equal("it is the newest again", node.cat(path), b"one\ntwo\n")


def test_heads(node):
    path = "/heads/f"
    check("lock --help says whom a lease parts, and how a put uses it", all(
        word in node.cli("lock", "--help", as_json=False).stdout.decode() for word in ("accounts", "client", "--lease TOKEN")))
    base = node.put_bytes(path, b"base")["version"]
    left = node.put_bytes(path, b"left", "--edit", base)["version"]
    right = node.put_bytes(path, b"right", "--edit", base)["version"]
    for words in (["heads", path], ["version", "ls", path]):
        shown = node.cli(*words, as_json=False).stdout.decode()
        ids = re.findall(r"\b[0-9a-f]{8,}\b", shown)
        check(f"{words[0]}: ids have 16 digits, parents too", left[:16] in ids and base[:16] in ids
              and all(len(word) == 16 for word in ids), shown)
    answer = node.cli("heads", path)
    line = result("heads", answer, ["head"])
    check("both edits stand", {h["version"] for h in answer.lines[:-1]} == {left, right} and line["head_count"] == 2
          and all(h["parents"] == [base] for h in answer.lines[:-1]), answer)
    plain = node.cli("heads", path, as_json=False)
    check("heads says how to go on, on stderr, exit 0", plain.code == 0 and "merge" in plain.stderr
          and b"merge" not in plain.stdout, plain)
    refused("merge wants to know which", node.cli("merge", path), 2, "invalid")
    refused("merge: not both", node.cli("merge", path, "--take", left, "--from", "x"), 2, "invalid")
    refused("merge --take of none", node.cli("merge", path, "--take", "f" * 64), 3, "no-such-version")
    refused("merge --head: the heads are others", node.cli("merge", path, "--take", left, "--head", left), 4, "mismatch")
    line = result("merge --take", node.cli("merge", path, "--take", left[:10], "--head", left, "--head", right[:9]))
    check("the merge takes the place of both", node.cat(path) == b"left" and set(line["merged"]) == {left, right}
          and line["heads"] == [line["version"]], line)
    shown = node.cli("version", "show", path, line["version"]).lines[-1]
    check_equal("its parents are both", set(shown["parents"]), {left, right})
    refused("merge of one head", node.cli("merge", path, "--take", left), 4, "mismatch")
    refused("merge of a directory", node.cli("merge", "/heads", "--take", left), 4, "is-directory")

    big = os.urandom(9 * 1024 * 1024 + 17)
    node.put_bytes("/heads/big", b"x")
    first = versions(node, "/heads/big")[0]
    taken = node.put_bytes("/heads/big", big, "--edit", first)["version"]
    node.put_bytes("/heads/big", b"other", "--edit", first)
    line = result("merge --take of a large one", node.cli("merge", "/heads/big", "--take", taken))
    check("its content is whole", line["sha256"] == sha256(big) and sha256(node.cat("/heads/big")) == sha256(big), line)
    merged = line["version"]
    node.put_bytes("/heads/big", b"l", "--edit", merged)
    node.put_bytes("/heads/big", b"r", "--edit", merged)
    local = temp_dir() / "merged.txt"
    local.write_bytes(b"by hand")
    refused("merge --from nothing", node.cli("merge", "/heads/big", "--from", str(local) + "x"), 3, "not-found")
    result("merge --from", node.cli("merge", "/heads/big", "--from", str(local), "-m", "both"))
    check_equal("it is the content", node.cat("/heads/big"), b"by hand")


# -- undo -----------------------------------------------------------------------------------------------------


def undo(node, path, *args):
    return node.cli("undo", path, *args)


def test_undo(node):
    node.put_bytes("/u/f", b"one")
    node.put_bytes("/u/f", b"two")
    line = result("undo --dry-run", undo(node, "/u/f", "--dry-run"))
    check("it says what it would do, and does nothing", line["undone"]["operation"] == "put" and line["dry_run"] is True
          and "version 1" in line["effect"] and "change" not in line and node.cat("/u/f") == b"two", line)
    for number, wanted in enumerate((b"one", b"two", b"one")):
        result(f"undo of a put, time {number + 1}", undo(node, "/u/f"))
        check_equal(f"undo of a put: {'redone' if number == 1 else 'taken back'}", node.cat("/u/f"), wanted)
    said = node.cli("undo", "/u/f", as_json=False)
    check("undo says that it can be had again", said.code == 0 and "once more" in said.stderr, said)

    node.put_bytes("/u/new", b"n")
    result("undo of a new file", undo(node, "/u/new"))
    check("it lies in the trash", node.cat("/u/new") is None and
          "/u/new" in [t.get("path") for t in node.cli("trash", "ls").lines[:-1]])
    result("and undo again", undo(node, "/u/new"))
    check_equal("it is back", node.cat("/u/new"), b"n")

    node.cli("rm", "/u/new")
    result("undo of rm", undo(node, "/u/new"))
    check_equal("rm is taken back", node.cat("/u/new"), b"n")
    node.cli("rm", "-r", "/u")
    message = refused("undo below what was removed", undo(node, "/u/f"), 3, "not-found")
    check("names what to undo", "/u;" in message or "/u " in message, message)
    result("undo of rm -r", undo(node, "/u"))
    check_equal("all is back", node.cat("/u/new"), b"n")

    node.put_bytes("/u/x", b"x")
    node.put_bytes("/u/y", b"y")
    node.cli("mv", "/u/x", "/u/y")
    line = result("undo of mv", undo(node, "/u/y"))
    check("mv is taken back, and what it displaced is back", node.cat("/u/x") == b"x" and node.cat("/u/y") == b"y", line)
    result("undo of that", undo(node, "/u/y"))
    check("mv is done again", node.cat("/u/x") is None and node.cat("/u/y") == b"x")
    result("and once more, by the other name", undo(node, "/u/x"))
    check("mv is taken back again", node.cat("/u/x") == b"x" and node.cat("/u/y") == b"y")

    node.cli("cp", "/u/x", "/u/y")
    result("undo of cp over a file", undo(node, "/u/y"))
    check_equal("what was there is back", node.cat("/u/y"), b"y")
    result("undo of that", undo(node, "/u/y"))
    check_equal("the copy is back", node.cat("/u/y"), b"x")

    node.cli("mkdir", "/u/dir")
    result("undo of mkdir", undo(node, "/u/dir"))
    refused("the directory is gone", node.cli("stat", "/u/dir"), 3, "not-found")
    node.cli("mkdir", "/u/full")
    node.put_bytes("/u/full/f", b"f")
    refused("undo of mkdir that is not empty", undo(node, "/u/full"), 4, "not-empty")

    node.cli("version", "restore", "/u/f", versions(node, "/u/f")[-1])
    before = node.cat("/u/f")
    node.cli("lock", "/u/f")
    node.put_bytes("/other", b"o")
    result("undo passes over leases, and over others' changes", undo(node, "/u/f"))
    check("restore is taken back", node.cat("/u/f") != before)


def test_undo_far_back(node):
    node.put_bytes("/far/f", b"first")
    node.put_bytes("/far/f", b"second")
    node.cli("mkdir", *[f"/many-{i}" for i in range(1203)], timeout=120)
    line = result("undo of what happened 1,203 changes ago", undo(node, "/far/f"))
    check_equal("it is taken back", (node.cat("/far/f"), line["undone"]["operation"]), (b"first", "put"))


def test_undo_refused(node):
    refused("undo of what never was", undo(node, "/never/was"), 3, "not-found")
    batch = "\n".join(json.dumps(o) for o in (
        {"op": "put", "path": "/b/one", "text": "1", "parents": True}, {"op": "put", "path": "/b/two", "text": "2"},
        {"op": "move", "path": "/b/two", "to": "/b/three"}))
    check("a batch", node.cli("batch", "-", stdin=batch.encode()).code == 0)
    result("a batch that touched the path once is taken back for it", undo(node, "/b/one"))
    check("only for it", node.cat("/b/one") is None and node.cat("/b/three") == b"2")
    message = refused("one that touched it twice is not", undo(node, "/b/three"), 1, "unsupported")
    check("it says why", "batch" in message, message)

    base = node.put_bytes("/b/h", b"h")["version"]
    node.put_bytes("/b/h", b"1", "--edit", base)
    node.put_bytes("/b/h", b"2", "--edit", base)
    message = refused("undo of a file with several heads", undo(node, "/b/h"), 4, "mismatch")
    check("it names merge", "merge" in message, message)
    node.put_bytes("/b/m", b"m")
    node.cli("mv", "/b/m", "/b/n")
    node.put_bytes("/b/m", b"other")
    refused("undo of mv when something else is there", undo(node, "/b/n"), 4, "exists")
    node.put_bytes("/b/p", b"1")
    node.put_bytes("/b/p", b"2")
    first = versions(node, "/b/p")[1]
    check("version rm --yes", node.cli("version", "rm", "--yes", "/b/p", first).code == 0)
    refused("undo of version rm", undo(node, "/b/p"), 1, "unsupported")


# -- spaces, keys, receipts, profiles -------------------------------------------------------------------------


def test_spaces(node):
    result("space create with chunk sizes", node.cli("space", "create", "wide", "--quota", "1G", "--chunk-size",
                                                     "64K,256K,1M"))
    line = result("space show", node.cli("space", "show", "wide"))
    check("its settings", line["quota"] == 1 << 30 and line["chunking"] == [65536, 262144, 1048576]
          and line["keep"]["last"] == 0, line)
    line = result("space set", node.cli("space", "set", "wide", "--quota", "2G", "--keep-last", "3", "--past-days", "9"))
    check("space set shows what is now", line["quota"] == 2 << 30 and line["keep"]["last"] == 3
          and line["keep"]["past_days"] == 9, line)
    line = node.cli("space", "set", "wide", "--keep-daily", "7").lines[-1]
    check("what is not named stays", line["keep"]["last"] == 3 and line["keep"]["daily"] == 7 and line["quota"] == 2 << 30)
    line = node.cli("space", "set", "wide", "--keep-all", "--quota", "0").lines[-1]
    check("--keep-all, and no quota", line["quota"] == 0 and set(line["keep"].values()) == {0}, line)
    refused("space set of nothing", node.cli("space", "set", "wide"), 2, "invalid")
    refused("space create with odd chunk sizes", node.cli("space", "create", "odd", "--chunk-size", "1M,64K"), 2, "invalid")
    refused("space show of none", node.cli("space", "show", "none"), 3, "no-such-space")
    check("space show without operand is the home space", node.cli("space", "show").lines[-1]["name"] == "home")
    node.put_bytes("wide:/in", b"wide")
    check_equal("--space", node.cat("/in", "--space", "wide"), b"wide")
    answer = client("cat", "/in", profile=node.profile, as_json=False, env={**ENV, "FILESPHERE_SPACE": "wide"})
    check_equal("$FILESPHERE_SPACE", answer.stdout, b"wide")
    answer = client("cat", "--space", "home", "/in", profile=node.profile, env={**ENV, "FILESPHERE_SPACE": "wide"})
    check("the option counts before the environment", answer.code == 3, answer)


def plain(node, *words, stdin=b""):
    answer = node.cli(*words, stdin=stdin, as_json=False)
    return answer.code, answer.stdout.decode(), answer.stderr


def test_named_spaces(node):
    """What people read names the space that was named; JSON has it beside the bare path."""
    need("a space", node.cli("space", "create", "team").code == 0)
    code, out, _ = plain(node, "put", "-", "team:/d", stdin=b"one")
    check("put", code == 0 and re.fullmatch(r"team:/d  version 1 \([0-9a-f]{16}\)  3 bytes\n", out), out)
    code, out, _ = plain(node, "put", "-", "/d", "--space", "team", stdin=b"three")
    check("put --space", code == 0 and out.startswith("team:/d  version 2 ("), out)
    code, out, _ = plain(node, "put", "-", "/named/d", stdin=b"mine")
    check("put without a space", code == 0 and out.startswith("/named/d  version 1 ("), out)
    code, out, _ = plain(node, "version", "restore", "team:/d", "1")
    check("version restore prints what put prints", code == 0
          and re.fullmatch(r"team:/d  version 3 \([0-9a-f]{16}\)  3 bytes\n", out), out)
    check_equal("find", plain(node, "find", "team:/"), (0, "team:/\nteam:/d\n", ""))
    check_equal("du", plain(node, "du", "team:/")[1].split(), ["3", "team:/"])
    check("tree", plain(node, "tree", "team:/")[1].startswith("team:/\n"))
    check("changes", plain(node, "changes", "team:/")[1].count("  team:/d\n") == 3, plain(node, "changes", "team:/"))
    local = temp_dir() / "named"
    local.mkdir()
    (local / "x").write_bytes(b"x")
    check("put -r", plain(node, "put", "-r", str(local), "team:/")[1].startswith("team:/named/x  version 1 ("))
    (local / "y").write_bytes(b"y")
    check("sync", "put     team:/named/y\n" in plain(node, "sync", str(local), "team:/named")[1])
    failures = ((["cat", "team:/none"], "team:/none: no such file"), (["get", "team:/named", "."], "team:/named: is a "),
                (["stat", "--space", "team", "/none"], "team:/none: no such file"), (["stat", "/none"], "/none: no such"),
                (["rm", "team:/"], "team:/: the root"), (["mv", "team:/none", "team:/x"], "team:/none -> /x: no such"),
                (["rm", "team:/n1", "/n2"], "team:/n1: no such"), (["version", "show", "team:/d", "77"], "team:/d: has no "),
                (["put", "/no/local", "team:/d"], "/no/local: "), (["get", "-r", "team:/none", "."], "team:/none: no such"))
    for words, wanted in failures:
        code, _, err = plain(node, *words)
        check(f"{' '.join(words)} says {wanted}", code != 0 and err.startswith("filesphere: " + wanted), err)
    check("of two spaces each failure names its own", "\nfilesphere: /n2: no such" in plain(node, "rm", "team:/n1", "/n2")[2])
    for words in (["ls"], ["find"], ["tree"], ["du"], ["stat"], ["changes"], ["check", str(local)], ["undo", "--dry-run"],
                  ["version", "ls"], ["heads"], ["put", str(local / "x")], ["put", "-r", str(local)]):
        for prefix, space in (("team:", "team"), ("", "home")):
            path = {"changes": "/", "check": "/"}.get(words[0], "/d")
            path = "/" if words[0] in ("ls", "find", "tree", "du") else "/named/" if words[0] == "put" else path
            answer = node.cli(*words, prefix + path if words[0] != "stat" or space == "team" else "/named/d")
            lines = [line for line in answer.lines if "path" in line]
            if not lines and words[0] in ("version", "heads", "undo") and space == "home":
                continue
            check(f"{' '.join(words[:2])} in {space}: each line with a path has the space, and the path is bare", lines
                  and all(line.get("space") == space and line["path"].startswith("/") for line in lines), answer)
    node.cli("rm", "team:/d")
    check("trash ls", plain(node, "trash", "ls", "team:/")[1].endswith("  team:/d\n"))
    check_equal("and in JSON", [(l["path"], l["space"]) for l in node.cli("trash", "ls", "team:/").lines[:-1]], [("/d", "team")])
    for word in ("team", "team:", "team:/"):
        for command in (["show"], ["set", "--quota", "1G"], ["collect"], ["rm"], ["rm", "--cancel"]):
            line = result(f"space {' '.join(command)} {word}", node.cli("space", *command, word))
            check("it is the space", line.get("name", line.get("space", "team")) == "team", line)
    refused("a path is no space", node.cli("space", "show", "team:/d"), 2, "bad-name")


def test_many_names(node):
    """Many operands of mv and rm go in few requests, with the lines of single ones."""
    count = 600
    batch = "".join(json.dumps({"op": "put", "path": f"/plenty/f{i:03}", "text": str(i), "parents": True}) + "\n" for i in range(200))
    for part in range(3):
        need("files", node.cli("batch", "-", stdin=batch.replace("/f", f"/f{part}").encode()).code == 0)
    before = node.cli("space", "show").lines[-1]["change"]
    answer = node.cli("mv", "/plenty/*", "/moved/")
    line = result("mv of many", answer, ["done"])
    check("a line for each", line["count"] == count and [l["path"] for l in answer.lines[:-1]] ==
          [f"/moved/f{i // 200}{i % 200:03}" for i in range(count)], answer.lines[-3:])
    changes = node.cli("space", "show").lines[-1]["change"] - before
    check("in few changes", changes <= 4, changes)
    alone = node.cli("mv", "/moved/f0000", "/moved/single").lines[-1]
    many = answer.lines[0]
    check_equal("its line is that of a single one, but for heads", sorted(many), sorted(set(alone) - {"change", "heads"}
                | {"type"}))
    check("and so is what it says", all(many[key] == alone[key] for key in many if key not in ("type", "path", "modified")),
          (many, alone))
    before = node.cli("space", "show").lines[-1]["change"]
    answer = node.cli("rm", "/moved/f0001", "/moved/none", "/moved/f0002", "/", "/moved/f0003")
    check("rm of several, two of them refused: the others go, each in its turn", answer.code == 7 and
          [l["type"] for l in answer.lines] == ["done", "failure", "done", "failure", "done", "error"]
          and answer.lines[1]["message"].startswith("/moved/none: no such file")
          and answer.lines[3]["message"].startswith("/: the root"), answer)
    words = plain(node, "mv", "-n", "/moved/f0004", "/moved/none", "/moved/f0005", "/plenty/")
    check("mv of several, in words", words[0] == 7 and words[1] == "" and words[2].startswith(
          "filesphere: /moved/none -> /plenty/none: no such file") and words[2].endswith("2 done, 1 failed\n"), words)
    before = node.cli("space", "show").lines[-1]["change"]
    line = result("rm of many", node.cli("rm", "/moved/*"), ["done"])
    changes = node.cli("space", "show").lines[-1]["change"] - before
    check("in few changes, too", line["count"] == count - 5 and changes <= 3, (line, changes))


def test_collect(node):
    line = result("space collect", node.cli("space", "collect", "home"))
    check("space collect says what it did", line.get("epoch", 0) >= 1 and isinstance(line.get("swept_bytes"), int), line)


def test_keys(node):
    out = temp_dir() / "laptop.profile"
    refused("key add wants --out", node.cli("key", "add", "laptop"), 2, "invalid")
    line = result("key add", node.cli("key", "add", "laptop", "--out", str(out)))
    check("the profile is the owner's only", stat.S_IMODE(out.stat().st_mode) == 0o600 and line["out"] == str(out))
    refused("key add never writes over a file", node.cli("key", "add", "again", "--out", str(out)), 4, "exists")
    answer = node.cli("key", "ls")
    result("key ls", answer, ["key"])
    check("both keys are listed, one's own marked", [(k["name"], k["own"]) for k in answer.lines[:-1]] ==
          [("admin", True), ("laptop", False)], answer)
    check("the new profile works", client("put", "-", "/by-laptop", profile=out, stdin=b"hi").code == 0)
    refused("key rm asks", node.cli("key", "rm", "laptop"), 2, "invalid")
    refused("key rm of none", node.cli("key", "rm", "nobody", "--yes"), 3, "not-found")
    refused("key rm of one's own", node.cli("key", "rm", "admin", "--yes"), 6, "forbidden")
    line = result("key rm", node.cli("key", "rm", line["key"][:10], "--yes"))
    check_equal("key rm names it", line["name"], "laptop")
    check("the removed key does not get in", client("ls", "--timeout", "1", profile=out).code in (5, 8))


def test_key_names(node):
    for name in ("bad name", "-x", ".hidden", "a/b", "x" * 64, "\u00e9"):
        out = temp_dir() / "never.profile"
        answer = node.cli("key", "add", "--out", str(out), "--", name)
        check(f"key add does not take the name {name!r}, and writes nothing", answer.code == 2 and not out.exists()
              and answer.lines[-1].get("symbol") == "bad-name", answer)


def test_receipts(node):
    raw = temp_dir() / "r.receipt"
    signed = node.put_bytes("/receipt", b"signed", "--receipt", str(raw))["receipt"]["signed"]
    line = result("receipt show", node.cli("receipt", "show", str(raw)))
    check("its fields", line["sha256"] == sha256(b"signed") and line["durability"] == {"w": 1, "r": 1}
          and TIME.fullmatch(line["issued"]), line)
    line = result("receipt verify", node.cli("receipt", "verify", str(raw)))
    check_equal("receipt verify: valid", line["valid"], True)
    digits = temp_dir() / "r.hex"
    digits.write_text(signed + "\n")
    result("receipt verify of digits", node.cli("receipt", "verify", str(digits)))
    broken = bytearray(raw.read_bytes())
    broken[-1] ^= 1
    (temp_dir() / "broken").write_bytes(broken)
    refused("receipt verify of a changed one", node.cli("receipt", "verify", str(temp_dir() / "broken")), 10, "damaged")
    (temp_dir() / "none").write_bytes(b"no receipt")
    refused("receipt show of something else", node.cli("receipt", "show", str(temp_dir() / "none")), 2, "invalid")
    (temp_dir() / "empty").write_bytes(b"")
    refused("receipt show of nothing", node.cli("receipt", "show", str(temp_dir() / "empty")), 2, "invalid")
    profile = json.loads(node.profile.read_text())
    profile["node_key"] = "11" * 32
    other = temp_dir() / "other.profile"
    other.write_text(json.dumps(profile))
    message = refused("receipt verify by another mesh", client("receipt", "verify", str(raw), profile=other), 10, "damaged")
    check("it says that the key is another one", "another key" in message, message)
    refused("receipt verify without a profile", client("receipt", "verify", str(raw), env={**ENV, "HOME": str(temp_dir() / "nobody")}),
            5, "no-profile")


def test_profiles(node):
    home = temp_dir() / "home"
    home.mkdir()
    env = {k: v for k, v in ENV.items() if k != "XDG_CONFIG_HOME"} | {"HOME": str(home)}
    run = lambda *args, **more: client(*args, env=env, **more)
    refused("without a profile", run("ls"), 5, "no-profile")
    line = result("profile ls of none", run("profile", "ls"))
    check_equal("it has none", line["count"], 0)
    line = result("profile add", run("profile", "add", "main", str(node.profile)))
    check("the first one is in use", line["used"] is True and run("ls").code == 0)
    store = home / ".config" / "filesphere"
    check("it is the owner's only, behind a link", stat.S_IMODE((store / "profiles" / "main").stat().st_mode) == 0o600
          and os.readlink(store / "profile") == "profiles/main")
    refused("profile add of a name that is there", run("profile", "add", "main", str(node.profile)), 4, "exists")
    refused("profile add of what is none", run("profile", "add", "x", "/etc/passwd"), 2, "invalid")
    refused("profile add of an odd name", run("profile", "add", "../x", str(node.profile)), 2, "bad-name")
    refused("profile add of nothing", run("profile", "add", "x", "/no/such/file"), 3, "not-found")
    away = temp_dir() / "no-home"
    refused("profile add without a home", client("profile", "add", "x", str(node.profile), env={**env, "HOME": str(away)}),
            1, "io")
    check("a home is not made", not away.exists())
    broken = json.loads(node.profile.read_text())
    broken["endpoints"] = ["tcp://127.0.0.1:1"]
    (temp_dir() / "dead").write_text(json.dumps(broken))
    line = result("a second profile", run("profile", "add", "dead", str(temp_dir() / "dead")))
    check_equal("it is not in use", line["used"], False)
    result("profile use", run("profile", "use", "dead"))
    check("now it is", run("ls", "--timeout", "1").code == 8 and run("--profile", "main", "ls").code == 0)
    check("$FILESPHERE_PROFILE may be a name", client("ls", env={**env, "FILESPHERE_PROFILE": "main"}).code == 0)
    check("--profile counts before it", client("--profile", "main", "ls", env={**env, "FILESPHERE_PROFILE": "dead"}).code == 0)
    answer = run("profile", "ls")
    check("profile ls: which is in use, and no secret", [(p["name"], p["used"]) for p in answer.lines[:-1]] ==
          [("dead", True), ("main", False)] and broken["secret_key"].encode() not in answer.stdout, answer)
    refused("profile use of none", run("profile", "use", "none"), 3, "not-found")
    refused("profile rm asks", run("profile", "rm", "dead"), 2, "invalid")
    result("profile rm", run("profile", "rm", "dead", "--yes"))
    check("it is gone, and the link with it", run("ls").code == 5 and not (store / "profiles" / "dead").exists())
    shutil.copy(node.profile, store / "profile")
    check("a file at ~/.config/filesphere/profile works as before", run("ls").code == 0)
    kept = (store / "profile").read_bytes()
    result("profile use over such a file", run("profile", "use", "main"))
    check("it is taken in as default", (store / "profiles" / "default").read_bytes() == kept)
    (store / "profile").unlink()
    (store / "profile").write_bytes(b"another")
    run("profile", "use", "main")
    check("the next one as default-2: nothing is lost", (store / "profiles" / "default-2").read_bytes() == b"another"
          and (store / "profiles" / "default").read_bytes() == kept)
    xdg = temp_dir() / "xdg"
    xdg.mkdir()
    there = {**env, "XDG_CONFIG_HOME": str(xdg)}
    client("profile", "add", "there", str(node.profile), env=there)
    check("XDG_CONFIG_HOME", (xdg / "filesphere" / "profiles" / "there").exists() and client("ls", env=there).code == 0)


# -- terminals, completion ------------------------------------------------------------------------------------


def on_terminal(command, env, typed=()):
    """What a program on a terminal of its own shows; typed: what is written to it, each when it was silent for a while."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=env, start_new_session=True)
    os.close(follower)
    shown, typed, end = b"", list(typed), time.monotonic() + 20
    while time.monotonic() < end:
        if select.select([leader], [], [], 0.4)[0]:
            try:
                piece = os.read(leader, 65536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        elif typed:
            os.write(leader, typed.pop(0).encode())
        elif process.poll() is not None:
            break
    if process.poll() is None:
        process.kill()
    os.close(leader)
    return process.wait(), shown.decode("utf-8", "replace")


def test_terminal(node):
    env = {**ENV, "TERM": "xterm", "FILESPHERE_PROFILE": str(node.profile), "LC_ALL": "C.UTF-8"}
    env.pop("NO_COLOR", None)
    node.put_bytes("/t/sized", b"x" * 5000)
    node.put_bytes("/t/evil\x1b[31m\nname", b"e")
    node.cli("mkdir", "/t/dir")
    code, shown = on_terminal([str(CLIENT), "ls", "-l", "/t"], env)
    check("on a terminal sizes are for people, and directories coloured", code == 0 and "4.8 KiB" in shown
          and "\x1b[1;34mdir" in shown, shown)
    check("control characters in names are escaped", "evil\\x1b[31m\\nname" in shown and "evil\x1b" not in shown, shown)
    code, shown = on_terminal([str(CLIENT), "ls", "-l", "/t"], {**env, "NO_COLOR": "1"})
    check("NO_COLOR: no colours", code == 0 and "\x1b" not in shown, shown)
    piece = temp_dir() / "sized"
    piece.write_bytes(b"x" * 5000)
    (temp_dir() / "sizes").mkdir()
    (temp_dir() / "sizes" / "f").write_bytes(b"x" * 6000)
    for words, shown_size, piped in ((["put", str(piece), "/t/sized"], "4.8 KiB", b"5000 bytes"),
                                     (["get", "/t/sized", str(piece)], "4.8 KiB", b"5000 bytes"),
                                     (["put", "-r", str(temp_dir() / "sizes"), "/t/"], "5.8 KiB", b"6000 bytes"),
                                     (["get", "-r", "/t/sizes", str(temp_dir())], "5.8 KiB", b"6000 bytes"),
                                     (["version", "restore", "/t/sized", "1"], "4.8 KiB", b"5000 bytes"),
                                     (["version", "show", "/t/sized", "1"], "4.8 KiB", b"5000\n"),
                                     (["check", "/t/sized"], "4.8 KiB", b"5000 bytes"), (["node", "show"], "GiB of", b" bytes"),
                                     (["space", "show"], "1.0 MiB", b" 1048576,")):
        code, shown = on_terminal([str(CLIENT), *words], env)
        check(f"{words[0]} {words[1]}: sizes for people on a terminal", code == 0 and shown_size in shown, shown)
        answer = node.cli(*words, as_json=False)
        check("and bytes elsewhere", piped in answer.stdout and b"iB" not in answer.stdout, answer)
    for up in ("/t/up", "/t/up2"):
        sync = [str(CLIENT), "sync", str(temp_dir() / "sizes"), up]
        shown = on_terminal(sync, env)[1] if up == "/t/up" else node.cli(*sync[1:], as_json=False).stdout.decode()
        check(f"sync {up}: the sum, too", ("(5.8 KiB)" if up == "/t/up" else "(6000 bytes)") in shown, shown)
    plain = node.cli("ls", "-l", "/t", as_json=False).stdout
    check("elsewhere sizes are bytes, without colours", b" 5000 " in plain and b"\x1b" not in plain, plain)

    ask = [str(CLIENT), "trash", "empty"]
    node.put_bytes("/t/gone", b"g")
    node.cli("rm", "/t/gone")
    code, shown = on_terminal(ask, env, ["no\n"])
    check("what destroys asks; another word than the one asked for does nothing", code == 130 and "Type empty" in shown
          and len(node.cli("trash", "ls").lines) > 1, shown)
    code, shown = on_terminal(ask + ["--no-input"], env)
    check("--no-input: it does not ask, and fails", code == 2 and "--yes" in shown and "Type" not in shown, shown)
    code, shown = on_terminal(ask, env, ["empty\n"])
    check("the word does it", code == 0 and len(node.cli("trash", "ls").lines) == 1, shown)


def complete(node, *words, env=None):
    out = client("__complete", "--", *words, profile=node.profile, as_json=False, env=env).stdout.decode()
    return [line.split("\t")[0] for line in out.splitlines()]


def test_complete(node):
    node.put_bytes("/comp/with space", b"1")
    node.put_bytes("/comp/width/x", b"1")
    node.put_bytes("/comp/odd\nname", b"1")
    check_equal("a command", complete(node, "vers"), ["version"])
    check_equal("a command of a group", complete(node, "version", "sh"), ["show"])
    check_equal("an option", complete(node, "ls", "--no-g"), ["--no-glob"])
    check_equal("a choice", complete(node, "find", "--type", ""), ["f", "d", "l"])
    check_equal("a choice with =", complete(node, "find", "--type=d"), ["--type=d"])
    check_equal("remote paths", complete(node, "cat", "/comp/wi"), ["/comp/width/", "/comp/with space"])
    check_equal("names that a shell cannot take are left out", complete(node, "cat", "/comp/o"), [])
    check_equal("spaces of paths", complete(node, "ls", "ho"), ["home:/"])
    check_equal("paths in a space", complete(node, "ls", "home:/comp/wid"), ["home:/comp/width/"])
    check_equal("spaces", complete(node, "space", "show", "ho"), ["home"])
    named = ["1", versions(node, "/comp/with space")[0][:16]]
    for words in (["version", "show", "PATH"], ["version", "restore", "PATH"], ["version", "rm", "PATH"],
                  ["version", "rm", "PATH", "1"], ["version", "diff", "PATH"], ["version", "diff", "PATH", "1"],
                  ["cat", "PATH", "--version"], ["put", "x", "PATH", "--edit"], ["put", "x", "PATH", "--if-match"],
                  ["stat", "PATH", "--version"], ["merge", "PATH", "--take"]):
        words = [word.replace("PATH", "/comp/with space") for word in words]
        check_equal(f"versions of the file behind {' '.join(words)}", complete(node, *words, ""), named)
    check_equal("numbers of versions with =", complete(node, "cat", "/comp/with space", "--version=1"), ["--version=1"])
    for command in ("show", "set", "rm", "collect"):
        check_equal(f"spaces behind space {command}", complete(node, "space", command, "ho"), ["home"])
    check("names of keys", complete(node, "key", "rm", "adm") == ["admin"], complete(node, "key", "rm", ""))
    check("local files are left to the shell", complete(node, "put", "") == [":files"]
          and complete(node, "put", "x", "/comp/wid") == [":files", "/comp/width/"])
    check_equal("--space in the line counts", complete(node, "ls", "--space", "nothing", "/"), [])
    check_equal("after --, words are operands", complete(node, "ls", "--", "--no-g"), [])
    began = time.monotonic()
    dead = json.loads(node.profile.read_text())
    dead["endpoints"] = ["tcp://127.0.0.1:1"]
    (temp_dir() / "dead2").write_text(json.dumps(dead))
    out = client("__complete", "--", "ls", "/", profile=temp_dir() / "dead2", as_json=False)
    check("without a node: no candidates but what is known, within 2 s, exit 0, and no word",
          out.code == 0 and out.stdout == b"" and out.stderr == "" and time.monotonic() - began < 2, out)


def test_shells(node):
    for shell in ("bash", "zsh", "fish"):
        script = client("completion", shell, as_json=False)
        check(f"completion {shell} prints a script", script.code == 0 and b"__complete" in script.stdout)
        if shutil.which(shell):
            done = subprocess.run([shell, "-n"], input=script.stdout, capture_output=True)
            check(f"{shell} finds no fault in it", done.returncode == 0 and not done.stderr, done.stderr)
    refused("completion of another shell", client("completion", "tcsh"), 2, "invalid")
    if not shutil.which("bash"):
        say("no bash: not tried in a shell")
        return
    env = {**ENV, "TERM": "dumb", "PS1": "> ", "FILESPHERE_PROFILE": str(node.profile), "INPUTRC": "/dev/null",
           "HOME": str(temp_dir()), "PATH": f"{CLIENT.parent}:{os.environ['PATH']}", "HISTFILE": ""}
    for typed, wanted in (("filesphere vers\t", "filesphere version "),
                          ("filesphere cat /comp/with\t", "filesphere cat /comp/with\\ space "),
                          ("filesphere cat '/comp/with\t", "filesphere cat '/comp/with space' "),
                          ("filesphere ls home:/comp/wid\t", "filesphere ls home:/comp/width/"),
                          ("filesphere ls --space=ho\t", "filesphere ls --space=home ")):
        _, shown = on_terminal(["bash", "--norc", "-i"], env,
                               ["source <(filesphere completion bash)\n", typed, "\x15exit\n"])
        check(f"bash completes {typed!r}", wanted in shown.replace("\x07", ""), shown)


def test_watch(node):
    began = []
    answer = node.cli("watch", "/w", "--count", "1", "--after", str(node.cli("space", "show").lines[-1]["change"]),
                      started=lambda p: began.append(subprocess.Popen(
                          [str(CLIENT), "--profile", str(node.profile), "put", "-q", "-", "/w/f"],
                          stdin=subprocess.PIPE, env=ENV)) or began[0].communicate(b"x"))
    line = result("watch --count", answer, ["watching", "change"])
    check("it shows the change", any(l["type"] == "change" and l["path"] == "/w/f" for l in answer.lines), answer)


def run(options):
    test_words()
    test_man()
    node = Node()
    node.start()
    for test in (test_looking, test_find, test_patterns, test_at, test_copy_tree, test_history, test_heads, test_undo,
                 test_undo_far_back, test_undo_refused, test_spaces, test_named_spaces, test_many_names, test_key_names, test_keys, test_receipts, test_profiles, test_terminal, test_complete,
                 test_shells, test_watch, test_collect):
        test(node)
    line = result("node show", node.cli("node", "show"))
    check("node show: its version and disk", HEX64.fullmatch(line["node_id"]) and line["disk"]["total_bytes"] > 0, line)
    check_equal("the node stops cleanly", node.stop(), 0)


if __name__ == "__main__":
    main(run, seconds=240)
