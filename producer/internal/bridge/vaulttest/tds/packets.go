package tds

import (
	"encoding/binary"
	"errors"
	"io"
)

// The kinds of messages.
const (
	batchMessage     = 1
	callMessage      = 3
	replyMessage     = 4
	attentionMessage = 6
	loginMessage     = 16
	greetingMessage  = 18
)

const (
	headerSize = 8
	packetSize = 4096
	lastPacket = 1 // status: the message ends with this packet
	resetFirst = 8 // status: the session is to be as new
)

// message is what one side says at a time, in one or more packets.
type message struct {
	kind  byte
	reset bool
	body  []byte
}

func read(from io.Reader) (message, error) {
	var m message
	for {
		var header [headerSize]byte
		if _, err := io.ReadFull(from, header[:]); err != nil {
			return message{}, err
		}
		size := int(binary.BigEndian.Uint16(header[2:]))
		if size < headerSize {
			return message{}, errors.New("a packet is shorter than its header")
		}
		body := make([]byte, size-headerSize)
		if _, err := io.ReadFull(from, body); err != nil {
			return message{}, err
		}
		m.kind, m.reset = header[0], m.reset || header[1]&resetFirst != 0
		m.body = append(m.body, body...)
		if header[1]&lastPacket != 0 {
			return m, nil
		}
	}
}

func write(to io.Writer, body []byte) error {
	for number := byte(1); ; number++ {
		part := body[:min(len(body), packetSize-headerSize)]
		body = body[len(part):]
		status := byte(0)
		if len(body) == 0 {
			status = lastPacket
		}
		packet := []byte{replyMessage, status, 0, 0, 0, 0, number, 0}
		binary.BigEndian.PutUint16(packet[2:], uint16(headerSize+len(part)))
		if _, err := to.Write(append(packet, part...)); err != nil {
			return err
		}
		if len(body) == 0 {
			return nil
		}
	}
}
