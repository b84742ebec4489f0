package events

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// What every event carries besides its data.
const (
	ContentType     = "application/cloudevents+json" // header of every message
	specVersion     = "1.0"
	source          = "/sponsorsync"
	dataContentType = "application/json"
)

// Event is one CloudEvents 1.0 document in structured mode.
type Event[T any] struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"` // the same every time the same fact is published, and no other fact's
	Source          string    `json:"source"`
	Type            string    `json:"type"`    // such as sponsorsync.sponsorship.redeemed
	Subject         string    `json:"subject"` // ORG/ORGUSER or ORG
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            T         `json:"data"`

	TraceParent string `json:"traceparent,omitempty"` // of what caused it (the Distributed Tracing extension); a part of no id
}

// Encoded is an event ready to be stored and published: bytes that nobody on
// the way has to understand.
type Encoded struct {
	ID      string // the message id, so that a repeat can be dropped; see [NewSponsorship]
	Key     string // events of one key keep their order
	Subject string // where on NATS
	Payload []byte // the CloudEvents document
}

// Traced returns the event with the trace context of what caused it, or as it is if
// that is "". The id stays: the fact is the same.
func (e Encoded) Traced(traceparent string) Encoded {
	if traceparent == "" || !bytes.HasSuffix(e.Payload, []byte("}")) {
		return e
	}
	e.Payload = fmt.Appendf(slices.Clone(e.Payload[:len(e.Payload)-1]), "%s%q}", traceField, traceparent)
	return e
}

// traceField goes in front of a trace context, which is the last that a document holds.
const traceField = `,"traceparent":`

