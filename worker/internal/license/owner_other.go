//go:build !unix

package license

import (
	"io/fs"
	"os"
)

// keepOwner has nothing to keep where a new file takes its rights from its folder.
func keepOwner(*os.File, fs.FileInfo) error { return nil }
