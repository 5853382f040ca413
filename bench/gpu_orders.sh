# shellcheck shell=bash disable=SC2034,SC2154 # the parts of bench/gpu share their variables
# bench/gpu_orders.sh - which steps a run takes, in which order; sourced by bench/gpu. What matters
# most comes first, so the order says what a run loses that is stopped.

within() { # PRECISION BOUND LAYER
    part "cuda-index-$1-$3 within-$1-$3" agree "$@"
}

# Is it right at all, and a first speed. By reckoning, from the start: libraries and kernels 25 s, each
# layer alone 45 s, an index in fp16 75 s, embedding 100 s, whole networks in all precisions 150 s. What
# is late then is the least: gpu_backend has tried tf32 and fp32 before their indexes.
order_first() {
    patience=12
    part device-properties device_properties
    part module module_opens
    gpu_tests 15
    layers_test 15
    part prepare prepared
    part cpu-index-fc2 cpu_index fc2
    within fp16 1e-3 fc2
    part embed-fp16 bench_embed fp16 8192 50 20
    backend_test 60
    part 'cuda-index-again same-bytes' repeat
    part memcheck-gpu_topk sanitize memcheck gpu_topk
    within tf32 1e-3 fc2
    within fp32 1e-5 fc2
}

# How fast, of a build whose correctness is known: little of it is tried again.
order_bench() {
    patience=30
    part device-properties device_properties
    part module module_opens
    part prepare prepared
    part cpu-index-fc2 cpu_index fc2
    within fp16 1e-3 fc2
    part 'cuda-index-again same-bytes' repeat
    part embed-fp16 bench_embed fp16 8192 90
    part torch-compile-fp16 peer compile-fp16 80 embed --precision fp16 --mode compile
    part ceilings measure_ceilings
    part neighbors-1000000 bench_pairs neighbors-1000000 1000000 none 110
    part torch-neighbors-1000000 peer neighbors-1000000 60 similarity --rows 1000000 --blocks 8
    part similarity-44000 bench_pairs similarity-44000 44000 float32 60
    part torch-similarity-44000 peer similarity-44000 30 similarity --rows 44000
    part embed-tf32 bench_embed tf32 4096 60
    part embed-fp32 bench_embed fp32 2048 60
    part 'index-5000 index-5000-stages' bench_index
    part torch-index-5000 peer_index
    part torch-eager-fp16 peer eager-fp16 40 embed --precision fp16 --mode eager
    part kernels per_kernel
    part torch-compile-tf32 peer compile-tf32 60 embed --precision tf32 --mode compile
    part torch-compile-fp32 peer compile-fp32 60 embed --precision fp32 --mode compile
}

# Everything.
order_all() {
    local layer
    patience=40
    part device-properties device_properties
    part module module_opens
    gpu_tests 40
    layers_test 20
    part prepare prepared
    part ceilings measure_ceilings
    part embed-fp16 bench_embed fp16 8192 120
    part cpu-index-fc2 cpu_index fc2
    within fp16 1e-3 fc2
    part 'cuda-index-again same-bytes' repeat
    part 'index-5000 index-5000-stages' bench_index
    part similarity-44000 bench_pairs similarity-44000 44000 float32 60
    part torch-eager-fp16 peer eager-fp16 40 embed --precision fp16 --mode eager
    part torch-compile-fp16 peer compile-fp16 80 embed --precision fp16 --mode compile
    part torch-similarity-44000 peer similarity-44000 30 similarity --rows 44000
    part torch-index-5000 peer_index
    part embed-tf32 bench_embed tf32 4096 80
    within tf32 1e-3 fc2
    part embed-fp32 bench_embed fp32 2048 80
    within fp32 1e-5 fc2
    backend_test 110
    sanitize_all
    part kernels per_kernel
    for layer in pool5 gap fc1; do
        part "cpu-index-$layer" cpu_index "$layer"
        within fp16 1e-3 "$layer"
    done
    part neighbors-250000 bench_pairs neighbors-250000 250000 none 40
    part torch-eager-tf32 peer eager-tf32 30 embed --precision tf32 --mode eager
    part torch-eager-fp32 peer eager-fp32 30 embed --precision fp32 --mode eager
    part torch-neighbors-250000 peer neighbors-250000 30 similarity --rows 250000 --blocks 8
    part neighbors-1000000 bench_pairs neighbors-1000000 1000000 none 110
    part torch-neighbors-1000000 peer neighbors-1000000 60 similarity --rows 1000000 --blocks 8
    part torch-compile-tf32 peer compile-tf32 60 embed --precision tf32 --mode compile
    part torch-compile-fp32 peer compile-fp32 60 embed --precision fp32 --mode compile
}
