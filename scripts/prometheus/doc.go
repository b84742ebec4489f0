// Package prometheus is what an operator takes into Prometheus and Grafana. It has no
// code but its tests, which hold rules and board against what the programs export.
package prometheus
