"""What the system tests share: nodes, the command line client, temporary directories, checks.

  from node import Node, check, main

  def run(options):
      node = Node()                       # a directory and a port of its own
      node.start()
      answer = node.cli("stat", "/a")     # (code, lines, stderr, stdout); lines are parsed JSON objects
      check("a missing file is not found", answer.code == 3, answer)
      check("the node stops cleanly", node.stop() == 0)

  main(run, seconds=120)

main() ends every process (by its id) and removes every file, whatever happens.  Standard library only.
"""
import argparse, hashlib, json, os, random, select, shutil, signal, socket, subprocess, sys, tempfile, threading, time
from collections import namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BIN = Path(os.environ.get("FSP_BIN") or ROOT / "build" / "asan" / "bin").resolve()
DAEMON, CLIENT = BIN / "filesphered", BIN / "filesphere"
PORTS = range(20000, 32000)  # below the ports that the system gives to clients
START_SECONDS, STOP_SECONDS, CLI_SECONDS = 30, 30, 60
SANITIZER = (b"Sanitizer", b"runtime error:")
# The profile comes from the test alone.
ENV = {k: v for k, v in os.environ.items() if k != "FILESPHERE_PROFILE"}

Answer = namedtuple("Answer", "code lines stderr stdout")

_lock = threading.RLock()
_failures = []
_count = 0
_nodes = []
_claims = []
_temp = None


class Failed(Exception):
    """A step that the rest of a test needs did not work."""


# -- checks ---------------------------------------------------------------------------------------------------


def check(name, condition, note=""):
    """Prints `ok NAME` or `not ok NAME` and what was there instead; gives the condition back."""
    global _count
    with _lock:
        _count += 1
        if condition:
            print(f"ok {name}", flush=True)
        else:
            _failures.append(name)
            print(f"not ok {name}", flush=True)
            if note != "":
                print("    " + _text(note), flush=True)
    return bool(condition)


def check_equal(name, got, wanted):
    return check(name, got == wanted, f"got {_text(got)}, wanted {_text(wanted)}")


def need(name, condition, note=""):
    """A check without which going on makes no sense."""
    if not check(name, condition, note):
        raise Failed(name)


def say(text):
    with _lock:
        print(f"# {text}", flush=True)


def _text(note):
    text = repr(note)
    return text if len(text) <= 3000 else text[:3000] + "..."


def look_for_sanitizer(name, output):
    """Sanitizers speak on stderr; one report is one failure, whoever made it."""
    if any(word in output for word in SANITIZER):
        check(f"{name} has no sanitizer report", False, output.decode("utf-8", "replace")[-6000:])


# -- places ---------------------------------------------------------------------------------------------------


def temp_dir():
    """The script's temporary directory; main() removes it."""
    global _temp
    with _lock:
        if _temp is None:
            _temp = Path(tempfile.mkdtemp(prefix="fsp-"))
            ENV["XDG_STATE_HOME"] = str(_temp / "state")  # of puts that were interrupted
        return _temp


def free_port():
    """A port that nobody listens on and that no other test script takes while this one runs."""
    order = list(PORTS)
    random.Random(os.getpid() * 1000003 + len(_claims)).shuffle(order)
    for port in order:
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0fsp-test-port-{port}")  # gone with the process, however it ends
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass
    raise Failed("no free port")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def sha256_file(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


# -- the client -----------------------------------------------------------------------------------------------


def parse_lines(data):
    """JSON objects, one a line; a line that is none becomes {"type": "not-json"}."""
    lines = []
    for line in data.split(b"\n"):
        if line:
            try:
                value = json.loads(line)
            except ValueError:
                value = None
            lines.append(value if isinstance(value, dict) else {"type": "not-json", "text": repr(line)})
    return lines


def client(*args, profile=None, as_json=True, stdin=b"", env=None, cwd=None, timeout=CLI_SECONDS, started=None):
    """Runs `filesphere`; Answer.code is None if it had to be killed because time was up.  started(process) is called
    at once."""
    command = [str(CLIENT)]
    if profile is not None:
        command += ["--profile", str(profile)]
    command += [os.fspath(a) if isinstance(a, os.PathLike) else a for a in args]
    if as_json:  # after the command and its words: before a "--" if there is one
        at = command.index("--") if "--" in command else len(command)
        command.insert(at, "--json")
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=env or ENV, cwd=cwd)
    if started:
        started(process)
    try:
        out, err = process.communicate(stdin, timeout=timeout)
        code = process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        code, err = None, err + b" (timed out)"
    look_for_sanitizer("filesphere " + " ".join(map(str, args))[:60], err)
    to_stderr = as_json and any(a in ("cat", "-") for a in args[:1] + args[-1:])  # content is on stdout
    lines = parse_lines(err if to_stderr and err else out) if as_json else []
    return Answer(code, lines, err.decode("utf-8", "replace"), out)


