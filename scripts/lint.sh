#!/usr/bin/env bash
# The linters, at pinned versions, each for something that has cost somebody a
# night. They are fetched through the Go module proxy like any module.
set -euo pipefail
cd "$(dirname "$0")/.."

go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
go run mvdan.cc/unparam@v0.0.0-20260823230713-2fa3d841b0c8 ./... # parameters and results that say nothing
go run github.com/gordonklaus/ineffassign@v0.2.0 ./... # values nobody reads
go run github.com/polyfloyd/go-errorlint@v1.8.0 ./... # == and type assertions that miss wrapped errors
go run github.com/kisielk/errcheck@v1.10.0 -ignoretests -exclude scripts/errcheck.txt ./... # errors dropped

# American spelling. One word is a label that encrypted data is bound to.
if spelling=$(go run github.com/golangci/misspell/cmd/misspell@v0.8.0 -source=text -locale=US config jobs producer scripts worker README.md CHANGELOG.md Makefile | grep -v '^jobs/state/connection.go:.*of "license"'); then
	echo "$spelling"
	exit 1
fi
