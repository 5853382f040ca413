# shellcheck shell=bash disable=SC2034,SC2154 # the parts of bench/gpu share their variables
# bench/gpu_table.sh - what was found, as results.txt and results.json; sourced by bench/gpu.

# Into `cell`, not printed: a process each would cost most of what a table does.
ratio() { # A B [FACTOR]: A / (B * FACTOR), or nothing
    cell=''
    [[ -n "$1" && -n "$2" ]] || return 0
    cell=$(awk -v a="$1" -v b="$2" -v f="${3:-1}" \
        'BEGIN { if (a > 0 && b > 0) printf "%.2f", a / (b * f) }')
}

row() { # MEASURE UNIT OURS COMPILE EAGER RATIO CEILING: cells may be empty
    printf '%-26s %-8s %12s %14s %12s %9s %9s\n' "$1" "$2" "${3:--}" "${4:--}" "${5:--}" \
        "${6:--}" "${7:--}"
}

table() {
    local p name cell of_torch
    echo "${value[version]}, ${value[device]:-no device}, driver ${value[driver]:--}, ${value[date]}"
    [ -z "$rehearse" ] || echo 'a rehearsal: every size was small, and no figure counts'
    row measure unit lookloom torch-compile torch-eager x-torch of-limit
    for p in fp16 tf32 fp32; do
        ratio "${value[embed-$p]:-}" "${value[torch-compile-$p]:-${value[torch-eager-$p]:-}}"
        of_torch=$cell
        ratio "${value[embed-$p-gflops]:-}" "${value[gemm_$p]:-}" 1000
        row "embed $p, batch 256" img/s "${value[embed-$p]:-}" "${value[torch-compile-$p]:-}" \
            "${value[torch-eager-$p]:-}" "$of_torch" "$cell"
    done
    for name in index-5000 similarity-44000 neighbors-250000 neighbors-1000000; do
        ratio "${value[torch-$name]:-}" "${value[$name]:-}"
        row "$name" s "${value[$name]:-}" '' "${value[torch-$name]:-}" "$cell"
    done
    for name in gemm_fp16 gemm_tf32 gemm_fp32; do row "limit: $name" TFLOP/s "${value[$name]:-}"; done
    for name in copy_in copy_out copy_within; do row "limit: $name" GB/s "${value[$name]:-}"; done
    if [ -n "${value[conv1_1-fp16-ms]:-}" ]; then
        echo 'a convolution with its pool, fastest engine, one batch of 256:'
        printf '%-10s %9s %8s %9s %8s %9s %8s\n' layer fp16-ms TFLOP/s tf32-ms TFLOP/s fp32-ms TFLOP/s
        for name in conv{1_{1,2},2_{1,2},3_{1,2,3},4_{1,2,3},5_{1,2,3}}; do
            printf '%-10s' "$name"
            for p in fp16 tf32 fp32; do
                printf ' %9s %8s' "${value[$name-$p-ms]:--}" "${value[$name-$p-tflops]:--}"
            done
            echo
        done
    fi
    if [ -s "$work/kernels.txt" ]; then
        echo 'one batch of 256, fp16, kernel by kernel:'
        cat "$work/kernels.txt"
    fi
    echo "${value[outcome]}; steps that did not end well:"
    awk -F '\t' '
        $2 != "ok" { printf "  %-28s %-8s %s\n", $1, $2, $4; bad++ }
        $1 ~ /^(test|same|within|memcheck|racecheck)-/ { of[$2]++ }
        END {
            if (!bad) print "  none"
            printf "tests: %d passed, %d failed, %d late, %d skipped\n", of["ok"], of["failed"],
                   of["late"], of["skipped"]
        }' "$work/steps"
}

json() {
    local name
    for name in "${!value[@]}"; do printf '%s\t%s\n' "$name" "${value[$name]}"; done | sort |
        awk -F '\t' '
        function quoted(text) {
            gsub(/\\/, "\\\\", text); gsub(/"/, "\\\"", text); gsub(/[\001-\037]/, " ", text)
            return "\"" text "\""
        }
        FNR == NR {
            printf "%s\n  %s: %s", n++ ? "," : "{", quoted($1),
                   $2 ~ /^-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?$/ ? $2 : quoted($2)
            next
        }
        FNR == 1 { printf ",\n  \"steps\": [" }
        {
            printf "%s\n    {\"step\": %s, \"state\": %s, \"seconds\": %d, \"text\": %s}",
                   m++ ? "," : "", quoted($1), quoted($2), $3, quoted($4)
        }
        END { printf "\n  ]\n}\n" }' - "$work/steps"
}

# Both files as of now; each replaced whole.
store() {
    [ -s "$work/steps" ] || return
    table >"$folder/.results.txt" && mv "$folder/.results.txt" "$folder/results.txt"
    json >"$folder/.results.json" && mv "$folder/.results.json" "$folder/results.json"
}

finish() { # CODE LINE
    trap '' HUP INT TERM USR1
    value[outcome]=$2
    value[seconds]=$SECONDS
    [ -s "$work/steps" ] || printf 'start\tfailed\t0\t%s\n' "$2" >"$work/steps"
    store
    [ "${value[device]:-}" = none ] || cat "$folder/results.txt"
    echo "gpu: $2; $SECONDS s; see $folder"
    exit "$1"
}
