#!/bin/sh
# Before the package goes: nobody's session starts the bridge any more. What it
# kept for each person (pairings, journal, configuration) is theirs and stays.
set -e
if [ "$1" = remove ] && command -v systemctl >/dev/null 2>&1; then
	systemctl --global disable countersign-bridge.service >/dev/null 2>&1 || true
fi
