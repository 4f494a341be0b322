#!/usr/bin/env python3
"""Looking back and cleaning up: ls, stat, cat, get --at; version rm; trash ls, restore, empty.

What was there is there as it was, for whoever names a moment; what is dropped is gone, and said to be.
"""
import datetime, os, time

from node import Node, check, check_equal, main, need, temp_dir


def items(node, *args):
    """Lines of `trash ls`."""
    return [line for line in node.cli("trash", "ls", *args).lines if line["type"] == "item"]


def names(answer):
    return [line["name"] for line in answer.lines if line["type"] == "entry"]


def symbol(answer):
    return answer.lines[-1].get("symbol") if answer.lines else None


def put(node, path, data, *args):
    """Puts; the change number."""
    return node.put_bytes(path, data, *args)["receipt"]["change"]


# -- as it was ------------------------------------------------------------------------------------------------


def test_at_change(node):
    first = put(node, "/at/a", b"one")
    second = put(node, "/at/a", b"two, longer")
    big = os.urandom(3_000_000)
    third = put(node, "/at/big", big)
    node.cli("mv", "/at/a", "/at/b")
    node.cli("rm", "/at/big")
    last = node.cli("mkdir", "/at/d").lines[-1]["change"]
    check_equal("cat --at the first change", node.cat("/at/a", "--at", f"@{first}"), b"one")
    check_equal("cat --at the second", node.cat("/at/a", "--at", f"@{second}"), b"two, longer")
    check_equal("cat --at of what was removed since, in chunks", node.cat("/at/big", "--at", f"@{third}"), big)
    check_equal("cat --at a range of it", node.cat("/at/big", "--at", f"@{third}", "--range", "1000000-1000099"),
                big[1000000:1000100])
    check_equal("ls --at", names(node.cli("ls", "--at", f"@{third}", "/at")), ["a", "big"])
    check_equal("ls --at the last change is ls", names(node.cli("ls", "--at", f"@{last}", "/at")),
                names(node.cli("ls", "/at")))
    answer = node.cli("stat", "--at", f"@{first}", "/at/a")
    line = answer.lines[-1]
    check_equal("stat --at says which moment it shows", (line.get("at_change"), line.get("size"), line.get("number")),
                (first, 3, 1))
    answer = node.cli("ls", "--at", f"@{second}", "/at")
    check_equal("and so does ls --at", answer.lines[-1].get("at_change"), second)
    answer = node.cli("stat", "--at", f"@{first}", "/at/d")
    check_equal("what came later was not there", (answer.code, symbol(answer)), (3, "not-found"))
    answer = node.cli("ls", "--at", f"@{last + 1000}", "/at")
    check_equal("a change that is not reached yet is refused", (answer.code, symbol(answer)), (2, "invalid"))
    back = temp_dir() / "back"
    answer = node.cli("get", "-r", "--at", f"@{third}", "/at", back)
    check("get -r --at gives the tree of then", answer.code == 0 and
          sorted(os.listdir(back)) == ["a", "big"] and (back / "a").read_bytes() == b"two, longer" and
          (back / "big").read_bytes() == big, answer)


def test_at_time(node):
    put(node, "/time/a", b"before")
    time.sleep(0.02)  # log time has microseconds, the words have milliseconds
    moment = datetime.datetime.now(datetime.timezone.utc)
    time.sleep(0.02)
    put(node, "/time/a", b"after")
    forms = {"RFC 3339 in UTC": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
             "RFC 3339 with a zone": moment.astimezone(datetime.timezone(datetime.timedelta(hours=5, minutes=30)))
             .isoformat()}
    for name, text in forms.items():
        check_equal(f"cat --at {name}", node.cat("/time/a", "--at", text), b"before")
    time.sleep(1.1)  # a second is the least that can be said
    check_equal("cat --at -1s is the present where nothing happened", node.cat("/time/a", "--at", "-1s"), b"after")
    answer = node.cli("ls", "--at", "2001-01-01", "/")
    check_equal("before the space there was nothing: gone", (answer.code, symbol(answer)), (3, "gone"))
    for wrong in ("yesterday", "2026-02-30", "2026-01-01T00:00:00", "@0", "-1", "@x", "-2y", ""):
        answer = node.cli("ls", "--at", wrong, "/")
        check_equal(f"--at {wrong!r} is a wrong use", (answer.code, symbol(answer)), (2, "invalid"))
    answer = node.cli("cat", "--at", "@1", "--version", "0123456789", "/time/a")
    check_equal("--at and --version exclude each other", answer.code, 2)


def test_many_at(node):
    """More names than one page of the past looks at."""
    folder = temp_dir() / "many"
    folder.mkdir()
    for number in range(1300):
        (folder / f"f{number:04}").write_bytes(b"")
    answer = node.cli("put", "-r", folder, "/many", timeout=120)
    need("put -r of 1300 files", answer.code == 0, answer.lines[-1:])
    before = node.cli("mkdir", "/many/z").lines[-1]["change"]
    node.cli("rm", "-r", "/many")
    found = names(node.cli("ls", "--at", f"@{before}", "/many"))
    check_equal("ls --at of 1301 names that are gone", (len(found), found[0], found[-1]), (1301, "f0000", "z"))


# -- version rm -----------------------------------------------------------------------------------------------


