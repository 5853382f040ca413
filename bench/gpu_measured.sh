# shellcheck shell=bash disable=SC2034,SC2154 # the parts of bench/gpu share their variables
# bench/gpu_measured.sh - what is tried and what is measured, a function each; sourced by bench/gpu.

json_number() { sed -n "s/.*\"$1\": *\([-+0-9.e]*\).*/\1/p" "$2" 2>/dev/null | head -n 1; }

# A size, or what a rehearsal takes in its place.
size() { # SIZE REHEARSED
    if [ -z "$rehearse" ]; then echo "$1"; else echo "$2"; fi
}

# ---- right? ----

device_properties() {
    [ -x "$(dirname "$ceilings")/gpu-properties" ] || return
    step device-properties 20 "${with_ours[@]}" "$(dirname "$ceilings")/gpu-properties" &&
        cp "$work/device-properties.out" "$folder/device-properties.json"
}

# A backend that opens names its cards; one that does not says why in the place of its name.
module_opens() {
    # shellcheck disable=SC2016 # expanded in there
    step module 30 bash -c '
        said=$("$1" info --format json) || exit
        printf "%s\n" "$said"
        ! grep -q "\"field\":\"device\"" <<<"$said" || exit 0
        why=$(sed -nE "s/.*\"field\":\"cuda\",\"value\":\"(.*)\".*/\1/p" <<<"$said")
        echo "cuda refused: ${why:-no word of it}" >&2
        exit 1' module "$bin/lookloom"
}

# Those that are more than a kernel against its twin.
is_larger() { [[ "$1" == gpu_backend || "$1" == gpu_layers ]]; }

gpu_tests() { # LIMIT: kernels against their twins
    local test name
    for test in "$tests"/gpu_*; do
        name=$(basename "$test")
        is_larger "$name" || [ ! -x "$test" ] || part "test-$name" step "test-$name" "$1" "$test"
    done
}

# Each layer alone, by engine after engine as long as SECONDS last; no new one is begun then.
layers_test() { # SECONDS
    [ ! -x "$tests/gpu_layers" ] ||
        part test-gpu_layers step test-gpu_layers $(($1 + 15)) "${with_ours[@]}" \
            "$tests/gpu_layers" "$(size "$1" 5)"
}

# Whole networks in every precision, for which engines are timed anew at a small batch.
backend_test() { # LIMIT
    [ ! -x "$tests/gpu_backend" ] ||
        part test-gpu_backend step test-gpu_backend "$1" "$tests/gpu_backend"
}

# The photos and the network of what is below; on the processor, beside the GPU tests.
prepare() {
    trap 'kill $! 2>/dev/null; exit 1' TERM # or what it waits for would go on
    if [ -z "$weights_given" ]; then
        timeout 120 "$bin/lookloom" weights synth --seed 1 -o "$work/weights.h5" &
        wait $! || echo 'no weights'
    fi
    timeout 60 "$bin/lookloom-generate" "$(size 64 8)" -o "$work/few" --seed 7 &
    wait $! || echo 'no photos'
    [ -n "$shop" ] || return 0
    timeout 120 "$bin/lookloom-generate" "$(size 5000 20)" -o "$work/shop" --seed 1 &
    wait $! || echo 'no shop'
}

begin_to_prepare() {
    local name needed='' shop=''
    while IFS= read -r name; do
        wanted "$name" || continue
        case $name in
        prepare | embed-* | c*-index-* | within-* | same-* | kernels) needed=yes ;;
        index-5000* | torch-index-5000) needed=yes shop=yes ;;
        esac
    done < <(listing=yes && "$order")
    [ -n "$needed" ] || return 0
    prepare >"$work/prepare.out" 2>&1 &
    background=$! began=$SECONDS
}