# -- nodes ----------------------------------------------------------------------------------------------------


class Node:
    """One `filesphered` on loopback; start and end it as often as you like.  Nodes are started by the main thread:
    they are killed when the thread that started them ends."""

    def __init__(self, directory=None, port=None, name="node"):
        with _lock:
            self.name = f"{name}{len(_nodes)}"
            _nodes.append(self)
        self.directory = Path(directory) if directory else temp_dir() / self.name
        self.port = port or free_port()
        self.endpoint = f"tcp://127.0.0.1:{self.port}"
        self.profile = self.directory / "admin.profile"
        self.out_path = temp_dir() / f"{self.name}.out"
        self.err_path = temp_dir() / f"{self.name}.err"
        self.process = None
        self.start_seconds = 0.0
        self._out_at = self._err_at = 0  # where the output of this run starts

    # starting

    def launch(self, *more, stdout=None):
        """Starts the process and does not wait."""
        assert self.process is None, "is running"
        self._out_at = self.out_path.stat().st_size if self.out_path.exists() else 0
        self._err_at = self.err_path.stat().st_size if self.err_path.exists() else 0
        command = ["setpriv", "--pdeathsig", "KILL", "--", str(DAEMON), "--data", str(self.directory), "--listen",
                   self.endpoint, *more]
        with open(self.out_path, "ab") as out, open(self.err_path, "ab") as err:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout or out, stderr=err,
                                            env=ENV)
        return self.process.pid

    def start(self, *more):
        """Starts and waits until it serves."""
        began = time.monotonic()
        self.launch(*more)
        while b"listens on" not in self.output():
            if self.process.poll() is not None:
                code = self.wait()
                raise Failed(f"{self.name} did not start: exit {code}, {self.errors()[-2000:]!r}")
            if time.monotonic() - began > START_SECONDS:
                self.kill9()
                raise Failed(f"{self.name} did not start in {START_SECONDS} s: {self.errors()[-2000:]!r}")
            time.sleep(0.004)
        self.start_seconds = time.monotonic() - began
        return self

    def refuse(self, *more, timeout=START_SECONDS):
        """A start that is expected to fail: (exit code or None, stderr, seconds)."""
        began = time.monotonic()
        self.launch(*more)
        try:
            self.process.wait(timeout)
            code = self.wait()
        except subprocess.TimeoutExpired:
            self.kill9()
            code = None
        return code, self.errors().decode("utf-8", "replace"), time.monotonic() - began

    # output of the present or last run

    def output(self):
        return _tail(self.out_path, self._out_at)

    def errors(self):
        return _tail(self.err_path, self._err_at)

    def log(self):
        """Everything that it ever said."""
        return _tail(self.out_path, 0) + _tail(self.err_path, 0)

    # ending

    def running(self):
        return self.process is not None and self.process.poll() is None

    def send(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=STOP_SECONDS):
        """Waits for the end of the process; its exit code (negative: a signal's number)."""
        code = self.process.wait(timeout)
        self.process = None
        look_for_sanitizer(self.name, self.errors())
        return code

    def stop(self, number=signal.SIGTERM, timeout=STOP_SECONDS):
        """Asks it to end and waits; the exit code, None if it had to be killed."""
        self.send(number)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill9()
            return None

    def kill9(self):
        self.process.kill()
        return self.wait()

    # asking

    def cli(self, *args, **more):
        more.setdefault("profile", self.profile)
        return client(*args, **more)

    def put_bytes(self, path, data, *args):
        """Puts bytes from standard input; the result line."""
        answer = self.cli("put", "-", path, *args, stdin=data)
        if answer.code != 0:
            raise Failed(f"put {path}: {answer}")
        return answer.lines[-1]

    def cat(self, path, *args):
        """The bytes at a path; None if it failed."""
        answer = self.cli("cat", *args, path, as_json=False)
        return answer.stdout if answer.code == 0 else None


