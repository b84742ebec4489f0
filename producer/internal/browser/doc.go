// Package browser drives the status page in a real browser, Debian's chromium, against both
// programs as real processes: what a person sees, presses and hears of it. `make browser`
// runs it; nothing else does, since it needs the browser and axe-core, which are not here.
//
// It holds tests alone.
package browser
