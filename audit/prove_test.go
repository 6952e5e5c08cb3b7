package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// provable writes a log of n records with checkpoints after some of them, in several segments, and returns its directory and
// public key.
func provable(t *testing.T, n int) (dir, key string) {
	t.Helper()
	base := t.TempDir()
	o := Options{Dir: filepath.Join(base, "audit"), Key: filepath.Join(base, "key", "audit.key")}
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		r := Record{Type: TypeDecision, Host: fmt.Sprintf("h%d.example.com", i), Decision: "allow", Reason: "allowed_by_rule"}
		if err := l.Append(&r); err != nil {
			t.Fatal(err)
		}
		if i%25 == 20 {
			l.mu.Lock()
			err := l.rotate(time.Now())
			l.mu.Unlock()
			if err != nil {
				t.Fatal(err)
			}
		}
		if i%7 == 3 {
			if err := l.Seal(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if key, err = ReadPublicKey(PublicKeyFile(o.Key)); err != nil {
		t.Fatal(err)
	}
	return o.Dir, key
}

// lines are those of the log, by number.
func linesOf(t *testing.T, dir string) map[uint64][]byte {
	t.Helper()
	all := map[uint64][]byte{}
	if _, err := ScanLines(dir, ScanOptions{}, func(r *Record, line string) error {
		all[r.Seq] = []byte(line)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// Every record of a log can be proven, and its proof read and verified, with and without the files of hashes, and after the
// first segments are gone.
func TestProve(t *testing.T) {
	t.Parallel()
	dir, key := provable(t, 100)
	check := func(what string, atLeast int) {
		t.Helper()
		all := linesOf(t, dir)
		if len(all) < atLeast {
			t.Fatalf("%s: %d records", what, len(all))
		}
		for seq, line := range all {
			p, err := Prove(dir, seq, line, []string{key})
			if err != nil {
				t.Errorf("%s: %v", what, err)
				continue
			}
			again, err := ParseProof(p.Encode())
			if err != nil {
				t.Errorf("%s: record %d: %v", what, seq, err)
				continue
			}
			proven, err := again.Verify([]string{key})
			if err != nil || proven.Record.Seq != seq || proven.Size < seq {
				t.Errorf("%s: record %d: %+v, %v", what, seq, proven, err)
			}
		}
	}
	check("whole", 100)
	hashes, err := filepath.Glob(filepath.Join(dir, hashesPrefix+"*"))
	if err != nil || len(hashes) < 3 {
		t.Fatalf("%d files of hashes, %v: want several segments", len(hashes), err)
	}
	rotated, _, err := segments(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range rotated[:2] { // as retention does
		for _, name := range []string{s.file(), hashesFile(s.first), checkpointsFile(s.first)} {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	check("without the first segments", 40)
	for _, h := range hashes {
		os.Remove(h)
	}
	check("without hashes", 40)
}

// A record that is not what was signed cannot be proven, nor one that is not signed yet.
func TestProveAltered(t *testing.T) {
	dir, key := provable(t, 20)
	line := linesOf(t, dir)[5]
	altered := bytes.Replace(line, []byte("example.com"), []byte("example.org"), 1)
	if _, err := Prove(dir, 5, altered, []string{key}); !errors.Is(err, ErrNotProven) {
		t.Errorf("altered record: %v", err)
	}
	if _, err := Prove(dir, 6, line, []string{key}); !errors.Is(err, ErrNotProven) {
		t.Errorf("record in another's place: %v", err)
	}
	if _, err := Prove(dir, 21, line, []string{key}); !errors.Is(err, ErrNotSealed) {
		t.Errorf("record after the last checkpoint: %v", err)
	}
}

// No byte of a proof can be another one: not of the record, its number, the path, the checkpoint or its signature.
func TestProofTampered(t *testing.T) {
	t.Parallel()
	dir, key := provable(t, 30)
	p, err := Prove(dir, 9, linesOf(t, dir)[9], []string{key})
	if err != nil {
		t.Fatal(err)
	}
	data := p.Encode()
	holds := func(data []byte) bool {
		p, err := ParseProof(data)
		if err != nil {
			return false
		}
		_, err = p.Verify([]string{key})
		return err == nil
	}
	if !holds(data) {
		t.Fatal("the proof itself does not hold")
	}
	for i := range data {
		for _, by := range []byte{1, 2, 4, 8, 0x20, 0x80, data[i] ^ ' ', data[i] ^ '\n', data[i] ^ 'A'} {
			if by == 0 {
				continue
			}
			other := bytes.Clone(data)
			other[i] ^= by
			if holds(other) {
				t.Errorf("byte %d (%q) changed to %q: it still holds", i, data[i], other[i])
			}
		}
	}
	lines := strings.SplitAfter(string(data), "\n")
	for i := range lines { // a line less, a line more, two lines the other way round
		without := strings.Join(lines[:i], "") + strings.Join(lines[min(i+1, len(lines)):], "")
		if lines[i] != "" && holds([]byte(without)) {
			t.Errorf("without line %d it still holds", i)
		}
		if twice := strings.Join(lines[:i], "") + lines[i] + strings.Join(lines[i:], ""); lines[i] != "" && holds([]byte(twice)) {
			t.Errorf("with line %d twice it still holds", i)
		}
		if i+1 < len(lines) && lines[i] != lines[i+1] && lines[i+1] != "" {
			swapped := strings.Join(lines[:i], "") + lines[i+1] + lines[i] + strings.Join(lines[i+2:], "")
			if holds([]byte(swapped)) {
				t.Errorf("with lines %d and %d swapped it still holds", i, i+1)
			}
		}
	}
	for _, n := range []int{0, 1, len(data) / 2, len(data) - 1} {
		if holds(data[:n]) {
			t.Errorf("cut to %d bytes it still holds", n)
		}
	}
	if holds(append(bytes.Clone(data), '\n')) || holds(append(bytes.Clone(data), data...)) {
		t.Error("with something after it, it still holds")
	}
	// Another key of the same name.
	_, other := provable(t, 1)
	if _, err := p.Verify([]string{other}); !errors.Is(err, ErrNotProven) {
		t.Errorf("another key: %v", err)
	}
	if _, err := note.NewVerifier(other); err != nil {
		t.Fatal(err)
	}
}

func FuzzProof(f *testing.F) {
	f.Add([]byte(proofHead + "\nextra e30=\nindex 0\n\nwebproxy audit x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseProof(data)
		if err != nil {
			return
		}
		if !bytes.Equal(p.Encode(), data) {
			t.Errorf("%q is read, and is not what is written", data)
		}
		if _, err := p.Verify([]string{"webproxy+fc5a0d4b+AQYn/Ppxm4y8sYzV3LTmBSKkTJ/qEJP7lJg7nU3/8zeP"}); err == nil {
			t.Errorf("%q is proven", data)
		}
	})
}