prepared() {
    local until=$((SECONDS + 90)) of_run=$((total - 5)) state=ok
    [ -n "$background" ] || return 0
    [ "$until" -le "$of_run" ] || until=$of_run
    while kill -0 "$background" 2>/dev/null && [ "$SECONDS" -lt "$until" ]; do sleep 0.05; done
    kill "$background" 2>/dev/null && echo 'no end of it' >>"$work/prepare.out"
    background=
    cat "$work/prepare.out" >>"$folder/log.txt"
    ! grep -q '^no ' "$work/prepare.out" || state=failed
    note prepare $state $((SECONDS - began)) "$([ $state = ok ] ||
        tr '\n' ' ' <"$work/prepare.out" | tail -c 300)"
    [ -s "$weights" ] || use_weights=() # it draws its own
}

same() { # NAME A B: equal to the byte
    if [[ -e "$work/$2.h5" && -e "$work/$3.h5" ]]; then
        step "same-$1" 20 "$bin/lookloom" diff --exact "$work/$2.h5" "$work/$3.h5"
    else
        note "same-$1" skipped 0 'nothing to compare'
    fi
}

cpu_index() { # LAYER
    prepared
    once "cpu-index-$1" 60 "${index[@]}" "$few" -o "$work/cpu-$1.h5" --backend cpu --layer "$1"
}

cuda_index() { # PRECISION LAYER
    prepared
    once "cuda-index-$1-$2" $((patience + 30)) "${index[@]}" "$few" -o "$work/$1-$2.h5" \
        --backend cuda --precision "$1" --layer "$2" --patience "$patience" "${use_batch[@]}" -V
    layer_figures "$1" "$work/cuda-index-$1-$2.err"
}

# cuda against cpu within the bounds of tests/README.md.
agree() { # PRECISION BOUND LAYER
    cpu_index "$3"
    cuda_index "$1" "$3"
    if [[ -e "$work/cpu-$3.h5" && -e "$work/$1-$3.h5" ]]; then
        step "within-$1-$3" 20 "$bin/lookloom" diff --tolerance "$2" "$work/cpu-$3.h5" \
            "$work/$1-$3.h5"
    else
        note "within-$1-$3" skipped 0 'nothing to compare'
    fi
}

# Two runs give the same bytes. (Any number of photos in any order of slots: gpu_backend.)
repeat() {
    cuda_index fp16 fc2
    step cuda-index-again $((patience + 30)) "${index[@]}" "$few" -o "$work/again.h5" \
        --backend cuda --precision fp16 --layer fc2 --patience "$patience" "${use_batch[@]}"
    same bytes fp16-fc2 again
}

sanitize() { # TOOL TEST
    if [ -z "$sanitizer" ]; then
        sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null)
        if [ -z "$sanitizer" ]; then
            sanitizer=none
            note compute-sanitizer skipped 0 'not installed'
        fi
    fi
    [ "$sanitizer" != none ] || return
    sanitize_until=${sanitize_until:-$((SECONDS + 60))}
    if [ "$SECONDS" -ge "$sanitize_until" ]; then
        note "$1-$2" late 0 'no time left'
        return
    fi
    step "$1-$2" 30 "$sanitizer" --tool "$1" --error-exitcode 9 "$tests/$2"
}

sanitize_all() {
    local tool test name
    for tool in memcheck racecheck; do
        for test in "$tests"/gpu_*; do
            name=$(basename "$test") # the larger ones would take hours
            is_larger "$name" || [ ! -x "$test" ] || part "$tool-$name" sanitize "$tool" "$name"
        done
    done
}

# ---- how fast? ----

