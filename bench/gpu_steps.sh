# shellcheck shell=bash disable=SC2034,SC2154 # the parts of bench/gpu share their variables
# bench/gpu_steps.sh - how a step is chosen, run and noted; sourced by bench/gpu.

declare -A ended=() # NAME: the exit code of a step that was run

wanted() { # NAME...: one of them was asked for
    local name pattern
    [ ${#only[@]} -gt 0 ] || return 0
    for name; do
        for pattern in "${only[@]}"; do
            # shellcheck disable=SC2053 # a pattern
            [[ "$name" == $pattern ]] && return 0
        done
    done
    return 1
}

# One part of an order: run if a step of it was asked for. While steps are listed, its names are
# printed instead, so a list and a run cannot differ.
part() { # "NAME..." COMMAND...
    local names
    read -ra names <<<"$1"
    shift
    if [ -n "$listing" ]; then
        printf '%s\n' "${names[@]}"
    elif wanted "${names[@]}"; then
        "$@"
    fi
    return 0
}

# Steps asked for that there are none of.
check_names() {
    local pattern name known
    mapfile -t known < <(listing=yes && "$order")
    for pattern in "${only[@]}"; do
        for name in "${known[@]}"; do
            # shellcheck disable=SC2053 # a pattern
            [[ "$name" == $pattern ]] && continue 2
        done
        echo "gpu: --only $pattern: no such step; there are: ${known[*]}" >&2
        exit 2
    done
}

# What became of a step, for the table and the JSON. A test that fails is counted; so is any step
# that tells nothing, but torch's and what needs a tool that is not there. A test that sees no card
# where there is one tells nothing.
note() { # NAME STATE SECONDS TEXT
    case $1:$2 in
    *:ok | torch*) ;;
    test-*:failed | same-*:failed | within-*:failed | memcheck-*:failed | racecheck-*:failed)
        tests_failed=$((tests_failed + 1))
        ;;
    *:failed | *:late | test-*:skipped) steps_failed=$((steps_failed + 1)) ;;
    esac
    printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${4//[$'\t\n']/ }" >>"$work/steps"
    printf '%-28s %-8s %6s s  %s\n' "$1" "$2" "$3" "$4"
}

last_line() { grep -v '^[[:space:]]*$' "$@" 2>/dev/null | tail -n 1 | cut -c 1-300; }

# A command with a time limit; its output is kept as $work/NAME.out and .err, and in the log. All that
# is known so far is on the disk before it begins. Waited for in the background, so that a signal is
# heard at once.
step() { # NAME LIMIT_S COMMAND...
    local name=$1 limit=$2 left=$((total - SECONDS)) begin=$SECONDS code state=ok text='' start
    shift 2
    [ -z "$rehearse" ] || limit=$((limit * 10)) # no card may be there, but its emulation
    store
    ended[$name]=124
    if [ "$left" -lt 3 ]; then
        note "$name" late 0 'no time left'
        return 1
    fi
    [ "$limit" -le "$left" ] || limit=$left
    echo "==== $name: $*" >>"$folder/log.txt"
    start=$EPOCHREALTIME
    timeout --kill-after=3 "$limit" "$@" >"$work/$name.out" 2>"$work/$name.err" </dev/null &
    child=$!
    wait "$child"
    code=$?
    took=$(((${EPOCHREALTIME/[.,]/} - ${start/[.,]/}) / 10000)) # hundredths
    printf -v took '%d.%02d' $((took / 100)) $((took % 100))
    child=
    {
        tail -c 150000 "$work/$name.out"
        tail -c 50000 "$work/$name.err"
        printf '==== %s: exit %d after %d s\n\n' "$name" "$code" $((SECONDS - begin))
    } >>"$folder/log.txt"
    case $code in
    0) ;;
    77) state=skipped text=$(last_line "$work/$name.out") ;;
    124 | 137) state=late text="not done in $limit s" ;;
    *)
        state=failed text=$(grep -hm 1 -F '[  ERROR   ]' "$work/$name.out" "$work/$name.err")
        text=${text:-$(last_line "$work/$name.err")}
        text=${text:-$(last_line "$work/$name.out")}
        ;;
    esac
    if [ $state = failed ] && grep -qs 'Device not supported' "$work/$name.out"; then
        state=skipped text='compute-sanitizer: Device not supported' # in some virtual machines
    fi
    note "$name" "$state" $((SECONDS - begin)) "$text"
    ended[$name]=$code
    keep_engines
    [ $code -eq 0 ]
}

# As step, but a step that others need too is run once; afterwards it is what it was.
once() { # NAME LIMIT_S COMMAND...
    [ -n "${ended[$1]:-}" ] || step "$@"
    [ "${ended[$1]}" -eq 0 ]
}

# What was said of engines while they were chosen, and what was chosen.
list_engines() {
    local file
    for file in "$work"/{cuda-index,embed}-*.err; do
        grep -qsE '(conv|fc)[0-9]' "$file" || continue
        echo "==== $(basename "$file" .err)"
        grep -E '(conv|fc)[0-9]' "$file"
    done
    for file in "$XDG_CACHE_HOME"/lookloom/engines-*; do
        [ ! -f "$file" ] || { echo && cat "$file"; }
    done
    return 0
}

# The engines chosen so far, to read and to begin the next run with. After every step, as the next
# one may be the last.
keep_engines() {
    local file kept=$folder/engines.tar.gz
    for file in "$XDG_CACHE_HOME"/lookloom/engines-*; do
        [ "$file" -nt "$kept" ] || continue
        tar -C "$XDG_CACHE_HOME" -czf "$folder/.engines" lookloom && mv "$folder/.engines" "$kept"
        break
    done
    for file in "$work"/{cuda-index,embed}-*.err "$XDG_CACHE_HOME"/lookloom/engines-*; do
        [ "$file" -nt "$folder/engines.txt" ] || continue
        list_engines >"$folder/.engines" && mv "$folder/.engines" "$folder/engines.txt"
        break
    done
}

# What an earlier run kept. Without it engines are chosen anew.
take_engines() {
    mkdir -p "$XDG_CACHE_HOME/lookloom"
    [ -n "$engines" ] || return 0
    tar -C "$XDG_CACHE_HOME" -xzf "$engines" --wildcards 'lookloom/engines-*' 2>"$work/engines.err" ||
        lost="$engines: $(last_line "$work/engines.err")"
}
