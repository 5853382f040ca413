#!/usr/bin/env bash
# tests/cli/killed.sh - kill -9 at any moment: the index is the old one or the new one, whole, and
# the next run goes through. Two runs on one output: the second refuses.
set -uo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
head -n 9 "$SHOP/shop/catalog.csv" >"$work/old.csv"
head -n 13 "$SHOP/shop/catalog.csv" >"$work/new.csv"

run() {
    exec "$BIN/lookloom" index "$work/$1.csv" -o "$work/shop.h5" --weights "$SHOP/weights.h5" \
        --image-root "$SHOP/shop" --layer gap -q
}
generation() { "$BIN/lookloom" info --format csv "$work/shop.h5" | grep '^generation,'; }

(run new) || exit 1
new=$(generation)
rm -f "$work"/shop*.h5
start=$(date +%s%N)
(run old) || exit 1
took_ms=$((($(date +%s%N) - start) / 1000000))
old=$(generation)
[ "$old" != "$new" ] || { echo "FAILED: both runs gave one generation"; exit 1; }

for round in 1 2 3 4 5 6 7 8; do
    (run new) &
    child=$!
    sleep "$(awk -v t=$took_ms -v r=$round 'BEGIN { printf "%.3f", t * r / 8 / 1000 }')"
    if [ "$round" -eq 4 ]; then # the first is still at work, or has just ended: never both publish
        (run new) 2>"$work/second" || grep -q 'another run' "$work/second" || {
            echo "FAILED: the second run said: $(cat "$work/second")"
            exit 1
        }
    fi
    kill -9 $child 2>/dev/null
    wait $child 2>/dev/null
    got=$(generation)
    [ "$got" = "$old" ] || [ "$got" = "$new" ] || {
        echo "FAILED: round $round left '$got'"
        exit 1
    }
    "$BIN/lookloom" verify -q "$work/shop.h5" || {
        echo "FAILED: round $round left a damaged index"
        exit 1
    }
done
(run new) || { echo "FAILED: no run goes through after the kills"; exit 1; }
[ "$(generation)" = "$new" ] || { echo "FAILED: the last run gave another generation"; exit 1; }
echo "killed: old or new, never between"
