package audit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"webproxy/audit"
	"webproxy/internal/audittest"
)

// TestTamper is the matrix: what is done to a log, and what Verify says of it.
func TestTamper(t *testing.T) {
	t.Parallel()
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
		{"line put in", []string{"a line that is not a record (", ":42"}, true, func(t *testing.T, h *history) {
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
			func(t *testing.T, h *history) {
				audittest.Write(t, h.segments[2], audittest.Contents(t, h.segments[0]))
			}},
		{"re-signed with another key", []string{"signed by another key, site-01+", "covered by no checkpoint: there is none"}, false, func(t *testing.T, h *history) {
			unseal(t, h.dir)
			o := small(h.dir)
			o.Key = filepath.Join(t.TempDir(), "audit.key")
			o.Site = "site-01"
			open(t, o).Close()
			audittest.Write(t, h.anchor, "")
		}},
		{"checkpoints deleted", []string{"covered by no checkpoint: there is none"}, false, func(t *testing.T, h *history) {
			for i := range h.firsts {
				os.Remove(h.checkpoints(i))
			}
			os.Remove(h.anchor)
			audittest.Write(t, h.anchor, "")
		}},
		{"one file of checkpoints deleted", []string{"checkpoints ", " are not there"}, false, func(t *testing.T, h *history) { os.Remove(h.checkpoints(1)); audittest.Write(t, h.anchor, "") }},
		{"last checkpoints deleted", []string{"covered by no checkpoint: they are of "}, false, func(t *testing.T, h *history) {
			audittest.Write(t, h.anchor, "")
			os.Remove(h.checkpoints(3))
			text := audittest.Contents(t, h.checkpoints(2))
			at := strings.Index(text, "webproxy audit site-01")
			next := strings.Index(text[at+1:], "webproxy audit site-01")
			audittest.Write(t, h.checkpoints(2), text[:at+1+next])
		}},
		{"checkpoint altered", []string{"altered: its signature by site-01+"}, false, func(t *testing.T, h *history) {
			audittest.Write(t, h.checkpoints(1), strings.Replace(audittest.Contents(t, h.checkpoints(1)), "\ntime 2000", "\ntime 2001", 1))
		}},
		{"old checkpoints put back", []string{"an old file was put back"}, false, func(t *testing.T, h *history) {
			audittest.Write(t, h.checkpoints(2), audittest.Contents(t, h.checkpoints(2))+audittest.Contents(t, h.checkpoints(0)))
		}},
		{"hash altered", []string{"seq {1+40}: the stored hash was altered; the record is intact"}, true, func(t *testing.T, h *history) {
			b := []byte(audittest.Contents(t, h.hashes(1)))
			b[40*32]++
			audittest.Write(t, h.hashes(1), string(b))
		}},
		{"record and hash altered", []string{"records differ from checkpoint ", "which of them cannot be told"}, false, func(t *testing.T, h *history) {
			h.alter(t, 1, 40)
			b := []byte(audittest.Contents(t, h.hashes(1)))
			sum := audit.LeafHash([]byte(strings.Split(h.text(t, h.segments[1]), "\n")[40]))
			copy(b[40*32:], sum[:])
			audittest.Write(t, h.hashes(1), string(b))
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
	for _, compressed := range []bool{false, true} {
		whole := soundHistory(t, compressed)
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s, compressed=%v", tt.name, compressed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { wantFound(t, whole.copy(t), tt.do, tt.want, tt.others) })
			})
		}
	}
}

