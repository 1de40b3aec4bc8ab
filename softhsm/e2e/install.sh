#!/bin/sh
# Installs what the Makefile needs and the machine lacks.
#
#   install.sh run     what `make run` and `make demo` need: Go, a C compiler, SoftHSM
#   install.sh test    the same, and Chromium, npm packages for the browser tests
#                      and p11-kit, which `make bench` measures against
#   install.sh modules what `make run` needs, and the PKCS#11 modules of `make test-modules`
#
# On Debian and Ubuntu it uses apt-get; with sudo when it is not root, and only
# after asking. Elsewhere it says what to install and stops.
set -eu

want=${1:-run}
top=$(cd "$(dirname "$0")/../.." && pwd)
version=$(sed -n 's/^go \([0-9.]*\)$/\1/p' "$top/go.mod")
export GOTOOLCHAIN="go$version" # as the Makefile does

have() { command -v "$1" >/dev/null 2>&1; }

softhsm_module() {
	for f in "${SOFTHSM2_MODULE:-}" /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so \
		/usr/lib64/pkcs11/libsofthsm2.so /usr/lib64/softhsm/libsofthsm.so /usr/lib/pkcs11/libsofthsm2.so \
		/usr/local/lib/softhsm/libsofthsm2.so /opt/homebrew/lib/softhsm/libsofthsm2.so; do
		[ -n "$f" ] && [ -e "$f" ] && return 0
	done
	return 1
}

browser() { have chromium || have chromium-browser || have google-chrome; }

# daemon NAME: is a program there, or among those that are in root's PATH only?
daemon() { have "$1" || [ -x "/usr/sbin/$1" ]; }

# library NAME: is a shared library, or a module, in any of the usual places?
library() {
	for f in /usr/lib/*/"$1" /usr/lib/*/pkcs11/"$1" /usr/lib/*/nss/"$1" /usr/lib64/"$1" /usr/lib64/pkcs11/"$1" /usr/lib/"$1" /usr/lib/pkcs11/"$1"; do
		[ -e "$f" ] && return 0
	done
	return 1
}

packages=
need() { packages="$packages $1"; }
have make || need make
have git || need git
have cc || { need gcc; need libc6-dev; }
have go || [ -x "$top/.toolchain/bin/go" ] || need golang-go # any version: it fetches what go.mod names
softhsm_module && have softhsm2-util || need softhsm2
[ -e /etc/ssl/certs/ca-certificates.crt ] || [ -e /etc/ssl/cert.pem ] || [ -e /etc/pki/tls/certs/ca-bundle.crt ] || need ca-certificates
if [ "$want" = test ]; then
	browser || need chromium
	have curl || need curl
	have npm || { need nodejs; need npm; }
fi
if [ "$want" = test ] || [ "$want" = modules ]; then
	have p11-kit || need p11-kit
	library p11-kit-client.so && library p11-kit-proxy.so || need p11-kit-modules
fi
if [ "$want" = modules ]; then
	have certutil || need libnss3-tools
	library libsoftokn3.so || need libnss3
	have swtpm || need swtpm
	daemon tpm2-abrmd || need tpm2-abrmd
	have dbus-daemon && have dbus-send || need dbus
	have tpm2_ptool || need libtpm2-pkcs11-tools
	have tpm2 || need tpm2-tools # tpm2_ptool runs it
	library libtpm2_pkcs11.so || need libtpm2-pkcs11-1
	library libtss2-tcti-swtpm.so.0 || need libtss2-tcti-swtpm0
	library libtss2-tcti-tabrmd.so.0 || need libtss2-tcti-tabrmd0
	daemon pcscd || need pcscd
	library pcsc/drivers/serial/libifdvpcd.so || need vsmartcard-vpcd
	library opensc-pkcs11.so || need opensc-pkcs11
fi

if [ -n "$packages" ]; then
	if ! have apt-get; then
		echo "error: these are missing:$packages" >&2
		echo "hint: install them with your system's package manager. Fedora: dnf install golang gcc softhsm chromium nodejs-npm" >&2
		echo "      Arch: pacman -S go gcc softhsm chromium npm    Alpine: apk add go build-base softhsm chromium npm" >&2
		echo "      macOS: brew install go softhsm node, and Chromium or Google Chrome" >&2
		[ "$want" != modules ] || echo "      The modules of other makers are tried on Debian and Ubuntu; the names above are Debian's." >&2
		exit 1
	fi
	sudo=
	if [ "$(id -u)" != 0 ]; then
		have sudo || { echo "error: missing:$packages; run as root: apt-get install$packages" >&2; exit 1; }
		printf 'Countersign needs these packages:%s\nInstall them with sudo apt-get? [y/N] ' "$packages"
		read -r answer </dev/tty || answer=n
		case $answer in
		y | Y | yes) sudo=sudo ;;
		*) echo "error: nothing was installed; install$packages yourself and try again" >&2; exit 1 ;;
		esac
	fi
	echo "installing:$packages"
	$sudo apt-get update -qq
	# shellcheck disable=SC2086 # a list of package names
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
fi

# A Go older than 1.21 cannot fetch a newer toolchain by itself, but it can
# download the module that holds it and check it against the checksum database.
minor=$(go env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
if [ "${minor:-0}" -lt 21 ] && [ ! -x "$top/.toolchain/bin/go" ]; then
	echo "fetching Go $version"
	module="golang.org/toolchain@v0.0.1-go$version.$(go env GOOS)-$(go env GOARCH)"
	dir=$(cd / && go mod download -json "$module" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
	[ -n "$dir" ] || { echo "error: cannot fetch $module" >&2; exit 1; }
	rm -rf "$top/.toolchain"
	cp -R "$dir" "$top/.toolchain"
	chmod -R u+w "$top/.toolchain"
	chmod +x "$top"/.toolchain/bin/* "$top"/.toolchain/pkg/tool/*/* "$top"/.toolchain/lib/wasm/go_js_wasm_exec
fi

if [ "$want" = test ] && [ ! -e "$top/softhsm/e2e/node_modules/axe-core/axe.min.js" ]; then
	(cd "$top/softhsm/e2e" && npm ci --silent --no-audit --no-fund)
fi
