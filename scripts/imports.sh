#!/usr/bin/env bash
# Who may import whom. The compiler keeps internal/ private; this keeps the rest.
set -euo pipefail
cd "$(dirname "$0")/.."
module=$(go list -m)
failed=0

# never PACKAGE PATTERN: nothing that PACKAGE links may match PATTERN.
never() {
	local found
	found=$(go list -deps "./$1" | grep -E "$2" || true)
	[ -z "$found" ] && return
	echo "imports: $1 must not link $(echo "$found" | head -3 | tr '\n' ' ')" >&2
	failed=1
}

ours="^$module/"
for pure in jobs/fault jobs/secret jobs/sponsorship jobs; do # the standard library and each other
	foreign=$(go list -deps -f '{{if not .Standard}}{{.ImportPath}}{{end}}' "./$pure" | grep -v "$ours" || true)
	[ -z "$foreign" ] || { echo "imports: $pure must not link $foreign" >&2; failed=1; }
done
never jobs/fault "$ours"'(config|worker|producer|jobs/[^f]|jobs$)'
never jobs/sponsorship "$ours"'(config|worker|producer|jobs/(enqueue|events|state|jobstest)$)'
never jobs/events 'redis|hibiken|'"$ours"'(config|worker|producer|jobs/state)'
never jobs/state 'nats-io|hibiken|'"$ours"'(config|worker|producer|jobs/(events|enqueue))'
# A job has its place in the ledger's slot of its organization before the queue holds it,
# so enqueueing knows the keys and the head of the scripts, but no rows.
never jobs/enqueue 'nats-io|'"$ours"'(config|worker|producer|jobs/events)'
never jobs/record 'nats-io|hibiken|'"$ours"'(config|worker|producer|jobs/(events|enqueue))'
never jobs/secret "$ours"'(config|worker|producer|jobs/[^s]|jobs/sp|jobs/st|jobs$)'
never config "$ours"'(worker|producer|config/|jobs$|jobs/[^s]|jobs/sp|jobs/st)'
# The three faces of the producer stand beside each other, on view and access.
never producer/internal/api "$ours"'producer/internal/(console|cli)$'
never producer/internal/console "$ours"'producer/internal/(api|cli)$'
never producer/internal/cli "$ours"'producer/internal/(api|console)$'
never producer/internal/access "$ours"'producer/internal/(api|console|cli)$'
never producer/internal/view "$ours"'producer/internal/(api|console|cli|access)$'
# A stand-in that shared code with what it stands opposite to would agree with its mistakes.
never producer/internal/bridge/vaulttest/tds 'go-mssqldb|'"$ours"'(config|internal|jobs|worker|producer/internal/bridge/database)'
for program in worker producer; do
	never "$program" 'miniredis|nats-server|cloudtest|jobstest|workertest|vaulttest|internal/crash|rapid|kin-openapi|^testing$'
done

# Only config and the programs read the environment.
readers=$(git grep -lE 'os\.(Getenv|LookupEnv|Environ)\(' -- '*.go' ':!*_test.go' | grep -vE '^(config/|worker/[a-z]+\.go|producer/[a-z]+\.go|jobs/jobstest/|producer/internal/bridge/vaulttest/servers/)' || true)
if [ -n "$readers" ]; then
	echo "imports: the environment is read outside config and the programs: $readers" >&2
	failed=1
fi
exit "$failed"
