// Package config turns the environment and env files into typed settings and
// reports everything that is wrong with them at once, by variable name.
//
// [Read] merges the sources, and [LoadWorker], [LoadProducer] and [LoadServer]
// each read what one program needs. The table behind [Variables] holds every
// name with its default and its rule; the structs only say which program reads
// which name.
//
// The package never repairs a value silently, never prints a secret, and never
// calls Redis, NATS or the cloud: whether those answer is for the preflight to say.
package config
