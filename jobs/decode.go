package jobs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
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
	case KindSyncPending:
		return decode[SyncPending](payload)
	case KindSyncScheduled:
		return decode[SyncScheduled](payload)
	case KindSweep:
		return decode[Sweep](payload)
	}
	return nil, Invalid(FieldError{"kind", "must be one of " + publicKinds()})
}

func decode[A Args](payload []byte) (Args, error) {
	var args A
	if field := strictly(payload, &args); field != nil {
		return nil, Invalid(*field)
	}
	return args, args.Validate()
}

func strictly(payload []byte, into any) *FieldError {
	if wrong := ExactNames(payload, into); wrong != nil {
		return wrong
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fieldOf(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return &FieldError{"args", "must be one JSON object, nothing after it"}
	}
	if trimmed := bytes.TrimSpace(payload); !bytes.HasPrefix(trimmed, []byte("{")) {
		return &FieldError{"args", "must be a JSON object"}
	}
	return nil
}

// fieldOf names the field that encoding/json complained about, without
// repeating its value, which may be an address.
func fieldOf(err error) *FieldError {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) && wrongType.Field != "" {
		return &FieldError{wrongType.Field, fmt.Sprintf("must be a %s, not a %s", jsonType(wrongType.Type.Kind()), wrongType.Value)}
	}
	if name, found := strings.CutPrefix(err.Error(), "json: unknown field "); found {
		return &FieldError{strings.Trim(name, `"`), "is not a field of this kind"}
	}
	return &FieldError{"args", "must be a JSON object of this kind's fields"}
}

// jsonType is what JSON calls the types of our fields.
func jsonType(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Struct:
		return "object"
	}
	return "number"
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
