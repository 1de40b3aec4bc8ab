#!/bin/sh
# Runs every fuzz target of the module for the given time each (default 3s), one on each
# processor, and fails when one of them finds something. A second argument is a package's
# folder: its targets alone, one after another.
set -eu
time=${1:-3s}
cd "$(dirname "$0")/../.."
if [ $# -lt 2 ]; then
	folders=$(git ls-files '*_test.go' | xargs grep -l '^func Fuzz' | xargs -n 1 dirname | sort -u)
	[ -n "$folders" ] || { echo "error: no fuzz target was found" >&2; exit 1; }
	printf '%s\n' "$folders" | xargs -n 1 -P "$(getconf _NPROCESSORS_ONLN)" "softhsm/e2e/$(basename "$0")" "$time"
	echo "$(git ls-files '*_test.go' | xargs grep -h '^func Fuzz' | wc -l) fuzz targets, $time each"
	exit
fi
binary=$(mktemp)
trap 'rm -f "$binary"' EXIT
go test -c -fuzz . -o "$binary" "./$2"
cache=$(go env GOCACHE)/fuzz/countersign/$2
cd "$2"
for target in $("$binary" -test.list '^Fuzz'); do
	# The fuzzer sometimes reports the end of its own time as a failure
	# (golang/go#75804); a finding always leaves an input behind.
	out=$("$binary" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$time" -test.fuzzcachedir "$cache" -test.parallel 1 2>&1) || case $out in
	*"Failing input"* | *panic*) printf '%s: %s\n' "$target" "$out" && exit 1 ;;
	*"context deadline exceeded"*) ;;
	*) printf '%s: %s\n' "$target" "$out" && exit 1 ;;
	esac
	printf '%s\t%s\n' "$target" "$(printf '%s\n' "$out" | grep -o 'execs: [0-9]*' | tail -n 1)"
done
