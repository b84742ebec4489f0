package cloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// answer is an HTTP answer, read to its end, or what came of one.
type answer struct {
	status int // 0: none came
	header http.Header
	body   []byte
	at     time.Time

	left bool // at least a byte of the request was written
	cut  bool // the body is not whole
}

// exchange is one HTTP request and what becomes of its answer.
type exchange struct {
	op   operation
	who  string // the organization that it is about; "" where none is
	send func(context.Context) (answer, error)
	read func(body []byte) error // of a 200; its text is shown to users, so it quotes nothing
}

// subject is what a slow answer is about.
func (x exchange) subject() string { return x.op.name + " " + x.who }

// request is a JSON call of the API. The license is a GET with a body, so the
// method says nothing about that (PROTOCOL.md 4.1).
type request struct {
	op     operation
	token  *tokenSource
	method string
	path   string
	body   any
	who    string // the cloud id of the organization
	read   func(body []byte) error
}

// ready waits until r may be sent: there is a token, and the limit allows it.
func (c *Client) ready(ctx context.Context, r request, lane Lane) error {
	if err := r.token.ready(ctx); err != nil {
		return notSent(err)
	}
	return c.turn(ctx, r.op, lane)
}

// turn waits for a turn. While the circuit is open it fails at once and takes none.
func (c *Client) turn(ctx context.Context, op operation, lane Lane) error {
	if err := c.breaker.ready(op); err != nil {
		return notSent(err)
	}
	if err := c.params.Limiter.Wait(ctx, lane); err != nil {
		return notSent(err)
	}
	return nil
}

// call sends r with the token at hand and waits for nothing but the answer. A 401
// means that the token died early: [ErrTokenDied]; a second one in a row is final.
func (c *Client) call(ctx context.Context, r request) error {
	payload, err := json.Marshal(r.body)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	if len(payload) > MaxBody { // planned smaller; what the cloud would say of it names a row
		return notSent(fault.New(fault.InvalidArguments, "%s: the request has %d bytes, and the cloud reads %d", r.op.does, len(payload), MaxBody))
	}
	token := r.token.current()
	if token == "" {
		return notSent(ErrTokenDied)
	}
	err = c.do(ctx, exchange{op: r.op, who: r.who, read: r.read, send: func(ctx context.Context) (answer, error) {
		return c.sendJSON(ctx, r, authorized{token: token, payload: payload})
	}})
	switch e := asError(err); {
	case e != nil && e.Status == http.StatusUnauthorized:
		if r.token.refused(ctx, token) {
			return fated{ErrTokenDied, Refused}
		}
	case err == nil, FateOf(err) != NeverLeft: // perhaps accepted: that is no second refusal in a row
		r.token.accepted(token)
	}
	return err
}

type authorized struct {
	token   string
	payload []byte
}

func (c *Client) sendJSON(ctx context.Context, r request, with authorized) (answer, error) {
	url := r.op.base.JoinPath(r.path).String()
	var left departure
	req, err := http.NewRequestWithContext(left.watch(ctx), r.method, url, bytes.NewReader(with.payload))
	if err != nil {
		return answer{}, fmt.Errorf("build request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("Authorization", "Bearer "+with.token)
	res, err := c.http.Do(req)
	if part, ok := errors.AsType[*partial](err); ok {
		return answer{status: part.status, body: part.body, left: true, cut: true}, err
	}
	if err != nil {
		return answer{left: left.begun.Load()}, err
	}
	return buffered(res), nil
}

// do makes one exchange, whose turn has come.
func (c *Client) do(ctx context.Context, x exchange) error {
	return c.breaker.run(x, func() error { return c.once(ctx, x) })
}

// once makes the exchange under the timeout of its own, reports it, and lets
// everybody rest when the cloud asks for that.
func (c *Client) once(ctx context.Context, x exchange) error {
	start := c.params.Now()
	bounded, cancel := context.WithTimeout(ctx, x.op.timeout)
	defer cancel()
	a, err := x.send(bounded)
	a.at = c.params.Now()
	err = outcome(ctx, x, a, err)
	took := a.at.Sub(start)
	c.params.Observe(x.op.name, label(err), took)
	c.params.Log.Debug().Str("op", x.op.name).Str("result", label(err)).Dur("took", took).Msg("cloud call")
	c.rest(ctx, err)
	return err
}

// outcome turns what came of an exchange into its error. When the caller gave up
// that is no fault of the cloud, and is returned as the caller's own.
func outcome(ctx context.Context, x exchange, a answer, err error) error {
	if err != nil {
		if ctx.Err() != nil {
			return fated{fmt.Errorf("%s: %w", x.op.does, context.Cause(ctx)), a.fate()}
		}
		return classifyTransport(x.op, a, err)
	}
	if e := classify(x.op, a); e != nil {
		return e
	}
	if err := x.read(a.body); err != nil {
		return x.op.misunderstood("the answer " + err.Error())
	}
	return nil
}

// rest obeys Retry-After, for this and every other worker.
func (c *Client) rest(ctx context.Context, err error) {
	e := asError(err)
	if e == nil || e.RetryAfter == 0 {
		return
	}
	c.params.Log.Warn().Str("code", string(fault.CodeOf(err))).Dur("retryAfter", e.RetryAfter).
		Msg("the cloud asks for a pause")
	// The others are to know also when this caller has just given up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.params.Config.Timeout)
	defer cancel()
	if err := c.params.Limiter.PauseUntil(ctx, c.params.Now().Add(e.RetryAfter)); err != nil {
		c.params.Log.Error().Err(err).Msg("the pause is not known to the other workers")
	}
}
