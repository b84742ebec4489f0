package connstring_test

import (
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
)

const secretWord = "hunter2"

func TestParse(t *testing.T) {
	t.Parallel()
	type want struct {
		shown, user, password string
		mode                  connstring.Mode
	}
	for label, tt := range map[string]struct {
		engine connstring.Engine
		text   string
		want   want
	}{
		"standard install": {connstring.SQLServer, `"Data Source=tcp:mssql,1433;Initial Catalog=vault;Persist Security Info=False;User ID=sa;Password=abc;Multiple Active Result Sets=False;Connect Timeout=30;Encrypt=True;Trust Server Certificate=True"`,
			want{`SQL Server database "vault" at mssql:1433`, "sa", "abc", connstring.Required}},
		"older install": {connstring.SQLServer, `Data Source=tcp:mssql,1433;Initial Catalog=vault;User ID=sa;Password=abc;MultipleActiveResultSets=False;Encrypt=True;TrustServerCertificate=True`,
			want{`SQL Server database "vault" at mssql:1433`, "sa", "abc", connstring.Required}},
		"checked by default": {connstring.SQLServer, `ADDR = db , 1533 ;database=vault; uid = u ;PWD= p `,
			want{`SQL Server database "vault" at db:1533`, "u", "p", connstring.Checked}},
		"instance": {connstring.SQLServer, `Server=(local)\EXPRESS;Database=vault;User=u;Encrypt=Strict;TrustServerCertificate=yes`,
			want{`SQL Server database "vault" at localhost\EXPRESS`, "u", "", connstring.Strict}},
		"not encrypted": {connstring.SQLServer, `Network Address=.;Database=vault;User Id=u;Encrypt=Optional`,
			want{`SQL Server database "vault" at localhost:1433`, "u", "", connstring.Preferred}},
		"chart": {connstring.PostgreSQL, `Host=db;Port=5433;Database=vault;Username=u;Password=p`,
			want{`PostgreSQL database "vault" at db:5433`, "u", "p", connstring.Preferred}},
		"checked": {connstring.PostgreSQL, `Server=db:5444;DB=vault;User Name=u;SSL Mode=VerifyFull;Root Certificate=/ca.pem`,
			want{`PostgreSQL database "vault" at db:5444`, "u", "", connstring.Checked}},
		"an authority of its own": {connstring.PostgreSQL, `Host=db;Database=vault;UserId=u;SslMode=Require;Root Certificate=/ca.pem`,
			want{`PostgreSQL database "vault" at db:5432`, "u", "", connstring.Issued}},
		"socket": {connstring.PostgreSQL, `Host=/run/postgresql;Database=vault;User ID=u;SSL Mode=Disable`,
			want{`PostgreSQL database "vault" at /run/postgresql`, "u", "", connstring.Plain}},
		"IPv6":            {connstring.PostgreSQL, `Host=::1;Database=vault;User ID=u`, want{`PostgreSQL database "vault" at [::1]:5432`, "u", "", connstring.Preferred}},
		"lite":            {connstring.MySQL, `server=db;port=3306;database=vault;user=u;password=p`, want{`MySQL database "vault" at db:3306`, "u", "p", connstring.Preferred}},
		"MySQL, required": {connstring.MySQL, `Data Source=db;Initial Catalog=vault;Uid=u;Pwd=p;Ssl-Mode=Required`, want{`MySQL database "vault" at db:3306`, "u", "p", connstring.Required}},
		"MySQL, checked":  {connstring.MySQL, `Host=db;Database=vault;User=u;SslMode=VerifyFull`, want{`MySQL database "vault" at db:3306`, "u", "", connstring.Checked}},
		"SQLite":          {connstring.SQLite, `Data Source=/etc/bitwarden/vault.db;`, want{"SQLite file /etc/bitwarden/vault.db", "", "", 0}},
		"quotes": {connstring.MySQL, `;; server = "db" ;database='va''ult';user="u""v";password='a;b="c' ; `,
			want{`MySQL database "va'ult" at db:3306`, `u"v`, `a;b="c`, connstring.Preferred}},
		"the last counts":     {connstring.MySQL, `server=a;database=d;user=u;Server=b`, want{`MySQL database "d" at b:3306`, "u", "", connstring.Preferred}},
		"escaped, commented":  {connstring.MySQL, `"server=a;database=d;user=u;password=\"x;y\"" # ours`, want{`MySQL database "d" at a:3306`, "u", "x;y", connstring.Preferred}},
		"an unquoted quote":   {connstring.MySQL, `server=a;database=d;user=u;password=x"y'z`, want{`MySQL database "d" at a:3306`, "u", `x"y'z`, connstring.Preferred}},
		"equals signs":        {connstring.MySQL, `server=a;database=d;user=u;a==b=c;password=x==`, want{`MySQL database "d" at a:3306`, "u", "x==", connstring.Preferred}},
		"certificate by name": {connstring.SQLServer, `Server=a;Database=d;User ID=u;Encrypt=Mandatory;HostNameInCertificate=b`, want{`SQL Server database "d" at a:1433`, "u", "", connstring.Checked}},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			got, err := connstring.Parse(tt.engine, tt.text)
			if found := (want{got.String(), got.User, got.Password.Reveal(), got.Encryption.Mode}); err != nil || found != tt.want {
				t.Errorf("got %+v, %v, want %+v", found, err, tt.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	const rest = ";Database=d;User ID=u;Password=" + secretWord
	for label, tt := range map[string]struct {
		engine     connstring.Engine
		text, want string
	}{
		"no pair":            {connstring.MySQL, secretWord, "entry 1"},
		"no name":            {connstring.MySQL, "server=a;=" + secretWord, "entry 2"},
		"an open quote":      {connstring.MySQL, `server=a;password="` + secretWord, "entry 2"},
		"text after a quote": {connstring.MySQL, `server=a;password="a" ` + secretWord, "entry 2"},
		"a password's rest":  {connstring.MySQL, "server=a;password=a;" + secretWord, "entry 3"},
		"no server":          {connstring.MySQL, "a=b" + rest, "no server"},
		"no database":        {connstring.PostgreSQL, "Host=a;Username=u", "no database"},
		"no user":            {connstring.PostgreSQL, "Host=a;Database=d", "no user"},
		"several servers":    {connstring.PostgreSQL, "Host=a,b" + rest, "several servers"},
		"several schemas":    {connstring.PostgreSQL, "Host=a;Search Path=x,y" + rest, "search path"},
		"a port":             {connstring.PostgreSQL, "Host=a;Port=" + secretWord + rest, "port"},
		"a port behind":      {connstring.PostgreSQL, "Host=a:0" + rest, "port"},
		"an SSL mode":        {connstring.PostgreSQL, "Host=a;SSL Mode=" + secretWord + rest, "SSL mode"},
		"another SSL mode":   {connstring.MySQL, "Host=a;SSL Mode=" + secretWord + rest, "SSL mode"},
		"an encryption":      {connstring.SQLServer, "Server=a;Encrypt=" + secretWord + rest, "encryption"},
		"a switch":           {connstring.SQLServer, "Server=a;Trust Server Certificate=" + secretWord + rest, "switch"},
		"a pipe":             {connstring.SQLServer, "Server=np:a" + rest, "TCP"},
		"Windows":            {connstring.SQLServer, "Server=a;Trusted_Connection=True" + rest, "Windows"},
		"SSPI":               {connstring.SQLServer, "Server=a;Integrated Security=SSPI" + rest, "Windows"},
		"a replica":          {connstring.SQLServer, "Server=a;Application Intent=ReadOnly" + rest, "replica"},
		"PKCS":               {connstring.MySQL, "Server=a;Certificate File=x" + rest, "PKCS"},
		"no file":            {connstring.SQLite, "Cache=Shared", "no file"},
		"memory":             {connstring.SQLite, "Data Source=:memory:", "no file"},
		"a relative file":    {connstring.SQLite, "Data Source=vault.db", "absolute"},
		"a file as a URI":    {connstring.SQLite, "Data Source=file:/a?immutable=1", "URI"},
		"a file's password":  {connstring.SQLite, "Data Source=/a;Password=" + secretWord, "password"},
		"an engine":          {"Oracle", "Server=a" + rest, "Oracle"},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			got, err := connstring.Parse(tt.engine, tt.text)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), secretWord) {
				t.Errorf("got %v, %v, want an error that says %q and no secret", got, err, tt.want)
			}
		})
	}
}

func TestParseURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"postgres://u:p%40%2F@db/vault":                                      `PostgreSQL database "vault" at db:5432 u p@/ preferred`,
		"postgresql://u@[::1]:5433/vault?sslmode=verify-full&sslrootcert=/c": `PostgreSQL database "vault" at [::1]:5433 u  checked`,
		"postgres://u@/vault?host=/run/postgresql&sslmode=disable":           `PostgreSQL database "vault" at /run/postgresql u  plain`,
		"mysql://u:p@db:3307/vault?ssl-mode=VERIFY_CA":                       `MySQL database "vault" at db:3307 u p issuer checked`,
		"mariadb://u:p@/vault?socket=/run/mysqld/mysqld.sock":                `MySQL database "vault" at /run/mysqld/mysqld.sock u p preferred`,
		"sqlserver://u:p@db?database=vault":                                  `SQL Server database "vault" at db:1433 u p checked`,
		"sqlserver://u:p@db/X?database=vault&encrypt=false":                  `SQL Server database "vault" at db\X u p preferred`,
		"sqlserver://u:p@db:1?database=vault&TrustServerCertificate=true":    `SQL Server database "vault" at db:1 u p required`,
		"sqlite:///etc/bitwarden/vault%20a.db":                               `SQLite file /etc/bitwarden/vault a.db   plain`,
	} {
		got, err := connstring.ParseURL(text)
		if found := strings.Join([]string{got.String(), got.User, got.Password.Reveal(), got.Encryption.Mode.String()}, " "); err != nil || found != want {
			t.Errorf("%s: got %q, %v, want %q", text, found, err, want)
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		secretWord:                                 "scheme",
		"oracle://u:" + secretWord + "@h/d":        "scheme",
		"postgres://u:" + secretWord + "%@h/d":     "percent-encoded",
		"postgres://u:" + secretWord + "@h":        "no database",
		"postgres://:" + secretWord + "@h/d":       "no user",
		"postgres://u:" + secretWord + "@/d":       "no server",
		"postgres://u@h/d?sslmode=" + secretWord:   "SSL mode",
		"postgres://u@h/d?" + secretWord + "=1":    "unknown",
		"postgres://u@h/d?a=%" + secretWord:        "query",
		"postgres://u@h:0/d":                       "port",
		"mysql://u@h/d?allowAllFiles=true":         "unknown",
		"sqlserver://u@h":                          "no database",
		"sqlserver://u@h?database=d&encrypt=maybe": "encryption",
		"sqlite://vault.db":                        "three slashes",
		"sqlite:///vault.db?immutable=1":           "three slashes",
		"sqlite:":                                  "no file",
	} {
		got, err := connstring.ParseURL(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secretWord) {
			t.Errorf("%s: got %v, %v, want an error that says %q and no secret", text, got, err, want)
		}
	}
}

func TestProvider(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]connstring.Engine{
		"": connstring.SQLServer, " SqlServer ": connstring.SQLServer, "postgres": connstring.PostgreSQL, "PostgreSQL": connstring.PostgreSQL,
		"mysql": connstring.MySQL, "MariaDB": connstring.MySQL, "SQLite": connstring.SQLite,
	} {
		if got, err := connstring.Provider(word); err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", word, got, err, want)
		}
	}
	if _, err := connstring.Provider("oracle"); err == nil {
		t.Error("an unknown word is taken")
	}
}

func TestNamesOfNothing(t *testing.T) {
	t.Parallel()
	if got := (connstring.Target{}).String(); got != "no database" {
		t.Errorf("got %q", got)
	}
	if got := connstring.Mode(9).String(); got != "mode 9" {
		t.Errorf("got %q", got)
	}
}
