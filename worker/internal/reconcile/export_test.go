package reconcile

// Heartbeat is heartbeat, for tests on simulated time.
var Heartbeat = heartbeat
