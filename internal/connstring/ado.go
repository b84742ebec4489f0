package connstring

import (
	"fmt"
	"strings"
)

// pairs holds the settings of an ADO.NET connection string by their folded names.
type pairs map[string]string

// fold makes one of the spellings "User ID", "UserId", "user_id" and "user-id".
func fold(key string) string {
	return strings.NewReplacer(" ", "", "_", "", "-", "", "\t", "").Replace(strings.ToLower(key))
}

// parsePairs reads "key=value;key=value". A value may be quoted by " or ', which
// doubled stands for itself; "==" is an equals sign within a key; of equal keys
// the last one counts. The server takes quotes off both ends of the whole.
func parsePairs(text string) (pairs, error) {
	rest := unwrap(text)
	found := pairs{}
	for number := 1; rest != ""; number++ {
		if entry, after, _ := strings.Cut(rest, ";"); strings.TrimSpace(entry) == "" {
			rest = after
			continue
		}
		key, after, ok := cutKey(rest)
		if !ok {
			return nil, fmt.Errorf("has an entry %d without name and equals sign; want name=value;name=value", number)
		}
		value, after, ok := cutValue(after)
		if !ok {
			return nil, fmt.Errorf("has an entry %d that is not quoted correctly; want quotes around the whole value and doubled within", number)
		}
		found[fold(key)] = value
		rest = after
	}
	return found, nil
}

// unwrap takes off the quotes that env files have around the whole, and the
// backslashes that they have before quotes within; a comment may follow.
func unwrap(text string) string {
	text = strings.TrimSpace(text)
	text, found := strings.CutPrefix(text, `"`)
	if !found {
		return text
	}
	if end := strings.LastIndexByte(text, '"'); end >= 0 {
		text = text[:end]
	}
	return strings.ReplaceAll(text, `\"`, `"`)
}

// cutKey takes a key and its equals sign off the front.
func cutKey(text string) (key, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == ';':
			return "", "", false
		case c != '=':
			b.WriteByte(c)
		case strings.HasPrefix(text[i:], "=="):
			b.WriteByte(c)
			i++
		default:
			key = strings.TrimSpace(b.String())
			return key, text[i+1:], key != ""
		}
	}
	return "", "", false
}

// cutValue takes a value and its semicolon off the front.
func cutValue(text string) (value, rest string, ok bool) {
	text = strings.TrimLeft(text, " \t\r\n")
	if text == "" || (text[0] != '"' && text[0] != '\'') {
		value, rest, _ = strings.Cut(text, ";")
		return strings.TrimSpace(value), rest, true
	}
	quote := text[:1]
	var b strings.Builder
	for text = text[1:]; ; {
		part, after, found := strings.Cut(text, quote)
		if !found {
			return "", "", false
		}
		b.WriteString(part)
		if !strings.HasPrefix(after, quote) {
			between, rest, _ := strings.Cut(after, ";")
			return b.String(), rest, strings.TrimSpace(between) == ""
		}
		b.WriteString(quote)
		text = after[1:]
	}
}

// first returns the value of the first of the names that is set.
func (p pairs) first(names ...string) string {
	for _, name := range names {
		if value := p[name]; value != "" {
			return value
		}
	}
	return ""
}
