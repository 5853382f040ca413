# tests/lint/list.sh - which files the lints look at. Sourced by them; prints paths relative to the
# root they were given, one a line. In the top of a git checkout these are the tracked and the new
# files, elsewhere all files but those of a build.

list_files() { # ROOT
    local root top
    root=$(cd "$1" && pwd -P) || return 2
    top=$(git -C "$root" rev-parse --show-toplevel 2>/dev/null)
    if [ "$top" = "$root" ]; then
        git -C "$root" ls-files --cached --others --exclude-standard
    else
        (cd "$root" && find . \( -name .git -o -name 'build*' -o -name data -o -name __pycache__ \) \
            -prune -o -type f -print | sed 's|^\./||')
    fi | LC_ALL=C sort | while IFS= read -r path; do
        [ -f "$root/$path" ] && printf '%s\n' "$path" # deleted, but not yet in git, is no file
    done
    return 0
}

# C, CUDA and what both include.
list_code() { # ROOT
    list_files "$1" | grep -E '\.(c|h|cu|cuh)$'
    return 0
}

# Exit status of a lint: 1 and the findings if there are any; 2 where there was nothing to look at.
# Reads the `root` of the lint.
report() { # NAME FINDINGS
    if [ -z "$(list_code "$root" | head -n 1)" ]; then
        printf '%s: no code below %s\n' "$1" "$root" >&2
        exit 2
    fi
    if [ -n "$2" ]; then
        printf '%s\n' "$2"
        printf '%s: %d finding(s)\n' "$1" "$(printf '%s\n' "$2" | wc -l)" >&2
        exit 1
    fi
    exit 0
}
