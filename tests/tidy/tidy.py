#!/usr/bin/env python3
"""tidy - project rules as tests.  Prints how many files each rule looked at and fails on zero.

  tidy.py [--build DIR] [--root DIR] [--self-test]

Rules: layers (a folder includes only itself and what is above it), doors (a foreign header appears in its door only),
banned calls, links (relative links of documents lead somewhere), format (clang-format 14), form (SPDX and purpose line, include guard, unique base names, size), purity (undefined symbols of core's
archives against tests/tidy/symbols.txt).
--self-test plants one violation of each rule in a scratch tree and demands that it is found.
"""
import argparse, re, shutil, subprocess, sys, tempfile
from pathlib import Path

# A folder may include itself and what stands above it.
ORDER = ["core/base", "core/crypto", "core/place", "core/auth", "core/raft", "core/meta", "core/data", "core/mesh",
         "core/engine", "proto", "store", "actors", "cmd"]
# Within core, modules do not see each other but where the design says so.
CORE_USES = {
    "core/base": [], "core/crypto": ["core/base"], "core/place": ["core/base"], "core/auth": ["core/base"],
    "core/raft": ["core/base"], "core/meta": ["core/base", "core/crypto", "core/auth", "core/place"],
    "core/data": ["core/base", "core/crypto", "core/meta"],
    "core/mesh": ["core/base", "core/crypto"],
    "core/engine": ["core/base", "core/crypto", "core/raft", "core/meta", "core/data"],
}
# header prefix -> files that may include it
DOORS = {
    "rocksdb/": ["store/db.c"],
    "msgpack": ["proto/wire.c"],
    "jansson": ["proto/profile.c", "proto/json_read.c"],
    "openssl/": ["core/crypto/bulk.c"],
    "mbedtls/": ["core/crypto/"],
    "sodium": ["core/crypto/"],
    "zstd": ["core/data/"],
    "xxhash": ["store/"],
    "czmq": ["actors/"],
    "zmq": ["actors/"],
    "check.h": ["tests/"],
}
# Headers of libc that core must not see: files, clocks, threads, sockets.
CORE_BANNED_HEADERS = {"unistd.h", "fcntl.h", "time.h", "pthread.h", "threads.h", "signal.h", "errno.h", "dirent.h",
                       "locale.h", "math.h", "setjmp.h"}
CORE_EXCEPTIONS = {"threads.h": ["core/crypto/bulk.c"]}  # call_once: algorithms are fetched once
BANNED = {
    "strcpy": "fsp_buf", "strcat": "fsp_buf", "strncpy": "fsp_buf", "strncat": "fsp_buf", "sprintf": "snprintf",
    "vsprintf": "vsnprintf", "gets": "fgets", "strtok": "fsp_path_next", "atoi": "fsp_parse_u64",
    "atol": "fsp_parse_u64", "strtol": "fsp_parse_u64", "strtoul": "fsp_parse_u64", "strtoull": "fsp_parse_u64",
    "sscanf": "fsp_parse_u64", "alloca": "fsp_alloc", "rand": "fsp_prng", "srand": "fsp_prng", "random": "fsp_prng",
    "gettimeofday": "actors/clock", "localtime": "localtime_r", "gmtime": "gmtime_r", "system": "nothing",
    "popen": "nothing", "tmpnam": "mkstemp",
}
BANNED_BUT_BASE = {"malloc": "fsp_alloc", "calloc": "fsp_alloc", "realloc": "fsp_realloc", "free": "fsp_free",
                   "strdup": "fsp_strdup"}
MAY_EXIT = ["cmd/", "bench/", "actors/supervisor.c"]
LINES_MAX, SOURCES = 1000, ("core", "proto", "store", "actors", "cmd", "bench")
failures, counts = [], {}


def fail(rule, path, line, text):
    failures.append((rule, f"{path}:{line}: {text}"))


def sources(root):
    for top in SOURCES:
        for path in sorted((root / top).rglob("*.[ch]")):
            yield path, str(path.relative_to(root))


def without_comments(text):
    """Comments and string contents blanked, lines kept."""
    blank = lambda m: re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def folder_of(name):
    for folder in sorted(ORDER, key=len, reverse=True):
        if name.startswith(folder + "/"):
            return folder
    return None


