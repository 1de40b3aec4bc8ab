#!/bin/sh
# Runs every fuzz target of the module for the given time each (default 3s), and
# fails at the first that finds something.
set -eu
time=${1:-3s}
cd "$(dirname "$0")/../.."
found=0
for file in $(git ls-files '*_test.go' | xargs grep -l '^func Fuzz'); do
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file"); do
		found=$((found + 1))
		# The fuzzer sometimes reports the end of its own time as a failure
		# (golang/go#75804); a finding always leaves an input behind.
		out=$(go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "./$(dirname "$file")" 2>&1) || case $out in
		*"Failing input"* | *panic* | *"build failed"*) printf '%s\n' "$out" && exit 1 ;;
		*"context deadline exceeded"*) ;;
		*) printf '%s\n' "$out" && exit 1 ;;
		esac
		printf '%s\t%s\n' "$target" "$(printf '%s\n' "$out" | grep -o 'execs: [0-9]*' | tail -n 1)"
	done
done
[ "$found" -gt 0 ] || { echo "error: no fuzz target was found" >&2; exit 1; }
echo "$found fuzz targets, $time each"
