#!/bin/sh
# Runs a command while two processes beside it each keep a core busy, and ends with
# its status:
#   busy.sh go test ./...
set -u
idle() { kill $spin 2>/dev/null; }
spin=
for _ in 1 2; do
	while :; do :; done &
	spin="$spin $!"
done
trap idle EXIT
trap 'exit 1' INT TERM
"$@"