def check_includes(root):
    for path, name in sources(root):
        folder = folder_of(name)
        counts["layers"] = counts.get("layers", 0) + 1
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
            if not match:
                continue
            quote, header = match.groups()
            if quote == '"':
                target = folder_of(header)
                if target is None:
                    if not name.startswith("bench/"):
                        fail("layers", name, number, f"include of {header}: name it from the root")
                elif folder and folder.startswith("core/"):
                    if target != folder and target not in CORE_USES[folder]:
                        fail("layers", name, number, f"{folder} must not use {target}")
                elif folder and ORDER.index(target) > ORDER.index(folder):
                    fail("layers", name, number, f"{folder} must not use {target}")
                continue
            core = folder and folder.startswith("core/") and name not in CORE_EXCEPTIONS.get(header, [])
            if core and (header in CORE_BANNED_HEADERS or header.startswith("sys/")):
                fail("layers", name, number, f"core must not see <{header}>")
            for prefix, doors in DOORS.items():
                if name.startswith("bench/"):
                    continue  # bench measures the foreign libraries themselves
                if header.startswith(prefix) and not any(name == d or (d.endswith("/") and name.startswith(d))
                                                         for d in doors):
                    fail("doors", name, number, f"<{header}> belongs behind {', '.join(doors)}")


def check_calls(root):
    for path, name in sources(root):
        counts["banned calls"] = counts.get("banned calls", 0) + 1
        for number, line in enumerate(without_comments(path.read_text()).splitlines(), 1):
            for match in re.finditer(r"(?<![\w.>])([a-z_]\w*)\s*\(", line):
                call = match.group(1)
                if call in BANNED:
                    fail("banned calls", name, number, f"{call}: use {BANNED[call]}")
                elif call in BANNED_BUT_BASE and not name.startswith("core/base/alloc"):
                    fail("banned calls", name, number, f"{call}: use {BANNED_BUT_BASE[call]}")
                elif call in ("exit", "_exit", "quick_exit") and not any(name.startswith(p) for p in MAY_EXIT):
                    fail("banned calls", name, number, f"{call} outside cmd")
    for path in sorted((root / "tests").rglob("*.[ch]")):
        name = str(path.relative_to(root))
        for number, line in enumerate(without_comments(path.read_text()).splitlines(), 1):
            if re.search(r"(?<!\w)(sleep|usleep|zclock_sleep)\s*\(", line):
                fail("banned calls", name, number, "sleep in a test: wait for a message, with a deadline")


def check_form(root):
    seen = {}
    for path, name in sources(root):
        counts["form"] = counts.get("form", 0) + 1
        lines = path.read_text().splitlines()
        if not lines or lines[0] != "/* SPDX-License-Identifier: MIT */":
            fail("form", name, 1, "first line is not the SPDX line")
        if len(lines) < 2 or not lines[1].startswith(f"/* {path.name if path.name == 'filesphere.h' else path.stem} - "):
            fail("form", name, 2, f"second line does not say what {path.stem} is for")
        if path.suffix == ".h" and path.name != "filesphere.h":
            guard = "FSP_" + re.sub(r"[/.]", "_", name).upper()
            if f"#ifndef {guard}" not in lines:
                fail("form", name, 1, f"include guard is not {guard}")
        if len(lines) > LINES_MAX:
            fail("form", name, LINES_MAX, f"{len(lines)} lines: which noun hides inside?")
        for number, line in enumerate(lines, 1):
            if len(line) > 100:
                fail("form", name, number, f"{len(line)} columns")
            if re.search(r"\b(FIXME|TODO|XXX)\b", line):
                fail("form", name, number, "unfinished work is named in docs/plan.md, not here")
        other = seen.setdefault(path.name, name)
        if other != name and not name.startswith("bench/"):
            fail("form", name, 1, f"same base name as {other}")
    for folder in ORDER:
        if any((root / folder).glob("*.c")) and not (root / folder / "README.md").exists():
            fail("form", folder, 1, "no README.md")


