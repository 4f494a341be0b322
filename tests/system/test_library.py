#!/usr/bin/env python3
"""libfilesphere as a product: what `cmake --install` puts where, what the library exports, programs of users over
pkg-config and CMake, the examples and snippets of the documentation, threads, fork and signals.

The sanitizer tree's library is used by programs that have sanitizers, too: nothing may leak.
"""
import os, re, shlex, signal, subprocess, sys, time

from node import BIN, ENV, ROOT, Node, check, check_equal, look_for_sanitizer, main, need, say, temp_dir

BUILD = BIN.parent
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.c"))
WARNINGS = ["-Wall", "-Wextra", "-pedantic", "-Werror"]
PRELUDE = """#include <filesphere.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
"""


def run(*command, env=None, cwd=None, stdin=None, timeout=300):
    """(exit code, output and errors together)."""
    done = subprocess.run([str(c) for c in command], env=env or ENV, cwd=cwd, input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout)
    output = done.stdout.decode("utf-8", "replace")
    look_for_sanitizer(os.path.basename(str(command[0])), done.stdout)
    return done.returncode, output


def cache(name):
    """A value of the build tree's CMakeCache.txt."""
    found = re.search(rf"^{name}:\w+=(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.M)
    return found.group(1) if found else ""


class Installed:
    """The tree as it is installed, below a directory of its own."""

    def __init__(self):
        self.top = temp_dir() / "stage"
        code, output = run("cmake", "--install", BUILD, env=dict(ENV, DESTDIR=str(self.top)))
        need("cmake --install works", code == 0, output)
        self.prefix = self.top / cache("CMAKE_INSTALL_PREFIX").lstrip("/")
        self.library = self.prefix / cache("CMAKE_INSTALL_LIBDIR")
        self.include = self.prefix / cache("CMAKE_INSTALL_INCLUDEDIR")
        sanitize = {"address": ["-fsanitize=address,undefined"], "thread": ["-fsanitize=thread"]}
        self.flags = sanitize.get(cache("FSP_SANITIZE"), []) + ["-O1", "-g"]
        self.cc = cache("CMAKE_C_COMPILER")
        self.env = dict(ENV, LD_LIBRARY_PATH=str(self.library), PKG_CONFIG_PATH=str(self.library / "pkgconfig"))

    def pkg_config(self, *options):
        code, output = run("pkg-config", f"--define-variable=prefix={self.prefix}", *options, "filesphere",
                           env=self.env)
        need(f"pkg-config {' '.join(options)} filesphere", code == 0, output)
        return shlex.split(output)

    def compile(self, source, program, *more, compiler=None):
        """With the line of the documentation: cc X.c -o X $(pkg-config --cflags --libs filesphere)."""
        return run(compiler or self.cc, *self.flags, *WARNINGS, source, "-o", program, *more,
                   *self.pkg_config("--cflags", "--libs"), env=self.env)


# -- what lies where ------------------------------------------------------------------------------------------


def test_files(tree):
    version = re.search(r"project\(filesphere VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
    major = version.split(".")[0]
    wanted = ["bin/filesphere", "bin/filesphered", "bin/filesphere-bench", "include/filesphere.h",
              "lib/systemd/system/filesphered.service", "lib/sysusers.d/filesphere.conf"]
    share = ["README.md", "LICENSE", "docs/library.md", "docs/errors.md", "docs/tour.md", "docs/security.md",
             "docs/protocol/client.md", "docs/screens/first.svg"] + [f"docs/examples/{path.name}" for path in EXAMPLES]
    wanted += ["share/bash-completion/completions/filesphere", "share/zsh/site-functions/_filesphere",
               "share/fish/vendor_completions.d/filesphere.fish"]
    wanted += [f"share/doc/filesphere/{name}" for name in share]
    missing = [name for name in wanted if not (tree.prefix / name).is_file()]
    names = ["libfilesphere.a", f"libfilesphere.so.{version}", "pkgconfig/filesphere.pc"]
    names += [f"cmake/filesphere/filesphere{name}.cmake" for name in ("Config", "ConfigVersion", "Targets")]
    missing += [name for name in names if not (tree.library / name).is_file()]
    check_equal("programs, library, header, packages, service and documentation are installed", missing, [])
    documents = tree.prefix / "share/doc/filesphere"
    links = [(page, link) for page in [documents / "README.md", *documents.glob("docs/**/*.md")]
             for link in re.findall(r"\]\(([^)#\s]+)", page.read_text()) if "://" not in link]
    lost = [(str(page.relative_to(documents)), link) for page, link in links if not (page.parent / link).exists()]
    check(f"all {len(links)} links between the installed documents lead somewhere", len(links) > 20 and not lost, lost)
    check_equal("libfilesphere.so and its soname are links to it",
                [os.readlink(tree.library / f"libfilesphere.so{end}") for end in (f".{major}", "")],
                [f"libfilesphere.so.{version}", f"libfilesphere.so.{major}"])
    code, output = run("readelf", "-d", tree.library / "libfilesphere.so")
    check("the soname says the major version", f"[libfilesphere.so.{major}]" in output, output)
    check("no path of a builder is in it", "RUNPATH" not in output and "RPATH" not in output, output)
    for program in ("filesphere", "filesphered"):
        code, output = run(tree.prefix / "bin" / program, "--version")
        check_equal(f"the installed {program} runs", (code, output), (0, f"{program} {version}\n"))
    unit = (tree.prefix / "lib/systemd/system/filesphered.service").read_text()
    program = re.search(r"^ExecStart=(\S+)", unit, re.M).group(1)
    check("the service starts the installed daemon", os.access(f"{tree.top}{program}", os.X_OK), program)
    check("which tells it when it serves", "Type=notify" in unit, unit)
    check_equal("the version of the pkg-config file", tree.pkg_config("--modversion"), [version])
    made = {path.name for path in (BUILD / "man").glob("*.[1578]")}
    there = {path.name for path in (tree.prefix / "share" / "man").rglob("*.[1578]")}
    check_equal(f"all {len(made)} pages of the manual are installed", sorted(made), sorted(there))


def test_exports(tree):
    header = (tree.include / "filesphere.h").read_text()
    declared = set(re.findall(r"\b(filesphere_\w+)\(", re.sub(r"/\*.*?\*/|typedef[^;{]*;", "", header, flags=re.S)))
    code, output = run("nm", "-D", "--defined-only", tree.library / "libfilesphere.so")
    exported = {line.split()[-1] for line in output.splitlines()}
    check_equal("the shared library exports what the header declares, and nothing else",
                sorted(exported ^ declared), [])
    code, output = run("nm", "-g", "--defined-only", tree.library / "libfilesphere.a")
    names = {line.split()[-1] for line in output.splitlines() if len(line.split()) == 3}
    check_equal("and so does the static one", sorted(n for n in names ^ declared if "asan" not in n), [])
    check("no type of ZeroMQ is in the header", not re.search(r"\bz(mq|sock|msg|ctx)", header))


def test_header(tree):
    """It is all that a source needs to include, in each language."""
    source = temp_dir() / "alone.c"
    source.write_text("#include <filesphere.h>\n")
    compilers = [("gcc", "c"), ("clang", "c"), ("g++", "c++"), ("clang++", "c++")]
    for compiler, language in compilers:
        for standard in ("11", "17") if language == "c" else ("11", "17", "20"):
            code, output = run(compiler, f"-std={language}{standard}", "-x", language, *WARNINGS, "-Wconversion",
                               "-I", tree.include, "-fsyntax-only", source)
            check(f"the header compiles alone: {compiler}, {language}{standard}", code == 0, output)


# -- programs of users ----------------------------------------------------------------------------------------


def test_static(tree):
    """The static library, with the libraries that its pkg-config file names, all of which are needed."""
    program = temp_dir() / "put-get-static"
    line = tree.pkg_config("--static", "--libs")
    others = [word for word in line if word != "-lfilesphere"]
    code, output = run(tree.cc, *tree.flags, ROOT / "docs/examples/put-get.c", "-I", tree.include, "-o", program,
                       tree.library / "libfilesphere.a", "-Wl,--as-needed", *others)
    need("a program links to the static library", code == 0, output)
    code, output = run("readelf", "-d", program)
    needed = set(re.findall(r"NEEDED.*\[lib([\w-]+)\.so", output))
    listed = {word[2:] for word in others if word.startswith("-l")}
    usual = {"c", "m", "asan", "ubsan", "tsan", "gcc_s"}
    check_equal("it names what is needed, and nothing else", sorted(needed - usual), sorted(listed - usual))
    return program


def build_examples(tree):
    programs = {}
    for source in EXAMPLES:
        lines = source.read_text().count("\n")
        check(f"{source.name} is short", lines < 100, lines)
        programs[source.stem] = temp_dir() / source.stem
        code, output = tree.compile(source, programs[source.stem], "-std=c11", "-D_POSIX_C_SOURCE=200809L")
        need(f"{source.name} compiles with the line of the documentation", code == 0, output)
    source = temp_dir() / "put-get.cc"
    source.write_bytes((ROOT / "docs/examples/put-get.c").read_bytes())
    programs["put-get-c++"] = temp_dir() / "put-get-c++"
    code, output = tree.compile(source, programs["put-get-c++"], "-std=c++17",
                                compiler="clang++" if "clang" in tree.cc else "g++")
    need("put-get.c is C++, too", code == 0, output)
    programs["put-get-static"] = test_static(tree)
    return programs


def build_with_cmake(tree):
    """A project of its own that finds the package."""
    project = temp_dir() / "project"
    project.mkdir()
    flags = " ".join(tree.flags)
    lines = ["cmake_minimum_required(VERSION 3.20)", "project(user C)", "find_package(filesphere 0.1 REQUIRED)"]
    for source in EXAMPLES:
        lines += [f"add_executable({source.stem} {source})",
                  f"target_link_libraries({source.stem} filesphere::filesphere)"]
    lines += [f"add_executable(static {EXAMPLES[0]})", "target_link_libraries(static filesphere::filesphere_static)"]
    (project / "CMakeLists.txt").write_text("\n".join(lines) + "\n")
    options = [f"-DCMAKE_PREFIX_PATH={tree.prefix}", f"-DCMAKE_C_COMPILER={tree.cc}", f"-DCMAKE_C_FLAGS={flags}"]
    code, output = run("cmake", "-S", project, "-B", project / "build", *options)
    need("find_package(filesphere 0.1)", code == 0, output)
    code, output = run("cmake", "--build", project / "build")
    need("its targets, shared and static, build all examples", code == 0, output)
    (project / "CMakeLists.txt").write_text("\n".join(lines).replace("filesphere 0.1 ", "filesphere 9 "))
    code, output = run("cmake", "-S", project, "-B", project / "other", *options)
    check("another version is not found", code != 0 and "compatible" in output, output)
    return {source.stem: project / "build" / source.stem for source in EXAMPLES}


def run_watch(tree, node, program, env):
    """It shows three changes, made while it watches, each once and in order."""
    process = subprocess.Popen([program, "3", "home", "0"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for name in ("one", "two"):
        node.put_bytes(f"/watched/{name}", b"x")
    node.cli("mv", "/watched/one", "/watched/three")
    try:
        output, errors = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
    look_for_sanitizer("watch", errors)
    numbers = [int(line.split()[0]) for line in output.decode().splitlines() if not line.startswith(" ")]
    check("watch prints the first changes of the space and ends", process.returncode == 0 and numbers == [1, 2, 3],
          (process.returncode, output, errors))
    process = subprocess.Popen([program, "1000000"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(1)  # it says nothing when it has begun
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    check("Ctrl-C ends it well", process.returncode == 0 and b"0 changes seen" in errors, (output, errors))


def test_examples(tree, node, programs, how):
    env = dict(tree.env, FILESPHERE_PROFILE=str(node.profile))
    for name in sorted(n for n in programs if n.startswith("put-get")):
        code, output = run(programs[name], f"/{how}/{name}", env=env)
        check(f"{name} ({how}) gets back what it put", code == 0 and output.endswith("the same\n"), (code, output))
    code, output = run(programs["edit"], f"/{how}/note", env=env)
    note = node.cat(f"/{how}/note")
    check(f"edit ({how}): the second is refused, kept beside, merged", code == 0 and "refused: mismatch" in output and
          output.count("  head ") == 2 and note == b"milk, bread, eggs", (code, output, note))
    code, output = run(programs["put-get"], "/x", env=dict(env, FILESPHERE_PROFILE="/nonexistent"))
    check(f"without a profile ({how}) it says what to do, exit 5", code == 5 and "--profile" in output,
          (code, output))
    run_watch(tree, node, programs["watch"], env)


def test_snippets(tree):
    """Each C block of docs/library.md compiles: whole files as they are, others as the body of a function."""
    text = (ROOT / "docs" / "library.md").read_text()
    blocks = re.findall(r"^```c\n(.*?)^```", text, re.M | re.S)
    check("docs/library.md has snippets", len(blocks) >= 8, len(blocks))
    for number, block in enumerate(blocks, 1):
        source = temp_dir() / f"snippet{number}.c"
        whole = "#include" in block
        source.write_text(block if whole else PRELUDE + "filesphere_code_t snippet(filesphere_t *handle);\n"
                          "filesphere_code_t\nsnippet(filesphere_t *handle)\n{\n    filesphere_code_t code = 0;\n" +
                          block + "\n    return code;\n}\n")
        code, output = run(tree.cc, "-std=c11", "-D_GNU_SOURCE", *WARNINGS, "-Wno-unused-variable",
                           "-Wno-misleading-indentation",
                           "-Wno-unused-parameter", "-Wno-unused-function", "-I", tree.include, "-c", source, "-o",
                           temp_dir() / "snippet.o")
        check(f"snippet {number} of docs/library.md compiles", code == 0, (block, output))
    named = set(re.findall(r"\b(filesphere_\w+)\(", text))
    header = (tree.include / "filesphere.h").read_text()
    check_equal("it names functions of the header only", sorted(n for n in named if f"{n}(" not in header), [])


# -- threads --------------------------------------------------------------------------------------------------


def test_threads(tree, node, rounds):
    program = temp_dir() / "threads"
    code, output = tree.compile(ROOT / "tests/system/library/threads.c", program, "-std=c17", "-D_GNU_SOURCE",
                                "-pthread")
    need("the test of threads compiles", code == 0, output)
    process = subprocess.Popen([program, node.profile, str(rounds)], env=tree.env, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    seen = []
    for line in iter(process.stdout.readline, b""):
        line = line.decode().rstrip()
        if line == "half way":
            node.kill9()
            node.start()
            continue
        seen.append(line)
    errors = process.stderr.read()
    code = process.wait(60)
    look_for_sanitizer("threads", errors)
    for line in seen:
        if line.startswith(("ok ", "not ok ")):
            check(line.split("ok ", 1)[1], line.startswith("ok "), seen)
    check("the program of threads ends well", code == 0 and len(seen) >= 10, (code, seen, errors))
    check("without a word on standard error", errors == b"", errors)


def run_all(options):
    tree = Installed()
    test_files(tree)
    test_exports(tree)
    test_header(tree)
    test_snippets(tree)
    node = Node()
    node.start()
    programs = build_examples(tree)
    test_examples(tree, node, programs, "pkg-config")
    test_examples(tree, node, build_with_cmake(tree), "cmake")
    test_threads(tree, node, 400 if options.long else 24)
    check_equal("the node stops cleanly", node.stop(), 0)


if __name__ == "__main__":
    main(run_all, seconds=400)
