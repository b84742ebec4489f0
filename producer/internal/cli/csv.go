package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs"
)

// column reads one field of a CSV row. The message of its error follows the
// column's name.
type column func(all *jobs.Adopt, value string) error

// commonColumns are those that every file may have, by their names in lower case.
func commonColumns() map[string]column {
	return map[string]column{
		"organizationid":     func(a *jobs.Adopt, v string) error { return a.OrganizationID.UnmarshalText([]byte(v)) },
		"organizationuserid": func(a *jobs.Adopt, v string) error { return a.OrganizationUserID.UnmarshalText([]byte(v)) },
		"sponsoredemail":     func(a *jobs.Adopt, v string) error { a.SponsoredEmail = v; return nil },
		"friendlyname":       func(a *jobs.Adopt, v string) error { a.FriendlyName = v; return nil },
		"admininitiated":     func(a *jobs.Adopt, v string) error { return readBool(&a.AdminInitiated, v) },
	}
}

func redeemSheet() sheet {
	columns := commonColumns()
	columns["plansponsorshiptype"] = readPlanSponsorshipType
	return sheet{command: "redeem", kind: jobs.KindRedeem, columns: columns, args: func(a jobs.Adopt) jobs.Ordered {
		return jobs.Redeem{
			OrganizationID: a.OrganizationID, OrganizationUserID: a.OrganizationUserID,
			SponsoredEmail: a.SponsoredEmail, FriendlyName: a.FriendlyName, AdminInitiated: a.AdminInitiated,
		}
	}}
}

func importSheet() sheet {
	columns := commonColumns()
	columns["revoke"] = func(a *jobs.Adopt, v string) error { return readBool(&a.Revoke, v) }
	return sheet{command: "import", kind: jobs.KindAdopt, columns: columns, args: func(a jobs.Adopt) jobs.Ordered { return a }}
}

func readBool(into *bool, v string) (err error) {
	if v == "" {
		return nil
	}
	if *into, err = strconv.ParseBool(strings.ToLower(v)); err != nil {
		return errors.New("must be true or false")
	}
	return nil
}

func readPlanSponsorshipType(_ *jobs.Adopt, v string) error {
	if v != "" && v != "0" {
		return errors.New("must be 0 (Families), the only type that exists")
	}
	return nil
}

func (p *rowParser) readCSV(in *bufio.Reader) error {
	records := csv.NewReader(in)
	records.Comma = separatorOf(firstLine(in))
	records.TrimLeadingSpace = records.Comma != '\t' // which is itself a space: columns would vanish
	records.ReuseRecord = true
	header, err := records.Read()
	if err != nil {
		return p.csvFault(err)
	}
	line, _ := records.FieldPos(0)
	table, faults := p.readHeader(slices.Clone(header))
	for _, message := range faults {
		p.fault(line, message)
	}
	if len(faults) > 0 { // every row would only repeat it
		return nil
	}
	for {
		record, err := records.Read()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			if err := p.csvFault(err); err != nil {
				return err
			}
			continue
		}
		line, _ := records.FieldPos(0)
		p.addRecord(line, table, record)
	}
}

func (p *rowParser) addRecord(line int, t table, record []string) {
	var all jobs.Adopt
	var faults []string
	for i, read := range t.columns {
		if read == nil {
			continue
		}
		if err := read(&all, strings.TrimSpace(record[i])); err != nil {
			faults = append(faults, t.names[i]+" "+err.Error())
		}
	}
	all.OrganizationID = cmp.Or(all.OrganizationID, p.org)
	p.add(row{line, p.args(all)}, faults...)
}

// csvFault turns a faulty line into a fault, and returns every other error.
func (p *rowParser) csvFault(err error) error {
	parse, ok := errors.AsType[*csv.ParseError](err)
	if !ok {
		return err
	}
	message := parse.Err.Error()
	if errors.Is(err, csv.ErrFieldCount) {
		message = "has more or fewer fields than the header"
	}
	p.fault(parse.Line, message)
	return nil
}

// firstLine looks at the header without taking it.
func firstLine(in *bufio.Reader) []byte {
	seen, _ := in.Peek(in.Size()) // as much as there is
	line, _, _ := bytes.Cut(bytes.TrimLeft(seen, " \t\r\n"), []byte("\n"))
	return line
}

// columnName shows a name only if it is one: a file without a header begins with
// an address.
func columnName(i int, name string) string {
	if !plainName.MatchString(name) {
		return fmt.Sprintf("the header's column %d", i+1)
	}
	return "column " + name
}

var plainName = regexp.MustCompile(`^[A-Za-z_]{1,40}$`)

// table is what a header says: the columns in its order.
type table struct {
	names   []string
	columns []column
}

// more are the columns that only this kind of file has and that are worth a word.
func (s sheet) more() string {
	if s.columns["revoke"] != nil {
		return ",revoke"
	}
	return ""
}

func (s sheet) wantedColumns() string {
	return "; want organizationUserId,sponsoredEmail and optionally organizationId,friendlyName,adminInitiated" + s.more()
}

func (s sheet) unknownColumns(n int) string {
	are := " is unknown"
	if n > 1 {
		are = " are unknown"
	}
	return are + s.wantedColumns() + "; --ignore-columns leaves out what else there is"
}

// columnKey folds the names of a column: those of the job's arguments, and those of
// the flags.
func columnKey(name string) string {
	key := strings.ToLower(name)
	if full, short := shortColumns[key]; short {
		return full
	}
	return key
}

// shortColumns are the flags by which people know the arguments. Read-only.
var shortColumns = map[string]string{
	"org": "organizationid", "organization": "organizationid", "user": "organizationuserid", "member": "organizationuserid",
	"email": "sponsoredemail", "name": "friendlyname", "admin-initiated": "admininitiated",
}

// readHeader finds each column's reader.
func (p *rowParser) readHeader(header []string) (t table, faults []string) {
	t.names = header
	var unknown []string
	seen := map[string]bool{}
	for i, name := range header {
		header[i] = strings.TrimSpace(name)
		key := columnKey(header[i])
		switch read, known := p.columns[key]; {
		case !known:
			t.columns = append(t.columns, nil)
			unknown = append(unknown, columnName(i, header[i]))
			continue
		case seen[key]:
			faults = append(faults, columnName(i, header[i])+" is there twice")
		default:
			t.columns = append(t.columns, read)
		}
		seen[key] = true
	}
	if len(seen) == 0 {
		return t, []string{"is no header that is known" + p.wantedColumns()}
	}
	if len(unknown) > 0 && !p.ignore {
		faults = append(faults, strings.Join(unknown, ", ")+p.unknownColumns(len(unknown)))
	}
	for _, name := range []string{"organizationUserId", "sponsoredEmail"} {
		if !seen[strings.ToLower(name)] {
			faults = append(faults, "column "+name+" is missing")
		}
	}
	if !seen["organizationid"] && p.org == "" {
		faults = append(faults, "column organizationId is missing, and --org is not given")
	}
	return t, faults
}
