package tds

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Type is a column's type.
type Type int

// The types, and what a Row holds for each; nil is NULL in all of them.
const (
	Int              Type = iota + 1 // int
	BigInt                           // int
	Bit                              // bool
	UniqueIdentifier                 // string, an id in its usual form
	VarChar                          // string, only ASCII
	NVarChar                         // string
	NVarCharMax                      // string
	DateTime2                        // time.Time
	dateTimeOffset                   // of a parameter; no column has it
	varBinary                        // of a conversion; no column has it
	condition                        // what a WHERE needs; no column has it
)

// value is a typed one; v is nil for NULL, otherwise int64, string (the bytes of varBinary, too),
// [16]byte or time.Time.
type value struct {
	of Type
	v  any
}

func (v value) null() bool { return v.v == nil }

func (v value) isText() bool { return v.of == VarChar || v.of == NVarChar || v.of == NVarCharMax }

func (v value) int() int64 {
	n, ok := v.v.(int64)
	if !ok {
		fail(245, "Conversion failed: %v is no number.", v.v)
	}
	return n
}

func (v value) text() string {
	s, ok := v.v.(string)
	if !ok {
		fail(206, "Operand type clash: %v is no text.", v.v)
	}
	return s
}

// stored turns what a Row holds into a value.
func stored(of Type, v any) value {
	switch v := v.(type) {
	case nil:
		return value{of: of}
	case bool:
		return value{of, truth(v)}
	case int:
		return value{of, int64(v)}
	case string:
		if of == UniqueIdentifier {
			return value{of, guid(v)}
		}
		return value{of, v}
	}
	return value{of, v}
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// guid returns an id as SQL Server keeps and sends it: the first three groups have
// their lowest byte first, the other two stand as they are written.
func guid(text string) [16]byte {
	raw, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(raw) != 16 || len(text) != 36 {
		fail(8169, "Conversion failed when converting from a character string to uniqueidentifier.")
	}
	return swapped([16]byte(raw))
}

func guidText(id [16]byte) string {
	b := swapped(id)
	return fmt.Sprintf("%X-%X-%X-%X-%X", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func swapped(b [16]byte) [16]byte {
	return [16]byte{b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]}
}

// conversion is what CAST and CONVERT want.
type conversion struct {
	to          Type
	size, style int
}

// of converts a value; a date becomes text by style 121 only.
func (c conversion) of(v value) value {
	if v.null() {
		return value{of: c.to}
	}
	switch c.to {
	case Int, BigInt:
		return value{c.to, v.int()}
	case NVarChar:
		units := toUTF16(v.text())
		return value{c.to, fromUTF16(units[:min(len(units), 2*c.size)])}
	case varBinary:
		units := toUTF16(v.text())
		return value{c.to, string(units[:min(len(units), c.size)])}
	case VarChar:
		text := plain(v, c.style)
		if len(text) > c.size {
			fail(8170, "Insufficient result space to convert a value to varchar(%d).", c.size)
		}
		return value{c.to, text}
	}
	panic(fault{102, fmt.Sprintf("The stand-in converts nothing to type %d.", c.to)})
}

func plain(v value, style int) string {
	switch x := v.v.(type) {
	case [16]byte:
		return guidText(x)
	case int64:
		return strconv.FormatInt(x, 10)
	case time.Time:
		if style != 121 {
			fail(102, "The stand-in knows dates of style 121 only, not %d.", style)
		}
		return x.Format("2006-01-02 15:04:05.0000000")
	}
	return v.text()
}

// equal is "=": an id beats a text, which has to be one; texts are compared without
// case and trailing blanks.
func equal(a, b value) value {
	if a.null() || b.null() {
		return value{of: condition}
	}
	if a.of == UniqueIdentifier && b.isText() {
		b = value{UniqueIdentifier, guid(b.text())}
	}
	if b.of == UniqueIdentifier && a.isText() {
		a = value{UniqueIdentifier, guid(a.text())}
	}
	if a.isText() && b.isText() {
		return value{condition, truth(strings.EqualFold(strings.TrimRight(a.text(), " "), strings.TrimRight(b.text(), " ")))}
	}
	if a.of == varBinary && b.of == varBinary { // zeros at the end count for nothing
		return value{condition, truth(strings.TrimRight(a.text(), "\x00") == strings.TrimRight(b.text(), "\x00"))}
	}
	if (a.of == varBinary) != (b.of == varBinary) || fmt.Sprintf("%T", a.v) != fmt.Sprintf("%T", b.v) {
		fail(206, "Operand type clash: %v and %v.", a.v, b.v)
	}
	return value{condition, truth(a.v == b.v)}
}
