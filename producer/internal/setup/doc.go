// Package setup writes what an installation needs before its programs start:
// secrets, an example of settings and, for containers, what each of them may read.
//
// It never overwrites a secret or a setting that is there, never prints one, and
// talks to nobody.
package setup
