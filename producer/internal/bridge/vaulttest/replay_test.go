package vaulttest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// seen is when the official program was watched.
func seen() time.Time { return time.Date(2026, 11, 24, 15, 39, 31, 123456700, time.UTC) }

func TestTheVaultWritesWhatTheOfficialProgramWrites(t *testing.T) {
	for _, engine := range Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			v := New(t, engine, Setup{Clock: seen, CommandTimeout: time.Second})
			r := &replay{v: v, empty: must(v.Backup(t.Context()))(t)}
			played := facts(t, engine)
			if len(played) != 74 {
				t.Errorf("%d facts, want 74", len(played))
			}
			for _, fact := range played {
				r.play(t, fact)
			}
		})
	}
}

// replay plays one fact after the other, each in a vault that holds nothing but
// what it is about.
type replay struct {
	v     *Vault
	empty Backup
	fact
	statements []string

	// What a preparation made.
	organization, mate, mateEmail, other string
	pending                              *PendingRevoke
}

func (r *replay) play(t *testing.T, f fact) {
	t.Helper()
	r.fact, r.organization, r.mate, r.other, r.pending = f, "", "", "", nil
	no(t, r.v.Restore(t.Context(), r.empty))
	for _, row := range f.Rows {
		r.surround(t, row)
	}
	act, prepare := actions()[f.Action], preparations()[f.Action]
	if act == nil {
		t.Errorf("%s: nothing plays this", f.Action)
		return
	}
	if prepare != nil {
		prepare(r, t)
	}
	r.statements = nil
	r.v.trace = func(statement string) { r.statements = append(r.statements, statement) }
	before := must(r.v.Backup(t.Context()))(t)
	err := act(t, r)
	r.v.trace = func(string) {}
	after := must(r.v.Backup(t.Context()))(t)

	if (err == nil) != (f.Result == "ok") {
		t.Errorf("%s: got %v, want %s", f.Action, err, f.Result)
	}
	r.compareRows(t, differences(before, after))
	r.compareStatements(t)
}

func (r *replay) compareStatements(t *testing.T) {
	t.Helper()
	got, want := tidy(r.statements), r.fact.ours()
	same := slices.EqualFunc(got, want, func(got, want string) bool {
		// What the program joins over several tables shows no condition.
		return got == want || strings.HasPrefix(want, "DELETE") && !strings.Contains(want, "WHERE") && strings.HasPrefix(got, want+" WHERE")
	})
	if !same {
		t.Errorf("%s: statements\n got %q\nwant %q", r.Action, got, want)
	}
}

// compareRows wants each row of the fact among those that differ, and no other.
func (r *replay) compareRows(t *testing.T, got []factRow) {
	t.Helper()
	for _, want := range r.Rows {
		i := slices.IndexFunc(got, func(g factRow) bool { return r.same(g, want) })
		if i < 0 {
			t.Errorf("%s: nothing did this to %s\nfrom %v\n  to %v\ngot %v", r.Action, want.Table, want.Before, want.After, got)
			continue
		}
		got = slices.Delete(got, i, i+1)
	}
	for _, more := range got {
		t.Errorf("%s: changed in %s as well\nfrom %v\n  to %v", r.Action, more.Table, more.Before, more.After)
	}
}

// same compares the columns that the fact tells of. What the program made up must
// have the right form.
func (r *replay) same(got, want factRow) bool {
	if got.Table != want.Table || (got.Before == nil) != (want.Before == nil) || (got.After == nil) != (want.After == nil) {
		return false
	}
	return r.sameColumns(got.Before, want.Before, false) && r.sameColumns(got.After, want.After, want.Before == nil) &&
		maps.Equal(changed(got, want), changed(want, want))
}

// changed names the columns that differ, of those that both sides tell of.
func changed(row, told factRow) map[string]bool {
	names := map[string]bool{}
	if row.Before == nil || row.After == nil {
		return names
	}
	for name, value := range row.After {
		if _, is := told.After[name]; is && row.Before[name] != value {
			names[name] = true
		}
	}
	return names
}

