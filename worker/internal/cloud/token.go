package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// tokenSource caches the token of one scope. The cloud expects an installation
// to ask about once a day (PROTOCOL.md 1.2).
type tokenSource struct {
	client *Client
	op     operation
	config clientcredentials.Config
	grant  Grant

	fetching chan struct{} // holds one element while somebody asks for a token

	mu      sync.Mutex // guards what follows
	token   string
	renewAt time.Time
	doubted bool // the token before this one was refused, and this one has not been accepted yet
}

func (c *Client) newTokenSource(op operation, installation uuid.UUID, scope string) *tokenSource {
	config := clientcredentials.Config{
		ClientID:     "installation." + installation.String(),
		ClientSecret: c.params.Config.InstallationKey.Reveal(),
		TokenURL:     op.base.JoinPath("connect", "token").String(),
		Scopes:       []string{scope},
		AuthStyle:    oauth2.AuthStyleInParams,
	}
	return &tokenSource{
		client: c, op: op, config: config, fetching: make(chan struct{}, 1),
		grant: grant(scope, config),
	}
}

// CheckToken makes sure that a token of the sync scope is to be had. It asks the cloud
// only if no worker shares one, and shares what it was granted. The error is an
// [*Error], as the one of a sync would be, or the context's.
func (c *Client) CheckToken(ctx context.Context) error { return c.syncToken.ready(ctx) }

// ready makes sure that a token is at hand. Concurrent callers share one request.
func (s *tokenSource) ready(ctx context.Context) error {
	select {
	case s.fetching <- struct{}{}:
		defer func() { <-s.fetching }()
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", s.op.does, context.Cause(ctx))
	}
	now := s.client.params.Now()
	if s.good(now) {
		return nil
	}
	token, ends := s.client.params.Tokens.Load(ctx, s.grant)
	if token == "" || ends.Sub(now) < worthSharing {
		granted, err := s.fetch(ctx)
		if err != nil {
			return err
		}
		token, ends = granted.AccessToken, now.Add(lifetime(granted))
		s.client.params.Tokens.Save(ctx, s.grant, token, ends)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token, s.renewAt = token, now.Add(keepFor(ends.Sub(now), s.client.params.Rand()))
	return nil
}

func (s *tokenSource) good(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token != "" && now.Before(s.renewAt)
}

// current returns the token at hand, or "" if somebody has just been refused
// with it.
func (s *tokenSource) current() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token
}

// refused drops a token that was answered with a 401, for all. It reports whether a new
// one may help: a second refusal in a row is final.
func (s *tokenSource) refused(ctx context.Context, token string) bool {
	s.client.params.Tokens.Drop(ctx, s.grant)
	s.mu.Lock()
	defer s.mu.Unlock()
	if token != s.token {
		return true // somebody else's call was refused before
	}
	s.token, s.doubted = "", !s.doubted
	return s.doubted
}

func (s *tokenSource) accepted(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doubted = s.doubted && token != s.token
}

func (s *tokenSource) fetch(ctx context.Context) (*oauth2.Token, error) {
	var token *oauth2.Token
	if err := s.client.turn(ctx, s.op, Urgent); err != nil { // all lanes wait for it
		return nil, err
	}
	err := s.client.do(ctx, exchange{
		op: s.op,
		send: func(ctx context.Context) (a answer, err error) {
			token, a, err = s.send(ctx)
			return a, err
		},
		read: func([]byte) error {
			if token == nil {
				return errors.New("holds no token")
			}
			return nil
		},
	})
	return token, err
}

// send asks for a token and takes the library's errors apart again. A 200 that
// holds no token comes back as one, without a token.
func (s *tokenSource) send(ctx context.Context) (*oauth2.Token, answer, error) {
	token, err := s.config.Token(context.WithValue(ctx, oauth2.HTTPClient, s.client.http))
	var refusal *oauth2.RetrieveError
	var broken *url.Error
	switch {
	case err == nil:
		return token, answer{status: http.StatusOK}, nil
	case errors.As(err, &refusal):
		return nil, answer{status: refusal.Response.StatusCode, header: refusal.Response.Header, body: refusal.Body}, nil
	case errors.As(err, &broken):
		return nil, answer{}, err
	default:
		return nil, answer{status: http.StatusOK}, nil
	}
}

// lifetime is what the answer says in expires_in; without one, an hour: a token
// that dies sooner costs one repeat.
func lifetime(t *oauth2.Token) time.Duration {
	if seconds, ok := t.Extra("expires_in").(float64); ok && seconds > 0 {
		return time.Duration(min(seconds, (365*24*time.Hour).Seconds())) * time.Second
	}
	return time.Hour
}

// keepFor ends a token's use 2 to 5 minutes early, spread by jitter in [0, 1), so
// that it does not expire on the way and the workers do not all ask at once. A
// token that lives for less than that is used for half its life.
func keepFor(lifetime time.Duration, jitter float64) time.Duration {
	early := 2*time.Minute + time.Duration(jitter*float64(3*time.Minute))
	return max(lifetime-early, lifetime/2)
}
