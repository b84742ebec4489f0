//go:build unix

package license

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives a file the owner and the group of the one whose place it takes, or
// says why not: whoever reads that file now must be able to read the next one.
func keepOwner(file *os.File, was fs.FileInfo) error {
	old, known := was.Sys().(*syscall.Stat_t)
	if !known {
		return nil
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if now, known := info.Sys().(*syscall.Stat_t); known && now.Uid == old.Uid && now.Gid == old.Gid {
		return nil
	}
	if err := file.Chown(int(old.Uid), int(old.Gid)); err != nil {
		return fmt.Errorf("the file that is there belongs to user %d and group %d, whose reader could not read a new one (%w): run the worker as that user, or set SPONSORSYNC_LICENSE_DIR to a folder of its own",
			old.Uid, old.Gid, err)
	}
	return nil
}
