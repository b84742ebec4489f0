package config_test

import (
	"errors"
	"fmt"

	"github.com/sponsorsync/sponsorsync/config"
)

// A program reads its environment once and hands small parts of the result on.
// In a main function the entries come from os.Environ and the files from --env-file.
func ExampleLoadWorker() {
	environ, err := config.Read([]string{
		"SPONSORSYNC_ENCRYPTION_KEY=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
		"REDIS_URL=redis://:hunter2@redis:6379/0",
		"globalSettings__baseServiceUri__cloudRegion=EU",
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	worker, err := config.LoadWorker(environ)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(worker.Cloud.APIURI)
	fmt.Println(worker.Redis.URL)
	fmt.Println(worker.EncryptionKeys)
	// Output:
	// https://api.bitwarden.eu
	// redis://redis:6379/0
	// [[redacted]]
}

// Everything that is wrong comes in one error, one line per variable.
func ExampleError() {
	environ, _ := config.Read([]string{"SPONSORSYNC_LOG_LEVEL=loud", "SPONSORSYNC_BATCH_SIZE=0"}, nil)
	_, err := config.LoadWorker(environ)

	var faults *config.Error
	fmt.Println(errors.As(err, &faults), len(faults.Faults))
	fmt.Println(err)
	// Output:
	// true 3
	// SPONSORSYNC_BATCH_SIZE: got "0", want a whole number from 1 to 1000
	// SPONSORSYNC_ENCRYPTION_KEY: required (or SPONSORSYNC_ENCRYPTION_KEY_FILE), want base64 of 32 random bytes (openssl rand -base64 32); several, separated by commas: the first encrypts, all decrypt
	// SPONSORSYNC_LOG_LEVEL: got "loud", want one of trace, debug, info, warn, error
}