func (r *replay) sameColumns(got, want Record, fresh bool) bool {
	for name, value := range want {
		madeUp := r.madeUp(name, value, fresh)
		if got[name] != value && (madeUp == "" || madeUp != r.madeUp(name, got[name], fresh)) {
			return false
		}
	}
	return true
}

// madeUp returns the form of a value that the program chose itself, or "". The
// file's own midnights were chosen by hand.
func (r *replay) madeUp(column string, value any, fresh bool) string {
	stored, _ := value.(string)
	switch column {
	case "Id", "UserId":
		if fresh {
			return idForms[r.Engine].FindString(stored)
		}
	case "CreationDate", "RevisionDate", "AccountRevisionDate", "ExpirationDate":
		if dateForms[r.Engine].MatchString(stored) && !strings.Contains(stored, " 00:00:00") {
			return "a date"
		}
	}
	return ""
}

// A date is as exact as the engine holds it, without zeros at its end but on MariaDB.
var dateForms = map[Engine]*regexp.Regexp{
	PostgreSQL: regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{0,5}[1-9])?\+00$`),
	MariaDB:    regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$`),
	SQLite:     regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{0,6}[1-9])?$`),
}

// An id is of the day on which the program was watched, in the engine's case; its
// form is that day.
var idForms = map[Engine]*regexp.Regexp{
	PostgreSQL: regexp.MustCompile(`b50c`),
	MariaDB:    regexp.MustCompile(`b50c`),
	SQLite:     regexp.MustCompile(`B50C`),
}

// surround puts a row of a fact where it was before, with what it refers to.
func (r *replay) surround(t *testing.T, row factRow) {
	t.Helper()
	told := row.After
	if row.Before != nil {
		told = row.Before
	}
	switch row.Table {
	case organizations, users:
	case members:
		r.parent(t, organizations, told["OrganizationId"])
		if row.Before != nil || r.row(users).Table == "" {
			r.parent(t, users, told["UserId"])
		}
	case sponsorships:
		r.parent(t, organizations, told["SponsoringOrganizationId"])
		r.member(t, told["SponsoringOrganizationId"], told["SponsoringOrganizationUserId"])
	default:
		r.parent(t, organizations, told["OrganizationId"])
	}
	if row.Before != nil {
		r.put(t, row.Table, row.Before)
	}
}

// put makes a row as it is told.
func (r *replay) put(t *testing.T, table string, row Record) {
	t.Helper()
	rows := must(r.v.find(t.Context(), r.v.DB, table, Record{"Id": row["Id"]}))(t)
	if len(rows) == 0 {
		no(t, r.v.insert(t.Context(), r.v.DB, table, r.v.filled(table, maps.Clone(row))))
		return
	}
	must(r.v.update(t.Context(), r.v.DB, change{table: table, set: row, where: Record{"Id": row["Id"]}}))(t)
}

// parent makes a row that another refers to, unless it is there.
func (r *replay) parent(t *testing.T, table string, id any) {
	t.Helper()
	if id == nil || len(must(r.v.find(t.Context(), r.v.DB, table, Record{"Id": id}))(t)) > 0 {
		return
	}
	row := Record{"Id": id, "Name": "Example"}
	if table == users {
		row["Email"] = fmt.Sprint(id, "@example.com")
	}
	r.put(t, table, row)
}

// member makes a confirmed member with an account, unless they are there.
func (r *replay) member(t *testing.T, organization, id any) {
	t.Helper()
	if len(must(r.v.find(t.Context(), r.v.DB, members, Record{"Id": id}))(t)) > 0 {
		return
	}
	account := r.v.id(r.v.ids.next())
	r.parent(t, users, account)
	r.put(t, members, Record{"Id": id, "OrganizationId": organization, "UserId": account, "Status": int64(Confirmed), "Type": int64(Member)})
}

func no(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		no(t, err)
		return value
	}
}
