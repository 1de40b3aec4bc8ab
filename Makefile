# Countersign. Two commands do everything: `make run` and `make test`.
# `make help` lists the others.

export CGO_ENABLED = 1
# The Go that go.mod names, whatever the machine has and is set to: Go 1.21 and
# later fetch it by themselves.
export GOTOOLCHAIN := go$(shell sed -n 's/^go //p' go.mod)
# A toolchain that install.sh had to fetch comes before the machine's own.
export PATH := $(CURDIR)/.toolchain/bin:$(PATH)
# A program that the race detector watches sleeps for a second before it ends, and the
# tests start thousands of them.
export GORACE ?= atexit_sleep_ms=10

STATE    ?= .run
PORT     ?= 8080
BRIDGE_PORT ?= 18427
# Of pages that embed it, which `make run` admits: "http://localhost:5173 http://localhost:3000".
ORIGINS  ?=
FUZZTIME ?= 3s
SOAK     ?= 60m
# What starts no goroutine has no races, and is ten times as fast without the detector.
PURE      = ./shared/rehearsal ./web/internal/rebuild
# SQLite is C that was translated to Go: it keeps no Go memory, so that the race detector finds
# nothing in it, and takes half of the time of what stores something. No other package can be left
# out: what is compiled without the detector hides its allocations and its atomics from it.
RACE      = -race -gcflags=modernc.org/sqlite/lib=-race=false
NFPM      = github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.44.1
# The node that `make test-chains` sends on: geth of the version that go.mod names,
# kept outside the checkout.
GETH_VERSION := $(shell sed -n 's|^.github.com/ethereum/go-ethereum ||p' go.mod)
GETH     ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/countersign/geth-$(GETH_VERSION)/geth
BIN       = bin/countersign-gateway bin/countersign-bridge bin/softhsm-token bin/countersign-sandbox bin/scripted-pinentry

# quoted makes a value one word for the shell.
quoted = '$(subst ','\'',$(1))'

.PHONY: help npm gallery run deb demo test test-long test-modules test-hosts test-chains test-wasm lint fuzz bench soak wasm build clean clean-run install install-test

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

run: install build ## build, provision SoftHSM and start the whole system (Ctrl-C stops it)
	@bin/countersign-sandbox up --state=$(call quoted,$(STATE)) --port=$(call quoted,$(PORT)) --bridge-port=$(call quoted,$(BRIDGE_PORT))$(if $(ORIGINS), $(foreach o,$(ORIGINS),--origin=$(call quoted,$(o))))

demo: install build ## play a purchase, quotes to delivery, without a browser
	@bin/countersign-sandbox demo

test: install-test wasm npm build lint ## install what is missing and run all tests
	go test $(RACE) -count=1 -timeout 60m $$(go list ./... | grep -v -x $(PURE:./%=-e countersign/%))
	go test -count=1 $(PURE)
	$(MAKE) --no-print-directory test-wasm fuzz

test-long: install-test wasm npm build ## what takes longer than test: other modules, more fuzzing, a soak, all tests on a busy machine
	$(MAKE) --no-print-directory test-modules test-hosts test-chains
	go test -count=1 -timeout 30m ./web/dashboard -run '^TestGallery$$' -gallery
	$(MAKE) --no-print-directory fuzz FUZZTIME=20s
	$(MAKE) --no-print-directory soak SOAK=10m
	softhsm/e2e/busy.sh go test $(RACE) -count=1 -timeout 60m ./...

test-modules: ## install and test the PKCS#11 modules of others: NSS, a TPM, OpenSC with a PIV card, p11-kit
	@softhsm/e2e/install.sh modules
	go test -race -count=1 -p 1 -tags modules ./softhsm/piv ./softhsm/modules ./bridge/internal/device

test-hosts: npm ## play the npm packages in more dashboards: Vite 7, development servers, Next
	go test -count=1 -timeout 30m -tags hosts -run 'README|Seeds' ./softhsm/e2e

test-chains: install $(GETH) ## build geth, once, and send on a chain of its own (4 minutes to build; GETH=FILE takes another one)
	GETH=$(call quoted,$(abspath $(GETH))) go test -count=1 -timeout 10m -tags chains -run OnGeth ./web/internal/chain/sendtest

$(GETH):
	GOBIN=$(call quoted,$(abspath $(dir $@))) GOFLAGS=-p=1 nice go install github.com/ethereum/go-ethereum/cmd/geth@$(GETH_VERSION)

test-wasm: ## run the tests of what the browser runs, in js/wasm
	GOOS=js GOARCH=wasm CGO_ENABLED=0 go test -tags verify -exec="$$(go env GOROOT)/lib/wasm/go_js_wasm_exec" ./shared/... # with all that a receipt may hold
	GOOS=js GOARCH=wasm CGO_ENABLED=0 go test -exec="$$(go env GOROOT)/lib/wasm/go_js_wasm_exec" \
		$$(go list ./wasm/internal/... | grep -v -e /wasm/internal/browser)

lint: ## gofmt, vet and staticcheck, native and js/wasm
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt would change:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet -tags modules,hosts,chains ./...
	go tool staticcheck -tags modules,hosts,chains ./...
	GOOS=js GOARCH=wasm CGO_ENABLED=0 go vet ./wasm/... ./shared/...
	GOOS=js GOARCH=wasm CGO_ENABLED=0 go vet -tags verify ./wasm/verify ./shared/intent
	tool=$$(go tool -n staticcheck) && GOOS=js GOARCH=wasm CGO_ENABLED=0 $$tool ./wasm/... ./shared/...

fuzz: ## run each fuzz target for FUZZTIME (3s)
	@softhsm/e2e/fuzz.sh $(FUZZTIME)

bench: install-test wasm build ## measure: one line each, NAME VALUE UNIT goal OP N ok|short
	@bin/countersign-sandbox bench

soak: install-test wasm ## use a bridge in every way for SOAK (60m): memory, descriptors and sessions must stay flat
	SOAK=$(SOAK) go test -count=1 -v -timeout 0 -run '^TestABridgeInMixedUseStaysFlat$$' ./softhsm/e2e

wasm: ## build the browser module: dist/countersign.wasm
	go run ./web/dashboard/bundle

npm: wasm ## build the npm packages: dist/npm/*.tgz
	go run ./web/dashboard/npm

gallery: ## show every element in every state, in a browser
	@go run ./web/dashboard/gallery/cmd

build: wasm $(BIN) ## build all programs into bin/

bin/countersign-gateway: FORCE
	go build -trimpath -o $@ ./web/cmd/countersign-gateway
bin/countersign-bridge: FORCE
	go build -trimpath -o $@ ./bridge/cmd/countersign-bridge
bin/softhsm-token: FORCE
	go build -trimpath -o $@ ./softhsm/cmd/softhsm-token
bin/countersign-sandbox: FORCE
	go build -trimpath -o $@ ./softhsm/e2e/cmd/countersign-sandbox
bin/scripted-pinentry: FORCE
	go build -trimpath -o $@ ./softhsm/e2e/cmd/scripted-pinentry
FORCE:

deb: install ## build the bridge's Debian package: dist/countersign-bridge_*.deb
	@bridge/packaging/package.sh $(NFPM)

install:
	@softhsm/e2e/install.sh run
install-test:
	@softhsm/e2e/install.sh test

clean-run: ## forget the state of `make run`
	@[ ! -e $(call quoted,$(STATE)) ] || go run -trimpath ./softhsm/e2e/cmd/countersign-sandbox forget --state=$(call quoted,$(STATE))

clean: clean-run ## remove everything that was built
	rm -rf bin dist .toolchain
