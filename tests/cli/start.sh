# tests/cli/start.sh - how the shell tests begin: `. tests/cli/start.sh` (they run in the project's
# root). $lookloom, $work (a folder of this test, gone with it), fail, expect, finish.
set -uo pipefail

lookloom=$BIN/lookloom
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# expect CODE PATTERN COMMAND...: exit code and a line of stderr or stdout, which stay in $work/out
# and $work/err
expect() {
    local code=$1 pattern=$2 got
    shift 2
    "$@" >"$work/out" 2>"$work/err"
    got=$?
    [ "$got" -eq "$code" ] || fail "exit $got instead of $code: $* : $(cat "$work/err")"
    [ -z "$pattern" ] || grep -qE -- "$pattern" "$work/out" "$work/err" ||
        fail "no '$pattern' from: $* : $(cat "$work/out" "$work/err")"
}

# finish TEXT: the last line of a test
finish() {
    [ "$failures" -eq 0 ] && echo "$1"
    exit $((failures > 0))
}
