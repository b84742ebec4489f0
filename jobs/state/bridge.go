package state

import (
	"context"
	"encoding/json"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Bridge is what people see of the bridge to the server's own database, for one
// organization that it follows.
type Bridge struct {
	Mode    string // "read" or "full", as it last ran
	Running bool   // a bridge works just now
	Looked  time.Time
	Held    []Hold
	Error   *Failure // of the last look at the organization, else of the database
	Wrote   Wrote
}

// Wrote is what the bridge has written to the server's database for an organization.
type Wrote struct {
	Updates   int            `json:"updates,omitempty"` // of rows, ever
	Deletions int            `json:"deletions,omitempty"`
	At        time.Time      `json:"at,omitzero"`       // the last of them
	Skipped   map[string]int `json:"skipped,omitempty"` // rows that the last look did not write to though it should have, by why
}

// Hold is a stop of the bridge until a person has looked.
type Hold struct {
	Reason fault.Held     `json:"reason"`
	User   sponsorship.ID `json:"organizationUserId,omitempty"` // empty: the whole organization
	Since  time.Time      `json:"since"`
}

// The keys that all organizations share, in a slot of their own: the lease of the
// bridge that works, what people see of it, and the organizations that it is asked to look at.
const (
	BridgeLeaseKey = "sponsorsync:{bridge}:lease"
	BridgeShownKey = "sponsorsync:{bridge}:shown"
	BridgeAskedKey = "sponsorsync:{bridge}:asked"
)

// BridgeKey is the hash of what the bridge remembers of an organization. Of its
// fields, "shown" and "error" are for people.
func BridgeKey(org sponsorship.ID) string { return Key(org, "bridge") }

// bridgeRecord is the field "shown".
type bridgeRecord struct {
	Version int       `json:"v"`
	Looked  time.Time `json:"looked"`
	Held    []Hold    `json:"held"`
	Wrote   Wrote     `json:"wrote"`
}

// EncodeBridge is what of the bridge's memory people see, as [Ledger.Organization] reads it: when
// it looked, what is held, and what it wrote.
func EncodeBridge(b Bridge) (string, error) {
	text, err := json.Marshal(bridgeRecord{version, b.Looked, b.Held, b.Wrote})
	return string(text), err
}

// failureRecord is a failure as a field of a hash holds it.
type failureRecord struct {
	Version int        `json:"v"`
	Code    fault.Code `json:"code"`
	Message string     `json:"message"`
	At      time.Time  `json:"at"`
}

// EncodeFailure is a failure of the bridge, as [Ledger.Organization] reads it.
func EncodeFailure(f Failure) (string, error) {
	text, err := json.Marshal(failureRecord{version, f.Code, f.Message, f.At})
	return string(text), err
}

func decodeFailure(text string) *Failure {
	var f failureRecord
	if json.Unmarshal([]byte(text), &f) != nil || f.Code == "" {
		return nil
	}
	return &Failure{fault.Error{Code: f.Code, Message: f.Message}, f.At}
}

// bridgeReply is what must be read to show the bridge.
type bridgeReply struct {
	own, all *redis.SliceCmd
	lease    *redis.IntCmd
}

func askBridge(ctx context.Context, pipe redis.Pipeliner, org sponsorship.ID) bridgeReply {
	return bridgeReply{
		own: pipe.HMGet(ctx, BridgeKey(org), "shown", "error"), all: pipe.HMGet(ctx, BridgeShownKey, "mode", "error"),
		lease: pipe.Exists(ctx, BridgeLeaseKey),
	}
}

// read returns nil where no bridge follows the organization, or only a newer one can
// say what it does.
func (r bridgeReply) read() *Bridge {
	own, all := texts(r.own), texts(r.all)
	var kept bridgeRecord
	if own[0] != "" && json.Unmarshal([]byte(own[0]), &kept) != nil || kept.Version > version {
		return nil
	}
	failure := decodeFailure(own[1])
	if own[0] == "" && failure == nil {
		return nil
	}
	if failure == nil {
		failure = decodeFailure(all[1])
	}
	return &Bridge{Mode: all[0], Running: r.lease.Val() > 0, Looked: kept.Looked, Held: kept.Held, Error: failure, Wrote: kept.Wrote}
}

// texts are two fields of a hash; what is absent is "".
func texts(reply *redis.SliceCmd) (both [2]string) {
	for i, value := range reply.Val() {
		both[i], _ = value.(string)
	}
	return both
}
