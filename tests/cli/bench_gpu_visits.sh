#!/usr/bin/env bash
# tests/cli/bench_gpu_visits.sh - bench/gpu in short visits, with stand-ins for all it runs: the first
# goes on past whatever step fails, the second takes steps by name and the engines that were kept,
# the third measures.
. tests/cli/start.sh

tree=$work/tree out=$work/out said=$work/said
export BROKEN='' # a pattern of the command that fails

program() { # PATH, body from stdin
    mkdir -p "$(dirname "$1")"
    {
        cat <<'BODY'
#!/bin/bash
# shellcheck disable=SC2053
if [[ -n "$BROKEN" && "${0##*/} $*" == $BROKEN ]]; then
    echo "broken on purpose" >&2
    exit 4
fi
BODY
        cat
    } >"$1"
    chmod +x "$1"
}

mkdir -p "$tree/bench/peers"
cp bench/gpu bench/gpu_*.sh "$tree/bench/"
program "$tree/path/nvidia-smi" <<'BODY'
case "$*" in
-L) echo 'GPU 0: Pretend' ;;
*=name*) echo Pretend ;;
*=driver_version*) echo 999.1 ;;
esac
BODY
for name in one topk layers backend; do program "$tree/tests/gpu_$name" <<<'echo fine'; done
program "$tree/bench/gpu-ceilings" <<<'printf "gemm_fp16\t800.0\tTFLOP/s\t1\t1\t30\n"'
program "$tree/bench/gpu-properties" <<<'echo "{}"'
# shellcheck disable=SC2016 # expanded in there
program "$tree/bin/lookloom-generate" <<<'mkdir -p "$3" && echo id,image >"$3/catalog.csv"'
program "$tree/bin/lookloom" <<'BODY'
engines=$XDG_CACHE_HOME/lookloom/engines-abc
case "$*" in
--version) echo lookloom 9.9 ;;
info\ --format*)
    [ ! -e "$REFUSED" ] || { cat "$REFUSED"; exit; }
    printf '[\n{"field":"cuda","value":"Pretend"},\n{"field":"device","value":"0 Pretend"}\n]\n'
    ;;
weights\ synth*) touch "${@: -1}" ;;
index*) while [ "$1" != -o ]; do shift; done; echo index >"$2" ;;
*similarity*) echo '{"stage":"similarity","median_s":2.5,"rate":1e6}' ;;
*embed*)
    if [ ! -e "$engines" ]; then
        mkdir -p "${engines%/*}" && echo 'conv1_1 alone e4 k2=1' >"$engines"
        echo 'lookloom bench: conv1_1: 0.345 ms for 256 images, 67.8 TFLOP/s: e4 k2=1, of 9' >&2
    fi
    echo '{"stage":"embed","median_s":1.0,"rate":20000.0,"unit":"img/s","gflop_s":600000.0}'
    ;;
esac
BODY
export REFUSED=$work/refused
program "$tree/path/compute-sanitizer" <<<'echo no errors'
program "$tree/path/ncu" <<<'echo nothing'
program "$tree/path/python3" <<'BODY'
case "$*" in
*gpu_torch.py\ embed*) echo "10000.0 img/s torch" | tr ' ' '\t' ;;
*gpu_torch.py*) echo "5.000 s torch" | tr ' ' '\t' ;;
*) cat >"/dev/null" ;;
esac
BODY

# run CODE OPTION...: into $out, what it says into $said
run() {
    local code=$1 got
    shift
    PATH=$tree/path:$PATH "$tree/bench/gpu" "$@" "$out" >"$said" 2>&1
    got=$?
    [ "$got" -eq "$code" ] || fail "$*, broken: '$BROKEN': exit $got, not $code: $(cat "$said")"
}

# "step state" of every step, in order
steps() { sed -nE 's/.*"step": "([^"]*)", "state": "([^"]*)".*/\1 \2/p' "$out/results.json"; }

names() { steps | cut -d ' ' -f 1 | tr '\n' ' '; }

# ---- the first visit ----

# What matters most first.
order='device-properties module test-gpu_one test-gpu_topk test-gpu_layers prepare cpu-index-fc2'
order+=' cuda-index-fp16-fc2 within-fp16-fc2 embed-fp16 test-gpu_backend cuda-index-again same-bytes'
order+=' memcheck-gpu_topk cuda-index-tf32-fc2 within-tf32-fc2 cuda-index-fp32-fc2 within-fp32-fc2 '

