package cloud

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// Fate is what is certain about a request that brought no usable answer. The cloud
// goes on with a request whose caller has hung up (PROTOCOL.md 2.7a), so whoever
// repeats one has to know whether the first can still be at work.
type Fate int

// The fates. The zero value is the one to assume when nothing is known.
const (
	NotEnded   Fate = iota // it left, and the cloud may be at work on it still
	NeverLeft              // no byte of it was written
	Refused                // it was answered, and nothing was done
	CarriedOut             // it was answered, and what was done is done, all of it or a part
)

// FateOf returns the fate of the request that ended with err.
func FateOf(err error) Fate {
	if f, ok := errors.AsType[fated](err); ok {
		return f.fate
	}
	if e := asError(err); e != nil {
		return e.Fate
	}
	return NotEnded
}

// fated is an error of somebody else's that ended a request: the caller gave up, or
// something that comes before the request failed.
type fated struct {
	error
	fate Fate
}

func (f fated) Unwrap() error { return f.error }

// notSent is an error that came before the request was made.
func notSent(err error) error { return fated{err, NeverLeft} }

// fateOf is the one table. left: at least a byte of the request was written. status
// is 0 without an answer; own tells that its body is, or begins as, the cloud's own
// error body: any other 5xx comes from something in between, which does not know
// what the cloud is doing. So may a 408.
func fateOf(left bool, status int, own bool) Fate {
	switch {
	case status >= 200 && status < 300, status == http.StatusInternalServerError && own:
		return CarriedOut
	case status >= 300 && status < 500 && status != http.StatusRequestTimeout:
		return Refused
	case status == 0 && !left:
		return NeverLeft
	}
	return NotEnded
}

// fate of the answer, whose status line suffices: the cloud writes it when it has
// done everything.
func (a answer) fate() Fate { return fateOf(a.left, a.status, a.fromBitwarden()) }

func (a answer) fromBitwarden() bool {
	return parseErrorBody(a.body).fromBitwarden() || a.cut && bytes.Contains(a.body, []byte(`"object":"error"`))
}

// departure learns from the transport whether any byte of a request was written.
// An error's type does not tell: a TLS alert may end a handshake or, much later,
// the connection.
type departure struct{ begun atomic.Bool }

// watch returns the context to send the request with.
func (d *departure) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaderField: func(string, []string) { d.begun.Store(true) }, // into the buffer: from here on it may leave
		WroteHeaders:     func() { d.begun.Store(true) },
	})
}
