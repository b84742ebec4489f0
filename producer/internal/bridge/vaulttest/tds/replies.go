package tds

import (
	"encoding/binary"
	"fmt"
	"time"
	"unicode/utf16"
)

const (
	doneMore      = 0x01
	doneError     = 0x02
	doneCount     = 0x10
	doneAttention = 0x20
)

// collation is SQL_Latin1_General_CP1_CI_AS, what the server's installer leaves.
var collation = []byte{0x09, 0x04, 0xd0, 0x00, 0x34}

// The commands that an end names.
const (
	selectCommand = 0xc1
	deleteCommand = 0xc4
	updateCommand = 0xc5
)

// changed is the end of a statement that changed rows: within a call it is followed by the
// call's status and end.
func changed(command uint16, rows int, inCall bool) []byte {
	b := binary.LittleEndian.AppendUint16([]byte{0xfd}, doneCount)
	b = binary.LittleEndian.AppendUint16(b, command)
	b = binary.LittleEndian.AppendUint64(b, uint64(rows))
	if !inCall {
		return b
	}
	b[0], b[1] = 0xff, doneCount|doneMore
	b = append(b, 0x79, 0, 0, 0, 0)
	end := done(0, 0)
	end[0] = 0xfe
	return append(b, end...)
}

func done(status uint16, rows int) []byte {
	b := binary.LittleEndian.AppendUint16([]byte{0xfd}, status)
	b = binary.LittleEndian.AppendUint16(b, selectCommand)
	return binary.LittleEndian.AppendUint64(b, uint64(rows))
}

// problem is an error of class 16, state 1, in line 1.
func problem(f fault) []byte {
	body := binary.LittleEndian.AppendUint32(nil, uint32(f.number))
	body = append(body, 1, 16)
	body = binary.LittleEndian.AppendUint16(body, uint16(len(utf16.Encode([]rune(f.message)))))
	body = append(body, toUTF16(f.message)...)
	body = append(body, shortText("stand-in")...)
	body = append(body, shortText("")...)
	body = binary.LittleEndian.AppendUint32(body, 1)
	return append(binary.LittleEndian.AppendUint16([]byte{0xaa}, uint16(len(body))), body...)
}

// result is the columns, the lines and the end.
func result(types []Type, lines [][]value) []byte {
	b := binary.LittleEndian.AppendUint16([]byte{0x81}, uint16(len(types)))
	for _, of := range types {
		b = append(b, 0, 0, 0, 0, 1, 0) // no type of a user; may be NULL
		b = append(b, wireType(of)...)
		b = append(b, shortText("")...)
	}
	for _, line := range lines {
		b = append(b, 0xd1)
		for i, v := range line {
			v.of = types[i]
			b = append(b, wireValue(v)...)
		}
	}
	return append(b, done(doneCount, len(lines))...)
}

func wireType(of Type) []byte {
	switch of {
	case Int:
		return []byte{intType, 4}
	case BigInt:
		return []byte{intType, 8}
	case Bit:
		return []byte{bitType, 1}
	case UniqueIdentifier:
		return []byte{guidType, 16}
	case DateTime2:
		return []byte{dateTime2Type, 7}
	case VarChar:
		return append([]byte{varCharType, 0x40, 0x1f}, collation...) // 8000 bytes
	case NVarChar:
		return append([]byte{nVarCharType, 0x40, 0x1f}, collation...)
	case NVarCharMax:
		return append([]byte{nVarCharType, 0xff, 0xff}, collation...)
	}
	panic(fault{102, fmt.Sprintf("The stand-in sends no value of type %d.", of)})
}

func wireValue(v value) []byte {
	if v.null() {
		return map[Type][]byte{
			VarChar: {0xff, 0xff}, NVarChar: {0xff, 0xff}, NVarCharMax: {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
			Int: {0}, BigInt: {0}, Bit: {0}, UniqueIdentifier: {0}, DateTime2: {0},
		}[v.of]
	}
	switch v.of {
	case Int:
		return binary.LittleEndian.AppendUint32([]byte{4}, uint32(v.int()))
	case BigInt:
		return binary.LittleEndian.AppendUint64([]byte{8}, uint64(v.int()))
	case Bit:
		return []byte{1, byte(v.int())}
	case UniqueIdentifier:
		id := v.v.([16]byte)
		return append([]byte{16}, id[:]...)
	case DateTime2:
		return append([]byte{8}, ticks(v.v.(time.Time))...)
	case VarChar:
		return append(binary.LittleEndian.AppendUint16(nil, uint16(len(v.text()))), v.text()...)
	case NVarChar:
		text := toUTF16(v.text())
		return append(binary.LittleEndian.AppendUint16(nil, uint16(len(text))), text...)
	}
	return pieces(toUTF16(v.text()))
}

// pieces is a text of any length: how long it is, one piece, and an empty one.
func pieces(text []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	if len(text) > 0 {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(text))), text...)
	}
	return append(b, 0, 0, 0, 0)
}

// ticks is a moment as tenths of microseconds and days since the year 1.
func ticks(t time.Time) []byte {
	start := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	days := (t.Unix() - start.Unix()) / 86400
	tenths := (t.Unix()-start.Unix())%86400*10_000_000 + int64(t.Nanosecond())/100
	b := binary.LittleEndian.AppendUint64(nil, uint64(tenths))[:5]
	return append(b, byte(days), byte(days>>8), byte(days>>16))
}

func toUTF16(text string) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return b
}

func shortText(text string) []byte {
	return append([]byte{byte(len(utf16.Encode([]rune(text))))}, toUTF16(text)...)
}