def test_version_rm(node):
    for data in (b"1", b"22", b"333"):
        put(node, "/versions/a", data)
    versions = [line for line in node.cli("version", "ls", "/versions/a").lines if line["type"] == "version"]
    ids = [line["version"] for line in versions]  # newest first
    answer = node.cli("version", "rm", "--yes", "/versions/a", ids[2][:12])
    line = answer.lines[-1]
    check("version rm of an old version", answer.code == 0 and line["type"] == "result" and line["count"] == 1, answer)
    answer = node.cli("cat", "--version", ids[2], "/versions/a", as_json=False)
    check_equal("its content is gone", answer.code, 3)
    versions = [line for line in node.cli("version", "ls", "/versions/a").lines if line["type"] == "version"]
    check_equal("its place in the history stays", [v["retained"] for v in versions], [True, True, False])
    answer = node.cli("version", "rm", "--yes", "/versions/a", ids[2])
    check_equal("again: gone", (answer.code, symbol(answer)), (3, "gone"))
    answer = node.cli("version", "rm", "--yes", "/versions/a", ids[0])
    check_equal("the present version cannot be dropped", (answer.code, symbol(answer)), (4, "mismatch"))
    answer = node.cli("version", "rm", "--yes", "/versions/a", "f" * 64)
    check_equal("nobody's version", (answer.code, symbol(answer)), (3, "no-such-version"))
    answer = node.cli("version", "rm", "--yes", "/versions/a", ids[1], ids[0])
    check("of several, what can be dropped is: exit 7", answer.code == 7 and
          [line["type"] for line in answer.lines] == ["done", "failure", "error"], answer)
    check_equal("the present content is untouched", node.cat("/versions/a"), b"333")


# -- trash ----------------------------------------------------------------------------------------------------


def test_trash(node):
    node.cli("trash", "empty", "--yes")
    check_equal("an empty trash", items(node), [])
    put(node, "/t/a", b"first")
    put(node, "/t/sub/x", b"x")
    gone = node.cli("rm", "/t/a").lines[-1]["change"]
    put(node, "/t/a", b"second")
    node.cli("rm", "/t/a")
    node.cli("rm", "-r", "/t/sub")
    listed = items(node)
    check_equal("trash ls: what was removed, from where, oldest first",
                [(i["path"], i["kind"]) for i in listed], [("/t/a", "file"), ("/t/a", "file"), ("/t/sub", "directory")])
    check("with its change and time", listed[0]["change"] == gone and listed[0]["deleted"].endswith("Z"), listed[0])
    answer = node.cli("trash", "restore", "/t/a")
    check_equal("trash restore PATH: the last one that was there", (answer.code, node.cat("/t/a")), (0, b"second"))
    answer = node.cli("trash", "restore", listed[0]["item"])
    check_equal("trash restore ITEM: the place is taken, so it gets another name",
                (answer.code, answer.lines[-1].get("path"), node.cat("/t/a (1)")), (0, "/t/a (1)", b"first"))
    answer = node.cli("trash", "restore", str(listed[2]["change"]), "/elsewhere/sub", "-p")
    check_equal("trash restore ITEM REMOTE: a directory with what is in it",
                (answer.code, node.cat("/elsewhere/sub/x")), (0, b"x"))
    check_equal("nothing is left in the trash", items(node), [])
    answer = node.cli("trash", "restore", "/t/a")
    check_equal("what is not in the trash is not found", (answer.code, symbol(answer)), (3, "not-found"))
    answer = node.cli("trash", "restore", "999999")
    check_equal("nor by a number", (answer.code, symbol(answer)), (3, "not-found"))
    put(node, "/p/q/file", b"q")
    node.cli("rm", "/p/q/file")
    node.cli("rm", "-r", "/p")
    answer = node.cli("trash", "restore", "/p/q/file")
    check_equal("the directory that it was in is in the trash, too", (answer.code, symbol(answer)), (3, "no-parent"))


def test_empty(node):
    node.cli("trash", "empty", "--yes")
    used = node.cli("space", "ls").lines[0]["used"]
    for number in range(70):  # more than one command of the state machine marks
        put(node, f"/e/f{number}", b"12345")
        node.cli("rm", f"/e/f{number}")
    version = node.put_bytes("/e/kept", b"kept")["version"]
    check_equal("the trash counts as used", node.cli("space", "ls").lines[0]["used"], used + 70 * 5 + 4)
    answer = node.cli("trash", "empty")
    check_equal("trash empty wants to be confirmed", (answer.code, symbol(answer)), (2, "invalid"))
    check_equal("and has done nothing", len(items(node)), 70)
    answer = node.cli("trash", "empty", "--older-than", "1d", "--yes")
    check_equal("--older-than leaves what is younger", (answer.code, len(items(node))), (0, 70))
    answer = node.cli("trash", "empty", "--yes")
    check_equal("trash empty", (answer.code, answer.lines[-1]["type"], items(node)), (0, "result", []))
    check_equal("gives the room back", node.cli("space", "ls").lines[0]["used"], used + 4)
    check_equal("and touches nothing else", node.cli("stat", "/e/kept").lines[-1]["version"], version)
    answer = node.cli("trash", "empty", "--yes")
    check_equal("of an empty trash: done", answer.code, 0)


def run(options):
    node = Node()
    node.start()
    test_at_change(node)
    test_at_time(node)
    test_many_at(node)
    test_version_rm(node)
    test_trash(node)
    test_empty(node)
    trash = items(node)
    check_equal("the node stops cleanly", node.stop(), 0)
    node.start()
    check_equal("after a restart it is the same", items(node), trash)
    check_equal("and stops again", node.stop(), 0)


if __name__ == "__main__":
    main(run, seconds=240)
