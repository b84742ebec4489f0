package cloudtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// value is one JSON value and where it ended.
type value struct {
	token    json.Token // of an object or array its opening delimiter
	end      int64      // bytes of the body up to the end of that token
	members  map[string]value
	elements []value
}

func (v value) isNull() bool { return v.token == nil }

// parser reads a body once, front to back, and remembers the path it is at.
type parser struct {
	body    []byte
	decoder *json.Decoder
	path    string // of the member or element being read
}

// syntaxError is a body that is no JSON; path is the last that was reached.
type syntaxError struct {
	path, text string
	at         int64
}

func (e *syntaxError) Error() string { return e.text }

func parse(body []byte) (value, error) {
	p := &parser{body: body, decoder: json.NewDecoder(bytes.NewReader(body)), path: "$"}
	p.decoder.UseNumber()
	root, err := p.value()
	if err != nil {
		return value{}, p.fault(err)
	}
	if rest := bytes.TrimLeft(body[p.decoder.InputOffset():], " \t\r\n"); len(rest) > 0 {
		at := int64(len(body) - len(rest))
		return value{}, &syntaxError{"$", fmt.Sprintf("'%c' is invalid after a single JSON value. Expected end of data.", rest[0]), at}
	}
	return root, nil
}

func (p *parser) value() (value, error) {
	token, err := p.token()
	if err != nil {
		return value{}, err
	}
	v := value{token: token, end: p.decoder.InputOffset()}
	switch token {
	case json.Delim('{'):
		v.members, err = p.object()
	case json.Delim('['):
		v.elements, err = p.array()
	}
	return v, err
}

// object folds the case of names and keeps the last of equal ones.
func (p *parser) object() (map[string]value, error) {
	members, parent := map[string]value{}, p.path
	for p.decoder.More() {
		token, err := p.token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		p.path = parent + "." + name
		if members[strings.ToLower(name)], err = p.value(); err != nil {
			return nil, err
		}
	}
	p.path = parent
	_, err := p.token()
	return members, err
}

func (p *parser) array() ([]value, error) {
	elements, parent := []value{}, p.path
	for p.decoder.More() {
		p.path = fmt.Sprintf("%s[%d]", parent, len(elements))
		element, err := p.value()
		if err != nil {
			return nil, err
		}
		elements = append(elements, element)
	}
	p.path = parent
	_, err := p.token()
	return elements, err
}

//lint:ignore ST1005 the API words it so
var errNotUTF8 = errors.New("The JSON value contains bytes that are no UTF-8.")

// token is the next one; encoding/json would mend what is no UTF-8.
func (p *parser) token() (json.Token, error) {
	before := p.decoder.InputOffset()
	token, err := p.decoder.Token()
	if err == nil && !utf8.Valid(p.body[before:p.decoder.InputOffset()]) {
		return nil, errNotUTF8
	}
	return token, err
}

// fault words an error as the API's JSON reader does where that is known.
func (p *parser) fault(err error) *syntaxError {
	at := p.decoder.InputOffset()
	var syntax *json.SyntaxError
	switch {
	case len(bytes.TrimSpace(p.body)) == 0:
		text := "The input does not contain any JSON tokens. Expected the input to start with a valid JSON token, when isFinalBlock is true."
		return &syntaxError{p.path, text, 0}
	case errors.Is(err, errNotUTF8):
		return &syntaxError{p.path, err.Error(), at}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		text := "Expected depth to be zero at the end of the JSON payload. There is an open JSON object or array that should be closed."
		return &syntaxError{p.path, text, int64(len(p.body))}
	case errors.As(err, &syntax) && syntax.Offset > 0 && syntax.Offset <= int64(len(p.body)):
		at = syntax.Offset - 1
	}
	offending, _ := utf8.DecodeRune(p.body[min(at, int64(len(p.body)-1)):])
	return &syntaxError{p.path, fmt.Sprintf("'%c' is an invalid start of a value.", offending), at}
}
