# Everything there is to do here: make help.
# Tools are pinned and run from source; nothing need be installed but Go, make, git and curl.

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

BIN   := bin/webproxy
TOOLS := $(CURDIR)/bin/tools
# What a check could not check, a line each, for the summary.
UNCHECKED := bin/unchecked

# One way to compile for all that is here, so that nothing is compiled twice; it is that of a release.
export CGO_ENABLED := 0
export GOFLAGS := $(shell go env GOFLAGS) -trimpath

.DEFAULT_GOAL := help
# Checks run one after the other: they share the machine with nobody, and their output stays readable.
.NOTPARALLEL:

.PHONY: help
help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/webproxy; COMMIT=... names its commit where neither git nor .git tells
	go build -ldflags '-X main.commit=$(shell scripts/commit.sh)' -o $(BIN) ./cmd/webproxy

.PHONY: run
run: build ## Build and run with the built-in configuration, on :9090
	@# Not here: its audit log would go to ./audit, among the sources of the package of that name.
	@# The shell gives way to the proxy, so that a signal for make ends it.
	mkdir -p run && cd run && exec ../$(BIN) serve -c built-in

# The longest first, so that the machine is not idle while the last of them runs: a package that is named twice is tested once.
TESTED := ./cmd/webproxy ./audit ./learn ./...

.PHONY: test
test: ## Run all tests, with the seeds of the fuzz tests; make vet vets them
	@# proxy and ship wait more than they work, so they come early too, and others beside them. Tests allocate much and keep little:
	@# with GOGC=100, Go's own, the garbage collector takes up to a quarter of their processor time.
	GOGC=$${GOGC:-400} go test -vet=off ./cmd/webproxy ./audit ./catalog/tables ./proxy ./ship $(TESTED)
	go -C packaging/tool test -vet=off ./...

.PHONY: check
check: fmt vet staticcheck vuln race generated cross bench-once smoke ## Everything CI checks
	@if [ -s $(UNCHECKED) ]; then echo "check: passed, but NOT CHECKED:"; sed 's/^/  /' $(UNCHECKED); else echo "check: passed"; fi

.PHONY: fmt
fmt: ## Fail if a file is not in gofmt's form
	@echo "gofmt -l"
	@files=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')) && \
	if [ -n "$$files" ]; then printf 'not in the form of gofmt:\n%s\n' "$$files" >&2; exit 1; fi

.PHONY: vet
vet: ## go vet, for Linux and Windows
	GOOS=linux go vet -tags e2e ./...
	GOOS=windows go vet ./...
	go -C packaging/tool vet ./...

.PHONY: staticcheck
staticcheck: ## staticcheck, for Linux and Windows
	GOBIN=$(TOOLS) go install $(STATICCHECK)
	GOOS=linux $(TOOLS)/staticcheck -tags e2e ./...
	GOOS=windows $(TOOLS)/staticcheck ./...

.PHONY: vuln
vuln: ## Known vulnerabilities in what we use; "not checked" is said, here and in the summary, if their database is out of reach
	GOBIN=$(TOOLS) go install $(GOVULNCHECK)
	scripts/vuln.sh $(TOOLS)/govulncheck $(UNCHECKED)

# Tests that need it are skipped without.
bin/victoria-logs: scripts/victorialogs/go.mod scripts/victorialogs/go.sum
	scripts/victorialogs.sh build
	touch $@

.PHONY: race
race: bin/victoria-logs ## All tests under the race detector, and in random order
	@# The limit is for a machine that has other work too: Go's own, 10m, is for one package.
	CGO_ENABLED=1 go test -vet=off -race -shuffle=on -timeout 20m $(TESTED)

.PHONY: generated
generated: ## Fail if go generate would change a file
	scripts/generated.sh

.PHONY: cross
cross: ## Build for every system we release, without cgo
	GOOS=linux go build ./...
	GOOS=windows go build ./...

.PHONY: e2e
e2e: ## Stories with the built binary and real clients: curl, wget, git, chromium; as root
	./e2e/run

# On one processor, what it measures on the other; see bench/peers/main.go.
PEERS = taskset -c 1 go run ./bench/peers -webproxy $(BIN)

# The packages with benchmarks or tests of linear time.
MEASURED = $(sort $(dir $(shell git grep -l -e '^func Benchmark' -e '^func Test.*Linear\b' -- '*_test.go' | sed 's,^,./,')))

.PHONY: bench-once
bench-once: build ## Run each benchmark once, so that none rots, and the tests of linear time
	@# They measure processor time, and are skipped under the race detector.
	go test -vet=off -run 'Linear$$' -bench . -benchtime 1x $(MEASURED)
	$(PEERS) -quick
	go run ./bench/dashboard -webproxy $(BIN) -quick
	go run ./bench/fleet -quick -works publish,polls -webproxy $(BIN)

.PHONY: smoke
smoke: build ## Start and stop the built binary, with curl as its client
	scripts/smoke.sh $(BIN)

.PHONY: wine
wine: ## Try webproxy.exe under wine: a service, WinINet, WinHTTP, and tests; minutes; says so where wine is not to be had
	scripts/wine.sh

.PHONY: wine-quick
wine-quick: ## The part of make wine that CI has time for: no MSI, fewer packages
	QUICK=1 scripts/wine.sh

.PHONY: helm
helm: ## Check the Helm chart: lint, templates, values, kubeconform; minutes at first, as it builds helm's packages
	scripts/helm.sh

.PHONY: bench
bench: ## Measure
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: bench-peers
bench-peers: build ## Measure the proxy beside Squid, Apache, Tinyproxy, HAProxy and goproxy: 15 minutes, two quiet processors
	@[ "$$(id -u)" != 0 ] || bench/peers/install.sh
	$(PEERS) -json bench-peers.json

.PHONY: bench-fleet
bench-fleet: build ## Simulate 200 sites with bundles and a VictoriaLogs that is killed again and again: 15 minutes
	scripts/victorialogs.sh build
	go run ./bench/fleet -webproxy $(BIN)

.PHONY: bench-dashboard
bench-dashboard: build ## Measure the dashboard: pages with 10 million records behind them, 200 viewers: 10 minutes, 3 GB of disk
	go run ./bench/dashboard -webproxy $(BIN)

.PHONY: bench-audit
bench-audit: ## Measure reading a month of audit log, beside jq, grep and goaccess: 10 minutes, 6 GB of disk
	bench/audit.sh

.PHONY: dist
dist: ## Make a release in dist/: VERSION=1.2.3, SIGNING_KEY=FILE; see docs/release.md
	scripts/dist.sh

.PHONY: dist-check
dist-check: ## Make the parts of a release for amd64, and try each: as root, in a layer that is thrown away
	DIST_ARCHS=amd64 scripts/dist.sh
	scripts/dist/check.sh $(UNCHECKED)

.PHONY: dist-twice
dist-twice: ## Make a release twice, in two places, and compare every byte
	scripts/dist_twice.sh

.PHONY: docs
docs: ## Write the generated files anew
	go generate ./...

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin run dist
