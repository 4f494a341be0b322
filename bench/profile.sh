#!/bin/bash
# Where the CPU time of the four main loads goes: threads and top functions of node and client, as text.
#
#   bench/profile.sh [BIN] [OUT]     BIN: build/bin; OUT: bench/results
#
# Writes OUT/profile-{put,get}-{4k-64,1m-16}.txt: `filesphere-bench load` with a node of its own in a temporary
# directory, under perf (Debian: linux-perf).  Some 15 s a load.  Functions only: no path of this machine is in them.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(realpath "${1:-build/bin}")
out=$(realpath -m "${2:-bench/results}")
seconds=${FSP_PROFILE_SECONDS:-8}
if ! perf --version >/dev/null 2>&1; then
    echo "bench/profile.sh: no perf: install linux-perf" >&2
    exit 1
fi
mkdir -p "$out"
dir=$(mktemp -d "${TMPDIR:-/tmp}/fsp-profile-XXXXXX")
load=
finish() {
    # The bench ends its node; what it leaves lies below dir.
    [ -z "$load" ] || kill "$load" 2>/dev/null || true
    [ -z "$load" ] || wait "$load" 2>/dev/null || true
    rm -rf "$dir"
}
trap finish EXIT

# Lines of `perf report`, "percent  library  symbol", as a table of at most $1 lines.  What has no symbol is summed up by
# its library.
table() {
    grep -E '^ +[0-9]+\.[0-9]+%' | sed -E 's/( +-)+ *$//' |
        awk '{ name = ""
               for (i = 3; i <= NF; i++) if ($i !~ /^\[[.k]\]$/) name = name (name == "" ? "" : " ") $i
               library = $2; sub(".*/", "", library); sub("\\.so.*", "", library)
               if (name ~ /^0x/) name = "(no symbol)"
               share[name "\t" library] += $1 }
             END { for (key in share) printf "%.2f\t%s\n", share[key], key }' |
        sort -rn | awk -F'\t' -v most="$1" 'NR <= most { printf "%6.2f %%  %-64s %s\n", $1, substr($2, 1, 64), $3 }'
}

report() {
    perf report -i "$dir/perf.data" --stdio --no-children -g none --percentage relative "$@" 2>/dev/null
}

# What a program's functions cause: their own time and that of all that they call, in this project's code only.
inclusive() { # filter...
    perf report -i "$dir/perf.data" --stdio --children -g none --percentage relative --sort symbol "$@" 2>/dev/null |
        sed -E 's/( +-)+ *$//' | grep -E '^ +[0-9]+\.[0-9]+% +[0-9]+\.[0-9]+% .* (fsp_|bench_|filesphere_|rocksdb_)[a-z0-9_.]+$' |
        awk 'NR <= 24 { printf "%6.2f %%  %s\n", $1, $NF }'
}

one() { # name, op, size, clients
    local file="$out/profile-$1.txt" node clients child
    (cd "$dir" && exec "$bin/filesphere-bench" load --node --op "$2" --size "$3" --concurrency "$4" --no-limits \
        --duration $((seconds + 6)) --warmup 1 --json) >"$dir/load.json" 2>"$dir/load.err" &
    load=$!
    sleep 4 # a start, what it prepares, the warm-up
    node= clients=$load
    for child in $(ps -o pid= --ppid "$load"); do
        if [ "$(cat "/proc/$child/comm" 2>/dev/null)" = filesphered ]; then node=$child; else clients+=,$child; fi
    done
    if [ -z "$node" ]; then
        cat "$dir/load.err" >&2
        exit 1
    fi
    perf record -q -a -F 499 -g -o "$dir/perf.data" -- sleep "$seconds" >/dev/null 2>&1
    wait "$load" || { cat "$dir/load.err" >&2; exit 1; }
    load=
    {
        echo "# $2, $3, $4 clients: where the CPU time goes"
        echo
        echo "$(nproc) cores, $(sed -n '0,/^model name/s/^model name[^:]*: //p' /proc/cpuinfo)."
        echo "perf record -a -F 499 for $seconds s of a load of $((seconds + 6)) s; bench/profile.sh repeats it."
        echo "Shares are of all samples of that program.  The load itself said:"
        echo
        tail -n 1 "$dir/load.json" | sed -E 's/,"/, "/g' | fold -s -w 116
        echo
        echo "## Node, functions by their own time"
        echo
        report --sort dso,symbol --pid "$node" | table 40
        echo
        echo "## Node, functions with what they call"
        echo
        inclusive --pid "$node"
        echo
        echo "## Client, functions by their own time"
        echo
        report --sort dso,symbol --pid "$clients" | table 30
    } >"$file"
    echo "$file"
}

one put-4k-64 put 4KiB 64
one get-4k-64 get 4KiB 64
one put-1m-16 put 1MiB 16
one get-1m-16 get 1MiB 16
