#!/bin/bash
# tests/cuda_on_cpu/mutate.sh - the kernels' tests can fail: each line below spoils one kernel, by a
# barrier taken away or an index moved, and its test must then fail.
#
# Not here, since fibers cannot notice them: topk.cu's __syncwarp beside shuffles and ballots, which
# are barriers on fibers (kernels/README.md).
#
# From CTest: CXX, CXXFLAGS (as the fibers are compiled), CC_LIBS (what tests link), OBJECTS (the
# tests' objects, "kernel=path", any number). With VERBOSE, how each was noticed. Runs in the project's root.
set -u
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT

# kernel (@ test, where it is not its own) | file to spoil | what it means | sed script. NTH n PATTERN deletes the n-th line with it.
mutations() {
    cat <<'LIST'
convolve|convolve.cu|no barrier before a slice is replaced|NTH 1 __syncthreads
convolve|convolve.cu|no barrier before a slice is used|NTH 2 __syncthreads
convolve|convolve.cu|the picture's last column left out|s/column < s.side;/column < s.side - 1;/
convolve|convolve.cu|taps not centred|s/tap % s.window - radius/tap % s.window/
convolve|convolve.cu|channels beyond the last|s/c < s.in \&\& found/found/
convolve|convolve.cu|places beyond the last|s/if (p >= all || o >= s.out)/if (o >= s.out)/
convolve|convolve.cu|one sum without parts|s/slice % PART_SLICES != 0 \&\& first/first/
normalize|normalize.cu|no barrier before the upper sums are read|NTH 1 __syncthreads
normalize|normalize.cu|no barrier before the length is read|NTH 2 __syncthreads
normalize|normalize.cu|columns one further|s/j = lane;/j = lane + 1;/
normalize|normalize.cu|the wrong upper sum|s/upper\[lane - LL_WARP\]/upper[(lane + 1) % LL_WARP]/
normalize|normalize.cu|threads at different barriers|s/if (lane >= LL_WARP) upper/if (lane >= LL_WARP) __syncthreads(), upper/
halve|halve.cu|the row ends one early|s/(row + 1) \* cols;/(row + 1) * cols - 1;/
halve|halve.cu|the rest of a row one too far|s/at + LL_WARP < end/at + LL_WARP <= end/
halve|warp_reduce.cuh|a step of the tree left out|s/step = 16/step = 8/
halve|warp_reduce.cuh|lanes add without meeting|s/__shfl_xor_sync(0xffffffffu, sum, step)/sum/
rescore|rescore.cu|the rest of a row one too far|s/k + LL_WARP < cols/k + LL_WARP <= cols/
rescore|rescore.cu|columns of the row before|s/columns\[r \* count + c\]/columns[r * count + c - (r > 0)]/
rescore|rescore.cu|the square of another row|s/squares\[first_row + r\]/squares[r]/
rescore|warp_reduce.cuh|a step of the tree left out|s/step = 16/step = 8/
rescore|warp_reduce.cuh|lanes add without meeting|s/__shfl_xor_sync(0xffffffffu, sum, step)/sum/
rescore|rescore.cu|the wrong one of 16 pairs|s/sums\[p \/ SIDE\]\[p % SIDE\]/sums[p % SIDE][p \/ SIDE]/
rescore|rescore.cu|rows beyond the last|s/first + p < count ? first + p : count - 1/first + p/
rescore|rescore.cu|columns beyond the last|s/column + p < all ? column + p : all - 1/column + p/
rescore|rescore.cu|scores of rows beyond the last|s/\&\& r < count \&\& c < all/\&\& c < all/
rescore|rescore.cu|the square of a place, not of a row|s/squares\[rows\[r\]\]/squares[r]/
rescore|rescore.cu|pairs given up with the first|s/any |= column\[p\] >= 0/any = column[p] >= 0/
rescore@offsets|rescore.cu|offsets of 32 bits|s/features + column\[p\] \* cols/features + (uint32_t)(column[p] * cols)/
narrow@offsets|narrow.cu|offsets of 32 bits|s/tile.scores\[r \* tile.stride + c\]/tile.scores[(uint32_t)(r * tile.stride) + c]/
topk@offsets|topk.cu|offsets of 32 bits|s/lists.keys\[list \* lists.capacity + slot\]/lists.keys[(uint32_t)(list * lists.capacity) + slot]/
pool|pool.cu|the wrong corner of a square|s/above\[at + line + units\]/above[at + line]/
pool|pool.cu|the last corner not looked at|s/square < 4/square < 3/
pool|pool.cu|rows one further|s/above = x + 2 \* row \* line/above = x + (2 * row + 1) * line/
pool|pool.cu|the largest of one lane only|s/mine = larger(mine, __shfl_xor_sync(0xffffffffu, mine, step))/mine = mine/
pool|pool.cu|the bias of another channel|s/bias\[i % channel_units\]/bias[(i + 1) % channel_units]/
pool|pool.cu|rows of one block only|s/row += gridDim.x) {/row += rows) {/
pool|pool.cu|a place left out of the mean|s/position < positions/position < positions - 1/
pool|pool.cu|the factor forgotten|s/Type::value(x\[i\]) \* factor/Type::value(x[i])/
pool|pool.cu|the last values not looked at|s/if (thread < rest) sizes.see/if (thread < 0) sizes.see/
pool|pool.cu|units asked for at once one too few|s/see(v\[k\], \&sizes);/see(v[k > 0 ? k : 1], \&sizes);/
pool|pool.cu|the lower of two halves forgotten|s/up > low ? up : low/up/
pool|pool.cu|the sign kept|s/word << 17/word << 16/
pool|pool.cu|what is there not looked at|s/mine > \*static_cast<const volatile uint32_t \*>(largest)/mine < 1/
preprocess|preprocess.cu|no barrier before the next chunk|NTH 1 __syncthreads
preprocess|preprocess.cu|no barrier before pixels are read|NTH 2 __syncthreads
preprocess|preprocess.cu|a table one further|s/table\[VALUES + rgb/table[VALUES + 1 + rgb/
preprocess|preprocess.cu|the last bytes one further|s/i = whole \* UNIT_BYTES +/i = 1 + whole * UNIT_BYTES +/
preprocess|preprocess.cu|blocks stop after one chunk|s/first += (int64_t)gridDim.x \* CHUNK/first += positions/
periodic|periodic.cu|one word of four not looked at|s/ \&\& a.w == b.w//
periodic|periodic.cu|threads stop after one unit|s/i += (int64_t)gridDim.x \* BLOCK/i += count/
narrow|narrow.cu|no barrier before a mirrored square is read|NTH 1 __syncthreads
narrow|narrow.cu|a square not transposed|s/1.0f : square\[x\]\[i\]/1.0f : square[i][x]/
narrow|narrow.cu|a column too many|s/if (c >= tile.columns) return/if (c > tile.columns) return/
narrow|narrow.cu|no clamp|s/Type::of(__saturatef(\(.*\]\)));/Type::of(\1);/
topk|topk.cu|counters not yet cleared|NTH 1 __syncwarp
topk|topk.cu|counters read too early|NTH 2 __syncwarp
topk|topk.cu|sorting begins too early|NTH 1 __syncthreads
topk|topk.cu|sorting does not wait for the step before|NTH 2 __syncthreads
topk|topk.cu|a full list written beyond its room|s/slot < (uint32_t)lists.capacity/slot <= (uint32_t)lists.capacity/
topk|topk.cu|an overflow forgotten|s/state.count > (uint32_t)lists.capacity/state.count > 1000000/
topk|topk.cu|an overflow keeps what came with the tile|s/state.count = lists.base_counts/state.count = (uint32_t)lists.keep; (void)lists.base_counts/
topk|topk.cu|ranks one further|s/who \& before)\] = key;/who \& before) + 1] = key;/
topk|topk.cu|columns one further|s/key_of(score, column));/key_of(score, column + 1));/
topk|topk.cu|rows told apart by score alone|s/if (key <= lists.worst\[list\]) return;/if (score_of(key) <= score_of(lists.worst[list])) return;/
topk|topk.cu|an item its own neighbour|s/return row != column \&\& /return /
topk|topk.cu|no groups|s/(group == NULL || group\[row\] == group\[column\])/true/
topk|topk.cu|a whole strip one column further|s/= first\[r \* stride + i \* LL_WARP\];/= first[r * stride + i * LL_WARP + 1];/
topk|topk.cu|strips at the lower edge taken for whole|s/rows == LL_TOPK_STRIP_ROWS \&\&/rows > 0 \&\&/
topk|topk.cu|what is outside offered|s/const bool inside = start + r < rows/const bool inside = start + r <= rows/
topk|topk.cu|columns of a tile not offered|s/score >= of_column) append/false) append/
topk|topk.cu|a bin one lower|s/if (over + in >= wanted) break;/if (over + in > wanted) break;/
topk|topk.cu|a cut one digit short|s/key >> (shift + DIGIT_BITS) == prefix/true/
LIST
}

