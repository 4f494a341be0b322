#!/usr/bin/env python3
"""Compiles every source with clang and the tree's own warnings as errors (syntax only): what gcc lets pass."""
import argparse, concurrent.futures, json, os, shlex, subprocess, sys
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--build", required=True)
options = parser.parse_args()
commands = json.loads((Path(options.build) / "compile_commands.json").read_text())


def check(entry):
    words = shlex.split(entry["command"])[1:]
    keep, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word in ("-o", "-MT", "-MF"):
            skip = True
        elif word in ("-c", "-MD") or word.startswith("-fsanitize") or word.startswith("-fno-sanitize"):
            continue
        else:
            keep.append(word)
    done = subprocess.run(["clang", "-fsyntax-only", *keep], cwd=entry["directory"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return entry["file"], done.returncode, done.stdout


bad = 0
with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
    for file, code, output in pool.map(check, commands):
        if code != 0:
            bad += 1
            print(f"{file}:\n{output}")
print(f"clang looked at {len(commands)} files")
if bad or not commands:
    print("not ok clang without warnings")
    sys.exit(1)
print("ok clang without warnings")
