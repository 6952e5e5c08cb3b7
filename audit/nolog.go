package audit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrNoLog is the error of reading a directory without an audit log: it does not exist, or has none of a log's files.
// An empty result would be read as "nothing happened". It is an fs.ErrNotExist too.
var ErrNoLog error = noLog("")

// A noLog is ErrNoLog with the directory.
type noLog string

func (e noLog) Error() string {
	if e == "" {
		return "no audit log"
	}
	return "no audit log in " + string(e)
}

func (e noLog) Is(target error) bool { return target == ErrNoLog || target == fs.ErrNotExist }

// HasLog returns nil if dir has a log, or a part of one, such as checkpoints of records that were deleted; and an
// ErrNoLog if it has none.
func HasLog(dir string) error {
	files, err := logFiles(dir)
	if err == nil && len(files) == 0 {
		_, err = os.Stat(filepath.Join(dir, liveName))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return noLog(dir)
	}
	return err
}
