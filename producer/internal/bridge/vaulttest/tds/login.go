package tds

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// noEncryption answers a greeting: version 16, and that encryption is not supported.
var noEncryption = []byte{
	0x00, 0x00, 0x0b, 0x00, 0x06, // the version stands at 11, six bytes long
	0x01, 0x00, 0x11, 0x00, 0x01, // the encryption at 17, one
	0xff,
	16, 0, 0, 0, 0, 0,
	0x02,
}

var errRefused = errors.New("the login is refused")

// signIn greets and takes the login.
func (c *session) signIn() error {
	if m, err := read(c.wire); err != nil || m.kind != greetingMessage {
		return errors.Join(err, errUnknown)
	}
	if err := write(c.wire, noEncryption); err != nil {
		return err
	}
	m, err := read(c.wire)
	if err != nil || m.kind != loginMessage {
		return errors.Join(err, errUnknown)
	}
	if f := c.refusal(m.body); f.number != 0 {
		_ = write(c.wire, append(problem(f), done(doneError, 0)...))
		return errRefused
	}
	return write(c.wire, append(welcome(), done(0, 0)...))
}

// refusal compares what the login says; passwords are no secret on the wire, each byte
// has its halves changed and is added to 0xA5 without carry.
func (c *session) refusal(login []byte) fault {
	const user, password, database = 40, 44, 68 // where each one's offset and length stand
	secret := field(login, password)
	for i, b := range secret {
		b ^= 0xa5
		secret[i] = b<<4 | b>>4
	}
	o := c.server.options
	switch {
	case fromUTF16(field(login, user)) != o.User || fromUTF16(secret) != o.Password:
		return fault{18456, fmt.Sprintf("Login failed for user '%s'.", fromUTF16(field(login, user)))}
	case fromUTF16(field(login, database)) != o.Database:
		return fault{4060, fmt.Sprintf("Cannot open database \"%s\" requested by the login. The login failed.", fromUTF16(field(login, database)))}
	}
	return fault{}
}

func field(login []byte, at int) []byte {
	offset, length := binary.LittleEndian.Uint16(login[at:]), binary.LittleEndian.Uint16(login[at+2:])
	return append([]byte{}, login[offset:int(offset)+2*int(length)]...)
}

func welcome() []byte {
	name := shortText("Microsoft SQL Server")
	body := append([]byte{1, 0x74, 0x00, 0x00, 0x04}, name...) // T-SQL, TDS 7.4
	body = append(body, 16, 0, 0, 0)
	return append(binary.LittleEndian.AppendUint16([]byte{0xad}, uint16(len(body))), body...)
}
