package audit

import "sync"

// batchRecords is how many records go from a reading goroutine to the caller's at a time.
const batchRecords = 256

// A batch is some records of a file with their lines, or, at the end of a file, its stats.
type batch struct {
	records []Record
	lines   []string
	rows    []*Row // of a summary, instead of records
	stats   *fileStats
}

// A batchPool reuses batches: a batch is large, and a log has many.
type batchPool struct{ pool sync.Pool }

func (p *batchPool) get() batch {
	if b, ok := p.pool.Get().(*batch); ok {
		return *b
	}
	return batch{records: make([]Record, 0, batchRecords), lines: make([]string, 0, batchRecords)}
}

func (p *batchPool) put(b batch) {
	clear(b.records) // so that it keeps nothing that its records refer to
	clear(b.lines)
	b.records, b.lines = b.records[:0], b.lines[:0]
	p.pool.Put(&b)
}

// batches emits all requested records of the scanner's file, then the stats of the file.
func (s *scanner) batches(pool *batchPool, emit func(batch) bool) {
	s.keep = true
	b := pool.get()
	stopped := false
	s.each(func(r *Record, line string) bool {
		b.records = append(b.records, *r)
		b.lines = append(b.lines, line)
		if len(b.lines) < batchRecords {
			return true
		}
		stopped = !emit(b)
		b = pool.get()
		return !stopped
	})
	if stopped {
		return
	}
	b.stats = &s.stats
	emit(b)
}
