// Package boot is how our programs start and end: what the worker and the
// producer do alike before their own work begins, and how they say what failed.
// Between the settings and the parts it is the only bridge: a setting that a
// client refuses comes back as a [config.Error] that names the variable, so that
// every program ends with the same status on it.
//
// The package never decides what a program does, never waits for a server to
// answer, and never reads the environment but for NO_COLOR and what systemd sets.
package boot
