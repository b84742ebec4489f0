package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/access"
	"github.com/sponsorsync/sponsorsync/producer/internal/audit"
	"github.com/sponsorsync/sponsorsync/producer/internal/quota"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// maxHook is the largest body of a hook: a thousand redeems with the longest
// texts take less than half of it.
const maxHook = 2 << 20

// What nobody has vouched for yet costs no more than this: so many bodies at once, and
// for each so much time to arrive.
const (
	unverifiedAtOnce = 16
	unverifiedWait   = 10 * time.Second
)

// receipt is the public form of an enqueue.Receipt.
type receipt struct {
	ID        string    `json:"id"`
	Kind      jobs.Kind `json:"kind"`
	Duplicate bool      `json:"duplicate"`
}

// postJobs takes one job, or an array of them, all or none.
func (a *API) postJobs(w http.ResponseWriter, r *http.Request) error {
	who, body, key, err := a.readHook(w, r)
	if err != nil {
		return err
	}
	batch, single, err := decodeHook(body)
	if err != nil {
		return err
	}
	if access.IsSigned(r) {
		if err := a.admitSigned(w, r, batch); err != nil {
			return err
		}
	}
	receipts, err := a.enqueue(r.Context(), batch, enqueue.Idempotency{Key: key, BodyHash: hash(body)})
	if err != nil {
		return err
	}
	deed := audit.Asked(batch[0], receipts[0].ID)
	deed.Jobs = len(batch)
	audit.Note(a.p.Log, who, deed)
	w.Header().Set("Location", a.jobAddress(receipts[0].ID))
	if single {
		return writeJSON(w, http.StatusAccepted, receipts[0])
	}
	return writeJSON(w, http.StatusAccepted, receipts)
}

func (a *API) enqueue(ctx context.Context, batch []jobs.Args, once enqueue.Idempotency) ([]receipt, error) {
	taken, err := a.p.Jobs.EnqueueAll(ctx, batch, enqueue.WithIdempotency(once))
	if err != nil {
		return nil, err
	}
	receipts := make([]receipt, len(taken))
	for i, t := range taken {
		receipts[i] = receipt{t.ID, t.Kind, t.Duplicate}
		if !t.Duplicate {
			a.metrics.enqueued.WithLabelValues(string(t.Kind)).Inc()
		}
	}
	return receipts, nil
}

// readHook returns who sends a hook, its body if it may come in, and its idempotency
// key. Who has neither token nor anything that may be a signature is turned away
// before the body is read. A signature vouches for webhook-id but for no other header.
func (a *API) readHook(w http.ResponseWriter, r *http.Request) (who string, body []byte, key string, err error) {
	if access.IsSigned(r) {
		body, key, err = a.readSigned(w, r)
		return "signed hook", body, key, err
	}
	if who, err = a.mayChange(r); err != nil {
		return "", nil, "", err
	}
	if body, err = readBody(w, r, maxHook); err != nil {
		return "", nil, "", err
	}
	key, err = idempotencyKey(r.Header)
	return who, body, key, err
}

// mayChange returns who asks for a change, or why not to make it.
func (a *API) mayChange(r *http.Request) (string, error) {
	if err := a.p.Access.Check(r); err != nil {
		return "", err
	}
	who, err := a.p.Access.Caller(r)
	return who.Name, err
}

// readSigned gives the ids of hooks a name space of their own, so that nobody who
// can sign takes a key away from a holder of the token.
func (a *API) readSigned(w http.ResponseWriter, r *http.Request) (body []byte, key string, err error) {
	if err := a.p.Access.CheckHeaders(r.Header); err != nil {
		return nil, "", err
	}
	select {
	case a.unverified <- struct{}{}:
		defer func() { <-a.unverified }()
	default:
		return nil, "", view.RetryAfter(time.Second, fault.New(fault.TooManyRequests, "%d signed hooks are being read; send this one again", unverifiedAtOnce))
	}
	ctrl := http.NewResponseController(w)
	_ = ctrl.SetReadDeadline(time.Now().Add(unverifiedWait)) // some writers have no deadlines
	if body, err = readBody(w, r, maxHook); err != nil {
		return nil, "", err
	}
	if err := a.p.Access.CheckSignature(r.Header, body); err != nil {
		return nil, "", err
	}
	return body, "hook " + r.Header.Get(standardwebhooks.HeaderWebhookID), nil
}

// admitSigned bounds what a signature alone may ask for.
func (a *API) admitSigned(w http.ResponseWriter, r *http.Request, batch []jobs.Args) error {
	orgs := make([]sponsorship.ID, len(batch))
	for i, args := range batch {
		orgs[i] = args.Organization()
	}
	wait, err := quota.Quota{Redis: a.p.Redis, Ledger: a.p.Ledger}.Admit(r.Context(), len(batch), orgs...)
	if wait > 0 {
		w.Header().Set("Retry-After", view.Seconds(wait))
	}
	return err
}

// readBody takes no more memory than the body has bytes, where its length is known.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	var body bytes.Buffer
	body.Grow(int(max(r.ContentLength, 0)) + bytes.MinRead)
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	if _, beyond := errors.AsType[*http.MaxBytesError](err); beyond {
		return nil, tooLarge(limit)
	}
	if err != nil {
		return nil, view.Invalid("body", "did not arrive in full")
	}
	return body.Bytes(), nil
}

func tooLarge(limit int64) error {
	return fault.New(fault.PayloadTooLarge, "the body has more than %d bytes", limit)
}

func hash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

func (a *API) getJob(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	s, known, err := a.inspector.Job(r.Context(), id)
	if err != nil {
		return err
	}
	if !known {
		return noSuchJob()
	}
	return writeJSON(w, http.StatusOK, view.ShowJob(s))
}
