#!/usr/bin/env python3
"""filesphere-bench drives another system by S3: its signatures are right, its loads do what they say, it leaves nothing behind,
and a report about them is made of well-formed parts.  The other system is s3_server.py.
"""
import json, os, re, subprocess, sys, xml.etree.ElementTree as ElementTree
from pathlib import Path
from urllib.parse import unquote

sys.path.insert(0, str(Path(__file__).resolve().parent))
from node import BIN, check, check_equal, look_for_sanitizer, main, need, temp_dir
from s3_server import S3Server, signature_of

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
BENCH = BIN / "filesphere-bench"


def bench(*words, secret=SECRET, where=None):
    """(code, stdout, stderr) of filesphere-bench."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "http_proxy", "HTTP_PROXY"))}
    env.update(AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=secret)
    done = subprocess.run([str(BENCH), *words], cwd=where or temp_dir(), env=env, stdin=subprocess.DEVNULL, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    look_for_sanitizer("filesphere-bench " + " ".join(words[:3]), done.stderr)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def load(server, op, *words, secret=SECRET):
    """(code, last line as an object, stderr) of a short load."""
    code, stdout, stderr = bench("load", "--op", op, "--s3", server.endpoint, "--duration", "150ms", "--warmup", "50ms", "--json",
                                 "--processes", "2", *words, secret=secret)
    lines = stdout.strip().splitlines()
    return code, json.loads(lines[-1]) if lines else {}, stderr


def test_server():
    """The verifier itself: the example of the specification (AWS, "GET Object"), whose signature is published."""
    headers = {"host": "examplebucket.s3.amazonaws.com", "range": "bytes=0-9", "x-amz-date": "20130524T000000Z",
               "x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}
    signed = sorted(headers)
    got = signature_of("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524", "20130524T000000Z", "us-east-1", "s3", "GET",
                       "/test.txt", "", headers, signed, headers["x-amz-content-sha256"])
    check_equal("the server signs as the specification's example", got,
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")


def test_loads(server):
    # Stat is in the report below.
    plans = (("put", "1B", 4), ("put", "1MiB", 2), ("get", "64KiB", 4), ("get", "3MiB", 2), ("edit", "1MiB", 1), ("rename", "4KiB", 2),
             ("mixed", "4KiB", 4))
    for op, size, clients in plans:
        server.requests.clear()
        before, unsigned = server.connections, server.unsigned
        code, result, stderr = load(server, op, "--size", size, "--concurrency", str(clients))
        name = f"{op} {size}, {clients} clients"
        need(f"{name}: runs", code == 0 and result.get("ops_per_s", 0) > 0, (code, result, stderr))
        check(f"{name}: no error, and no request was refused",
              result["errors"] == 0 and not [r for r in server.requests if r[2] >= 400 and r[2] != 404],
              (result["errors"], [r for r in server.requests if r[2] >= 400][:5]))
        check(f"{name}: one connection a client", server.connections - before <= clients + 3, server.connections - before)
        check(f"{name}: no limit is said of it", result["of_limit"] is None, result["of_limit"])
        check(f"{name}: what is sent is signed", server.unsigned == unsigned)
        check(f"{name}: leaves nothing behind", server.buckets == {}, {b: len(o) for b, o in server.buckets.items()})
    code, result, stderr = load(server, "put", "--size", "2MiB", "--s3-payload", "unsigned")
    check("put: unsigned payload is sent when asked for", code == 0 and server.unsigned > 0, (code, stderr))


def test_list(server):
    """The directory has more names than a page: continuation tokens, which need encoding, are followed."""
    server.requests.clear()
    code, result, stderr = load(server, "list", "--entries", "250", "--concurrency", "2")
    need("list: runs", code == 0 and result.get("names_per_s", 0) > 0, (code, result, stderr))
    pages = [unquote(r[1]) for r in server.requests if "list-type=2" in r[1] and "delimiter" in r[1]]
    check("list: pages go on from tokens", sum("continuation-token" in p for p in pages) >= len(pages) // 2 > 0, len(pages))
    per_page = result["names_per_s"] / result["ops_per_s"]
    check("list: a page has as many names as the server gives", 80 <= per_page <= 100, per_page)
    check("list: leaves nothing behind", server.buckets == {})


def test_bucket_of_others(server):
    """A bucket that was there stays, with what was in it."""
    server.buckets["mine"] = {"precious": b"1"}
    code, result, stderr = load(server, "put", "--bucket", "mine")
    check("a bucket that was there: load runs", code == 0, (code, stderr))
    check_equal("a bucket that was there: stays as it was", server.buckets.pop("mine"), {"precious": b"1"})


def test_refused(server):
    code, _, stderr = load(server, "put", secret="not the secret")
    check("a wrong secret is refused", code == 1 and "SignatureDoesNotMatch" in stderr, (code, stderr))
    check("a wrong secret is nowhere in the words", "not the secret" not in stderr, stderr)
    check("a wrong secret makes nothing", server.buckets == {}, server.buckets)
    code, _, stderr = bench("load", "--s3", "ftp://x", "--duration", "100ms")
    check("an endpoint that is none is refused", code == 1 and "http://" in stderr, (code, stderr))


def test_report(server):
    """A small report: page, lines and pictures; and the page again from the lines."""
    where = temp_dir() / "report"
    where.mkdir()
    grid = ("--sizes", "4KiB,64KiB", "--clients", "1,4", "--ops", "put,get,stat", "--duration", "100ms", "--warmup", "50ms",
            "--repeat", "1")
    out = where / "new" / "results"
    code, _, stderr = bench("report", "--out", str(out), "--s3", server.endpoint, *grid, where=where)
    need("report: runs", code == 0, (code, stderr))
    check("report: says how far it is", "10/10    0 min left" in stderr, stderr)
    written = [path.name for path in out.iterdir() if str(where) in path.read_text() or "--out" in path.read_text()]
    check_equal("report: where it was written stands nowhere in it", written, [])
    lines = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    cells = [line for line in lines if line["type"] == "cell"]
    check_equal("report: a line for each cell", len(cells), 2 * 2 * 2 + 2)
    check("report: each cell has its run", all(len(c["runs"]) == 1 and c["failures"] == 0 and c["ops_per_s"] > 0 for c in cells), cells)
    check_equal("report: it begins with the machine", lines[0]["type"], "machine")
    check("report: the machine is described", {"processor", "memory", "kernel", "file system"} <= set(lines[0]["machine"]), lines[0])
    page = (out / "report.md").read_text()
    rows = re.findall(r"^\| (4|64) KiB \| (\d+) \| [0-9.]+", page, re.M)
    check_equal("report: a row for each cell of put and get", len(rows), 8)
    check("report: no number in it is none", not re.search(r"\b(nan|inf)\b", page), page)
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", page)
    check("report: pictures stand in the page, and are there",
          len(pictures) >= 6 and sorted(pictures) == sorted(p.name for p in out.glob("*.svg")), pictures)
    for picture in pictures:
        root = ElementTree.parse(out / picture).getroot()
        texts = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
        check(f"report: {picture} is SVG with axes and no NaN",
              root.tag.endswith("svg") and "clients" in texts and "nan" not in (out / picture).read_text(), texts)
    check("report: leaves no directory behind", [p.name for p in where.iterdir()] == ["new"], list(where.iterdir()))
    code, _, stderr = bench("report", "--from", str(out / "results.jsonl"), "--out", "again", "--beside", str(out / "results.jsonl"),
                            where=where)
    again = (where / "again" / "report.md").read_text() if code == 0 else ""
    check("report: the page can be made again, beside itself", again.count("| 1.00 x |") == 10, (code, stderr, again))


def run(options):
    test_server()
    server = S3Server({KEY: SECRET}, page_max=100)
    try:
        for test in (test_loads, test_list, test_bucket_of_others, test_refused, test_report):
            test(server)
    finally:
        server.stop()


if __name__ == "__main__":
    main(run, seconds=120)
