package cloudtest

import (
	"fmt"
	"net/http"
	"time"
)

// FaultSpec is a fault as the control API takes it. Kind is one of
// rate-limited, server-error, bad-gateway, unavailable, edge-block, garbage,
// html, oversize, slow, reset, lost-answer, redirect, unauthorized or status.
type FaultSpec struct {
	Kind           string `json:"kind"`
	Path           string `json:"path"` // token, sync (default), license, any, or a path
	OrganizationID string `json:"organizationId"`
	Count          int    `json:"count"`
	Skip           int    `json:"skip"`
	AfterEffect    bool   `json:"afterEffect"`
	RetryAfter     string `json:"retryAfter"` // of rate-limited
	Location       string `json:"location"`   // of redirect
	Bytes          int    `json:"bytes"`      // of oversize
	DelayMs        int    `json:"delayMs"`    // of any kind; slow has no other field
	Status         int    `json:"status"`     // of status
	Body           string `json:"body"`       // of status
}

func (s FaultSpec) fault() (Fault, error) {
	f, err := s.kind()
	if err != nil {
		return Fault{}, err
	}
	f.Path = s.path()
	f.OrganizationID, f.Count, f.Skip = s.OrganizationID, s.Count, s.Skip
	f.AfterEffect = f.AfterEffect || s.AfterEffect
	f.Delay = time.Duration(s.DelayMs) * time.Millisecond
	return f, nil
}

func (s FaultSpec) kind() (Fault, error) {
	plain := map[string]func() Fault{
		"server-error": ServerError, "bad-gateway": BadGateway, "unavailable": Unavailable,
		"edge-block": EdgeBlock, "garbage": Garbage, "html": HTML, "reset": Reset,
		"lost-answer": LostAnswer, "unauthorized": Unauthorized,
		"slow":         func() Fault { return Fault{} },
		"rate-limited": func() Fault { return RateLimited(s.RetryAfter) },
		"redirect":     func() Fault { return Redirect(s.Location) },
		"oversize":     func() Fault { return Oversize(min(max(s.Bytes, 0), 1<<28)) },
	}
	if s.Kind == "status" && s.Status >= http.StatusOK && s.Status <= 599 {
		return Fault{
			Status: s.Status, Body: []byte(s.Body),
			Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
		}, nil
	}
	if build := plain[s.Kind]; build != nil {
		return build(), nil
	}
	return Fault{}, fmt.Errorf("fault kind %q with status %d is unknown", s.Kind, s.Status)
}

func (s FaultSpec) path() string {
	switch s.Path {
	case "token":
		return PathToken
	case "sync":
		return PathSync
	case "license":
		return PathLicense
	case "any":
		return PathAny
	}
	return s.Path
}
