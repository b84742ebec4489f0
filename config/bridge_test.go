package config_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/internal/connstring"
)

const (
	sqlServerString = "globalSettings__sqlServer__connectionString=Data Source=tcp:mssql,1433;Initial Catalog=vault;User ID=sa;Password=hunter2;Encrypt=True;Trust Server Certificate=True"
	postgresString  = "globalSettings__postgreSql__connectionString=Host=db;Database=vault;Username=u;Password=hunter2"
	bridgeOn        = "SPONSORSYNC_BRIDGE=read"
)

func TestBridgeDefaults(t *testing.T) {
	t.Parallel()
	b, err := config.LoadBridge(read(t))
	want := config.Bridge{Mode: config.BridgeOff, Interval: 5 * time.Second, Grace: 2 * time.Minute, Orphans: "report"}
	if err != nil || b != want {
		t.Errorf("got %+v, %v, want %+v", b, err, want)
	}
}

// The server's own rules: the container's word beats the provider, a connection string
// the container's parts, no provider is SQL Server; our own URL beats all.
func TestWhichDatabase(t *testing.T) {
	t.Parallel()
	lite := []string{"BW_DB_PROVIDER=mariadb", "BW_DB_SERVER=lite", "BW_DB_PORT=3307", "BW_DB_DATABASE=vault", "BW_DB_USERNAME=u", "BW_DB_PASSWORD=a;b'\"c"}
	tests := map[string]struct {
		environ []string
		want    string // as the target prints, or the variable that is at fault
		source  string
	}{
		"standard": {[]string{sqlServerString, postgresString}, `SQL Server database "vault" at mssql:1433`, "globalSettings__sqlServer__connectionString"},
		"postgres": {[]string{sqlServerString, postgresString, "GLOBALSETTINGS__databaseprovider=PostgreSQL"}, `PostgreSQL database "vault" at db:5432`,
			"globalSettings__postgreSql__connectionString"},
		"any case": {[]string{strings.ToUpper("globalSettings__sqlite__connectionString") + "=Data Source=/etc/bitwarden/x.db;", "globalSettings__databaseProvider=sqlite"},
			"SQLite file /etc/bitwarden/x.db", "globalSettings__sqlite__connectionString"},
		"lite":                    {lite, `MySQL database "vault" at lite:3307`, "BW_DB_SERVER"},
		"lite, any case":          {[]string{"bw_db_provider=sqlite"}, "SQLite file /etc/bitwarden/vault.db", "BW_DB_FILE"},
		"lite beats the provider": {append([]string{"globalSettings__databaseProvider=postgres", postgresString}, lite...), `MySQL database "vault" at lite:3307`, "BW_DB_SERVER"},
		"a string beats the parts": {append([]string{"globalSettings__mySql__connectionString=server=s;database=d;user=u"}, lite...), `MySQL database "d" at s:3306`,
			"globalSettings__mySql__connectionString"},
		"our own":        {append([]string{"SPONSORSYNC_BRIDGE_DATABASE=sqlite:///v.db", sqlServerString}, lite...), "SQLite file /v.db", "SPONSORSYNC_BRIDGE_DATABASE"},
		"a file":         {[]string{"SPONSORSYNC_BRIDGE_DATABASE_FILE=" + file(t, "postgres://u:p@h/d\n")}, `PostgreSQL database "d" at h:5432`, "SPONSORSYNC_BRIDGE_DATABASE"},
		"server's file":  {[]string{"globalsettings__SQLSERVER__connectionString_FILE=" + file(t, strings.SplitN(sqlServerString, "=", 2)[1])}, `SQL Server database "vault" at mssql:1433`, "globalSettings__sqlServer__connectionString"},
		"read-only":      {[]string{"globalSettings__sqlServer__readOnlyConnectionString=Server=replica;Database=vault;User ID=sa"}, "SPONSORSYNC_BRIDGE_DATABASE", ""},
		"nothing":        {nil, "SPONSORSYNC_BRIDGE_DATABASE", ""},
		"other engine":   {[]string{postgresString}, "SPONSORSYNC_BRIDGE_DATABASE", ""},
		"no engine":      {[]string{"globalSettings__databaseProvider=oracle", postgresString}, "globalSettings__databaseProvider", ""},
		"no lite engine": {[]string{"BW_DB_PROVIDER=oracle", sqlServerString}, "BW_DB_PROVIDER", ""},
		"lite alone":     {lite[:1], "BW_DB_SERVER", ""},
		"lite, no name":  {lite[:2], "BW_DB_DATABASE", ""},
		"lite, no user":  {lite[:4], "BW_DB_USERNAME", ""},
		"broken":         {[]string{"globalSettings__sqlServer__connectionString=hunter2"}, "globalSettings__sqlServer__connectionString", ""},
		"broken URL":     {[]string{"SPONSORSYNC_BRIDGE_DATABASE=hunter2"}, "SPONSORSYNC_BRIDGE_DATABASE", ""},
	}
	for label, tt := range tests {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			b, err := config.LoadBridge(read(t, slices.Concat(tt.environ, []string{bridgeOn})...))
			got := b.Database.String()
			if err != nil {
				got = names(faults(t, err))
			}
			if got != tt.want || b.Source != tt.source {
				t.Errorf("got %q from %q, want %q from %q: %v", got, b.Source, tt.want, tt.source, err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v shows a secret", err)
			}
		})
	}
}

