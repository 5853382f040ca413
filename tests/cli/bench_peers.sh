#!/usr/bin/env bash
# tests/cli/bench_peers.sh - bench/peers/run, bench/cpu and bench/plot with stand-ins for what they
# run: the table, the ratios, what is missing or fails, the picture.
. tests/cli/start.sh

build=$work/build out=$work/out

program() { # PATH, body from stdin
    mkdir -p "$(dirname "$1")"
    { echo '#!/bin/bash' && cat; } >"$1"
    chmod +x "$1"
}

program "$build/bin/lookloom" <<'BODY'
case "$*" in
--version) echo lookloom 9.9 ;;
*all*)
    echo '{"stage":"decode","work":"4 drawn, and more","rate":50.0,"unit":"img/s","of_limit":0.500,"limit":"a, b"}'
    echo '{"stage":"query","work":"asked","rate":7.0,"unit":"query/s","of_limit":null,"limit":""}' ;;
*similarity*)
    echo "$*" | awk '{ n = $4; printf "{\"stage\":\"similarity\",\"work\":\"%d items of 4, matrix %s, x\",\"median_s\":%.4f,\"of_limit\":0.5}\n", n, $6, n * n * ($6 == "none" ? 1e-6 : 2e-6) }' ;;
esac
BODY
# Python, as far as these scripts see it: which modules there are, and what the peers print.
program "$work/python" <<'BODY'
case "$*" in
*"import faiss"*) exit 1 ;;
*"-c"*) exit 0 ;;
*embed_torch*)
    echo 'torch 1.0, 2 threads, batch 4: median 5.00 img/s, best 6.00, 0.3 CPU s/img'
    echo 'lookloom: median 15.00 img/s, best 16.00' ;;
*embed_onnx*)
    echo 'the same 4 pictures: scores 0.1 to 0.2 differ by 1e-6 at most, allowed 1e-5'
    [ -z "${ONNX_CODE:-}" ] || { echo "${ONNX_SAYS:-}" && echo "${ONNX_SAYS:-}" >&2; exit "$ONNX_CODE"; }
    echo 'onnxruntime 2.0, 2 threads, batch 4: median 7.50 img/s, best 8.00, 0.3 CPU s/img'
    echo 'lookloom: median 12.00 img/s, best 16.00' ;;
*similarity_sklearn*)
    echo 'by the clock                            min s  median s  GFLOP/s  x min x median'
    echo '  lookloom, matrix                      1.000     2.000    369.0   1.00     1.00'
    echo '  lookloom, matrix and 100 neighbours   9.000     9.000    369.0   1.00     1.00'
    echo '  sklearn cosine_similarity(X)          1.500     3.000    244.1   1.37     1.51'
    echo '  sklearn cosine_similarity(X, Y)       2.000     5.000    182.0   2.02     2.03'
    echo '  numpy X @ X.T                         1.000     1.000    321.8   1.14     1.15'
    echo 'processor time                          min s  median s  GFLOP/s  x min x median'
    echo '  sklearn cosine_similarity(X)          7.500     7.000    244.1   1.37     1.51' ;;
*"write --rows"*) printf '2.0000\t1.0000\tmatrix written\tdd conv=fsync\n' ;;
*"read --rows"*) echo 'no such thing' >&2; exit "${READ_CODE:-0}" ;;
esac
BODY

expect() { # CODE COMMAND... -- PATTERN...
    local code=$1 got command=()
    shift
    while [ "$1" != -- ]; do command+=("$1"); shift; done
    shift
    BUILD=$build PYTHON=$work/python "${command[@]}" >"$work/said" 2>&1
    got=$?
    [ $got -eq "$code" ] || fail "exit $got instead of $code: $(cat "$work/said")"
    for pattern in "$@"; do
        grep -qE -- "$pattern" "$work/said" || fail "no '$pattern' in: $(cat "$work/said")"
    done
}

expect 0 bench/peers/run --quick --threads 2 "$out" -- \
    '^faiss +not there' '^decode: 4 drawn, and more +50 +100 img/s +0.500 +limit: a, b' \
    '^query: asked +7 +- query/s +- ' '^embed 4 photos to fc2 +15.00 +5.00 img/s +3.00 +torch 1.0, frozen' \
    '^embed 4 photos to fc2 +12.00 +7.50 img/s +1.60 +onnxruntime 2.0$' \
    '^matrix of 512 items +2.000 +3.000 s +1.50 +sklearn cosine_similarity\(X\)$' \
    '^matrix of 512 items +2.000 +5.000 s +2.50 +sklearn cosine_similarity\(X, Y\)' \
    '^matrix of 512 items +2.000 +1.000 s +0.50 +numpy X @ X.T' \
    '^matrix written +2.0000 +1.0000 s +0.50 +dd conv=fsync' '2 threads, .* 0 steps failed$'
for name in results.txt results.jsonl machine.txt log.txt; do
    [ -s "$out/$name" ] || fail "no $name"
done
ONNX_CODE=77 ONNX_SAYS="skipped: No module named 'onnx'" expect 0 bench/peers/run --quick "$out" -- \
    "^onnxruntime +skipped: No module named 'onnx'" '0 steps failed$'
! grep -q '^embed .*onnxruntime' "$out/results.txt" || fail "a row of what did not run"
ONNX_CODE=1 ONNX_SAYS='a score differs by 0.5' expect 3 bench/peers/run --quick "$out" -- \
    '^onnxruntime +FAILED: a score differs by 0.5' '1 steps failed$'
READ_CODE=1 expect 3 bench/peers/run --quick "$out" -- '^read +FAILED: no such thing' '1 steps failed$'
expect 2 bench/peers/run --nonsense -- 'unknown option --nonsense; usage: bench/peers/run'
expect 2 bench/peers/run --threads many -- 'a number'
BUILD=$work/nowhere bench/peers/run "$out" >"$work/said" 2>&1
[ $? -eq 3 ] || fail "it runs without a build"

expect 0 bench/cpu --quick "$out" -- '^decode: '
grep -q '<polyline .*stroke-dasharray' "$out/scaling.svg" || fail "no limit line"
[ "$(grep -c '<circle' "$out/scaling.svg")" -eq 4 ] || fail "not 4 points"
grep -q 'neighbours alone, 40 ms' "$out/scaling.svg" || fail "$(grep '<text' "$out/scaling.svg")"
grep -q 'with the float32 matrix, 80 ms' "$out/scaling.svg" || fail "the other line has no name"
! command -v xmllint >/dev/null || xmllint --noout "$out/scaling.svg" || fail "no XML"
[ "$(wc -l <"$out/scaling.jsonl")" -eq 4 ] || fail "scaling.jsonl: $(cat "$out/scaling.jsonl")"
expect 2 bench/cpu --nonsense -- 'unknown option --nonsense; usage: bench/cpu'
head -n 1 "$out/scaling.jsonl" | bench/plot >"$work/said" 2>&1
[ $? -eq 3 ] || fail "one size is drawn"

finish "bench/peers/run, bench/cpu, bench/plot: all as promised"
