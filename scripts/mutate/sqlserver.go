package main

// sqlServerMutations break what is said to SQL Server and how its answers are read.
var sqlServerMutations = []mutation{
	{"ms1", "ids are read as the driver has them, three groups reversed", "producer/internal/bridge/database/sqlserver.go",
		"return \"LOWER(CONVERT(char(36), \" + quote(column) + \"))\"",
		"return quote(column)",
		[]string{"./producer/internal/bridge/database"}},
	{"ms2", "sessions have no lock time-out", "producer/internal/bridge/database/sqlserver.go",
		"connector.SessionInitSQL = prepareSQLServer\n",
		"\n",
		[]string{"./producer/internal/bridge/database"}},
	{"ms3", "rows that change alike are not seen", "producer/internal/bridge/database/sqlserver.go",
		"(BINARY_CHECKSUM(%s) %% 8191)",
		"(BINARY_CHECKSUM(%s) %% 1)",
		[]string{"./producer/internal/bridge/database"}},
	{"ms4", "an administrator's older server counts as one that hides a column", "producer/internal/bridge/database/sqlserver.go",
		"c.hides = !admin && !owner",
		"c.hides = true",
		[]string{"./producer/internal/bridge/database"}},
	{"ms5", "a right that is missing counts as a database that is away", "producer/internal/bridge/database/sqlserver.go",
		"case 229, 230:",
		"case 229:",
		[]string{"./producer/internal/bridge/database"}},
}
