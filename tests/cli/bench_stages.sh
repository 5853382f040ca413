#!/bin/sh
# tests/cli/bench_stages.sh - `lookloom bench decode store` at small sizes, and what --batch, --photos,
# --folder and --rounds take. ($BIN: the programs.)
set -u
folder=$(mktemp -d) || exit 3
trap 'rm -rf "$folder"' EXIT
failed=0
complain() {
    failed=$((failed + 1))
    echo "$*"
}
bench() { "$BIN/lookloom" bench "$@" >"$folder/out" 2>"$folder/err"; }
expect() { # CODE PATTERN ARGUMENT...
    code=$1 pattern=$2
    shift 2
    bench "$@"
    got=$?
    [ $got = "$code" ] || complain "bench $*: exit $got: $(cat "$folder/err")"
    grep -qE -- "$pattern" "$folder/out" "$folder/err" ||
        complain "bench $*: no '$pattern' in: $(cat "$folder/out" "$folder/err")"
}

expect 0 '^decode,3 drawn JPEGs of 0.71 Mpx to 224 x 224,1,3,.*libjpeg-turbo alone on 1 thread' \
    decode --items 3 --jobs 1 --seconds 0.01 --format csv
mkdir "$folder/photos" "$folder/scratch"
"$BIN/lookloom-generate" 4 -o "$folder/photos" --seed 3 -q --size 64..96 >/dev/null || complain "no photos"
echo 'no photo' >"$folder/photos/images/text.jpg"
expect 0 '^decode,[1-4] given JPEGs of 0.0' \
    decode --photos "$folder/photos" --jobs 2 --seconds 0.01 --format csv
rm -rf "$folder/photos/images"
expect 3 'no usable JPEG' decode --photos "$folder/photos" --seconds 0.01

# 600 items: a part of a tile at the edge; 2 results, and nothing left behind.
expect 0 'write the float32 matrix of 600 items, fsync",2,2,.*as many bytes in order' \
    store --items 600 --rounds 2 --jobs 2 --seconds 0.01 --folder "$folder/scratch" --format csv
grep -q 'read 600 rows of the float32 matrix' "$folder/out" || complain "nothing read"
[ -z "$(ls "$folder/scratch")" ] || complain "left behind: $(ls "$folder/scratch")"
expect 3 'none/lookloom-store' store --items 10 --folder "$folder/none"

for batch in 1,,2 1,x 0 4097 0000000000004097 '' 1, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17; do
    expect 2 '--batch' embed --batch "$batch"
done
expect 2 'patience' embed --patience 0
expect 2 "no stage 'nonsense'; use decode, embed, similarity, store, query or all" nonsense
[ $failed = 0 ]
