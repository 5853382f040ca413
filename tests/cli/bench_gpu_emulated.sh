#!/usr/bin/env bash
# tests/cli/bench_gpu_emulated.sh - the three visits of bench/gpu, rehearsed with the real programs on
# the emulated card (tests/cuda_emulated): every step runs, and leaves its figure and its files. The
# tests of kernels are their twins on fibers; Nsight Compute and the sanitizer are stand-ins, as are
# the programs that ask the card itself; gpu_backend, an hour here, is left out. Then each step of a
# fp16 index and its embedding fails once, and the others are as they were. (cli_bench_gpu_visits does
# that with every step, on stand-ins.)
. tests/cli/start.sh

tree=$work/tree out=$work/out
export BROKEN='' # a pattern of the command that fails

program() { # PATH, body from stdin
    mkdir -p "$(dirname "$1")"
    { echo '#!/bin/bash' && cat; } >"$1"
    chmod +x "$1"
}

mkdir -p "$tree"/{bench/peers,bin,tests,lib/lookloom}
cp bench/gpu bench/gpu_*.sh "$tree/bench/"
for name in lookloom lookloom-generate; do
    cp "$BIN/$name" "$tree/bin/real-$name"
    program "$tree/bin/$name" <<'BODY'
if [[ -n "$BROKEN" && "${0##*/} $*" == $BROKEN ]]; then
    echo "broken on purpose" >&2
    exit 4
fi
exec "${0%/*}/real-${0##*/}" "$@"
BODY
done
cp "$TEST_BIN/lookloom-cuda-emulated.so" "$tree/lib/lookloom/lookloom-cuda.so"
for test in "$TEST_BIN"/agree_{convolve,halve,layers,narrow,normalize,pool,preprocess,repeat,rescore,topk}_cuda; do
    name=$(basename "$test" _cuda)
    cp "$test" "$tree/tests/gpu_${name#agree_}"
done
program "$tree/path/nvidia-smi" <<'BODY'
case "$*" in
-L) echo 'GPU 0: emulated' ;;
*=name*) echo emulated ;;
*=driver_version*) echo none ;;
esac
BODY
program "$tree/bench/gpu-ceilings" <<<'printf "gemm_fp16\t800.0\tTFLOP/s\t1\t1\t30\n"'
program "$tree/bench/gpu-properties" <<<'echo "{}"'
# shellcheck disable=SC2016 # expanded in there
program "$tree/path/compute-sanitizer" <<<'exec "${@: -1}"'
# shellcheck disable=SC2016
program "$tree/path/ncu" <<<'while [[ "$1" != */lookloom ]]; do shift; done; exec "$@"'

# visit NAME OPTION...: all must be well; steps and figures into the log
visit() {
    local name=$1 begin=$SECONDS code=0
    shift
    PATH=$tree/path:$PATH OPENBLAS_NUM_THREADS=1 "$tree/bench/gpu" --rehearse --seconds 3000 "$@" \
        "$out/$name" >"$work/said" 2>&1 || code=$?
    [ "$code" -eq 0 ] || fail "$name: exit $code"
    cat "$work/said"
    echo "---- $name: $((SECONDS - begin)) s; $(cd "$out/$name" && echo *)"
}

figure() { # VISIT NAME: it is there, and more than nothing
    python3 -c 'import json, sys; assert json.load(open(sys.argv[1]))[sys.argv[2]] > 0' \
        "$out/$1/results.json" "$2" || fail "$1: no figure for $2"
}

visit first --first
figure first embed-fp16
for precision in fp16 tf32 fp32; do figure first "conv3_2-$precision-ms"; done
for file in results.txt results.json log.txt device.txt device-properties.json engines.txt \
    engines.tar.gz; do
    [ -s "$out/first/$file" ] || fail "the first visit leaves no $file"
done
visit second --engines "$out/first/engines.tar.gz" --only within-fp16-fc2,embed-fp16
! grep -qE 'conv3_2: [0-9.]+ ms' "$out/second/log.txt" || fail "the second visit chooses engines anew"
visit third --bench --engines "$out/first/engines.tar.gz"
for name in embed-{fp16,tf32,fp32} neighbors-1000000 similarity-44000 index-5000; do
    figure third "$name"
done

# ---- a step that fails ----

# "step state" of every step of a visit, in order
steps() { sed -nE 's/.*"step": "([^"]*)", "state": "([^"]*)".*/\1 \2/p' "$out/$1/results.json"; }

some=(--engines "$out/first/engines.tar.gz")
for name in module test-gpu_topk within-{fp16,fp32}-fc2 same-bytes embed-fp16; do some+=(--only "$name"); done
visit well --first "${some[@]}"
steps well >"$work/well"

# without "STEP..." BROKEN [STEP...]: with that command broken the first fail, the last are skipped,
# the others are as before
without() {
    local failed=" $1 " begin=$SECONDS skipped line name
    BROKEN=$2
    shift 2
    skipped=" $* "
    PATH=$tree/path:$PATH OPENBLAS_NUM_THREADS=1 "$tree/bench/gpu" --rehearse --seconds 3000 --first \
        "${some[@]}" "$out/broken" >"$work/said" 2>&1 && fail "$BROKEN: exit 0"
    while read -r line; do
        name=${line% *}
        if [[ "$failed" == *" $name "* ]]; then
            line="$name failed"
        elif [[ "$skipped" == *" $name "* ]]; then
            line="$name skipped"
        fi
        echo "$line"
    done <"$work/well" >"$work/expected"
    [ "$(steps broken)" = "$(cat "$work/expected")" ] || fail "$BROKEN: $(steps broken)"
    [[ "$failed" == ' embed'* ]] || figure broken embed-fp16
    echo "---- without$failed: $((SECONDS - begin)) s"
    BROKEN=''
}
without module 'lookloom info *'
without 'prepare cpu-index-fc2 cuda-index-fp16-fc2 cuda-index-fp32-fc2 cuda-index-again' \
    'lookloom-generate *' within-{fp16,fp32}-fc2 same-bytes
without cpu-index-fc2 'lookloom index *--backend cpu *' within-{fp16,fp32}-fc2
without cuda-index-fp16-fc2 'lookloom index *fp16-fc2.h5 *' within-fp16-fc2 same-bytes
without cuda-index-again 'lookloom index *again.h5 *' same-bytes
without within-fp16-fc2 'lookloom diff --tolerance *fp16-fc2.h5'
without same-bytes 'lookloom diff --exact *'
without embed-fp16 'lookloom bench embed *'

finish "bench/gpu on the emulated card: all as promised"
