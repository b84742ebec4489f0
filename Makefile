# What can be done here. `make help` lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

.PHONY: help demo test check race bench neighbor faults browser clients soak mutate build package package-test chart-test compose-test

help: ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

demo: ## the main job, end to end, on the embedded stack; ends by itself
	@bash scripts/demo.sh

test: ## everything: checks, then all tests with -race against real servers
	@bash scripts/setup.sh
	@bash scripts/check.sh
	@bash scripts/test.sh

check: ## formatting, vet, linters, import rules, vulnerabilities
	@bash scripts/setup.sh
	@bash scripts/check.sh

race: ## the tests alone, with -race
	@bash scripts/setup.sh
	@bash scripts/test.sh

faults: ## the long fault suite: kills, hangs, outages
	@bash scripts/setup.sh
	@bash scripts/faults.sh

browser: ## the status page in a real browser, Debian's chromium, with axe-core; needs npm
	@bash scripts/browser.sh

clients: ## clients generated from the OpenAPI document, in Go and TypeScript, at work; needs npm
	@bash scripts/clients.sh

chart-test: ## the Helm chart: lint, golden files, the schemas of Kubernetes
	@bash scripts/chart-test.sh

soak: ## the random tests of worker and bridge, for ten minutes each
	@bash scripts/setup.sh
	@bash scripts/soak.sh

mutate: ## breaks a copy of the code line by line: who notices? IDS="3b 6b" picks some
	@bash scripts/setup.sh
	@go run ./scripts/mutate $(IDS)

bench: ## the benchmarks behind the README's figures
	@bash scripts/setup.sh
	@bash scripts/bench.sh

neighbor: ## what the bridge costs the server's own database
	@bash scripts/setup.sh
	@bash scripts/neighbor.sh

watch: ## alert rules and board against a Prometheus that scrapes a real run
	@bash scripts/setup.sh
	@bash scripts/watch.sh live

build: ## both programs, into bin/
	@mkdir -p bin
	@go build -trimpath -o bin/ ./worker ./producer

package: ## a .deb and a tarball with licenses and SBOM, into dist/
	@bash scripts/package.sh dist

package-test: ## builds the package twice, and boots a bare Debian to install, run, upgrade and remove it; needs root
	@bash scripts/package-test.sh

compose-test: ## builds the images and drives the main job through the started containers; needs a Docker engine
	@bash scripts/compose-test.sh
