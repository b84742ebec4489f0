package tds

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"
)

// Parameter is one as its bytes came in.
type Parameter struct {
	Name string
	Type byte
	Info []byte // what of the type follows its number: a size, a scale, a collation
	Data []byte // nil is NULL
}

// The types that a parameter may have here.
const (
	nullType           = 0x1f
	guidType           = 0x24
	intType            = 0x26
	dateTime2Type      = 0x2a
	dateTimeOffsetType = 0x2b
	bitType            = 0x68
	varCharType        = 0xa7
	nVarCharType       = 0xe7
)

// withoutHeaders leaves out what stands before a request, beginning with its own length.
func withoutHeaders(body []byte) []byte { return body[binary.LittleEndian.Uint32(body):] }

func batch(body []byte) Request { return Request{Statement: fromUTF16(withoutHeaders(body))} }

// call reads a call of sp_executesql, the only one there is, as number 10.
func call(body []byte) Request {
	r := &reader{withoutHeaders(body)}
	if r.number(2) != 0xffff || r.number(2) != 10 {
		return Request{Statement: "EXECUTE something that is not sp_executesql"}
	}
	r.take(2) // options
	var all []Parameter
	for len(r.rest) > 0 {
		all = append(all, r.parameter())
	}
	return Request{Statement: fromUTF16(all[0].Data), Declared: fromUTF16(all[1].Data), Parameters: all[2:]}
}

type reader struct{ rest []byte }

func (r *reader) take(length int) []byte {
	taken := r.rest[:length:length]
	r.rest = r.rest[length:]
	return taken
}

func (r *reader) number(bytes int) int {
	var n int
	for i, b := range r.take(bytes) {
		n |= int(b) << (8 * i)
	}
	return n
}

func (r *reader) parameter() Parameter {
	p := Parameter{Name: fromUTF16(r.take(2 * r.number(1)))}
	r.take(1) // flags: neither by reference nor a default
	p.Type = byte(r.number(1))
	switch p.Type {
	case nullType:
	case guidType, intType, bitType, dateTime2Type, dateTimeOffsetType:
		p.Info = r.take(1)
		if length := r.number(1); length > 0 {
			p.Data = r.take(length)
		}
	case nVarCharType:
		p.Info = r.take(7)
		p.Data = r.characters(p.Info[0] == 0xff && p.Info[1] == 0xff)
	default:
		r.rest = nil // values refuses it
	}
	return p
}

// characters are short, or in pieces where they may be of any length.
func (r *reader) characters(pieces bool) []byte {
	if !pieces {
		length := r.number(2)
		if length == 0xffff {
			return nil
		}
		return r.take(length)
	}
	total := binary.LittleEndian.Uint64(r.take(8))
	if total == 0xffffffffffffffff {
		return nil
	}
	data := []byte{}
	for length := r.number(4); length > 0; length = r.number(4) {
		data = append(data, r.take(length)...)
	}
	return data
}

// values reads the parameters; each has to be declared.
func values(r Request) map[string]value {
	found := map[string]value{}
	for _, p := range r.Parameters {
		if !strings.Contains(","+r.Declared, ","+p.Name+" ") {
			fail(137, "Must declare the scalar variable \"%s\".", p.Name)
		}
		found[p.Name] = p.value()
	}
	return found
}

func (p Parameter) value() value {
	number := func() int64 {
		var n int64
		for i, b := range p.Data {
			n |= int64(b) << (8 * i)
		}
		return n
	}
	var of Type
	var v any
	switch p.Type {
	case nullType:
		return value{of: NVarChar}
	case intType:
		of, v = BigInt, number()
	case bitType:
		of, v = Bit, number()
	case guidType:
		of = UniqueIdentifier
		if len(p.Data) == 16 {
			v = [16]byte(p.Data)
		}
	case nVarCharType:
		of, v = NVarChar, fromUTF16(p.Data)
	case dateTime2Type:
		of = DateTime2
		if len(p.Data) == 8 {
			v = moment(p.Data)
		}
	case dateTimeOffsetType:
		of = dateTimeOffset
		if len(p.Data) == 10 {
			minutes := int16(binary.LittleEndian.Uint16(p.Data[8:]))
			v = moment(p.Data[:8]).In(time.FixedZone("", 60*int(minutes)))
		}
	default:
		panic(fault{102, fmt.Sprintf("The stand-in knows no parameter of type 0x%02x.", p.Type)})
	}
	if p.Data == nil {
		return value{of: of}
	}
	return value{of, v}
}

// moment reads tenths of microseconds and days since the year 1, both lowest byte first.
func moment(data []byte) time.Time {
	r := &reader{data}
	ticks, days := r.number(5), r.number(3)
	return time.Date(1, 1, 1+days, 0, 0, 0, 0, time.UTC).Add(time.Duration(ticks) * 100)
}

func fromUTF16(data []byte) string {
	units := make([]uint16, 0, len(data)/2)
	for i := 0; i+1 < len(data); i += 2 {
		units = append(units, binary.LittleEndian.Uint16(data[i:]))
	}
	return string(utf16.Decode(units))
}
