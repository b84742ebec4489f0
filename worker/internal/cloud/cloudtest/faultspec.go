package cloudtest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// FaultSpec is a fault as the control API takes it; FaultKinds lists the kinds.
type FaultSpec struct {
	Kind           string `json:"kind"`
	Path           string `json:"path"` // token, sync (default), license, any, or a path
	OrganizationID string `json:"organizationId"`
	Count          int    `json:"count"`        // 0 is one request, negative is forever
	Skip           int    `json:"skip"`         // requests that pass first
	Stage          string `json:"stage"`        // before-effect, loaded, inserted or after-effect; default is the kind's own
	DelayMs        int    `json:"delayMs"`      // wait at the stage; of slow-body: in the body
	UntilCleared   bool   `json:"untilCleared"` // wait at the stage until DELETE /_control/faults
	GoesOn         bool   `json:"goesOn"`       // the caller gets the answer at once, the cloud waits and goes on
	RetryAfter     string `json:"retryAfter"`   // of rate-limited
	Location       string `json:"location"`     // of redirect
	Bytes          int    `json:"bytes"`        // of oversize
	Status         int    `json:"status"`       // of status and gateway
	Body           string `json:"body"`         // of status
}

// fault builds it; cleared is closed when all faults are dropped.
func (s FaultSpec) fault(cleared <-chan struct{}) (Fault, error) {
	f, err := s.kind()
	if err != nil {
		return Fault{}, err
	}
	if f.Stage, err = s.stage(f.Stage); err != nil {
		return Fault{}, err
	}
	f.Path = s.path()
	f.OrganizationID, f.Count, f.Skip, f.GoesOn = s.OrganizationID, s.Count, s.Skip, s.GoesOn
	delay := time.Duration(s.DelayMs) * time.Millisecond
	if s.Kind == "slow-body" {
		f.BodyDelay = delay
	} else {
		f.Delay = delay
	}
	if s.UntilCleared {
		f.Until = cleared
	}
	return f, nil
}

// kinds builds each kind that needs no more than its own field.
func (s FaultSpec) kinds() map[string]func() Fault {
	return map[string]func() Fault{
		"server-error": ServerError, "unmailed-error": UnmailedError, "bad-gateway": BadGateway, "unavailable": Unavailable,
		"edge-block": EdgeBlock, "garbage": Garbage, "html": HTML, "unauthorized": Unauthorized,
		"broken-answer": BrokenAnswer, "silence": Silence, "reset": Reset, "lost-answer": LostAnswer,
		"slow":         func() Fault { return Slow(0) },
		"stall":        func() Fault { return Stall(0) },
		"slow-answer":  func() Fault { return SlowAnswer(0) },
		"slow-body":    func() Fault { return SlowBody(0) },
		"rate-limited": func() Fault { return RateLimited(s.RetryAfter) },
		"redirect":     func() Fault { return Redirect(s.Location) },
		"oversize":     func() Fault { return Oversize(min(max(s.Bytes, 0), 1<<28)) },
		"gateway":      func() Fault { return Gateway(s.Status) },
		"status": func() Fault {
			header := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
			return Fault{Status: s.Status, Body: []byte(s.Body), Header: header}
		},
	}
}

// FaultKinds lists what Kind may be, sorted.
func FaultKinds() []string { return slices.Sorted(maps.Keys(FaultSpec{}.kinds())) }

func (s FaultSpec) kind() (Fault, error) {
	build := s.kinds()[s.Kind]
	switch {
	case build == nil:
		return Fault{}, fmt.Errorf("fault kind %q is unknown: use one of %s", s.Kind, strings.Join(FaultKinds(), ", "))
	case s.Kind == "gateway" && (s.Status < http.StatusBadGateway || s.Status > http.StatusGatewayTimeout):
		return Fault{}, fmt.Errorf("a gateway answers 502, 503 or 504, not %d: set status", s.Status)
	case s.Kind == "status" && (s.Status < http.StatusOK || s.Status > 599):
		return Fault{}, fmt.Errorf("status %d cannot be answered: use 200 to 599", s.Status)
	}
	return build(), nil
}

func (s FaultSpec) stage(usual Stage) (Stage, error) {
	switch s.Stage {
	case "":
		return usual, nil
	case "before-effect":
		return BeforeEffect, nil
	case "loaded":
		return Loaded, nil
	case "inserted":
		return Inserted, nil
	case "after-effect":
		return AfterEffect, nil
	}
	return 0, fmt.Errorf("stage %q is unknown: use before-effect, loaded, inserted or after-effect", s.Stage)
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
