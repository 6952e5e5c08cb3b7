package audit

import (
	"bytes"
	crand "crypto/rand"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// The tree is that of RFC 6962, as golang.org/x/mod/sumdb/tlog has it.
func TestEdge(t *testing.T) {
	var e compactRange
	var h hasher
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var hashes []tlog.Hash
		for _, i := range indexes {
			hashes = append(hashes, stored[i])
		}
		return hashes, nil
	})
	for n := range int64(600) {
		want, err := tlog.TreeHash(n, reader)
		if err != nil {
			t.Fatal(err)
		}
		if e.root() != want || e.size != uint64(n) {
			t.Fatalf("root of %d leaves: got %v, want %v", n, e.root(), want)
		}
		line := fmt.Appendf(nil, "record %d", n)
		hashes, err := tlog.StoredHashes(n, line, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
		e.push(h.leaf(line))
	}
	if u := unknownRange(0b1011); len(u.hashes) != 3 {
		t.Errorf("an unknown edge of 11 leaves has %d hashes", len(u.hashes))
	}
}

func testKey(t testing.TB, name string) (note.Signer, note.Verifiers) {
	t.Helper()
	private, public, err := note.GenerateKey(crand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	key, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return key, note.VerifierList(verifier)
}

func TestCheckpointText(t *testing.T) {
	key, keys := testKey(t, "site-01")
	for size := range uint64(70) {
		var e compactRange
		for i := range size {
			e.push(tlog.RecordHash([]byte{byte(i)}))
		}
		c := checkpoint{number: size + 1, tree: e, time: time.Date(2026, 11, 24, 7, 1, 49, 123e6, time.UTC), recovered: size / 2, base: size%2 == 1}
		msg, err := c.sign(key, originPrefix)
		if err != nil {
			t.Fatal(err)
		}
		got, name, err := openCheckpoint(msg, keys)
		if err != nil || name[:8] != "site-01+" {
			t.Fatalf("size %d: %q, %v in\n%s", size, name, err, msg)
		}
		if got.number != c.number || !got.time.Equal(c.time) || got.recovered != c.recovered || got.base != c.base ||
			got.tree.size != size || !slices.Equal(got.tree.hashes, e.hashes) {
			t.Errorf("size %d: got %+v, want %+v", size, got, c)
		}
	}
}

// A checkpoint that does not agree with itself is none, whoever signed it.
func TestCheckpointNonsense(t *testing.T) {
	key, keys := testKey(t, "site-01")
	hash := tlog.RecordHash(nil).String()
	good := "webproxy audit site-01\n1\n" + hash + "\nnumber 1\ntime 2026-11-24T07:01:49.123Z\nedge " + hash + "\n"
	for want, text := range map[bool][]string{
		true: {good, good + "later version says more\n"},
		false: {
			"webproxy audit site-02" + good[22:],
			"go.sum database tree\n1\n" + hash + "\n",
			string(bytes.Replace([]byte(good), []byte("\n1\n"), []byte("\n3\n"), 1)),
			string(bytes.Replace([]byte(good), []byte("edge "+hash), []byte("edge "+tlog.RecordHash([]byte("x")).String()), 1)),
			string(bytes.Replace([]byte(good), []byte("edge "+hash), []byte("edge "+hash+" "+hash), 1)),
			string(bytes.Replace([]byte(good), []byte("number 1\n"), nil, 1)),
			string(bytes.Replace([]byte(good), []byte("number 1"), []byte("number x"), 1)),
			string(bytes.Replace([]byte(good), []byte("time 2026"), []byte("time 20x6"), 1)),
			"\n",
		},
	} {
		for _, text := range text {
			msg, err := note.Sign(&note.Note{Text: text}, key)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := openCheckpoint(msg, keys); (err == nil) != want {
				t.Errorf("%v in\n%s", err, text)
			}
		}
	}
}

// FuzzNotes: what is not a note does not hide the notes after it, as long as it ends like one.
func FuzzNotes(f *testing.F) {
	key, keys := testKey(f, "site-01")
	c := checkpoint{number: 1, time: time.Unix(1, 0)}
	msg, err := c.sign(key, originPrefix)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(nil))
	f.Add([]byte("hello\n"))
	f.Add([]byte("\n\n— a\n— b\n\n"))
	f.Add(msg)
	f.Add(msg[:len(msg)/2])
	f.Add(bytes.Repeat([]byte("x"), 2*noteLimit))
	f.Fuzz(func(t *testing.T, rubbish []byte) {
		file := append(slices.Clone(rubbish), "\n— end\n\n"...)
		file = appendNote(appendNote(file, msg), msg)
		whole := int64(len(file))
		file = append(file, msg[:len(rubbish)*251%len(msg)]...) // cut anywhere
		reader := newNoteReader(bytes.NewReader(file))
		good := 0
		for text, err := range reader.all() {
			if err != nil {
				continue
			}
			if _, _, err := openCheckpoint(text, keys); err == nil {
				good++
			}
		}
		if good < 2 || reader.end != whole {
			t.Errorf("%d notes read, up to %d of %d", good, reader.end, whole)
		}
	})
}

func TestLineSeq(t *testing.T) {
	for line, want := range map[string]uint64{
		`{"v":1,"type":"x","ts":"y","seq":1240377,"id":"z"}`: 1240377,
		`{"seq":1}`: 1, `{"seq":}`: 0, `{"seq":"1"}`: 0, `{}`: 0, ``: 0, `{"seq":`: 0,
	} {
		if got := lineSeq([]byte(line)); got != want {
			t.Errorf("%s: got %d, want %d", line, got, want)
		}
	}
}

func TestKindsHaveWords(t *testing.T) {
	if len(kindWords) != int(Unproven)+1 {
		t.Errorf("%d words for %d kinds", len(kindWords), Unproven+1)
	}
}
