#!/bin/sh
# Builds dist/countersign-bridge_VERSION_ARCH.deb. The same commit and the same
# tools give the same bytes: times are the commit's, paths and build identifiers
# are left out.
#
#   package.sh NFPM    NFPM is the module and version of the packager
set -eu
nfpm=$1
cd "$(dirname "$0")"
top=$(cd ../.. && pwd)

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC CGO_ENABLED=1
day=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%d)
ARCH=$(go env GOARCH)
VERSION=$(sed -n 's/^const Version = "\(.*\)"$/\1/p' ../internal/approver/approver.go)
STAGE=$(mktemp -d)
trap 'rm -rf "$STAGE"' EXIT
export ARCH VERSION

go build -trimpath -buildvcs=true -ldflags '-s -w -buildid=' -o "$STAGE/countersign-bridge" ../cmd/countersign-bridge
"$STAGE/countersign-bridge" man | sed "1s|\"\"|\"$day\"|" | gzip -9n >"$STAGE/countersign-bridge.1.gz"
echo 'complete -o default -o bashdefault -C countersign-bridge countersign-bridge' >"$STAGE/completion.bash"

cp ./* ../README.md "$top/SECURITY.md" "$top/LICENSE" "$STAGE"
cp -R "$top/shared/spec" "$STAGE/spec"
sed -i 's|](\(\.\./\)*shared/spec\([/)]\)|](spec\2|g' "$STAGE/README.md" "$STAGE/SECURITY.md" # links to where the package has it
mkdir -p "$top/dist"
(cd "$STAGE" && go run "$nfpm" package --config nfpm.yaml --packager deb --target "$top/dist/" >packager.log 2>&1) || { cat "$STAGE/packager.log" >&2; exit 1; }
echo "dist/countersign-bridge_${VERSION}-1_$ARCH.deb"
