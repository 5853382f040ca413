#!/bin/sh
# tests/lint/lint_man.sh - the manual pages are sound mdoc; skipped where mandoc is not installed.
set -u
command -v mandoc >/dev/null || exit 77
findings=$(mandoc -Tlint -Wwarning tools/man/*.[1-9]) || { echo "$findings"; exit 1; }
