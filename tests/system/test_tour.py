#!/usr/bin/env python3
"""The tour of docs/tour.md, typed as it stands: every command works, and every printed result is true.

Blocks that begin with ```console hold what a reader types ("$ " and, for lines that go on, "> ") and what is answered.  All of them
run in order, in one shell, in an empty home directory.  In an answer "…" stands for any text within a line that differs from run to run
(versions, times), and a line of it alone for any lines.  A command whose answer is not shown has to succeed, and may say anything;
"$ " commands that are to fail end with "# exit N".
"""
import os, re, signal, subprocess, sys
from node import BIN, ROOT, check, free_port, main, need, temp_dir

TOUR = ROOT / "docs" / "tour.md"
MARK = "--tour-command-ended--"
NOT_HERE = "```console not tested"  # what needs the network, root or another machine


def steps(text):
    """(line number, command, answer lines or None) of all blocks."""
    inside, found = False, []
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("```"):
            inside = line.startswith("```console") and not line.startswith(NOT_HERE)
        elif inside and line.startswith("$ "):
            found.append((number, line[2:], []))
        elif inside and line.startswith("> ") and found and not found[-1][2]:
            found[-1] = (found[-1][0], found[-1][1] + "\n" + line[2:], [])
        elif inside and found:
            found[-1][2].append(line)
    return found


def pattern(answer):
    """A regular expression for what is shown."""
    parts = []
    for line in answer:
        if line.strip() == "…":
            parts.append("(?:.*\n)*?")
        else:
            parts.append(".*?".join(re.escape(piece.rstrip() if i == line.count("…") else piece)
                                    for i, piece in enumerate(line.split("…"))) + "[ \t]*\n")
    return "".join(parts)


class Shell:
    """One bash; every command's output and exit code."""

    def __init__(self, home, port):
        env = {"HOME": str(home), "PATH": f"{BIN}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "TERM": "dumb",
               "TOUR_PORT": str(port), "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")}
        self.process = subprocess.Popen(["bash", "--norc"], cwd=home, env=env, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)

    def run(self, command):
        self.process.stdin.write(f"{command}\nprintf '\\n{MARK} %d\\n' $?\n".encode())
        self.process.stdin.flush()
        lines = []
        for raw in self.process.stdout:
            line = raw.decode("utf-8", "replace")
            if line.startswith(MARK):
                text = "".join(lines)
                return int(line.split()[1]), text[:-1] if text.endswith("\n") else text
            lines.append(line)
        return -1, "".join(lines)

    def end(self):
        """The shell and what it started: its own session."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def run(options):
    found = steps(TOUR.read_text(encoding="utf-8"))
    need("the tour has commands", len(found) >= 20, len(found))
    home = temp_dir() / "home"
    home.mkdir()
    shell = Shell(home, free_port())
    try:
        for number, command, answer in found:
            wanted = int(m.group(1)) if (m := re.search(r"# exit (\d+)\s*$", command)) else 0
            code, output = shell.run(command)
            name = f"tour line {number}: {command.splitlines()[0][:60]}"
            if not check(f"{name}: exit code {wanted}", code == wanted, (code, output)):
                break
            while answer and not answer[-1].strip():
                answer.pop()
            if answer:
                check(f"{name}: prints what is shown", re.fullmatch(pattern(answer) + r"\s*", output + "\n"),
                      (output, answer))
    finally:
        shell.end()


main(run, seconds=300)