def _tail(path, at):
    try:
        with open(path, "rb") as file:
            file.seek(at)
            return file.read()
    except FileNotFoundError:
        return b""


# -- running --------------------------------------------------------------------------------------------------


def _clean_up():
    for node in _nodes:
        if node.process is not None and node.process.poll() is None:
            node.process.kill()
            node.process.wait()
    if _temp is not None and not os.environ.get("FSP_KEEP"):
        shutil.rmtree(_temp, onerror=_force_remove)
    elif _temp is not None:
        say(f"kept: {_temp}")


def _force_remove(function, path, _):
    """A directory whose mode forbids what removing needs."""
    try:
        os.chmod(os.path.dirname(path), 0o700)
        os.chmod(path, 0o700)
        function(path)
    except OSError as error:
        print(f"# cannot remove {path}: {error}", flush=True)


def _on_signal(number, _):
    what = "time is up" if number == signal.SIGALRM else f"signal {number}"
    raise Failed(f"{what} at {time.monotonic() - _began:.0f} s")


_began = time.monotonic()


def main(run, seconds=300, long_seconds=3600):
    """Runs run(options); options.long, options.seed, options.rest.  The exit code says whether all checks held."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true")
    parser.add_argument("rest", nargs="*")
    options = parser.parse_args()
    options.seed = int(os.environ.get("FSP_SEED") or "1", 0)
    for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _on_signal)
    signal.alarm(long_seconds if options.long else seconds)
    name = Path(sys.argv[0]).stem
    try:
        if not DAEMON.exists() or not CLIENT.exists():
            raise Failed(f"{DAEMON} and {CLIENT} must be there: build them, or set FSP_BIN")
        run(options)
    except BaseException as error:  # whatever it is: everything is cleaned up, and it counts
        import traceback
        check(f"{name} ran to its end", False, error)
        traceback.print_exc(file=sys.stdout)
        for node in _nodes:
            tail = node.errors()[-1500:].decode("utf-8", "replace")
            print(f"# {node.name} on {node.endpoint} said last:\n{tail}", flush=True)
    finally:
        signal.alarm(0)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # cleaning up is short
        _clean_up()
    say(f"{name}: {_count - len(_failures)} ok, {len(_failures)} not ok, {time.monotonic() - _began:.1f} s")
    sys.stdout.flush()
    os._exit(1 if _failures or _count == 0 else 0)  # threads that hang must not keep the script


def terminal_output(command, timeout=START_SECONDS, until=None):
    """Runs a command on a terminal of its own: (process, all bytes it wrote until it ended or `until` came)."""
    import pty
    leader, follower = pty.openpty()
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=subprocess.DEVNULL, env=ENV)
    os.close(follower)
    data, end = b"", time.monotonic() + timeout
    while time.monotonic() < end and not (until and until in data):
        if select.select([leader], [], [], 0.05)[0]:
            try:
                piece = os.read(leader, 65536)
            except OSError:  # the other side is closed
                break
            if not piece:
                break
            data += piece
        elif process.poll() is not None:
            break
    os.close(leader)
    return process, data
