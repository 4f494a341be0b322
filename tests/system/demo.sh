#!/usr/bin/env bash
# The tour of `make demo`: one node on loopback, real files, a kill -9 in the middle.  Exit code 0: every step was
# verified.   Usage: tests/system/demo.sh [DIRECTORY OF THE PROGRAMS]
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
programs=$(cd "${1:-$root/build/bin}" && pwd)
for program in filesphered filesphere; do
  [ -x "$programs/$program" ] || { echo "$programs/$program is missing; run: make build" >&2; exit 1; }
done
PATH=$programs:$PATH
export PATH

work=$(mktemp -d "${TMPDIR:-/tmp}/filesphere-demo.XXXXXX")
cd "$work"
node_pid='' put_pid=''
compared=0
began=$SECONDS

cleanup() {
  code=$?
  for pid in $put_pid $node_pid; do
    kill -9 "$pid" 2>/dev/null || true
  done
  wait 2>/dev/null || true
  if [ "$code" -ne 0 ]; then
    echo
    echo "The demo FAILED (exit code $code).  What the node said last:"
    tail -n 20 "$work/node.log" 2>/dev/null || true
  fi
  cd /
  rm -rf "$work"
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# ---- words -----------------------------------------------------------------------------------------------------

say() { printf '\n%s\n' "$*"; }

# Shows a command as you would type it, runs it, shows what it says.
show() {
  printf '  $'
  printf ' %s' "$@"
  printf '\n'
  "$@" > answer.txt 2>&1 || { sed 's/^/    /' answer.txt; fail "this command should have worked"; }
  head -n "${lines:-8}" answer.txt | sed 's/^/    /'
  local more=$(($(wc -l < answer.txt) - ${lines:-8}))
  [ "$more" -le 0 ] || echo "    ... and $more lines more"
}

fail() {
  echo "  FAILED: $*"
  exit 1
}

# Two files must be the same, bit for bit.
compare() {
  cmp "$1" "$2" || fail "$3"
  compared=$((compared + 1))
  echo "  verified: $3"
}

# A field of the JSON line on standard input.
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p" | head -n 1; }

# ---- the node --------------------------------------------------------------------------------------------------

port=''
choose_port() { # below 32768: above, the system gives ports to clients
  local try
  for try in $(seq 0 99); do
    port=$((20000 + ($$ * 7 + try * 131) % 12000))
    (exec 3<> "/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
  done
  fail "no free port"
}

start_node() {
  echo "  \$ filesphered --data node --listen tcp://127.0.0.1:$port &"
  filesphered --data node --listen "tcp://127.0.0.1:$port" > node.out 2>> node.log &
  node_pid=$!
  for _ in $(seq 1000); do
    if grep -q 'listens on' node.out; then
      sed 's/^/    /' node.out
      return 0
    fi
    kill -0 "$node_pid" 2>/dev/null || fail "the node ended: $(tail -n 1 node.log)"
    sleep 0.02
  done
  fail "the node does not start"
}

# ---- the tour --------------------------------------------------------------------------------------------------

say "1. A node starts on an empty directory: this is all the set-up there is."
choose_port
start_node
export FILESPHERE_PROFILE=$work/node/admin.profile
echo "  \$ export FILESPHERE_PROFILE=node/admin.profile"
[ "$(stat -c %a node/admin.profile node/recovery-code | sort -u)" = 600 ] || fail "the secrets can be read by others"

say "2. Real files go in: a licence, and a whole directory with all that is in it."
cp "$root/LICENSE" licence.txt
cp -r "$root/docs" papers
ln -s ../licence.txt papers/link-to-the-licence
mkdir papers/empty
show filesphere put licence.txt /licence.txt
lines=3 show filesphere put -r papers /papers
show filesphere ls -l /papers

say "3. A large file: 8 MiB that do not compress.  Then an edit in its middle."
head -c $((8 * 1024 * 1024)) /dev/urandom > film-1
{ head -c 4000000 film-1; echo "a few words more"; tail -c +4000001 film-1; } > film-2
show filesphere put film-1 /film
echo "  \$ filesphere put --json film-2 /film"
filesphere put --json film-2 /film > put-2.json
new=$(field chunks_new < put-2.json)
all=$(field chunks < put-2.json)
echo "    of its $all pieces, $new had to be stored: the rest is shared with version 1"
[ "$new" -lt "$all" ] || fail "nothing is shared between the versions"
show filesphere version ls /film

say "4. The power goes: kill -9, while one file has just been acknowledged and another is half way."
echo "  \$ cat something-long | filesphere put - /half &"
mkfifo something-long
filesphere put - /half < something-long > half.txt 2>&1 &
put_pid=$!
exec 3> something-long
cat film-1 >&3 # 8 MiB have gone; as long as the pipe is open, more may follow
kill -0 "$put_pid" 2>/dev/null || fail "the long put ended too early"
date +%s.%N > note.txt
show filesphere put note.txt /note.txt
echo "  \$ kill -9 $node_pid"
kill -9 "$node_pid"
{ wait "$node_pid" || true; } 2>/dev/null
node_pid=''
exec 3>&-
code=0
wait "$put_pid" || code=$?
put_pid=''
[ "$code" -ne 0 ] || fail "a put that was cut off cannot have succeeded"
sed 's/^/    /' half.txt

say "5. The same directory again, nothing to repair by hand."
start_node
compare <(filesphere cat /note.txt) note.txt "what was acknowledged a moment before the kill is there"
code=0
filesphere stat /half > half.txt 2>&1 || code=$?
[ "$code" -eq 3 ] || fail "half a file can be seen (exit code $code)"
echo "  verified: of the file that was half way, nothing is to be seen"

say "6. Every version of everything comes back, bit for bit."
filesphere version ls --json /film | grep '"type":"version"' > versions.json
[ "$(wc -l < versions.json)" -eq 2 ] || fail "there should be 2 versions"
while read -r line; do
  number=$(field number <<< "$line")
  version=$(field version <<< "$line")
  lines=1 show filesphere get --version "${version:0:12}" /film "back-$number"
  compare "back-$number" "film-$number" "version $number is what was put ($(sha256sum < "back-$number" | cut -c1-16)...)"
done < versions.json
lines=2 show filesphere get -r /papers back
diff -r --no-dereference papers back || fail "the directory is not the same"
if [ ! -L back/link-to-the-licence ] || [ ! -d back/empty ]; then
  fail "links or empty directories are missing"
fi
count=$(find back -type f | wc -l)
compared=$((compared + count))
echo "  verified: all $count files of the directory, the link and the empty directory"
show filesphere get /licence.txt back-licence
compare back-licence licence.txt "the licence"

say "7. An old version becomes the newest again; names change without copying."
version=$(grep '"number":1,' versions.json | field version)
show filesphere version restore /film "${version:0:12}"
compare <(filesphere cat /film) film-1 "the file is as it was first"
show filesphere mv /papers /archive/2026/papers
compare <(filesphere cat /archive/2026/papers/errors.md) papers/errors.md "a moved folder keeps its content"
lines=12 show filesphere changes

say "8. The node ends when asked, with everything on disk."
show filesphere node show
echo "  \$ kill $node_pid"
kill "$node_pid"
code=0
wait "$node_pid" || code=$?
node_pid=''
[ "$code" -eq 0 ] || fail "the node ended with exit code $code"
echo "  verified: it ended with exit code 0"

say "Done in $((SECONDS - began)) s: $compared contents compared, all the same bit for bit."
