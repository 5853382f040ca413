#!/bin/sh
# tests/installed/installed_library.sh BUILD - installs the library into an empty folder and uses it
# as a stranger would: by pkg-config, from C and C++, from several threads, and with only its own
# names to be seen. CC, CFLAGS, CXX and BIN name compilers, their flags and our programs.
set -u
build=$1
folder=$(mktemp -d) || exit 3
trap 'rm -rf "$folder"' EXIT
failed=0
complain() {
    failed=$((failed + 1))
    echo "$*"
}
command -v pkg-config >/dev/null || exit 77

cmake --install "$build" --prefix "$folder/tree" --component library >"$folder/log" 2>&1 || {
    cat "$folder/log"
    exit 1
}
PKG_CONFIG_PATH=$(dirname "$(find "$folder/tree" -name lookloom-query.pc)")
export PKG_CONFIG_PATH
library=$(find "$folder/tree" -name 'liblookloom-query.so.0')
cflags=$(pkg-config --cflags lookloom-query) || exit 1
libs=$(pkg-config --libs lookloom-query) || exit 1
strict="-Wall -Wextra -Wpedantic -Werror"

# Every header by itself, from C11 and from C++.
for header in "$folder"/tree/include/lookloom/*.h; do
    name=lookloom/$(basename "$header")
    grep -qE '"host/|Floor [1-6]' "$header" && complain "$name speaks of our tree"
    echo "#include <$name>" >"$folder/one.c"
    # shellcheck disable=SC2086 # flags are several words
    "$CC" -std=c11 $strict $cflags -fsyntax-only "$folder/one.c" || complain "$name alone in C"
    if [ -n "${CXX:-}" ]; then
        # shellcheck disable=SC2086
        "$CXX" -std=c++11 $strict $cflags -x c++ -fsyntax-only "$folder/one.c" ||
            complain "$name alone in C++"
    fi
done

# The example of the manual page is a program, and the page names every function.
page=$folder/tree/share/man/man3/lookloom-query.3
[ -f "$page" ] || page=$(find "$folder/tree" -name lookloom-query.3)
sed -n '/^\.Bd -literal/,/^\.Ed/p' "$page" | sed '/^\./d; s/\\e/\\/g' >"$folder/example.c"
# shellcheck disable=SC2086
"$CC" -std=c11 $strict ${CFLAGS:-} $cflags "$folder/example.c" -o "$folder/example" $libs ||
    complain "the example of lookloom-query(3)"

# It shows the functions of the headers, all of them and nothing else.
nm -D --defined-only "$library" | awk '{ print $3 }' | sort >"$folder/shown"
cat "$folder"/tree/include/lookloom/*.h | grep -oE '\bll_[a-z_]+\(' | tr -d '(' | sort -u \
    >"$folder/named"
grep -E '^ll_' "$folder/shown" >"$folder/ours"
cmp -s "$folder/ours" "$folder/named" || complain "names: $(diff "$folder/ours" "$folder/named")"
while read -r name; do
    case $name in
    ll_fail | ll_status_name) ;;
    *) grep -q "^\.Fn $name " "$page" || complain "lookloom-query(3) does not name $name" ;;
    esac
done <"$folder/named"
if [ -z "${CFLAGS:-}" ]; then # sanitizers add names and libraries of their own
    cmp -s "$folder/ours" "$folder/shown" ||
        complain "it shows too much: $(grep -vE '^ll_' "$folder/shown" | head -n 3)"
    ldd "$library" | grep -vE 'linux-vdso|libc\.so|libm\.so|ld-linux' &&
        complain "it needs more than libc and libm"
fi

# A program built against the installed tree, run by several threads, beside lookloom-query.
# shellcheck disable=SC2086
"$CC" -std=c11 -D_POSIX_C_SOURCE=200809L $strict ${CFLAGS:-} $cflags tests/installed/ask_many.c \
    -o "$folder/ask_many" $libs -pthread || exit 1
LD_LIBRARY_PATH=$(dirname "$library")
export LD_LIBRARY_PATH
"$TEST_BIN/make_sample" "$folder/s.h5" 60 48 12 uint16 || exit 3
# shellcheck disable=SC2046
set -- $("$BIN/lookloom-query" "$folder/s.h5" --list --format csv | tail -n +2)
"$BIN/lookloom-query" "$folder/s.h5" --all --format jsonl >"$folder/want" 2>"$folder/err"
for threads in 1 4; do
    "$folder/ask_many" "$folder/s.h5" $threads "$@" >"$folder/got" || complain "exit $?"
    cmp "$folder/got" "$folder/want" || complain "$threads threads answer something else"
done
[ "$("$folder/ask_many" "$folder/s.h5" 2 broken)" = 'broken: rejected: truncated JPEG' ] ||
    complain "a rejected id"
got=$("$folder/example" "$folder/s.h5" A0 2>&1)
want=$("$BIN/lookloom-query" "$folder/s.h5" A0 --format csv | awk -F, 'NR > 1 { print $3, $4 }')
[ -n "$got" ] && [ "$got" = "$want" ] || complain "the example answers: $got"
got=$("$folder/ask_many" "$folder/none.h5" 1 A0 2>&1)
[ "$got" = "ask_many: $folder/none.h5: No such file or directory (io)" ] || complain "no file: $got"

# In a process that has another HDF5 already, loaded at run time and let go again.
if [ -z "${CFLAGS:-}" ] && /usr/bin/python3 -c 'import h5py' 2>/dev/null; then
    /usr/bin/python3 - "$library" "$folder/s.h5" >"$folder/got" <<'EOF' || complain "in Python: exit $?"
import _ctypes
import ctypes
import sys

import h5py

with h5py.File(sys.argv[2]) as f:
    ids = f["item"].asstr()[:]
    library = ctypes.CDLL(sys.argv[1])
    query, answer, text = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_char_p()
    assert library.ll_query_open(sys.argv[2].encode(), ctypes.byref(query), None) == 0
    library.ll_query_find.restype = ctypes.c_int64
    for name in ids:
        row = library.ll_query_find(query, name.encode(), ctypes.c_size_t(len(name.encode())))
        assert library.ll_query_similar(query, ctypes.c_int64(row), None, ctypes.byref(answer),
                                        None) == 0
        assert library.ll_query_answer_json(answer, ctypes.byref(text), None) == 0
        print(text.value.decode())
        library.ll_query_answer_free(answer)
    library.ll_query_close(query)
    _ctypes.dlclose(library._handle)
    assert (f["item"].asstr()[:] == ids).all()
EOF
    cmp "$folder/got" "$folder/want" || complain "in Python it answers something else"
fi
[ $failed = 0 ]