func TestLitePasswordNeedsNoQuoting(t *testing.T) {
	t.Parallel()
	b, err := config.LoadBridge(read(t, bridgeOn, "BW_DB_PROVIDER=sqlserver", "BW_DB_SERVER=h", "BW_DB_DATABASE=d", "BW_DB_USERNAME=u", "BW_DB_PASSWORD=a;b'\"c"))
	if err != nil || b.Database.Password.Reveal() != `a;b'"c` || b.Database.Encryption.Mode != connstring.Required {
		t.Errorf("got %q, %s, %v", b.Database.Password.Reveal(), b.Database.Encryption.Mode, err)
	}
}

// While the bridge is off the server's settings are nobody's business, but our own must be right.
func TestBridgeOff(t *testing.T) {
	t.Parallel()
	b, err := config.LoadBridge(read(t, "globalSettings__sqlServer__connectionString=x", "globalSettings__databaseProvider=sqlserver"))
	if err != nil || b.Database != (connstring.Target{}) {
		t.Errorf("got %v, %v, want no database and no fault", b.Database, err)
	}
	_, err = config.LoadBridge(read(t, "SPONSORSYNC_BRIDGE_DATABASE=oracle://h", "SPONSORSYNC_BRIDGE_INTERVAL=5", "SPONSORSYNC_BRIDGE_ORPHANS=x"))
	if got := names(faults(t, err)); got != "SPONSORSYNC_BRIDGE_DATABASE SPONSORSYNC_BRIDGE_INTERVAL SPONSORSYNC_BRIDGE_ORPHANS" {
		t.Errorf("got faults %q", got)
	}
}

func TestBridgeModes(t *testing.T) {
	t.Parallel()
	for mode, known := range map[string]bool{config.BridgeOff: true, config.BridgeRead: true, config.BridgeFull: true, "write": false} {
		b, err := config.LoadBridge(read(t, "SPONSORSYNC_BRIDGE="+mode, postgresString, "globalSettings__databaseProvider=postgres"))
		switch {
		case known && (err != nil || b.Mode != mode):
			t.Errorf("%s: got %q, %v", mode, b.Mode, err)
		case !known && names(faults(t, err)) != "SPONSORSYNC_BRIDGE":
			t.Errorf("%s: got faults %v", mode, err)
		}
	}
}

// Setup tools of the server write the string in quotes, with those inside escaped.
func TestConnectionStringsInEnvFiles(t *testing.T) {
	t.Parallel()
	const name = "globalSettings__sqlServer__connectionString="
	const rest = "Data Source=tcp:mssql,1433;Initial Catalog=vault;User ID=sa;"
	for content, password := range map[string]string{
		name + `"` + rest + `Password=\"a;b\""`:   "a;b",
		name + rest + `Password="a;b"`:            "a;b",
		name + `"` + rest + `Password='a$b""c'"`:  `a$b""c`,
		name + "'" + rest + "Password=a$b'":       "a$b",
		name + rest + "Password=a=b==;Encrypt=no": "a=b==",
	} {
		e, err := config.Read([]string{bridgeOn}, []string{file(t, content)})
		if err != nil {
			t.Fatalf("%s: %v", content, err)
		}
		b, err := config.LoadBridge(e)
		if err != nil || b.Database.Password.Reveal() != password {
			t.Errorf("%s: got %q, %v, want %q", content, b.Database.Password.Reveal(), err, password)
		}
	}
}
