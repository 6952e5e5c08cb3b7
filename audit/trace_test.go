package audit_test

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	"webproxy/audit"
	"webproxy/internal/audittest"
	"webproxy/internal/setting"
)

// What Trace finds of a request is what a scan of the whole log for its id finds, and it reads no more than the files that can
// have it: the last files, compressed or not, from the record on.
func TestTrace(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "audit")
	o := audit.Options{Dir: dir, Sync: setting.Off, Rotate: 64 << 10, RotateEvery: setting.Off, AggregateWindow: setting.Off}.WithDefaults()
	var waiting []audit.Record // close records that come later, in another file
	write := func(n int) {
		log, err := audit.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			r := audittest.Decision()
			r.Host = fmt.Sprintf("host%d.example.com", i%40)
			if i%7 == 0 {
				r.Decision, r.Reason = "deny", "host_not_listed"
			}
			if err := log.Append(&r); err != nil {
				t.Fatal(err)
			}
			end := audittest.Close()
			end.ID, end.Host = r.ID, r.Host
			switch {
			case i%21 == 0:
				end.Type, end.Count, end.First, end.Last, end.Decision, end.Reason = audit.TypeRepeat, 3, r.Time, r.Time, "deny", "host_not_listed"
			case i%7 == 0:
				continue
			case i%50 == 1:
				waiting = append(waiting, end)
				continue
			case i%50 == 2: // none: the process ended before
				continue
			}
			if err := log.Append(&end); err != nil {
				t.Fatal(err)
			}
			if len(waiting) > 5 {
				if err := log.Append(&waiting[0]); err != nil {
					t.Fatal(err)
				}
				waiting = waiting[1:]
			}
			if i%900 == 0 {
				if err := log.Append(&audit.Record{Type: audit.TypeReload, Detail: "x"}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := log.Tidy(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write(1500)
	waiting = nil
	o.Rotate = setting.SizeOff // the live file is long
	write(1500)
	public, err := audit.ReadPublicKey(audit.PublicKeyFile(o.Key))
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string][]audit.Record{}
	var order []string
	stats, err := audit.Scan(dir, audit.ScanOptions{}, func(r audit.Record) error {
		if r.ID != "" {
			if len(byID[r.ID]) == 0 {
				order = append(order, r.ID)
			}
			byID[r.ID] = append(byID[r.ID], r)
		}
		return nil
	})
	if err != nil || len(order) != 3000 {
		t.Fatalf("%d ids: %v", len(order), err)
	}
	read := uint64(0)
	n := uint64(0)
	for i := 0; i < len(order); i += 61 {
		id := order[i]
		seq, ok := audit.SeqOf(public, id)
		if !ok {
			t.Fatalf("%s is of no record", id)
		}
		got, stats, err := audit.Trace(dir, seq, id, nil)
		if err != nil || !reflect.DeepEqual(got, byID[id]) {
			t.Errorf("Trace(%s) = %v, %v\nwant %v", id, got, err, byID[id])
		}
		read += stats.Records
		n++
	}
	if each := read / n; each > stats.Records/8 {
		t.Errorf("%d records are read for one of %d", each, stats.Records)
	}
	// Another log's id, one that is not there yet, and one that was never there.
	for _, seq := range []uint64{1, stats.LastSeq, stats.LastSeq + 1, 1 << 40} {
		if got, _, err := audit.Trace(dir, seq, "ZZZZZZ", nil); err != nil || len(got) != 0 {
			t.Errorf("seq %d with another id: %v, %v", seq, got, err)
		}
	}
	for _, id := range []string{"", "ABC", "0O0000", "ABCDEFGHJKMNPQ", "ZZZZZZZZZZZZZ"} {
		if seq, ok := audit.SeqOf(public, id); ok {
			t.Errorf("SeqOf(%q) = %d", id, seq)
		}
	}
}

// A request that never ended is looked for up to the next start of the proxy, which is where it ended.
func TestTraceUpToStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	o := audit.Options{Dir: dir, Sync: setting.Off, AggregateWindow: setting.Off}.WithDefaults()
	log, err := audit.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	first := audittest.Decision()
	late := audittest.Close()
	records := []*audit.Record{&first, {Type: audit.TypeStart, Detail: "x"}, &late}
	for i, r := range records {
		if i == 2 {
			r.ID = first.ID
		}
		if err := log.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	got, _, err := audit.Trace(dir, first.Seq, first.ID, nil)
	if err != nil || len(got) != 1 || got[0].Type != audit.TypeDecision {
		t.Errorf("Trace = %v, %v, want the decision alone", got, err)
	}
}
