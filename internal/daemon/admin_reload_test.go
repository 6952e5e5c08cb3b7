package daemon

import (
	"errors"
	"testing"
	"time"

	"webproxy/config"
	"webproxy/policy"
)

// Who asks for a reload after the files were read automatically is told of the same change, whether the configuration was
// installed or, with a lockdown that ended, refused.
func TestRequestedAfterAutomatic(t *testing.T) {
	var set *policy.Set // its digest does not matter
	seqs, none := [2]uint64{7, 9}, [2]uint64{}
	for _, tt := range []struct {
		name string
		note func(r *reloads, seqs [2]uint64, cut int)
	}{
		{"installed", func(r *reloads, seqs [2]uint64, cut int) {
			r.installed(set, &config.Config{Set: set}, nil, nil, nil, cut, 0, seqs)
		}},
		{"refused", func(r *reloads, seqs [2]uint64, cut int) { r.refused(set, errors.New("no such setting"), seqs, cut) }},
	} {
		var r reloads
		tt.note(&r, seqs, 3)
		tt.note(&r, none, 0)
		if got := r.last(); got.FirstSeq != 7 || got.LastSeq != 9 || got.Forbidden != 3 {
			t.Errorf("%s: the second has %d to %d, %d forbidden, want those of the first", tt.name, got.FirstSeq, got.LastSeq, got.Forbidden)
		}
		r.done.Time = r.done.Time.Add(-2 * justNow)
		tt.note(&r, none, 0)
		if got := r.last(); got.FirstSeq != 0 || time.Since(got.Time) > justNow {
			t.Errorf("%s: long after it: %+v", tt.name, got)
		}
	}
}
