// Package cli is the producer's command line: the guide's steps 3 and 4,
// redeeming and changing sponsorships, and looking at what became of it.
//
// Results go to standard output, everything else to standard error. The exit
// status is 0 when it is done, 1 when it failed, 2 for wrong usage or
// configuration. Whatever is wrong with the arguments is said at once, before
// anything is done.
//
// The package never calls the cloud, never prints a token, a key or (outside of
// the status list) an address, and reads no environment but what it is given.
package cli
