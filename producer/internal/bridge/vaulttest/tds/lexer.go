package tds

import (
	"strings"
	"unicode"
)

type kind int

const (
	end kind = iota
	word
	bracketed
	quoted
	number
	parameter
	mark
)

// token is a piece of a statement; text is without its quotes.
type token struct {
	kind kind
	text string
}

// is reports whether it is a keyword or a mark, keywords in any case.
func (t token) is(text string) bool {
	return (t.kind == word || t.kind == mark) && strings.EqualFold(t.text, text)
}

func lex(statement string) []token {
	var found []token
	rest := statement
	for {
		rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
		if rest == "" {
			return append(found, token{})
		}
		var next token
		next, rest = first(rest)
		found = append(found, next)
	}
}

func first(text string) (token, string) {
	switch c := text[0]; {
	case c == '[':
		inner, rest := until(text[1:], ']')
		return token{bracketed, inner}, rest
	case c == '\'':
		inner, rest := until(text[1:], '\'')
		return token{quoted, inner}, rest
	case strings.HasPrefix(text, "N'"):
		inner, rest := until(text[2:], '\'')
		return token{quoted, inner}, rest
	case c >= '0' && c <= '9':
		length := span(text, func(r rune) bool { return r >= '0' && r <= '9' })
		return token{number, text[:length]}, text[length:]
	case c == '@':
		length := 1 + span(text[1:], inName)
		return token{parameter, text[:length]}, text[length:]
	case inName(rune(c)):
		length := span(text, inName)
		return token{word, text[:length]}, text[length:]
	case strings.ContainsRune("(),.;=*+%", rune(c)):
		return token{mark, text[:1]}, text[1:]
	}
	fail(102, "Incorrect syntax near '%.20s'.", text)
	return token{}, ""
}

// until reads to the closing quote; a doubled one is one of the text.
func until(text string, closing byte) (inner, rest string) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == closing {
			if i+1 == len(text) || text[i+1] != closing {
				return b.String(), text[i+1:]
			}
			i++
		}
		b.WriteByte(text[i])
	}
	fail(105, "Unclosed quotation mark after the character string '%.20s'.", text)
	return "", ""
}

func span(text string, in func(rune) bool) int {
	if i := strings.IndexFunc(text, func(r rune) bool { return !in(r) }); i >= 0 {
		return i
	}
	return len(text)
}

func inName(r rune) bool { return r == '_' || unicode.IsLetter(r) || (r >= '0' && r <= '9') }
