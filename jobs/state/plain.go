package state

import (
	"encoding/json"
	"reflect"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// plain is version 1 of a record: a sponsorship in words, with both its ids.
type plain struct {
	Version int `json:"v"`
	sponsorship.Sponsorship
}

// EncodePlain is a record as a worker of an older release reads it.
func EncodePlain(s sponsorship.Sponsorship) (string, error) { return encode(s, plain{version, s}) }

func decodePlain(text []byte) (sponsorship.Sponsorship, error) {
	var r plain
	if strictly(text, &r) {
		return r.Sponsorship, nil
	}
	r = plain{}
	if err := json.Unmarshal(text, &r); err != nil {
		return sponsorship.Sponsorship{}, err
	}
	var err error
	r.Unknown, err = unknown(text)
	return r.Sponsorship, err
}

// unknown is what of a record this program does not know, of its wire part too.
func unknown(text []byte) (string, error) {
	rest, wire, err := split(text)
	if err != nil {
		return "", err
	}
	for _, name := range append(names(reflect.TypeFor[sponsorship.Sponsorship]()), "v") {
		delete(rest, name)
	}
	for _, name := range names(reflect.TypeFor[sponsorship.Wire]()) {
		delete(wire, name)
	}
	return join(rest, wire)
}
