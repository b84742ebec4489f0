#!/usr/bin/env bash
# The Helm chart: linted, rendered with each set of values in scripts/chart/testdata, held
# against the golden file beside it, and validated against the schemas of Kubernetes that the
# validator brings along. Needs the Go module proxy alone: no cluster, no schema server.
# UPDATE=1 writes the golden files anew.
set -euo pipefail
cd "$(dirname "$0")/.."
chart=scripts/chart
kubernetes=1.30
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
GOBIN="$tools" go install helm.sh/helm/v3/cmd/helm@v3.19.2
GOBIN="$tools" go install sigs.k8s.io/kubectl-validate@v0.0.4

status=0
for values in "$chart"/testdata/*.values.yaml; do
	golden="${values%.values.yaml}.golden.yaml"
	"$tools/helm" lint --strict --quiet --kube-version "$kubernetes" "$chart" -f "$values" || status=1
	"$tools/helm" template sponsorsync "$chart" --namespace bitwarden --kube-version "$kubernetes" -f "$values" >"$tools/rendered.yaml"
	if [ -n "${UPDATE:-}" ]; then
		cp "$tools/rendered.yaml" "$golden"
	elif ! diff -u "$golden" "$tools/rendered.yaml"; then
		echo "chart-test: $values renders other than $golden; if that is meant: UPDATE=1 make chart-test" >&2
		status=1
	fi
	# A ServiceMonitor is the Prometheus Operator's, of which the validator has no schema.
	awk 'BEGIN { RS = "---\n"; ORS = "---\n" } !/kind: ServiceMonitor/' "$tools/rendered.yaml" >"$tools/kubernetes.yaml"
	"$tools/kubectl-validate" --version "$kubernetes" "$tools/kubernetes.yaml" >"$tools/said" 2>&1 || { cat "$tools/said" >&2; status=1; }
done
for missing in image.repository bitwarden.release; do
	if "$tools/helm" template sponsorsync "$chart" --kube-version "$kubernetes" -f "$chart/testdata/eu.values.yaml" --set "$missing=" >/dev/null 2>"$tools/said" ||
		! grep -q "$missing is required" "$tools/said"; then
		echo "chart-test: nobody says that $missing is missing" >&2
		status=1
	fi
done
[ "$status" = 0 ] && echo "chart-test: passed"
exit "$status"
