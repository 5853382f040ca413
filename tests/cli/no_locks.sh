#!/usr/bin/env bash
# tests/cli/no_locks.sh - `lookloom index` into a folder on a file system without locks (NFS, Lustre;
# flock fails): it publishes, one run at a time, follows a run that was killed, and leaves alone what
# another machine's may be. Needs the shop of shop.sh and other_machine.so.
. tests/cli/start.sh

index=$work/shop.h5
holder=$index.work/holder
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0

# here VARIABLE... -- COMMAND...: on a machine of such variables (other_machine.c)
here() {
    local variables=()
    while [ "$1" != -- ]; do
        variables+=("$1")
        shift
    done
    shift
    exec env "${variables[@]}" LD_PRELOAD="$TEST_BIN/other_machine.so" "$BIN/lookloom" "$@"
}

make_index=(index "$work/few.csv" -o "$index" --weights "$SHOP/weights.h5"
    --image-root "$SHOP/shop" --layer gap --backend cpu)
head -n 4 "$SHOP/shop/catalog.csv" >"$work/few.csv"

# run CODE PATTERN VARIABLE...: what it says on stderr stays in $work/err
run() {
    local code=$1 pattern=$2 got
    shift 2
    (here "$@" -- "${make_index[@]}") >"$work/out" 2>"$work/err"
    got=$?
    [ "$got" -eq "$code" ] || fail "exit $got instead of $code with $*: $(cat "$work/err")"
    grep -qE -- "$pattern" "$work/err" || fail "no '$pattern' with $*: $(cat "$work/err")"
}

# Every way in which a kernel says so, and what is no such way.
published() {
    local code
    for code in 37 38 95 524; do # ENOLCK, ENOSYS, EOPNOTSUPP, ENOTSUPP
        run 0 "^lookloom index: $holder: the file system has no locks \(.*\); this file keeps other runs out\$" \
            OTHER_FLOCK=$code HDF5_USE_FILE_LOCKING=TRUE
        [ "$(grep -c 'no locks' "$work/err")" -eq 1 ] || fail "not once: $(cat "$work/err")"
        [ -e "$index.work" ] && fail "with $code the work folder is still there"
    done
    "$BIN/lookloom" verify -q "$index" || fail "the index is damaged"
    run 3 'shop.h5.work: cannot lock it: Input/output error' OTHER_FLOCK=5
    rm -r "$index.work"
    # What is said to HDF5 is for other programs; ours need no locks of it.
    (here OTHER_FLOCK=37 HDF5_USE_FILE_LOCKING=TRUE -- info "$index") >"$work/out" 2>&1 ||
        fail "info: $(cat "$work/out")"
    LD_PRELOAD="$TEST_BIN/other_machine.so" OTHER_FLOCK=37 HDF5_USE_FILE_LOCKING=TRUE \
        "$BIN/lookloom-query" "$index" --list >"$work/out" 2>&1 ||
        fail "lookloom-query: $(cat "$work/out")"
}

# start VARIABLE...: a long run in the background, $child, that has its lock
start() {
    make_index[1]=$SHOP/shop/catalog.csv
    (here "$@" -- "${make_index[@]}" -q) &
    child=$!
    make_index[1]=$work/few.csv
    for _ in $(seq 600); do
        [ -s "$holder" ] && return
        sleep 0.05
    done
    fail "the run does not begin"
}

stop() { # SIGNAL
    kill "-$1" "$child" 2>/dev/null || fail "the long run was over too early"
    wait "$child" 2>/dev/null
}

one_at_a_time() {
    local host
    host=$(uname -n)
    start OTHER_FLOCK=37
    run 3 "^lookloom index: $index: another run is writing it: process $child on $host\$" OTHER_FLOCK=38
    [ "$(wc -l <"$work/err")" -eq 1 ] || fail "not one line: $(cat "$work/err")"
    # One with locks sees it as well.
    run 3 "another run is writing it: process $child on $host\$"
    kill -0 "$child" 2>/dev/null || fail "the long run was disturbed"
    stop 9
    run 0 "^lookloom index: $holder: process $child on $host is gone; taking over\$" OTHER_FLOCK=37
    [ -e "$index.work" ] && fail "after taking over the work folder is still there"
    start OTHER_FLOCK=95
    stop TERM
    run 0 'is gone; taking over' # with locks
    start
    run 3 "another run is writing it: process $child on $host\$"
    stop 9
    run 0 ''
    grep -q 'taking over' "$work/err" && fail "with locks a killed run is no news: $(cat "$work/err")"
}

another_machine() {
    local there=(OTHER_FLOCK=37 OTHER_HOST=node9 "OTHER_ROOT=$work/node9") code
    mkdir -p "$work/node9/proc/sys/kernel/random" "$work/node9/etc"
    echo 0c0ffee0-0000-4000-8000-000000000000 >"$work/node9/proc/sys/kernel/random/boot_id"
    echo 0123456789abcdef0123456789abcdef >"$work/node9/etc/machine-id"
    start "${there[@]}"
    stop 9
    for code in 37 38; do
        run 3 "^lookloom index: $holder: held by process $child on node9 since 20.*Z, which cannot be asked from here; if that run is gone, delete this file\$" \
            OTHER_FLOCK=$code
        [ "$(wc -l <"$work/err")" -eq 1 ] || fail "not one line: $(cat "$work/err")"
    done
    cp "$holder" "$work/record"
    rm "$holder" # as the line says
    run 0 'no locks' OTHER_FLOCK=37
    # The machine itself, after a restart, knows that nothing of then is left; a container does not.
    mkdir "$index.work"
    cp "$work/record" "$holder"
    echo 0c0ffee0-0000-4000-8000-000000000001 >"$work/node9/proc/sys/kernel/random/boot_id"
    if [ "$(readlink /proc/self/ns/pid)" = 'pid:[4026531836]' ]; then
        run 0 "process $child on node9 is gone; taking over" "${there[@]}"
    else
        run 3 'cannot be asked from here' "${there[@]}"
        rm -r "$index.work"
    fi
}

torn() {
    mkdir "$index.work"
    : >"$holder"
    run 0 "^lookloom index: $holder: no whole record, as after a power cut; taking over\$" OTHER_FLOCK=37
    mkdir "$index.work"
    head -c 3000 /dev/urandom >"$holder"
    run 0 'no whole record'
    [ -e "$index.work" ] && fail "the work folder is still there"
}

published
one_at_a_time
another_machine
torn
finish "no locks: all as promised"
