// Package vault is what the bridge sees of the self-hosted server: one
// organization's rows, connection and members at one look, the same whatever
// engine they came from. Ids are lower-case, times are UTC and cut to microseconds, text
// is as it is stored, byte by byte.
//
// It also says what one write is. It reads and writes nothing itself and never decides what
// a difference means.
package vault
