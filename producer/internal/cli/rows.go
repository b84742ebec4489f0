package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/sponsorsync/sponsorsync/internal/printable"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// row is one job of a file.
type row struct {
	line int // in the file, from 1
	args jobs.Ordered
}

func (r row) target() target {
	return target{org: r.args.Organization(), id: r.args.SponsorshipID(), line: r.line}
}

// sheet is what a file looks like.
type sheet struct {
	command string // that reads it
	kind    jobs.Kind
	columns map[string]column                 // by their names in lower case
	args    func(all jobs.Adopt) jobs.Ordered // of what the columns of a row say
}

// lineFault is what is wrong with one line. It never holds the address.
type lineFault struct {
	line    int
	message string
}

// lineFaults are all faults of a file.
type lineFaults []lineFault

func (f lineFaults) Error() string { return strings.Join(f.in("file", len(f)), "; ") }

// in names the file in each of the first faults, and counts the rest.
func (f lineFaults) in(name string, most int) []string {
	var texts []string
	for i, fault := range f {
		if i == most {
			return append(texts, fmt.Sprintf("%s: and %d more lines are wrong", name, len(f)-most))
		}
		texts = append(texts, fmt.Sprintf("%s line %d: %s", name, fault.line, printable.Line(fault.message)))
	}
	return texts
}

// parseRows reads CSV or NDJSON, which it tells by the first character. Either
// all rows are valid, or the error is lineFaults with everything that is wrong.
// A row without an organization is org's.
func (from source) parseRows(text []byte) ([]row, error) {
	p := &rowParser{sheet: from.sheet, org: from.org, ignore: from.ignoreColumns, members: map[member]row{}}
	in := bufio.NewReader(bytes.NewReader(text))
	var err error
	switch first, peekErr := firstCharacter(in); {
	case errors.Is(peekErr, io.EOF):
		return nil, nil
	case peekErr != nil:
		return nil, peekErr
	case first == '[':
		p.fault(1, "is a JSON array; want one object a line, as 'jq -c .[]' writes it")
	case first == '{':
		err = p.readNDJSON(in)
	default:
		err = p.readCSV(in)
	}
	if err == nil && len(p.faults) > 0 {
		err = p.faults
	}
	return p.rows, err
}

// firstCharacter looks past spaces and empty lines without taking them: lines are counted.
func firstCharacter(in *bufio.Reader) (byte, error) {
	for n := 1; ; n++ {
		seen, err := in.Peek(n)
		if err != nil {
			return 0, err
		}
		if c := seen[n-1]; !strings.ContainsRune(" \t\r\n", rune(c)) {
			return c, nil
		}
	}
}

type rowParser struct {
	sheet
	org     sponsorship.ID
	ignore  bool // columns that mean nothing here
	rows    []row
	faults  lineFaults
	members map[member]row // the first row of each
}

// member is the key of a sponsorship.
type member struct{ org, id sponsorship.ID }

func (p *rowParser) fault(line int, message string) {
	p.faults = append(p.faults, lineFault{line, message})
}

// add checks a row by itself, and against the others: one member can sponsor
// one address only. The faults are those of reading it.
func (p *rowParser) add(r row, faults ...string) {
	faults = append(faults, fieldFaults(r.args.Validate(), asNamed)...)
	if len(faults) > 0 {
		p.fault(r.line, strings.Join(faults, "; "))
		return
	}
	key := member{r.args.Organization(), r.args.SponsorshipID()}
	if before, again := p.members[key]; !again {
		p.members[key] = r
	} else if !sponsorship.SameAddress(address(before.args), address(r.args)) {
		p.fault(r.line, fmt.Sprintf("the same member as in line %d, with another address", before.line))
		return
	}
	p.rows = append(p.rows, r)
}

func address(args jobs.Ordered) string {
	switch a := args.(type) {
	case jobs.Redeem:
		return a.SponsoredEmail
	case jobs.Adopt:
		return a.SponsoredEmail
	}
	return ""
}

// asNamed leaves field names as they are: a file has fields, not flags.
func asNamed(field string) string { return field }

// maxLine is far more than a row with the longest texts takes.
const maxLine = 64 << 10

func (p *rowParser) readNDJSON(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	n := 0
	for lines.Scan() {
		n++
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		args, err := jobs.Decode(p.kind, []byte(p.withOrganization(text)))
		if err != nil {
			p.fault(n, strings.Join(fieldFaults(err, asNamed), "; "))
			continue
		}
		p.add(row{n, args.(jobs.Ordered)})
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		p.fault(n+1, fmt.Sprintf("is longer than %d bytes; want one JSON object a line", maxLine))
		return nil
	}
	return lines.Err()
}

// withOrganization puts the default in front of a row that names none.
func (p *rowParser) withOrganization(object string) string {
	var named map[string]json.RawMessage
	fields, isObject := strings.CutPrefix(object, "{")
	if fields = strings.TrimSpace(fields); !isObject || p.org == "" || fields == "}" || json.Unmarshal([]byte(object), &named) != nil {
		return object
	}
	if _, there := named["organizationId"]; there {
		return object
	}
	return fmt.Sprintf(`{"organizationId":%q,%s`, p.org, fields)
}
