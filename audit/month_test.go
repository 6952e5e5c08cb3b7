package audit_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/internal/audittest"
)

var october = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

// A handLog is a log written by hand, a compressed file a day and the last day in the live file.
type handLog struct {
	t   *testing.T
	dir string
	seq uint64
	day bytes.Buffer
}

func (h *handLog) put(r audit.Record, at time.Time) {
	h.t.Helper()
	h.seq++
	r.V, r.Seq, r.Time = audit.Version, h.seq, at
	line, err := r.MarshalJSON()
	if err != nil {
		h.t.Fatal(err)
	}
	h.day.Write(line)
	h.day.WriteByte('\n')
}

// rotate puts what was written since the last time into a compressed file.
func (h *handLog) rotate(first uint64, closed time.Time) {
	h.t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(h.day.Bytes())
	z.Close()
	h.day.Reset()
	name := fmt.Sprintf("audit-%012d-%s.ndjson.gz", first, closed.Format("20060102T150405Z"))
	audittest.Write(h.t, filepath.Join(h.dir, name), b.String())
}

// month is the directory of a log of some days. Each day has a reload; 20 allowed requests by 4 clients, with their ends; 3
// denials of pastebin.com, and a repeat that stands for 5 more; one request that learn mode let through; and one that was let through
// until its address was known. The last day has a host of its own.
func month(t *testing.T, days int) string {
	t.Helper()
	h := &handLog{t: t, dir: t.TempDir()}
	for d := range days {
		first, at := h.seq+1, october.AddDate(0, 0, d)
		h.put(audit.Record{Type: audit.TypeReload, Detail: fmt.Sprintf("change %d", d), By: "alice", Ticket: "CHG-1",
			Added: []string{"allow learned https://aka.ms:443"}, Removed: []string{"allow old http://old.example.com:80"}}, at)
		for i := range 20 {
			r := audittest.Decision()
			r.ID, r.Client = fmt.Sprintf("A%d", h.seq), netip.AddrFrom4([4]byte{10, 0, 1, byte(10 + i%4)})
			if i == 0 && d == days-1 {
				r.Host = "new.his.arc.azure.com"
			}
			h.put(r, at.Add(time.Duration(i)*time.Hour))
			r.Type, r.BytesOut, r.BytesIn = audit.TypeClose, 10, 100
			if i == 19 {
				r.Decision, r.Reason = "deny", "private_address"
			}
			h.put(r, at.Add(time.Duration(i)*time.Hour+time.Second))
		}
		r := audittest.Decision()
		r.Host, r.Rule, r.RuleSource, r.Decision, r.Reason = "pastebin.com", "", "", "deny", "host_not_listed"
		for i := range 3 {
			h.put(r, at.Add(time.Duration(20*60+i)*time.Minute))
		}
		r.Type, r.Count, r.First, r.Last = audit.TypeRepeat, 5, at.Add(20*time.Hour+3*time.Minute), at.Add(20*time.Hour+8*time.Minute)
		h.put(r, at.Add(21*time.Hour))
		r = audittest.Decision()
		r.Host, r.Group, r.Mode, r.Decision, r.Reason, r.Rule = "=cmd.example.com", "wac", "learn", "would_deny", "host_not_listed", ""
		h.put(r, at.Add(22*time.Hour))
		if d < days-1 {
			h.rotate(first, at.Add(24*time.Hour))
		}
	}
	audittest.Write(t, live(h.dir), h.day.String())
	return h.dir
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func gunzip(t *testing.T, text string) string {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}
