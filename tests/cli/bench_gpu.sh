#!/usr/bin/env bash
# tests/cli/bench_gpu.sh - bench/gpu without a card, and its reckoning with stand-ins for everything
# it runs: what the table says, what a failed test or a missing piece makes of the exit code.
. tests/cli/start.sh

tree=$work/tree out=$work/out

program() { # PATH, body from stdin
    mkdir -p "$(dirname "$1")"
    { echo '#!/bin/bash' && cat; } >"$1"
    chmod +x "$1"
}

good_tree() {
    rm -rf "$tree" "$out"
    mkdir -p "$tree/bench/peers" "$tree/site/nvidia/"{cudnn,cu13}/lib
    cp bench/gpu bench/gpu_*.sh "$tree/bench/"
    program "$tree/path/nvidia-smi" <<'BODY'
case "$*" in
-L) echo 'GPU 0: Pretend' ;;
*=name*) echo 'Pretend "90"' ;;
*=driver_version*) echo 999.1 ;;
esac
BODY
    program "$tree/tests/gpu_one" <<<'echo fine'
    program "$tree/bench/gpu-ceilings" <<'BODY'
printf '# device\tPretend\n'
printf 'gemm_fp16\t800.0\tTFLOP/s\t1\t1\t30\ncopy_in\t55.5\tGB/s\t1\t1\t30\n'
BODY
    program "$tree/bench/gpu-properties" <<<'echo "{\"deviceName\": \"Pretend\"}"'
    program "$tree/bin/lookloom-generate" <<'BODY'
mkdir -p "$3" && echo id,image >"$3/catalog.csv"
BODY
    program "$tree/bin/lookloom" <<'BODY'
case "$*" in
--version) echo lookloom 9.9 ;;
info\ --format*) echo '{"field":"cuda","value":"Pretend"},'; echo '{"field":"device","value":"0"}' ;;
weights\ synth*) touch "${@: -1}" ;;
index*) while [ "$1" != -o ]; do shift; done; echo index >"$2" ;;
*similarity*) echo '{"stage":"similarity","median_s":2.5,"rate":1e6}' ;;
*embed*)
    echo 'lookloom bench: conv1_1: 0.345 ms for 256 images, 67.8 TFLOP/s: e4 k2=1, of 9 engines' >&2
    echo 'lookloom bench: conv1_2: 1.234 ms for 256 images, 567.8 TFLOP/s: e4 k2=1 with its pool, of 9 engines' >&2
    echo '{"stage":"embed","median_s":1.0,"rate":20000.0,"unit":"img/s","gflop_s":600000.0}'
    ;;
esac
BODY
    cat >"$tree/bench/peers/gpu_torch.py" <<'BODY'
import os, sys
assert "/site/nvidia/" not in os.environ["LD_LIBRARY_PATH"] # torch finds its own
print("10000.0\timg/s\ttorch" if sys.argv[1] == "embed" else "5.000\ts\ttorch")
BODY
    echo '__version__ = "0"' >"$tree/site/torch.py"
    program "$tree/path/ncu" <<<'echo no counters here >&2; exit 1'
    # shellcheck disable=SC2016 # expanded in there
    program "$tree/path/compute-sanitizer" <<<'exec "${@: -1}"'
}

# expect CODE PATTERN...: of a run in the tree as it stands
expect() {
    local code=$1 got pattern
    shift
    PATH=$tree/path:$PATH PYTHONPATH=$tree/site "$tree/bench/gpu" "$out" >"$work/said" 2>&1
    got=$?
    [ "$got" -eq "$code" ] || fail "exit $got instead of $code: $(tail -n 30 "$work/said")"
    for pattern in "$@"; do
        grep -qE -- "$pattern" "$work/said" || fail "no '$pattern' in: $(cat "$work/said")"
    done
    python3 -m json.tool "$out/results.json" >/dev/null || fail "results.json is no JSON"
    [ -z "$(find "$out" -name '.*')" ] || fail "half a file is left in $(ls -A "$out")"
    [[ -s "$out/results.txt" && -s "$out/log.txt" && -s "$out/device.txt" ]] ||
        fail "a file is missing in $(ls "$out")"
}

good_tree
expect 3 '^embed fp16, batch 256 +img/s +20000.0 +10000.0 +10000.0 +2.00 +0.75$' \
    '^similarity-44000 +s +2.5 +- +5.000 +2.00 +-$' '^limit: copy_in +GB/s +55.5' \
    '^  kernels +failed +no counters here' '^tests: 10 passed, 0 failed, 0 late, 0 skipped' \
    '^neighbors-1000000 +s +2.5 +- +5.000 +2.00' '^conv1_2 +1.234 +567.8 +1.234 +567.8 +1.234 +567.8' \
    'gpu: no test failed, but 1 steps did;'
grep -q "^LD_LIBRARY_PATH: .*$tree/site/nvidia/cudnn/lib" "$out/device.txt" ||
    fail "CUDA's libraries in the python's tree are not on the path"
grep -q Pretend "$out/device-properties.json" || fail "the card's properties are not kept"
python3 - "$out/results.json" <<'PYTHON' || fail "results.json does not hold what the table does"
import json, sys
results = json.load(open(sys.argv[1]))
steps = {step["step"]: step["state"] for step in results["steps"]}
assert results["embed-fp16"] == 20000 and results["torch-similarity-44000"] == 5, results
assert results["conv1_2-fp16-tflops"] == 567.8 and results["outcome"].startswith("no test failed")
for layer in "fc2", "fc1", "pool5", "gap":
    assert steps["within-fp16-" + layer] == "ok", steps
