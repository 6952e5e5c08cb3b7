package ship

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"webproxy/internal/atomicfile"
	"webproxy/internal/smallfile"
)

// A position says up to which record a receiver has the log. It names a record, not a place in a file, so rotation and
// compression do not affect it. It is kept in a file beside the log.
type position struct {
	V    int       `json:"v"`
	Seq  uint64    `json:"seq"`            // the last record that the receiver has; 0: none
	Hash string    `json:"hash,omitempty"` // of that record's line, to recognise it; empty if the receiver began after it
	Time time.Time `json:"ts"`             // when the position was written, for people

	CheckpointSize   uint64 `json:"checkpoint_size,omitempty"` // the last checkpoint that it has
	CheckpointNumber uint64 `json:"checkpoint_number,omitempty"`

	// Sent is the last record that was sent, if records are confirmed by readback. After a restart, records up to it are looked
	// for instead of being sent again.
	Sent uint64 `json:"sent,omitempty"`
}

const (
	positionVersion = 1
	maxPosition     = 64 << 10 // bytes
)

func positionPath(dir, name string) string { return filepath.Join(dir, "ship-"+name+".json") }

// readPosition reads a position; nil if the file does not exist. A file that cannot be read is an error: to begin as a new
// receiver would send too many or too few records.
func readPosition(path string) (*position, error) {
	data, err := smallfile.Read(path, maxPosition)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var p position
	if err == nil {
		if err = json.Unmarshal(data, &p); err == nil && p.V != positionVersion {
			err = fmt.Errorf("version %d is not known", p.V)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read position %s: %w; without the file, shipping begins as for a new receiver", path, err)
	}
	return &p, nil
}

func (p *position) write(path string) error {
	p.V, p.Time = positionVersion, time.Now().UTC()
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return atomicfile.Write(path, append(data, '\n'), 0o640)
}

func lineHash(line string) string {
	sum := sha256.Sum256([]byte(line))
	return hex.EncodeToString(sum[:])
}
