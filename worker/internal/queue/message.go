package queue

import (
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// message is a job as asynq keeps it (v0.26.0, internal/proto/asynq.proto), as far as
// that is of use here. asynq's own package for it is internal.
type message struct {
	text      []byte
	kind, id  string
	plain     bool // it can be read, and has nothing that needs asynq's own care
	payload   []byte
	headers   map[string]string
	retried   uint64
	retention time.Duration
}

// The numbers of the fields.
const (
	kindField      = 1
	payloadField   = 2
	retriedField   = 6
	deadlineField  = 9
	uniqueField    = 10
	retentionField = 12
	completedField = 13
	headersField   = 15
)

func readMessage(text string) message {
	m := message{text: []byte(text), headers: map[string]string{}, plain: true}
	for rest := m.text; len(rest) > 0; {
		field, form, n := protowire.ConsumeTag(rest)
		if n < 0 {
			m.plain = false
			return m
		}
		size := protowire.ConsumeFieldValue(field, form, rest[n:])
		if size < 0 {
			m.plain = false
			return m
		}
		m.set(field, form, rest[n:n+size])
		rest = rest[n+size:]
	}
	return m
}

func (m *message) set(field protowire.Number, form protowire.Type, value []byte) {
	switch form {
	case protowire.VarintType:
		number, _ := protowire.ConsumeVarint(value)
		switch field {
		case retriedField:
			m.retried = number
		case retentionField:
			m.retention = time.Duration(number) * time.Second
		case deadlineField:
			m.plain = m.plain && number == 0
		}
	case protowire.BytesType:
		text, _ := protowire.ConsumeBytes(value)
		switch field {
		case kindField:
			m.kind = string(text)
		case payloadField:
			m.payload = text
		case uniqueField:
			m.plain = m.plain && len(text) == 0
		case headersField:
			key, value := readPair(text)
			m.headers[key] = value
		}
	}
}

// readPair reads an entry of a map: its key is field 1, its value field 2.
func readPair(text []byte) (key, value string) {
	for len(text) > 0 {
		field, form, n := protowire.ConsumeTag(text)
		if n < 0 || form != protowire.BytesType {
			return key, value
		}
		part, size := protowire.ConsumeBytes(text[n:])
		if size < 0 {
			return key, value
		}
		if field == 1 {
			key = string(part)
		} else {
			value = string(part)
		}
		text = text[n+size:]
	}
	return key, value
}

// completed is the message of the job when it is done: what comes last counts.
func (m message) completed(at time.Time) []byte {
	text := protowire.AppendTag(m.text[:len(m.text):len(m.text)], completedField, protowire.VarintType)
	return protowire.AppendVarint(text, uint64(at.Unix()))
}
