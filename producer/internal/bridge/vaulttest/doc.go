// Package vaulttest is a self-hosted server's database for tests, on the real
// engines: its tables as the server's own migrations leave them, and a simulated
// vault that writes what the server writes when a member offers or revokes, an
// admin removes somebody, the official job runs, a backup is restored.
//
// What it writes is compared row by row, and statement by statement, with what was
// seen of the official program (testdata/writes.jsonl); testdata/schema.json are the
// tables as they were seen. Both hold facts, no code.
//
// It is for tests: no program may link it. It knows nothing of the bridge.
package vaulttest
