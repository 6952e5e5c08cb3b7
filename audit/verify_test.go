package audit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"webproxy/audit"
)

// public returns the public key of the log in dir, at its default place.
func public(t testing.TB, dir string) string {
	t.Helper()
	key, err := audit.ReadPublicKey(filepath.Join(dir+"-key", "audit.pub"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func verify(t testing.TB, dir string, o audit.VerifyOptions) *audit.Verification {
	t.Helper()
	if o.Keys == nil {
		o.Keys = []string{public(t, dir)}
	}
	v, err := audit.Verify(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// wantSound fails unless the log in dir is what was signed.
func wantSound(t testing.TB, dir string, o audit.VerifyOptions) *audit.Verification {
	t.Helper()
	v := verify(t, dir, o)
	if !v.OK() {
		t.Errorf("%v\n%v", v, v.Problems)
	}
	return v
}

// history is how the tests' log is made: records rotated into segments, with checkpoints of 20 records.
// It covers an hour, so that the lack of a checkpoint shows.
type history struct {
	dir      string
	anchor   string
	firsts   []uint64 // of the segments, the live one's last
	segments []string // their files
	last     uint64
}

// makeHistory must be called in a synctest bubble.
func makeHistory(t *testing.T) *history {
	t.Helper()
	h := &history{dir: filepath.Join(t.TempDir(), "audit")}
	h.anchor = filepath.Join(t.TempDir(), "anchor")
	o := small(h.dir)
	o.Anchor, o.Site = h.anchor, "site-01"
	l := open(t, o)
	for len(rotated(t, h.dir)) < 3 {
		for range 20 {
			time.Sleep(3 * time.Second)
			h.last = add(t, l, decision()).Seq
		}
		if err := l.Seal(); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	h.segments = append(rotated(t, h.dir), live(h.dir))
	for _, f := range h.segments {
		var first uint64
		_, rest, _ := strings.Cut(contents(t, f), `"seq":`)
		fmt.Sscan(rest, &first)
		h.firsts = append(h.firsts, first)
	}
	return h
}

func (h *history) checkpoints(i int) string {
	return filepath.Join(h.dir, fmt.Sprintf("checkpoints-%012d", h.firsts[i]))
}

func (h *history) hashes(i int) string {
	return filepath.Join(h.dir, fmt.Sprintf("hashes-%012d", h.firsts[i]))
}

// edit changes the lines of segment i, newlines included.
func (h *history) edit(t *testing.T, i int, change func(lines []string) []string) {
	t.Helper()
	lines := strings.SplitAfter(strings.TrimSuffix(contents(t, h.segments[i]), "\n"), "\n")
	lines[len(lines)-1] += "\n"
	write(t, h.segments[i], strings.Join(change(lines), ""))
}

// alter changes a byte of a line of segment i.
func (h *history) alter(t *testing.T, i, line int) {
	h.edit(t, i, func(lines []string) []string {
		lines[line] = strings.Replace(lines[line], "gbl.his", "gbl.hos", 1)
		return lines
	})
}

func (h *history) swap(t *testing.T, a, b string) {
	t.Helper()
	was := contents(t, a)
	write(t, a, contents(t, b))
	write(t, b, was)
}

func TestVerify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := makeHistory(t)
		v := wantSound(t, h.dir, audit.VerifyOptions{Anchor: h.anchor})
		if v.FirstSeq != 1 || v.LastSeq != h.last || v.Records != h.last || v.Sealed != h.last || v.Checkpoints < h.last/20 {
			t.Errorf("got %+v", v)
		}
		if s := v.String(); !strings.HasPrefix(s, fmt.Sprintf("INTEGRITY OK  seq 1..%d, no gaps, %d checkpoints, key site-01+", h.last, v.Checkpoints)) {
			t.Errorf("it says %s", s)
		}
		l := open(t, small(h.dir)) // compressed
		if err := l.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		v = wantSound(t, h.dir, audit.VerifyOptions{Anchor: h.anchor})
		add(t, l, decision())
		v = wantSound(t, h.dir, audit.VerifyOptions{Anchor: h.anchor})
		if v.Sealed != h.last || len(v.Notes) != 1 || !strings.Contains(v.Notes[0], "not yet covered") {
			t.Errorf("with a record that is not sealed yet: sealed up to %d, notes %q", v.Sealed, v.Notes)
		}
	})
}

// TestTamper is the matrix: what is done to a log, and what Verify says of it.
func TestTamper(t *testing.T) {
	tests := []struct {
		name   string
		want   []string // parts of the problems, each
		others bool     // and all others are known to be intact
		do     func(t *testing.T, h *history)
	}{
		{"byte altered", []string{"seq {1+40}: record differs from checkpoint "}, true, func(t *testing.T, h *history) { h.alter(t, 1, 40) }},
		{"byte altered in the first record", []string{"seq 1: record differs from checkpoint 2 "}, true, func(t *testing.T, h *history) { h.alter(t, 0, 0) }},
		{"byte altered in the last record", []string{"seq {last}: record differs from checkpoint "}, true, func(t *testing.T, h *history) {
			h.edit(t, 3, func(lines []string) []string {
				lines[len(lines)-1] = strings.Replace(lines[len(lines)-1], "allow", "allov", 1)
				return lines
			})
		}},
		{"two records altered, in two segments", []string{"seq {0+10}: record differs", "seq {2+10}: record differs"}, true, func(t *testing.T, h *history) {
			h.alter(t, 0, 10)
			h.alter(t, 2, 10)
		}},
		{"number altered", []string{"seq {1+40}: record differs"}, true, func(t *testing.T, h *history) {
			h.edit(t, 1, func(lines []string) []string {
				lines[40] = strings.Replace(lines[40], `"seq":`, `"seq":9`, 1)
				return lines
			})
		}},
		{"number altered to a smaller one", []string{"seq {1+40}: record differs"}, true, func(t *testing.T, h *history) {
			h.edit(t, 1, func(lines []string) []string {
				lines[40] = strings.Replace(lines[40], h.expand(`"seq":{1+40}`), `"seq":7`, 1)
				return lines
			})
		}},
		{"record made unreadable", []string{"seq {1+40}: record differs"}, true, func(t *testing.T, h *history) {
			h.edit(t, 1, func(lines []string) []string { lines[40] = "xxx\n"; return lines })
		}},
		{"middle record removed", []string{"seq {1+40}: 1 record missing"}, true, func(t *testing.T, h *history) {
			h.edit(t, 1, func(lines []string) []string { return slices.Delete(lines, 40, 41) })
		}},
		{"records removed across checkpoints", []string{"seq {1+35}..", "..{1+74}: "}, true, func(t *testing.T, h *history) {
			h.edit(t, 1, func(lines []string) []string { return slices.Delete(lines, 35, 75) })
		}},
		{"line put in", []string{"a line that is no record (", ":42"}, true, func(t *testing.T, h *history) {
			h.edit(t, 1, func(lines []string) []string { return slices.Insert(lines, 41, "hello\n") })
		}},
		{"record put in", []string{"seq {1+40}: there again"}, true, func(t *testing.T, h *history) {
			h.edit(t, 1, func(lines []string) []string { return slices.Insert(lines, 41, lines[40]) })
		}},
		{"records reordered", []string{"seq {1+40}"}, true, func(t *testing.T, h *history) {
			h.edit(t, 1, func(lines []string) []string { lines[40], lines[41] = lines[41], lines[40]; return lines })
		}},
		{"tail removed", []string{"seq {3+5}..{last}: log ends before checkpoint "}, true, func(t *testing.T, h *history) {
			h.edit(t, 3, func(lines []string) []string { return lines[:5] })
		}},
		{"tail and its checkpoints removed, but the anchor", []string{"seq {3}..{last}: log ends before checkpoint "}, true, func(t *testing.T, h *history) {
			for _, f := range []string{h.segments[3], h.checkpoints(3), h.hashes(3)} {
				os.Remove(f)
			}
		}},
		{"whole segment removed", []string{"seq {1}..", "missing"}, true, func(t *testing.T, h *history) { os.Remove(h.segments[1]) }},
		{"oldest segment removed", []string{"seq 1..{1-1}: ", "no record says that they were deleted"}, true, func(t *testing.T, h *history) {
			for _, f := range []string{h.segments[0], h.checkpoints(0), h.hashes(0)} {
				os.Remove(f)
			}
		}},
		{"segments swapped", []string{"begins with seq {2}, not {1} as its name says", "begins with seq {1}, not {2} as its name says"}, true,
			func(t *testing.T, h *history) { h.swap(t, h.segments[1], h.segments[2]) }},
		{"old segment replayed", []string{"begins with seq 1, not {2}", "seq {2}..{3-1}: ", "seq 1..{1-1}: there again"}, true,
			func(t *testing.T, h *history) { write(t, h.segments[2], contents(t, h.segments[0])) }},
		{"re-signed with another key", []string{"signed by another key, site-01+", "covered by no checkpoint: there is none"}, false, func(t *testing.T, h *history) {
			unseal(t, h.dir)
			o := small(h.dir)
			o.Key = filepath.Join(t.TempDir(), "audit.key")
			o.Site = "site-01"
			open(t, o).Close()
			write(t, h.anchor, "")
		}},
		{"checkpoints deleted", []string{"covered by no checkpoint: there is none"}, false, func(t *testing.T, h *history) {
			for i := range h.firsts {
				os.Remove(h.checkpoints(i))
			}
			os.Remove(h.anchor)
			write(t, h.anchor, "")
		}},
		{"one file of checkpoints deleted", []string{"checkpoints ", " are not there"}, false, func(t *testing.T, h *history) { os.Remove(h.checkpoints(1)); write(t, h.anchor, "") }},
		{"last checkpoints deleted", []string{"covered by no checkpoint: they are of "}, false, func(t *testing.T, h *history) {
			write(t, h.anchor, "")
			os.Remove(h.checkpoints(3))
			text := contents(t, h.checkpoints(2))
			at := strings.Index(text, "webproxy audit site-01")
			next := strings.Index(text[at+1:], "webproxy audit site-01")
			write(t, h.checkpoints(2), text[:at+1+next])
		}},
		{"checkpoint altered", []string{"altered: its signature by site-01+"}, false, func(t *testing.T, h *history) {
			write(t, h.checkpoints(1), strings.Replace(contents(t, h.checkpoints(1)), "\ntime 2000", "\ntime 2001", 1))
		}},
		{"old checkpoints put back", []string{"an old file was put back"}, false, func(t *testing.T, h *history) {
			write(t, h.checkpoints(2), contents(t, h.checkpoints(2))+contents(t, h.checkpoints(0)))
		}},
		{"hash altered", []string{"seq {1+40}: the stored hash was altered; the record is intact"}, true, func(t *testing.T, h *history) {
			b := []byte(contents(t, h.hashes(1)))
			b[40*32]++
			write(t, h.hashes(1), string(b))
		}},
		{"record and hash altered", []string{"records differ from checkpoint ", "which of them cannot be told"}, false, func(t *testing.T, h *history) {
			h.alter(t, 1, 40)
			b := []byte(contents(t, h.hashes(1)))
			sum := audit.LeafHash([]byte(strings.Split(contents(t, h.segments[1]), "\n")[40]))
			copy(b[40*32:], sum[:])
			write(t, h.hashes(1), string(b))
		}},
		{"record altered, hashes deleted", []string{"records differ from checkpoint "}, false, func(t *testing.T, h *history) {
			h.alter(t, 1, 40)
			os.Remove(h.hashes(1))
		}},
		{"rewritten by who has the key", []string{"the log was rewritten: its checkpoint is not the anchor's"}, false, func(t *testing.T, h *history) {
			h.alter(t, 1, 40)
			unseal(t, h.dir)
			h.forge(t)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := makeHistory(t)
				tt.do(t, h)
				v := verify(t, h.dir, audit.VerifyOptions{Anchor: h.anchor})
				if v.OK() {
					t.Fatalf("nothing found: %v", v)
				}
				var all strings.Builder
				for _, p := range v.Problems {
					fmt.Fprintln(&all, p)
				}
				for _, want := range tt.want {
					if want = h.expand(want); !strings.Contains(all.String(), want) {
						t.Errorf("want %q in\n%s", want, all.String())
					}
				}
				if intact := strings.Contains(v.String(), "others intact"); intact != tt.others {
					t.Errorf("others intact: %v, want %v, in %s\n%s", intact, tt.others, v, all.String())
				}
			})
		})
	}
}

// forge makes the log anew from its own records, with its own key.
func (h *history) forge(t *testing.T) {
	t.Helper()
	records, _ := read(t, h.dir)
	other := filepath.Join(t.TempDir(), "audit")
	if err := os.CopyFS(other+"-key", os.DirFS(h.dir+"-key")); err != nil {
		t.Fatal(err)
	}
	os.Chmod(filepath.Join(other+"-key", "audit.key"), 0o600)
	l := open(t, audit.Options{Dir: other})
	for i, r := range records {
		add(t, l, r)
		if i%20 == 19 {
			if err := l.Seal(); err != nil {
				t.Fatal(err)
			}
		}
	}
	l.Close()
	h.dir = other
}

// expand replaces {2+40} by the number of the record 40 behind the first of segment 2, and {last}.
func (h *history) expand(s string) string {
	for {
		start := strings.IndexByte(s, '{')
		if start < 0 {
			return s
		}
		end := strings.IndexByte(s, '}')
		var seq uint64
		if place := s[start+1 : end]; place == "last" {
			seq = h.last
		} else {
			var segment, offset int
			fmt.Sscanf(place, "%d%d", &segment, &offset)
			seq = h.firsts[segment] + uint64(offset)
		}
		s = s[:start] + fmt.Sprint(seq) + s[end+1:]
	}
}

func TestVerifyNeedsAKey(t *testing.T) {
	dir := t.TempDir()
	for _, keys := range [][]string{nil, {"nonsense"}} {
		if _, err := audit.Verify(t.Context(), dir, audit.VerifyOptions{Keys: keys}); err == nil {
			t.Errorf("verified with the keys %q", keys)
		}
	}
	if v := verify(t, dir, audit.VerifyOptions{Keys: []string{strings.TrimSpace(exampleKey)}}); v.String() != "INTEGRITY OK  no records" {
		t.Errorf("an empty directory: %v", v)
	}
}

const exampleKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
