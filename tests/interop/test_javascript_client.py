#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""test_javascript_client - runs tests/interop/javascript/test.mjs: a client written from the specification alone, on Node.js.

The npm packages that package-lock.json names go to build/interop-js, from npm's cache or the registry; once they are
there nothing is fetched.  FSP_BIN: folder of filesphered.  Standard library only."""
import os, shutil, signal, subprocess, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE, PLACE = Path(__file__).resolve().parent / "javascript", ROOT / "build" / "interop-js"
INSTALL_SECONDS, TEST_SECONDS = 180, 115


def end(name, note):
    print(f"not ok {name}\n    {note}")
    sys.exit(1)


def install(npm):
    """npm ci, unless what the lockfile names is already there."""
    PLACE.mkdir(parents=True, exist_ok=True)
    stamp, lock = PLACE / "installed", (SOURCE / "package-lock.json").read_bytes()
    if stamp.exists() and stamp.read_bytes() == lock and (PLACE / "node_modules").is_dir():
        return
    stamp.unlink(missing_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(SOURCE / name, PLACE / name)
    try:
        done = subprocess.run([npm, "ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=PLACE,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        end("npm packages", f"npm ci took more than {INSTALL_SECONDS} s")
    if done.returncode != 0:
        end("npm packages", done.stdout.decode("utf-8", "replace")[-3000:].replace("\n", "\n    "))
    stamp.write_bytes(lock)


def main():
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        end("node and npm", "missing: run tests/deps.sh")
    install(npm)
    for path in SOURCE.glob("*.mjs"):
        shutil.copyfile(path, PLACE / path.name)
    env = dict(os.environ, FSP_ROOT=str(ROOT), FSP_BIN=os.environ.get("FSP_BIN", str(ROOT / "build" / "asan" / "bin")))
    # setpriv: the test, and with it its node, ends when this script is killed
    test = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", node, str(PLACE / "test.mjs")], cwd=PLACE, env=env,
                            stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: test.terminate())
    try:
        code = test.wait(TEST_SECONDS)
    except subprocess.TimeoutExpired:
        test.kill()
        test.wait()
        end("javascript client ran to its end", f"more than {TEST_SECONDS} s")
    sys.exit(code)


sys.stdout.reconfigure(line_buffering=True)
main()