spoil() { # SED-SCRIPT FROM TO
    case $1 in
    NTH*)
        set -- $1 "$2" "$3"
        awk -v nth="$2" -v what="$3" '!(index($0, what) && ++n == nth)' "$4" >"$5"
        ;;
    *) sed -e "$1" "$2" >"$3" ;;
    esac
}

# Is this one found? Says nothing if it is.
try() { # NUMBER KERNEL FILE MEANING SCRIPT
    local dir=$scratch/$1 kernel=${2%@*} test=${2#*@} object source status
    source=kernels/$kernel.cu
    mkdir -p "$dir/kernels"
    spoil "$5" "kernels/$3" "$dir/kernels/$3"
    if cmp -s "kernels/$3" "$dir/kernels/$3"; then
        echo "$3: '$4' changes nothing; the list is out of date"
        return
    fi
    [ "$3" = "$kernel.cu" ] && source=$dir/kernels/$3
    object=$(tr ' ;' '\n\n' <<<"$OBJECTS" | sed -n "s/^$test=//p")
    # shellcheck disable=SC2086
    if ! "$CXX" -I "$dir" $CXXFLAGS -w -x c++ "$source" -x none "$object" $CC_LIBS -o "$dir/test" \
        2>"$dir/errors"; then
        echo "$3: '$4' does not compile: $(head -n 3 "$dir/errors")"
        return
    fi
    timeout 60 "$dir/test" >"$dir/output" 2>&1
    status=$?
    [ "$status" != 0 ] || echo "$3: '$4' is not noticed"
    [ "${VERBOSE:-}" = "" ] || echo "# $2: $4: $(grep -aE 'instead|deadlock|ERROR: Add|runtime error|error:' "$dir/output" |
        head -n 1 | cut -c1-120) (exit $status)" >&2
    rm -rf "$dir"
}

number=0
while IFS='|' read -r kernel file meaning script; do
    number=$((number + 1))
    [ "$(jobs -rp | wc -l)" -lt "$(nproc)" ] || wait -n
    try "$number" "$kernel" "$file" "$meaning" "$script" >"$scratch/$number.said" &
done < <(mutations)
wait
cat "$scratch"/*.said >"$scratch/said"
cat "$scratch/said"
echo "$number mutations, $(wc -l <"$scratch/said") unnoticed"
[ "$number" -gt 0 ] && [ ! -s "$scratch/said" ]