assert steps["same-bytes"] == steps["within-tf32-fc2"] == steps["within-fp32-fc2"] == "ok", steps
PYTHON
rm "$tree/path/ncu"
command -v ncu >/dev/null || expect 0 '^gpu: all done; [0-9]+ s; see ' '^  kernels +skipped +no ncu'

good_tree
program "$tree/tests/gpu_one" <<<'echo row 7 differs; exit 1'
mkdir "$tree/site/nvidia_cudnn_cu12-9.19.0.56.dist-info"
expect 1 '^  test-gpu_one +failed +row 7 differs' '^  memcheck-gpu_one +failed' '3 tests failed' \
    '^embed fp16'
[[ "$(grep '^LD_LIBRARY_PATH: ' "$out/device.txt")" =~ /site/nvidia/cu13/lib ]] ||
    fail "the python's tree is not on the path"
grep -q '^LD_LIBRARY_PATH: .*/site/nvidia/cudnn/lib' "$out/device.txt" &&
    fail "a cuDNN for CUDA 12 is on the path"
good_tree
program "$tree/tests/gpu_one" <<<'echo skipped: no device; exit 77'
expect 3 '^  test-gpu_one +skipped +skipped: no device'
good_tree
sed -i 's/^index\*)/diff*) exit 1 ;;\n&/' "$tree/bin/lookloom"
expect 1 '^  within-fp16-fc2 +failed' '^  same-bytes +failed'
good_tree
rm "$tree/path/ncu"
echo 'print("skipped: No module named torch"); raise SystemExit(77)' >"$tree/bench/peers/gpu_torch.py"
command -v ncu >/dev/null ||
    expect 0 '^embed fp16, batch 256 +img/s +20000.0 +- +- +- +0.75' '^  torch-eager-fp16 +skipped'
[ "$(grep -c '^  torch' "$out/results.txt")" -eq 1 ] || fail "torch is asked again and again"

# What is measured before a failure is kept; what has no weights draws its own.
good_tree
program "$tree/bench/gpu-ceilings" <<<'printf "gemm_fp16\t800.0\tTFLOP/s\n"; echo "out of order" >&2; exit 3'
sed -i 's/^weights\\ synth\*)/weights*) exit 3 ;;\nnothing)/' "$tree/bin/lookloom"
expect 3 '^  ceilings +failed +out of order' '^  prepare +failed +no weights' \
    '^embed fp16, batch 256 +img/s +20000.0 .* 0.75$' '^limit: gemm_fp16 +TFLOP/s +800.0'

# Stopped in the midst of a step, in whatever way: what was done so far is on the disk.
interrupt() { # SIGNAL CODE
    local got
    good_tree
    # shellcheck disable=SC2016 # expanded in there
    program "$tree/tests/gpu_two" <<<'echo $$ >"$PID_FILE"; exec sleep 60'
    PID_FILE=$work/pid PATH=$tree/path:$PATH "$tree/bench/gpu" "$out" >"$work/said" 2>&1 &
    for _ in $(seq 150); do [ ! -s "$work/pid" ] || break; sleep 0.1; done
    kill "-$1" $!
    wait $! 2>/dev/null
    got=$?
    [ "$got" -eq "$2" ] || fail "SIG$1: exit $got: $(cat "$work/said")"
    python3 -m json.tool "$out/results.json" >/dev/null || fail "SIG$1: results.json is no JSON"
    grep -q '"step": "test-gpu_one", "state": "ok"' "$out/results.json" ||
        fail "SIG$1: $(cat "$out/results.json")"
    grep -q '^tests: 1 passed' "$out/results.txt" || fail "SIG$1: $(cat "$out/results.txt")"
    kill "$(cat "$work/pid")" 2>/dev/null
    rm -f "$work/pid"
}
interrupt TERM 3
grep -q '^gpu: stopped by a signal; ' "$work/said" || fail "TERM: $(tail -n 3 "$work/said")"
interrupt KILL 137
good_tree
program "$tree/path/nvidia-smi" <<<'exit 9'
if ! compgen -G '/dev/nvidia[0-9]*' >/dev/null && [ ! -e /dev/dxg ]; then
    expect 3 '^gpu: no device: nothing was measured; '
    [ "$(wc -l <"$work/said")" -eq 1 ] || fail "no device, in more than a line: $(cat "$work/said")"
    grep -q '^  device  *failed  *no device' "$out/results.txt" || fail "no device: $(cat "$out/results.txt")"
fi

"$tree/bench/gpu" --nonsense >"$work/said" 2>&1
[ $? -eq 2 ] || fail "an unknown option is accepted"
"$tree/bench/gpu" --seconds soon >"$work/said" 2>&1
[ $? -eq 2 ] || fail "--seconds soon is accepted"
"$tree/bench/gpu" --help | grep -q 'bench/gpu \[OPTION...\]' || fail "--help says nothing"
program "$tree/path/nvidia-smi" <<<'echo GPU 0'
PATH=$tree/path:$PATH "$tree/bench/gpu" --seconds 1 "$out" >"$work/said" 2>&1
[ $? -eq 3 ] || fail "a run without time succeeds"
grep -q 'late .* no time left' "$work/said" || fail "nobody says that there was no time"

finish "bench/gpu: all as promised"