begin=$SECONDS
run 0 --first
[ $((SECONDS - begin)) -lt 20 ] || fail "--first with nothing to wait for: $((SECONDS - begin)) s"
[ "$(names)" = "$order" ] || fail "--first: $(names)"
[ "$("$tree/bench/gpu" --first --list | tr '\n' ' ')" = "$order" ] || fail '--list is not what is run'
steps >"$work/good"
! grep -v ' ok$' "$work/good" || fail "--first: not all is well"
for file in results.txt results.json log.txt device.txt device-properties.json engines.txt \
    engines.tar.gz; do
    [ -s "$out/$file" ] || fail "--first leaves no $file"
done
grep -q 'conv1_1: 0.345 ms for 256 images' "$out/engines.txt" || fail "engines.txt: no engine's time"
grep -q 'conv1_1 alone e4' "$out/engines.txt" || fail "engines.txt: not what the cache holds"
grep -q '^embed fp16, batch 256 *img/s *20000.0' "$out/results.txt" || fail "--first: no figure"
# The limits of time that bench/gpu gives itself.
sed -n 's/^==== embed-fp16: //p' "$out/log.txt" | grep -q -- '--seconds 20 ' ||
    fail "--first does not embed for 20 s"
sed -n 's/^==== cuda-index-tf32-fc2: //p' "$out/log.txt" | grep -q -- '--patience 12 ' ||
    fail "--first waits longer for engines than there is time"
grep -q '^==== test-gpu_layers: .*/gpu_layers 15$' "$out/log.txt" || fail "--first tries layers for ever"

# STEP BROKEN CODE [STEP...]: with that command broken the step fails, those after it are skipped,
# and the others are as before.
without() {
    local step=$1 code=$3 line got
    BROKEN=$2
    shift 3
    run "$code" --first
    got=$'\n'$(steps)$'\n'
    while read -r line; do
        case " $step $* " in
        *" ${line% *} "*) ;;
        *) [[ "$got" == *$'\n'"$line"$'\n'* ]] || fail "$step broken: no '$line' in $got" ;;
        esac
    done <"$work/good"
    for line in "$step failed" "${@/%/ skipped}"; do
        [[ "$got" == *$'\n'"$line"$'\n'* ]] || fail "$step broken: no '$line' in $got"
    done
    [ "$(names)" = "$order" ] || fail "$step broken: steps $(names)"
    grep -q "^  $step *failed *\(broken on purpose\|no photos\)" "$out/results.txt" ||
        fail "$step broken: the table does not say why"
    [ "$step" = embed-fp16 ] || grep -q '^embed fp16, .* 20000.0' "$out/results.txt" ||
        fail "$step broken: no figure for embed-fp16"
    BROKEN=''
}
# Every second step, in a folder of its own: two at a time.
fail_steps() { # 0 or 1
    local turn=0 out=$work/out-$1 said=$work/said-$1 step
    failures=0
    for step in $order; do
        [ $((turn++ % 2)) -eq "$1" ] || continue
        case $step in
        device-properties) without "$step" 'gpu-properties *' 3 ;;
        module) without "$step" 'lookloom info *' 3 ;;
        test-*) without "$step" "${step#test-} *" 1 ;;
        prepare) without "$step" 'lookloom-generate 64 *' 3 ;;
        cpu-index-fc2)
            without "$step" 'lookloom index *--backend cpu *' 3 within-{fp16,tf32,fp32}-fc2
            ;;
        cuda-index-again) without "$step" 'lookloom index *again.h5 *' 3 same-bytes ;;
        cuda-index-fp16-fc2) without "$step" 'lookloom index *fp16-fc2.h5 *' 3 within-fp16-fc2 same-bytes ;;
        cuda-index-*) without "$step" "lookloom index *${step#cuda-index-}.h5 *" 3 "within-${step#cuda-index-}" ;;
        within-*) without "$step" "lookloom diff --tolerance *${step#within-}.h5" 1 ;;
        same-bytes) without "$step" 'lookloom diff --exact *' 1 ;;
        memcheck-*) without "$step" 'compute-sanitizer *memcheck *' 1 ;;
        embed-fp16) without "$step" 'lookloom bench embed *' 3 ;;
        *) continue ;;
        esac
        echo "$step" >>"$work/tried"
    done
    return $((failures > 0))
}
fail_steps 0 &
first=$!
(fail_steps 1) || failures=$((failures + 1))
wait "$first" || failures=$((failures + 1))
[ "$(sort "$work/tried")" = "$(tr ' ' '\n' <<<"${order% }" | sort)" ] ||
    fail "not every step was made to fail: $(cat "$work/tried")"