// TestTamperCompressed is what can be done to compressed segments only.
func TestTamperCompressed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		want   []string
		others bool
		do     func(t *testing.T, h *history)
	}{
		{"summary edited", []string{"{summary 1}: does not match the records of its file"}, true, func(t *testing.T, h *history) {
			plain := gunzip(t, audittest.Contents(t, h.summary(1)))
			edited := strings.Replace(plain, `"requests":`, `"requests":1`, 1)
			if edited == plain {
				t.Fatal("nothing was edited")
			}
			audittest.Write(t, h.summary(1), gzipped(t, edited))
		}},
		{"summary edited, and a record altered", []string{"{summary 1}: does not match", "seq {2+10}: record differs from checkpoint "}, true, func(t *testing.T, h *history) {
			plain := gunzip(t, audittest.Contents(t, h.summary(1)))
			audittest.Write(t, h.summary(1), gzipped(t, strings.Replace(plain, `"host":"gbl.his`, `"host":"aaa.his`, 1)))
			h.alter(t, 2, 10)
		}},
		{"file cut short", []string{"unexpected EOF ({file 1})", "missing"}, false, func(t *testing.T, h *history) {
			text := audittest.Contents(t, h.segments[1])
			audittest.Write(t, h.segments[1], text[:len(text)/2])
		}},
		{"file without its end", []string{"unexpected EOF ({file 1})"}, false, func(t *testing.T, h *history) {
			text := audittest.Contents(t, h.segments[1])
			audittest.Write(t, h.segments[1], text[:len(text)-4])
		}},
		{"file emptied", []string{"({file 1})", "seq {1}..{2-1}: "}, false, func(t *testing.T, h *history) { audittest.Write(t, h.segments[1], "") }},
		// What is found of it depends on where it is: a code that there is not, or text whose checksum is another one.
		{"bit flipped in the file", []string{"({file 1})"}, false, func(t *testing.T, h *history) {
			text := []byte(audittest.Contents(t, h.segments[1]))
			text[len(text)/2] ^= 4
			audittest.Write(t, h.segments[1], string(text))
		}},
		{"bit flipped in its checksum", []string{"gzip: invalid checksum ({file 1})"}, false, func(t *testing.T, h *history) {
			text := []byte(audittest.Contents(t, h.segments[1]))
			text[len(text)-8] ^= 4
			audittest.Write(t, h.segments[1], string(text))
		}},
	}
	whole := soundHistory(t, true)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { wantFound(t, whole.copy(t), tt.do, tt.want, tt.others) })
		})
	}
}

// soundHistory makes a history of which Verify says nothing.
func soundHistory(t *testing.T, compressed bool) (h *history) {
	t.Helper()
	root := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h = makeHistoryIn(t, root, compressed)
		wantSound(t, h.dir, audit.VerifyOptions{Anchor: h.anchor})
	})
	return h
}

// copy is another log, with its key and its anchor, that says the same as h.
func (h *history) copy(t *testing.T) *history {
	t.Helper()
	c := *h
	c.dir = crashed(t, h.dir)
	c.anchor = filepath.Join(t.TempDir(), "anchor")
	audittest.Write(t, c.anchor, audittest.Contents(t, h.anchor))
	c.segments = nil
	for _, s := range h.segments {
		c.segments = append(c.segments, filepath.Join(c.dir, filepath.Base(s)))
	}
	return &c
}

// wantFound has h tampered with, which is sound, and fails unless Verify names each of want, and says
// whether the other records are intact.
func wantFound(t *testing.T, h *history, tamper func(*testing.T, *history), want []string, others bool) {
	t.Helper()
	tamper(t, h)
	v := verify(t, h.dir, audit.VerifyOptions{Anchor: h.anchor})
	if v.OK() {
		t.Fatalf("nothing found: %v", v)
	}
	if i := slices.IndexFunc(v.Problems, func(p audit.Problem) bool { return p.Kind == audit.Unreadable }); i > 0 {
		t.Errorf("problem %d is a file that cannot be read; it should be the first", i)
	}
	var all strings.Builder
	for _, p := range v.Problems {
		fmt.Fprintln(&all, p)
	}
	for _, part := range want {
		if part = h.expand(part); !strings.Contains(all.String(), part) {
			t.Errorf("want %q in\n%s", part, all.String())
		}
	}
	if intact := strings.Contains(v.String(), "others intact"); intact != others {
		t.Errorf("others intact: %v, want %v, in %s\n%s", intact, others, v, all.String())
	}
}

func (h *history) summary(i int) string {
	return strings.TrimSuffix(h.segments[i], ".ndjson.gz") + ".summary.json.gz"
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
	os.Remove(filepath.Join(other+"-key", "audit.head"))
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

// expand replaces {2+40} by the number of the record 40 after the first of segment 2, {last} by that of the
// last, and {file 1} and {summary 1} by names.
func (h *history) expand(s string) string {
	for {
		start := strings.IndexByte(s, '{')
		if start < 0 {
			return s
		}
		end := strings.IndexByte(s, '}')
		s = s[:start] + h.place(s[start+1:end]) + s[end+1:]
	}
}

func (h *history) place(name string) string {
	var segment, offset int
	word, number, named := strings.Cut(name, " ")
	switch fmt.Sscan(number, &segment); {
	case word == "last":
		return fmt.Sprint(h.last)
	case word == "file":
		return filepath.Base(h.segments[segment])
	case word == "summary" && named:
		return filepath.Base(h.summary(segment))
	}
	fmt.Sscanf(name, "%d%d", &segment, &offset)
	return fmt.Sprint(h.firsts[segment] + uint64(offset))
}
