#!/usr/bin/env python3
"""Draws the pictures of this folder: runs commands in a real terminal (tmux) against a node of its own and writes what the screen shows as SVG.

  docs/screens/make.py build/bin        needs tmux; takes half a minute

Each picture is the screen at one moment, colours included.  Nothing is edited afterwards.
"""
import html, os, re, shutil, signal, socket, subprocess, sys, tempfile, time
from pathlib import Path

HERE = Path(__file__).resolve().parent
COLUMNS, ROWS = 96, 26
CELL_X, CELL_Y, MARGIN = 8.4, 17, 14
COLOURS = ["#2e3436", "#cc0000", "#4e9a06", "#c4a000", "#3465a4", "#75507b", "#06989a", "#d3d7cf",
           "#555753", "#ef2929", "#8ae234", "#fce94f", "#729fcf", "#ad7fa8", "#34e2e2", "#eeeeec"]
SGR = re.compile(r"\x1b\[([0-9;]*)m")


def runs(line):
    """(text, colour, bold) pieces of a captured line."""
    colour, bold, at, pieces = None, False, 0, []
    for match in SGR.finditer(line):
        pieces.append((line[at:match.start()], colour, bold))
        at = match.end()
        for code in (int(c or 0) for c in match.group(1).split(";")):
            if code == 0:
                colour, bold = None, False
            elif code == 1:
                bold = True
            elif code == 39:
                colour = None
            elif 30 <= code <= 37:
                colour = COLOURS[code - 30]
            elif 90 <= code <= 97:
                colour = COLOURS[code - 82]
    pieces.append((line[at:], colour, bold))
    return [p for p in pieces if p[0]]


def svg(screen):
    lines = screen.rstrip("\n").split("\n")
    width, height = COLUMNS * CELL_X + 2 * MARGIN, len(lines) * CELL_Y + 2 * MARGIN
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
           f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14">',
           f'<rect width="100%" height="100%" rx="6" fill="#1d1f21"/>']
    for row, line in enumerate(lines):
        column = 0
        for text, colour, bold in runs(line):
            out.append(f'<text x="{MARGIN + column * CELL_X:.1f}" y="{MARGIN + (row + 0.75) * CELL_Y:.1f}" '
                       f'fill="{colour or "#e8e8e3"}"{" font-weight=" + chr(34) + "bold" + chr(34) if bold else ""} '
                       f'textLength="{len(text) * CELL_X:.1f}" xml:space="preserve">{html.escape(text)}</text>')
            column += len(text)
    return "\n".join(out + ["</svg>", ""])


class Terminal:
    def __init__(self, home, path):
        self.name = f"fsp-screens-{os.getpid()}"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-c", str(home), "-x", str(COLUMNS), "-y", str(ROWS),
                  f"env -i HOME={home} PATH={path} TERM=tmux-256color LC_ALL=C.UTF-8 PS1='$ ' bash --norc --noprofile")
        time.sleep(0.5)

    def tmux(self, *words):
        return subprocess.run(["tmux", "-L", self.name, *words], check=True, capture_output=True, text=True).stdout

    def type(self, line, seconds=1.0):
        self.tmux("send-keys", "-l", line)
        self.tmux("send-keys", "Enter")
        time.sleep(seconds)

    def picture(self, name):
        screen = self.tmux("capture-pane", "-p", "-e")
        (HERE / f"{name}.svg").write_text(svg(screen), encoding="utf-8")
        print(f"docs/screens/{name}.svg")

    def clear(self):
        self.type("clear", 0.5)

    def end(self):
        subprocess.run(["tmux", "-L", self.name, "kill-server"], capture_output=True)


def main():
    programs = Path(sys.argv[1] if len(sys.argv) > 1 else "build/bin").resolve()
    home = Path(tempfile.mkdtemp(prefix="fsp-screens-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    node = subprocess.Popen([programs / "filesphered", "--data", home / "node", "--listen", f"tcp://127.0.0.1:{port}"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    terminal = None
    try:
        while not (home / "node" / "admin.profile").exists():
            time.sleep(0.1)
        (home / "film.mkv").write_bytes(os.urandom(1 << 20) * 900)
        (home / "film2.mkv").write_bytes(os.urandom(700 << 20))
        terminal = Terminal(home, f"{programs}:{os.environ['PATH']}")
        terminal.type("filesphere", 1)
        terminal.picture("first")
        terminal.clear()
        terminal.type("filesphere profile add laptop node/admin.profile")
        terminal.type("filesphere put film2.mkv /films/film2.mkv", 3)
        terminal.picture("progress")
        terminal.tmux("send-keys", "C-c")
        time.sleep(1.5)
        terminal.picture("interrupted")
        terminal.type("filesphere put film2.mkv /films/film2.mkv", 12)
        terminal.picture("resumed")
        terminal.clear()
        terminal.type("echo one > notes.txt; filesphere put notes.txt /notes.txt")
        terminal.type("first=$(filesphere version ls /notes.txt | awk '{ print $2 }')")
        terminal.type("echo two > notes.txt; filesphere put --edit $first notes.txt /notes.txt")
        terminal.type("echo three > notes.txt; filesphere put --edit $first notes.txt /notes.txt")
        terminal.type("filesphere heads /notes.txt")
        terminal.picture("conflict")
    finally:
        if terminal:
            terminal.end()
        node.send_signal(signal.SIGKILL)
        node.wait()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