echo '{"field":"cuda","value":"libcudnn.so.9: cannot open"},' >"$REFUSED"
run 3 --first
grep -q '^  module *failed *cuda refused: libcudnn.so.9: cannot open' "$out/results.txt" ||
    fail "refused: $(cat "$out/results.txt")"
rm "$REFUSED"

# ---- the second: steps by name, with the engines kept ----

run 0 --first
cp "$out/engines.tar.gz" "$work/kept.tar.gz"
run 0 --engines "$work/kept.tar.gz" --only embed-fp16,'test-gpu_t*'
[ "$(names)" = 'test-gpu_topk prepare embed-fp16 ' ] || fail "--only: $(names)"
! grep -q '0.345 ms' "$out/log.txt" || fail "--engines: chosen anew"
[ -s "$out/engines.tar.gz" ] || fail "the engines given are not kept for the next visit"
run 0 --engines "$out/engines.tar.gz" --only embed-fp16
! grep -q '0.345 ms' "$out/log.txt" || fail "--engines from the folder itself: chosen anew"
run 0 --only embed-fp16
grep -q '0.345 ms' "$out/log.txt" || fail "without --engines: not chosen anew"
echo rubbish >"$work/rubbish"
run 3 --engines "$work/rubbish" --only embed-fp16
grep -q '^  engines *failed' "$out/results.txt" || fail "--engines rubbish: nobody says so"
run 2 --engines "$work/nothing"
run 0 --only same-bytes
[ "$(names)" = 'prepare cuda-index-fp16-fc2 cuda-index-again same-bytes ' ] ||
    fail "--only same-bytes does not take what it needs: $(names)"
run 0 --only 'test-*' --only module
[ "$(names)" = 'module test-gpu_one test-gpu_topk test-gpu_layers test-gpu_backend ' ] || fail "--only twice: $(names)"
for unknown in nonsense 'test-x*' embed; do
    run 2 --only "module,$unknown"
    grep -qF -- "--only $unknown: no such step; there are: device-properties module " "$said" ||
        fail "--only $unknown: $(cat "$said")"
done
run 2 --only

# What takes too long to prepare is stopped with all it runs.
mv "$tree/bin/lookloom-generate" "$work/generate"
# shellcheck disable=SC2016
program "$tree/bin/lookloom-generate" <<<'echo $$ >"$PID_FILE"; exec sleep 60'
PID_FILE=$work/pid run 3 --seconds 8 --only embed-fp16
grep -q '^  prepare *failed *no end of it' "$out/results.txt" || fail "prepare: $(cat "$out/results.txt")"
sleep 0.5
! kill -0 "$(cat "$work/pid")" 2>/dev/null || fail "what prepare ran goes on without it"
mv "$work/generate" "$tree/bin/lookloom-generate"

# ---- a rehearsal: smaller ----

run 0 --rehearse --only embed-fp16
grep -q '^==== embed-fp16: .* --items 4 --seconds 0.1 .* --batch 2 ' "$out/log.txt" ||
    fail "--rehearse: not small: $(grep '^==== ' "$out/log.txt")"
grep -q '^a rehearsal: ' "$out/results.txt" || fail "--rehearse: the table does not say so"

# ---- the third: figures ----

run 0 --bench
[ "$(names)" = "$("$tree/bench/gpu" --bench --list | tr '\n' ' ')" ] || fail "--bench: $(names)"
was=''
for step in within-fp16-fc2 embed-fp16 torch-compile-fp16 neighbors-1000000 similarity-44000 embed-tf32 \
    embed-fp32 index-5000; do
    now=$(steps | grep -nxF "$step ok" | cut -d : -f 1)
    [ "${now:-0}" -gt "${was:-0}" ] || fail "--bench: $step is not where it belongs: $(names)"
    was=$now
done
while read -r option; do
    "$tree/bench/gpu" --help | grep -q -- "$option" || fail "--help does not name $option"
done < <(grep -oE -- '^    (-h \| )?--[a-z -|]+\)' bench/gpu | grep -oE -- '--[a-z]+' | sort -u)

finish "bench/gpu in visits: all as promised"
