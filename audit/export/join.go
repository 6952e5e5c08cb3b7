package export

import (
	"slices"
	"webproxy/audit"
)

// openLimit is how many unfinished requests a join keeps: about 300 MB. Beyond it the oldest half is written as it
// is.
const openLimit = 1 << 18

// A join makes one event of each request: its close record, which repeats the fields of the decision record. A
// decision without a close, because the request is open or the proxy was killed, is written at the end.
type join struct {
	open  map[string]unfinished
	write func(r *audit.Record, line string) error
	limit int // openLimit, less in tests
}

type unfinished struct {
	record audit.Record
	line   string
}

func newJoin(write func(r *audit.Record, line string) error) *join {
	return &join{open: map[string]unfinished{}, write: write, limit: openLimit}
}

// add takes the next record in the order of the log. It keeps r's strings, and line.
func (j *join) add(r *audit.Record, line string) error {
	switch {
	case r.Type == audit.TypeDecision && permitted(r):
		j.open[r.ID] = unfinished{*r, line}
		if len(j.open) > j.limit {
			return j.flush(len(j.open) / 2)
		}
		return nil
	case r.Type == audit.TypeClose:
		delete(j.open, r.ID)
	}
	return j.write(r, line)
}

// flush writes the n oldest open requests.
func (j *join) flush(n int) error {
	oldest := make([]unfinished, 0, len(j.open))
	for _, o := range j.open {
		oldest = append(oldest, o)
	}
	slices.SortFunc(oldest, func(a, b unfinished) int {
		if a.record.Seq < b.record.Seq {
			return -1
		}
		return 1
	})
	for i := range oldest[:n] {
		o := &oldest[i]
		delete(j.open, o.record.ID)
		if err := j.write(&o.record, o.line); err != nil {
			return err
		}
	}
	return nil
}