def check_format(root):
    files = [str(p) for top in (*SOURCES, "tests") for p in sorted((root / top).rglob("*.[ch]"))]
    counts["format"] = len(files)
    done = subprocess.run(["clang-format-14", "--dry-run", "-Werror", "--style=file", *files], cwd=root, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    for line in done.stdout.splitlines():
        if ": error:" in line:
            fail("format", line.split(":")[0].replace(str(root) + "/", ""), line.split(":")[1], "make format")


def check_purity(root, build):
    allowed = set()
    for line in (root / "tests/tidy/symbols.txt").read_text().splitlines():
        line = line.split("#")[0].strip()
        if line:
            allowed.add(line)
    patterns = [re.compile(p.replace("*", ".*") + r"\Z") for p in allowed if "*" in p]
    archives = [p for p in sorted(build.glob("libfsp_*.a"))
                if p.stem[7:] in ("base", "crypto", "place", "auth", "raft", "meta", "data", "engine", "mesh")]
    defined, wanted = set(), {}
    for archive in archives:
        counts["purity"] = counts.get("purity", 0) + 1
        output = subprocess.run(["nm", "-A", str(archive)], text=True, stdout=subprocess.PIPE, check=True).stdout
        for line in output.splitlines():
            place, _, rest = line.rpartition(":")
            words = rest.split()
            if len(words) >= 2 and words[-2] == "U":
                wanted.setdefault(words[-1], place.rsplit("/", 1)[-1])
            elif len(words) >= 3 and words[-2] in "TtDdBbRrVvWw":
                defined.add(words[-1])
    for symbol, place in sorted(wanted.items()):
        if symbol in defined or symbol in allowed or any(p.match(symbol) for p in patterns):
            continue
        fail("purity", place, 0, f"core wants {symbol}, which is not in tests/tidy/symbols.txt")


def check_links(root):
    """Each relative link of a document leads to a file or folder."""
    for path in sorted(root.rglob("*.md")):
        name = path.relative_to(root)
        if name.parts[0] in ("build", ".git"):
            continue
        counts["links"] = counts.get("links", 0) + 1
        fenced = False
        for number, line in enumerate(path.read_text().splitlines(), 1):
            fenced ^= line.lstrip().startswith("```")
            for link in [] if fenced else re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
                target = link.split("#")[0]
                if target and not re.match(r"[a-z]+:", target) and not (path.parent / target).exists():
                    fail("links", name, number, f"{link} leads nowhere")


def check_all(root, build):
    failures.clear()
    counts.clear()
    check_includes(root)
    check_calls(root)
    check_form(root)
    check_format(root)
    check_links(root)
    if build:
        check_purity(root, build)
    rules = ["layers", "doors", "banned calls", "form", "format", "links"] + (["purity"] if build else [])
    counts["doors"] = counts.get("layers", 0)
    for rule in rules:
        if counts.get(rule, 0) == 0:
            failures.append((rule, "looked at no file"))
    return rules


def self_test(root, build):
    """Each rule must find a violation that was planted for it."""
    plants = {
        "layers": ("core/base/planted.c", '#include "store/store.h"\n'),
        "doors": ("proto/planted.c", "#include <rocksdb/c.h>\n"),
        "banned calls": ("store/planted.c", "void f(char *a) { strcpy(a, a); }\n"),
        "form": ("proto/planted.h", "int x;\n"),
        "format": ("proto/planted.h", "int   x ;\n"),
        "links": ("docs/planted.md", "see [it](nowhere.md)\n"),
    }
    missed = []
    for rule, (name, text) in plants.items():
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(scratch) / "tree"
            shutil.copytree(root, copy, ignore=shutil.ignore_patterns("build", ".git"))
            (copy / name).write_text(text)
            check_all(copy, None)
            if not any(r == rule and "planted" in t
                       for r, t in failures):
                missed.append(rule)
    if build:
        with tempfile.TemporaryDirectory() as scratch:
            source = Path(scratch) / "planted.c"
            source.write_text("#include <time.h>\nlong planted(void);\nlong planted(void) { return (long)time(0); }\n")
            subprocess.run(["gcc", "-c", str(source), "-o", str(Path(scratch) / "planted.o")], check=True)
            subprocess.run(["ar", "rcs", str(Path(scratch) / "libfsp_base.a"), str(Path(scratch) / "planted.o")],
                           check=True)
            failures.clear()
            check_purity(root, Path(scratch))
            if not any("time" in t for _, t in failures):
                missed.append("purity")
    return missed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", default=str(Path(__file__).resolve().parent.parent.parent))
    parser.add_argument("--build")
    options = parser.parse_args()
    root, build = Path(options.root), Path(options.build) if options.build else None
    missed = self_test(root, build)
    rules = check_all(root, build)
    for rule, text in failures:
        print(f"  {rule}: {text}")
    bad = False
    for rule in rules:
        broken = any(r == rule for r, _ in failures) or rule in missed
        bad |= broken
        note = "; does not find what was planted" if rule in missed else ""
        print(f"{'not ok' if broken else 'ok'} tidy {rule} ({counts.get(rule, 0)} files{note})")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
