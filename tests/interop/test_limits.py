#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""test_limits - every bound of core/base/limits.h stands in docs/protocol/README.md with its value.  Layer tests."""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
code = re.sub(r"/\*.*?\*/", "", (ROOT / "core/base/limits.h").read_text(), flags=re.S)
limits = {}
for name, value in re.findall(r"(FSP_\w+) = ([^,}]+)[,\n]", code):
    limits[name] = eval(value.strip(), {"__builtins__": {}}, limits)
rows = re.findall(r"^\| `(FSP_\w+)` \| (\d+) \| \S", (ROOT / "docs/protocol/README.md").read_text(), re.M)
said = {name: int(value) for name, value in rows}
for name in sorted(limits.keys() | said.keys()):
    good = name in limits and limits[name] == said.get(name)
    print(f"{'ok' if good else 'not ok'} {name}" +
          ("" if good else f": {limits.get(name)} in limits.h, {said.get(name)} in docs/protocol/README.md"))
if not limits:
    print("not ok no limit was found")
