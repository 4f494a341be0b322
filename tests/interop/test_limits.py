#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""test_limits - every bound of core/base/limits.h stands in docs/protocol/README.md with its value, and what stands there of
the families is so in their headers.  Layer tests."""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
code = re.sub(r"/\*.*?\*/", "", (ROOT / "core/base/limits.h").read_text(), flags=re.S)
limits = {}
for name, value in re.findall(r"(FSP_\w+) = ([^,}]+)[,\n]", code):
    limits[name] = eval(value.strip(), {"__builtins__": {}}, limits)
text = (ROOT / "docs/protocol/README.md").read_text()
rows = re.findall(r"^\| `(FSP_\w+)` \| (\d+) \| \S", text, re.M)
said = {name: int(value) for name, value in rows}
for name in sorted(limits.keys() | said.keys()):
    good = name in limits and limits[name] == said.get(name)
    print(f"{'ok' if good else 'not ok'} {name}" +
          ("" if good else f": {limits.get(name)} in limits.h, {said.get(name)} in docs/protocol/README.md"))
if not limits:
    print("not ok no limit was found")
headers = "\n".join(re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S) for path in
                    sorted([*(ROOT / "core").glob("*/*.h"), *(ROOT / "proto").glob("*.h"), *(ROOT / "actors").glob("*.h")]))
families = re.findall(r"^\| (\d+) \| `(FSP_\w+)` \| \S", text, re.M)
for value, name in families:
    found = re.findall(rf"\b{name} = ([^,}}]+?)\s*[,}}]", headers)
    is_so = [eval(each, {"__builtins__": {}}, limits) for each in found] == [int(value)]
    print(f"{'ok' if is_so else 'not ok'} {name}" + ("" if is_so else f": {found} in headers, {value} in docs/protocol/README.md"))
if not families:
    print("not ok no limit of a family was found")
