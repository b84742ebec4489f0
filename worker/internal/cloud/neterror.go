package cloud

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// classifyTransport says why there is no answer, or only a part of one. Every cause
// but an answer that was there and unreadable is an outage.
func classifyTransport(op operation, a answer, err error) *Error {
	e := transportError(op, err)
	e.Status, e.Fate = a.status, a.fate()
	e.Slow = a.left && a.status == 0 && timedOut(err)
	return e
}

func transportError(op operation, err error) *Error {
	switch {
	case errors.Is(err, errTooLarge):
		return op.fail(fault.CloudProtocolError, "the answer is larger than any the cloud sends")
	case errors.Is(err, errCutOff):
		return op.fail(fault.CloudProtocolError, "the answer was cut off")
	}
	e := op.fail(fault.CloudUnavailable, explain(op, err))
	e.Outage = true
	if !timedOut(err) { // a call's own timeout must not look like the end of the caller's context
		e.Fault.Cause = err
	}
	return e
}

func explain(op operation, err error) string {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %s cannot be resolved; a firewall may block it", dns.Name)
	case isTLS(err):
		return "TLS failed; a firewall or proxy may be in between, whose certificate is not trusted here (SSL_CERT_FILE)"
	case timedOut(err):
		return fmt.Sprintf("no answer within %s", op.timeout)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	}
	return "the connection failed"
}

func timedOut(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

func isTLS(err error) bool {
	var (
		certificate *tls.CertificateVerificationError
		authority   x509.UnknownAuthorityError
		name        x509.HostnameError
		record      tls.RecordHeaderError
		alert       tls.AlertError
	)
	return errors.As(err, &certificate) || errors.As(err, &authority) || errors.As(err, &name) ||
		errors.As(err, &record) || errors.As(err, &alert)
}
