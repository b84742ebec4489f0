// Package e2e holds no code of its own: its tests run the two programs as real
// processes against a real redis-server, a real NATS server and the simulated
// cloud, and look at what comes out at the three ends: the ledger, the cloud's
// mails, the stream.
package e2e
