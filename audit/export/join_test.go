package export

import (
	"slices"
	"strconv"
	"testing"
	"webproxy/audit"
)

// A log full of requests that never end does not fill the memory: beyond the limit the oldest are written.
func TestJoinLimit(t *testing.T) {
	var got []uint64
	j := newJoin(func(r *audit.Record, _ string) error {
		got = append(got, r.Seq)
		return nil
	})
	j.limit = 4
	for seq := range uint64(7) {
		if err := j.add(&audit.Record{Type: audit.TypeDecision, Decision: "allow", Seq: seq, ID: strconv.Itoa(int(seq))}, ""); err != nil {
			t.Fatal(err)
		}
		if len(j.open) > 5 {
			t.Errorf("%d are kept", len(j.open))
		}
	}
	if want := []uint64{0, 1, 2, 3}; !slices.Equal(got, want[:len(got)]) || len(got) < 2 {
		t.Errorf("written %v, want the oldest", got)
	}
	if err := j.flush(len(j.open)); err != nil || !slices.IsSorted(got) || len(got) != 7 {
		t.Errorf("written %v, %v", got, err)
	}
}
