package config

// ServerDatabase lets the tests see which variables name the server's database.
type ServerDatabase = serverDatabase
