#!/bin/sh
# Before the package goes: no session starts the bridge any more, and the computer
# starts neither signer nor gateway. What they kept (pairings, journal, log,
# configuration) stays.
set -e
if [ "$1" = remove ] && command -v systemctl >/dev/null 2>&1; then
	systemctl --global disable countersign-bridge.service >/dev/null 2>&1 || true
	systemctl disable --now countersign-signer.service countersign-gateway.service >/dev/null 2>&1 || true
fi
