// Package e2e holds no code of its own: its tests run the two programs as real
// processes against a real redis-server, a real NATS server and the simulated
// cloud, and look at what comes out at the three ends: the ledger, the cloud's
// mails, the stream. It stands below worker because it needs the simulated cloud,
// which is internal there.
package e2e
