#!/usr/bin/env python3
"""Conditional puts of eight processes at once: in every round exactly one wins, the others are refused, and the file is the winner's."""
import json, subprocess

from node import CLIENT, ENV, Node, check, check_equal, main, need, say

PROCESSES = 8
WAIT_SECONDS = 60


def race(node, path, condition, contents):
    """Eight puts under the same condition: (winner, its version, exit codes)."""
    running = [subprocess.Popen([str(CLIENT), "--profile", str(node.profile), "put", "--json", *condition, "-", path],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENV)
               for _ in contents]
    for process, content in zip(running, contents):
        process.stdin.write(content)
    for process in running:
        process.stdin.close()  # the content is whole now, in all of them at nearly the same moment
    outputs = [process.stdout.read() for process in running]
    codes = [process.wait(WAIT_SECONDS) for process in running]
    winners = [i for i, code in enumerate(codes) if code == 0]
    if len(winners) != 1:
        return None, None, codes
    return winners[0], json.loads(outputs[winners[0]].splitlines()[-1])["version"], codes


def run(options):
    node = Node()
    node.start()
    rounds = 100 if options.long else 12
    version, won = None, set()
    for number in range(rounds):
        # Small ones travel in one message, large ones are cut first.
        size = 200_000 if number % 3 == 2 else 20
        contents = [f"{number}-{i} ".encode() * size for i in range(PROCESSES)]
        condition = ["--if-match", version] if version else ["--if-none-match"]
        winner, version, codes = race(node, "/race", condition, contents)
        need(f"round {number}: one wins, the others are refused", sorted(codes) == [0] + [4] * (PROCESSES - 1), codes)
        won.add(winner)
        check(f"round {number}: the file is the winner's", node.cat("/race") == contents[winner])
    say(f"{len(won)} of {PROCESSES} processes have won a round")
    versions = [line for line in node.cli("version", "ls", "/race").lines if line["type"] == "version"]
    check_equal("a version for each round, one after the other",
                [(v["number"], len(v["parents"])) for v in reversed(versions)],
                [(n + 1, 1 if n else 0) for n in range(rounds)])
    check_equal("the node stops cleanly", node.stop(), 0)


main(run, seconds=300)
