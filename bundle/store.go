package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"webproxy/internal/atomicfile"
	"webproxy/internal/smallfile"
)

// A Store is the directory in which a site keeps the bundle in force, the previous one, and its State. Only one
// process may change it at a time.
type Store struct{ dir string }

// Names of the files in a Store.
const (
	CurrentFile  = "current.bundle"
	previousFile = "previous.bundle"
	stateFile    = "state.json"
)

// NewStore returns the Store in the directory dir, which need not exist yet.
func NewStore(dir string) Store { return Store{dir} }

// A State is what a site remembers of the bundles that it took.
type State struct {
	// Highest is the greatest serial ever taken. The next bundle must have a greater one, also after a rollback.
	Highest uint64 `json:"highest"`
	// Digest is that of the bundle that this is the state of: the one in force, or if the process ended while it was put in force, the next
	// one. That one may be taken again, though it has the serial Highest. It is empty if an earlier version wrote the state.
	Digest string `json:"digest,omitempty"`
	// Taken is when the bundle in force was taken.
	Taken time.Time `json:"taken"`
	// By and Reason are those of a rollback or of taking it by hand; empty if it was fetched.
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Of reports whether st is the state of b, which may be nil for none.
func (st *State) Of(b *Bundle) bool {
	return b != nil && (st.Digest == "" || st.Digest == b.Digest())
}

// maxState bounds the state's file, in bytes.
const maxState = 64 << 10

// State reads the state; the zero State if nothing was taken yet.
func (s Store) State() (State, error) {
	var st State
	data, err := smallfile.Read(filepath.Join(s.dir, stateFile), maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return st, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &st)
	}
	if err != nil {
		return st, fmt.Errorf("%s: %w", stateFile, err)
	}
	return st, nil
}

// Current reads the bundle in force without verifying it; the error is fs.ErrNotExist if there is none.
func (s Store) Current() (*Bundle, error) { return s.read(CurrentFile) }

// Previous is Current for the bundle that was in force before it.
func (s Store) Previous() (*Bundle, error) { return s.read(previousFile) }

func (s Store) read(name string) (*Bundle, error) {
	data, err := smallfile.Read(filepath.Join(s.dir, name), MaxSize)
	if err != nil {
		return nil, err
	}
	b, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(s.dir, name), err)
	}
	return b, nil
}

// Admit returns an error if the serial of b is not greater than all taken before. If b is the bundle in force, there is
// no error, and again is true. A bundle whose Take was interrupted was not taken.
func (s Store) Admit(b *Bundle) (again bool, err error) {
	st, err := s.State()
	if err != nil {
		return false, err
	}
	current, err := s.Current()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	highest := st.Highest
	if current != nil {
		highest = max(highest, current.Serial)
		if current.Digest() == b.Digest() {
			return true, nil
		}
	}
	if b.Serial == highest && b.Digest() == st.Digest {
		return false, nil
	}
	if b.Serial <= highest {
		return false, fmt.Errorf("%v: serial %d is not greater than %d, which was taken before; webproxy bundle rollback goes back", b, b.Serial, highest)
	}
	return false, nil
}

// Take puts b in force and keeps the previous bundle for a rollback. The caller must have verified and admitted b.
// Files are replaced atomically: a crash leaves either bundle, and Admit still admits b if it leaves the earlier one.
func (s Store) Take(b *Bundle, st State) error {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	before, err := s.State()
	if err != nil {
		return err
	}
	st.Highest, st.Digest = max(before.Highest, st.Highest, b.Serial), b.Digest()
	data, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return err
	}
	keep := func() error { return nil }
	if current, err := smallfile.Read(filepath.Join(s.dir, CurrentFile), MaxSize); err == nil {
		keep = func() error { return atomicfile.Write(filepath.Join(s.dir, previousFile), current, 0o644) }
	}
	// A crash must not leave the bundle in force twice and lose the other one.
	previous, err := smallfile.Read(filepath.Join(s.dir, previousFile), MaxSize)
	back := err == nil && bytes.Equal(previous, b.Bytes())
	if !back {
		if err := keep(); err != nil {
			return err
		}
	}
	err = atomicfile.WriteFrom(filepath.Join(s.dir, CurrentFile), 0o644, func(w io.Writer) error {
		if _, err := w.Write(b.Bytes()); err != nil {
			return err
		}
		// The state is replaced before the bundle: after a crash in between, the serial is known, and no other bundle may have it. It is
		// replaced after the bundle is written: if there is no room for that, the serial is not used up.
		return atomicfile.Write(filepath.Join(s.dir, stateFile), append(data, '\n'), 0o644)
	})
	if err != nil || !back {
		return err
	}
	if err := keep(); err != nil {
		return fmt.Errorf("%v is in force, but the bundle before it was not kept: %w", b, err)
	}
	return nil
}
