#!/bin/sh
# tests/cli/bench_query.sh - `lookloom bench query`: the drawn index is a whole one of any size, with
# and without features, and the bench asks it by one thread, by several and as a process.
set -u
folder=$(mktemp -d) || exit 3
trap 'rm -rf "$folder"' EXIT
failed=0
complain() {
    failed=$((failed + 1))
    echo "$*"
}

# The ring closes at every size differently: even, odd, fewer than its neighbours, one more.
for items in 1 2 101 333; do
    "$BIN/lookloom" bench query --items $items --seconds 0.01 --jobs 1 --keep "$folder/d.h5" \
        --format csv >"$folder/out.csv" || complain "$items items: exit $?"
    "$BIN/lookloom" verify "$folder/d.h5" >"$folder/verify.txt" 2>&1 ||
        complain "$items items: $(cat "$folder/verify.txt")"
done
[ "$("$BIN/lookloom-query" "$folder/d.h5" --list | wc -l)" -ge 333 ] || complain "not 333 ids"

# With features the scores are computed ones, so verify's sample says more.
for matrix in none float32; do
    "$BIN/lookloom" bench query --items 150 --cols 24 --matrix $matrix --seconds 0.01 --jobs 2 \
        --keep "$folder/f.h5" --format csv >"$folder/out.csv" || complain "features: exit $?"
    "$BIN/lookloom" verify "$folder/f.h5" >"$folder/verify.txt" 2>&1 ||
        complain "features, $matrix: $(cat "$folder/verify.txt")"
done
for part in 'in the open library, 150 items,1,' 'in the open library, 150 items,2,' \
    'lookloom-query as a process, 150 items,1,'; do
    grep -qF "$(echo "$part" | sed 's/,\([12]\),$/",\1,/')" "$folder/out.csv" ||
        complain "no row '$part': $(cat "$folder/out.csv")"
done

# Another index, and no folder to keep one in.
"$BIN/lookloom" bench query --index "$folder/d.h5" --seconds 0.01 --format csv |
    grep -q '333 items' || complain "--index is not asked"
"$BIN/lookloom" bench query --items 5 --keep "$folder/none/d.h5" >"$folder/out.csv" 2>&1
[ $? = 3 ] || complain "--keep into no folder: $(cat "$folder/out.csv")"
got=$("$BIN/lookloom" bench query --index "$folder/d.h5" --keep "$folder/e.h5" 2>&1 >/dev/null)
[ "$?: $got" = '2: lookloom bench: --keep: nothing is drawn with --index' ] || complain "$got"
ls "$folder" | grep -q draft && complain "a draft is left behind"
[ $failed = 0 ]