// Trace returns the trace context that [Encoded.Traced] has put in, or "".
func (e Encoded) Trace() string {
	const size = len("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	at := len(e.Payload) - size - len(`""}`)
	if at < 0 || !bytes.HasSuffix(e.Payload[:at], []byte(traceField)) {
		return ""
	}
	return string(e.Payload[at+1 : at+1+size])
}

// NewSponsorship encodes a change of status. The id holds the revision, for eyes,
// and a digest of the whole document: a ledger that was put back counts its
// revisions again, and another fact under an old id would be dropped as a repeat.
// So encode a fact once, and store what is returned.
func NewSponsorship(data Sponsorship, at time.Time) (Encoded, error) {
	if !data.OrganizationUserID.Valid() || !data.To.Valid() || data.Revision == 0 {
		return Encoded{}, fmt.Errorf("encode sponsorship event: user %q, status %q or revision %d is not valid",
			data.OrganizationUserID, data.To, data.Revision)
	}
	data.ValidUntil, data.LastSyncAt = sponsorship.UTC(data.ValidUntil), sponsorship.UTC(data.LastSyncAt)
	return encode(draft{
		org:     data.OrganizationID,
		id:      fmt.Sprintf("%s.%d", data.OrganizationUserID, data.Revision),
		key:     "/" + string(data.OrganizationUserID),
		branch:  fmt.Sprintf("%s.%s", kindSponsorship, data.OrganizationUserID),
		outcome: string(data.To),
	}, data, at)
}

// NewSync encodes the end of a sync: succeeded, or failed when data.Error is set.
// The occasion is for eyes, for example the number of the sync; the id also has a
// digest, as in [NewSponsorship].
func NewSync(data Sync, occasion string, at time.Time) (Encoded, error) {
	return encode(draft{
		org: data.OrganizationID, id: kindSync + "." + occasion,
		branch: kindSync, outcome: outcome(data.Error, "succeeded"),
	}, data, at)
}

// NewLicense encodes the end of a license sync: synced, or failed when data.Error
// is set. The occasion is as in [NewSync], for example the job's id.
func NewLicense(data License, occasion string, at time.Time) (Encoded, error) {
	data.Expires = sponsorship.UTC(data.Expires)
	return encode(draft{
		org: data.OrganizationID, id: kindLicense + "." + occasion,
		branch: kindLicense, outcome: outcome(data.Error, "synced"),
	}, data, at)
}

// NewHeld encodes that the bridge stopped for data.Reason; the hint follows from it.
// The id is as in [NewSponsorship].
func NewHeld(data Bridge, at time.Time) (Encoded, error) { return newBridge(data, "held", at) }

// NewResumed encodes that the bridge goes on after data.Reason.
func NewResumed(data Bridge, at time.Time) (Encoded, error) { return newBridge(data, "resumed", at) }

func newBridge(data Bridge, outcome string, at time.Time) (Encoded, error) {
	if data.Hint = data.Reason.Hint(); data.Hint == "" {
		return Encoded{}, fmt.Errorf("encode bridge event: %q is no reason to hold", data.Reason)
	}
	return encode(draft{
		org: data.OrganizationID, id: kindBridge + "." + string(data.Reason), branch: kindBridge, outcome: outcome,
	}, data, at)
}

// draft holds the parts that differ between the kinds. What is in org goes in
// front of id, key and branch.
type draft struct {
	org             sponsorship.ID
	id, key         string
	branch, outcome string
}

func encode[T Data](d draft, data T, at time.Time) (Encoded, error) {
	if !d.org.Valid() {
		return Encoded{}, fmt.Errorf("encode %s event: organization %q is not valid", data.kind(), d.org)
	}
	if strings.HasSuffix(d.id, ".") || strings.ContainsAny(d.id, " \t\r\n") {
		return Encoded{}, fmt.Errorf("encode %s event: %q is no message id", data.kind(), d.id)
	}
	e := Event[T]{
		SpecVersion: specVersion, ID: string(d.org) + "." + d.id, Source: source,
		Type: eventType(data.kind(), d.outcome), Subject: string(d.org) + d.key,
		Time: at.UTC(), DataContentType: dataContentType, Data: data,
	}
	payload, err := e.identify()
	if err != nil {
		return Encoded{}, fmt.Errorf("encode %s event: %w", data.kind(), err)
	}
	return Encoded{ID: e.ID, Key: e.Subject, Subject: natsSubject(string(d.org), d.branch, d.outcome), Payload: payload}, nil
}

// digestSize in bytes makes it hopeless to meet an equal digest among the few
// documents that ever share the rest of an id.
const digestSize = 8

// identify ends the id with a digest of the document, and returns the document.
func (e *Event[T]) identify() ([]byte, error) {
	nameless, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(nameless)
	e.ID += "." + hex.EncodeToString(sum[:digestSize])
	return json.Marshal(e)
}

// largest bounds an event that can be ours: they are a thousandth of that.
const largest = 256 << 10

// Restore makes of a payload again what was encoded. Id, subject and order follow
// from the document, so nothing but our own subjects can come of it. The error
// says why the document is none that this package makes.
func Restore(payload []byte) (Encoded, error) {
	if len(payload) > largest {
		return Encoded{}, fmt.Errorf("restore event: it has %d bytes, more than %d", len(payload), largest)
	}
	e, err := decode[json.RawMessage](payload)
	if err != nil {
		return Encoded{}, fmt.Errorf("restore event: %w", err)
	}
	subject, err := subjectOf(e.Type, e.Subject)
	if err == nil && !printable(e.ID) {
		err = fmt.Errorf("%.40q is no message id", e.ID)
	}
	if err != nil {
		return Encoded{}, fmt.Errorf("restore event: %w", err)
	}
	return Encoded{ID: e.ID, Key: e.Subject, Subject: subject, Payload: payload}, nil
}

// printable reports whether an id can stand in a header.
func printable(id string) bool {
	return len(id) <= 256 && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' })
}

// Decode reads a payload back. Unknown fields are allowed, so that old readers
// survive new events; a document of another kind, or of none, is an error.
func Decode[T Data](payload []byte) (Event[T], error) {
	e, err := decode[T](payload)
	if err != nil {
		return Event[T]{}, fmt.Errorf("decode event: %w", err)
	}
	if prefix := eventType(e.Data.kind(), ""); !strings.HasPrefix(e.Type, prefix) {
		return Event[T]{}, fmt.Errorf("decode event: type %q does not start with %q", e.Type, prefix)
	}
	return e, nil
}

func decode[T any](payload []byte) (Event[T], error) {
	var e Event[T]
	if err := json.Unmarshal(payload, &e); err != nil {
		return e, err
	}
	if e.SpecVersion != specVersion {
		return e, fmt.Errorf("specversion is %q, not %q", e.SpecVersion, specVersion)
	}
	if e.ID == "" || e.Type == "" || e.Subject == "" {
		return e, errors.New("id, type or subject is missing")
	}
	return e, nil
}

// open decodes a message, and refuses a document that came on another's subject: what
// NATS lets a user publish says for whom that user may speak.
func open(m jetstream.Msg) (Event[json.RawMessage], error) {
	e, err := decode[json.RawMessage](m.Data())
	if err != nil {
		return e, err
	}
	switch due, err := subjectOf(e.Type, e.Subject); {
	case err != nil:
		return e, err
	case due != m.Subject():
		return e, fmt.Errorf("it tells of %.40q, and came on the subject %.120q", e.Subject, m.Subject())
	}
	return e, nil
}

func eventType(kind, outcome string) string { return "sponsorsync." + kind + "." + outcome }

func outcome(failure *fault.Error, success string) string {
	if failure != nil {
		return "failed"
	}
	return success
}