# What was measured before a failure counts too.
measure_ceilings() {
    local name rate rest
    step ceilings 60 "${with_ours[@]}" "$ceilings"
    while IFS=$'\t' read -r name rate rest; do
        [[ -z "$name" || "$name" == \#* ]] || value["$name"]=$rate
    done < <(cat "$work/ceilings.out" 2>/dev/null)
    { echo; cat "$work/ceilings.out"; } >>"$folder/device.txt" 2>/dev/null
}

# Whoever first needs a precision times every engine cuDNN offers, and says so, a line a layer.
layer_figures() { # PRECISION FILE
    local layer ms tflops
    while read -r layer ms tflops; do
        value["$layer-$1-ms"]=$ms value["$layer-$1-tflops"]=$tflops
    done < <(sed -nE 's|^.*(conv[0-9]_[0-9]): ([0-9.]+) ms for [0-9]+ images, ([0-9.]+) TFLOP.*|\1 \2 \3|p' \
        "$2" 2>/dev/null)
}

bench_embed() { # PRECISION ITEMS LIMIT [SECONDS]
    prepared
    step "embed-$1" "$3" "$bin/lookloom" bench embed --backend cuda --precision "$1" -V \
        --items "$(size "$2" 4)" --seconds "$(size "${4:-2}" 0.1)" --patience "$patience" \
        "${use_batch[@]}" "${use_weights[@]}" --format jsonl
    layer_figures "$1" "$work/embed-$1.err"
    value[embed-$1]=$(json_number rate "$work/embed-$1.out")
    value[embed-$1-gflops]=$(json_number gflop_s "$work/embed-$1.out")
}

bench_pairs() { # NAME ITEMS MATRIX LIMIT
    step "$1" "$4" "$bin/lookloom" bench similarity --backend cuda --items "$(size "$2" 1000)" \
        --matrix "$3" --seconds 0.01 --format jsonl
    value[$1]=$(json_number median_s "$work/$1.out")
}

bench_index() {
    prepared
    [ -s "$work/shop/catalog.csv" ] || { note index-5000 failed 0 'no photos'; return; }
    step index-5000 90 "${index[@]}" "$work/shop/catalog.csv" -o "$work/shop.h5" \
        --backend cuda --patience "$patience" "${use_batch[@]}" || return
    value[index-5000]=$took
    step index-5000-stages 10 "$bin/lookloom" info --run "$work/shop.h5"
}

# One batch, kernel by kernel: the last one of a run, from its preprocess kernel on.
per_kernel() {
    local ncu
    cuda_index fp16 fc2 # its engines, if they are not there yet
    ncu=$(command -v ncu || ls /usr/local/cuda/bin/ncu 2>/dev/null)
    [ -n "$ncu" ] || { note kernels skipped 0 'no ncu'; return; }
    step kernels 40 "$ncu" --clock-control none --metrics gpu__time_duration.sum --csv \
        --print-units base "$bin/lookloom" bench embed --backend cuda --batch "$(size 256 2)" \
        --items "$(size 256 2)" --seconds 0.01 --patience 5 "${use_weights[@]}" || return
    head -c 8000000 "$work/kernels.out" >"$folder/kernels.csv"
    awk -F '","' '
        /gpu__time_duration/ {
            name = $5; sub(/\(.*/, "", name); sub(/^.*[ :]/, "", name)
            time = $NF; gsub(/[",]/, "", time)
            if (name ~ /preprocess/) n = 0
            names[n] = name; times[n++] = time
        }
        END { for (i = 0; i < n; i++) printf "%2d  %-60.60s %10.1f us\n", i, names[i], times[i] / 1e3 }
    ' "$work/kernels.out" >"$work/kernels.txt"
}

# torch's figure for the same work; skipped where torch is not installed.
peer() { # NAME LIMIT ARGUMENTS...
    local name=$1 limit=$2
    shift 2
    [ -z "$no_torch" ] || return
    step "torch-$name" "$limit" "${with_theirs[@]}" python3 "$here/peers/gpu_torch.py" "$@"
    value["torch-$name"]=$(awk -F '\t' 'NF == 3 { v = $1 } END { print v }' "$work/torch-$name.out" 2>/dev/null)
    grep -qs '^skipped: No module named' "$work/torch-$name.out" && no_torch=yes
}

peer_index() {
    prepared
    [ ! -s "$work/shop/catalog.csv" ] || peer index-5000 40 index "$work/shop/catalog.csv"
}
