package audit

import (
	"bytes"
	"io"
	"path/filepath"
	"slices"
)

// glanceBytes bounds what Glance reads.
const glanceBytes = 256 << 10

// Glance returns the last records that stand at the end of the live file of the log in dir, the newest first: at most n, and fewer if
// they are long. It takes no longer with a larger log, and says nothing of what it cannot read: it is for offering, not for
// telling.
func Glance(dir string, n int) []Record {
	f, err := openShared(filepath.Join(dir, liveName))
	if err != nil {
		return nil
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil
	}
	from := max(0, size-glanceBytes)
	data := make([]byte, size-from)
	if _, err := f.ReadAt(data, from); err != nil {
		return nil
	}
	var records []Record
	for _, line := range slices.Backward(bytes.Split(data, []byte("\n"))) {
		if len(records) == n {
			break
		}
		if r, err := Decode(line); err == nil { // the first may be a part of one
			records = append(records, r)
		}
	}
	return records
}
