#!/bin/bash
# What `make bench-long` does: the whole grid three times, 10^4 to 10^7 files, profiles; about an hour, 12 GB of disk.
#
#   bench/long.sh [BIN] [OUT]     BIN: build/bin; OUT: bench/results
#
# Works in build/bench-long and changes OUT only at the end, so that all that lies there is of one run.  Ctrl-C ends it;
# what was measured until then stays in build/bench-long (`filesphere-bench report --from` makes a page of it).
# FSP_LONG_REPORT: other options of `report`; FSP_LONG_FILES: other numbers of files for `scale`.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(realpath "${1:-build/bin}")
out=$(realpath -m "${2:-bench/results}")
files=${FSP_LONG_FILES:-10000,100000,1000000,10000000}
read -ra report <<<"${FSP_LONG_REPORT:-}"
stage=$PWD/build/bench-long
free_gib_min=12
failed=()

say() {
    echo "bench-long, $(date +%H:%M): $*" >&2
}

interrupted() {
    say "interrupted; what there is lies in build/bench-long, and the results of before are as they were"
    exit 130
}
trap interrupted INT TERM HUP

part() { # words, command...
    local words=$1 start=$SECONDS
    shift
    say "$words"
    (cd "$stage" && "$@") || failed+=("$words")
    say "that took $(((SECONDS - start + 30) / 60)) minutes"
}

scale() {
    "$bin/filesphere-bench" scale --files "$files" >table || return
    {
        echo "# Measured: what operations cost as files become many"
        echo
        echo "Made by \`filesphere-bench scale --files $files\` on $(date -u +%F), on the machine of [report.md](report.md), just behind it."
        echo "\"x\" is how many times the first number's cost; files are of 64 bytes, in directories of 1,000."
        echo
        cat table
    } >scale.md
    rm table
}

profiles() {
    if ! perf record -q -o /dev/null -- true >/dev/null 2>&1; then
        say "no profiles: perf is not there, or may not record (kernel.perf_event_paranoid)"
        return 0
    fi
    TMPDIR=$stage "$bench/profile.sh" "$bin" "$stage"
}

bench=$PWD/bench
rm -rf "$stage"
mkdir -p "$stage" "$out"
free_gib=$(($(df --output=avail -k "$stage" | tail -n 1) / 1024 / 1024))
if ((free_gib < free_gib_min)); then
    say "$free_gib GiB are free below build/, and $free_gib_min are needed"
    exit 1
fi
say "about an hour on two quiet cores; each part says how far it is"
part "1 of 3: the grid of sizes and clients, 35 minutes" "$bin/filesphere-bench" report --out . "${report[@]}"
part "2 of 3: $files files, 20 minutes" scale
part "3 of 3: profiles, 2 minutes" profiles

if grep -rqF -e "$PWD" "$stage"; then
    failed+=("a path of this machine stands in: $(grep -rlF -e "$PWD" "$stage" | xargs -n 1 basename | xargs)")
fi
if ((${#failed[@]})); then
    printf 'bench-long: failed: %s\n' "${failed[@]}" >&2
    say "what there is lies in build/bench-long, and the results of before are as they were"
    exit 1
fi
# Of the last run, and nothing else: OUT may be any directory.
if [[ -f $out/report.md ]]; then
    while read -r picture; do
        rm -f "$out/$picture"
    done < <(grep -oE '[A-Za-z0-9_-]+\.svg' "$out/report.md")
fi
rm -f "$out"/{report.md,results.jsonl,scale.md} "$out"/profile-*.txt
mv "$stage"/* "$out"/
rmdir "$stage"
say "done: $out/report.md, scale.md, profile-*.txt"
