// Package connstring says which database a connection string names: the server's
// own ones in ADO.NET form, or a URL. It reads every spelling that the server's
// drivers read, and understands encryption at least as strictly as they do.
//
// It never connects, reads no environment, and repeats nothing of a string in an
// error but the names of its keys.
package connstring
