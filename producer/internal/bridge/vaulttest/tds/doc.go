// Package tds is a stand-in for SQL Server, of which there is none to test with: it
// speaks TDS 7.4 on loopback without encryption, keeps rows of the tables that the
// bridge reads, and evaluates the statements that come in, condition by condition.
//
// It knows the forms of T-SQL that one needs who reads, and changes or deletes rows of one
// table, and refuses all others, so a statement that it answers has the form that it should have. What it can't show is
// whether SQL Server agrees: it was written from Microsoft's description of the protocol.
// Names are compared exactly, as a database with a case-sensitive collation does; texts
// without case and trailing blanks, as the default collation does.
//
// It is for tests: no program may link it. It shares no code with the bridge's dialect.
package tds
