#!/bin/sh
# The users of signer and gateway, for whoever starts them; they own nothing yet.
set -e
if command -v systemd-sysusers >/dev/null 2>&1; then
	systemd-sysusers countersign.conf || true
fi
