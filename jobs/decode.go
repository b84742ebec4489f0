package jobs

import (
	"encoding/json"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// Decode reads the arguments of a kind strictly (unknown fields, trailing data
// and a second value are refused) and validates them. Every error is an
// invalid_arguments fault that wraps FieldErrors.
func Decode(kind Kind, payload []byte) (Args, error) {
	switch kind {
	case KindSync:
		return decode[Sync](payload)
	case KindRedeem:
		return decode[Redeem](payload)
	case KindChangeSponsorship:
		return decode[ChangeSponsorship](payload)
	case KindSyncLicense:
		return decode[SyncLicense](payload)
	case KindAdopt:
		return decode[Adopt](payload)
	case KindSyncPending:
		return decode[SyncPending](payload)
	case KindSyncLeft:
		return decode[SyncLeft](payload)
	case KindSyncScheduled:
		return decode[SyncScheduled](payload)
	case KindSweep:
		return decode[Sweep](payload)
	}
	return nil, Invalid(FieldError{"kind", "must be one of " + publicKinds()})
}

func decode[A Args](payload []byte) (Args, error) {
	var args A
	if wrong := Unmarshal(payload, &args); wrong != nil {
		return nil, Invalid(wrong.Naming("args")...)
	}
	return args, args.Validate()
}

func publicKinds() string {
	var names []string
	for _, k := range Kinds() {
		if p, _ := k.Policy(); p.Public {
			names = append(names, string(k))
		}
	}
	return strings.Join(names, ", ")
}

// Encode validates the arguments and writes them as JSON.
func Encode(args Args) ([]byte, error) {
	if err := args.Validate(); err != nil {
		return nil, err
	}
	payload, err := json.Marshal(args)
	if err != nil {
		return nil, fault.Wrap(fault.InvalidArguments, err, "encode %s: not representable as JSON", args.Kind())
	}
	return payload, nil
}
