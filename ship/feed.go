package ship

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"webproxy/audit"
)

// A feed reads the log after a position, one record ahead of the Shipper.
type feed struct {
	dir   string
	known position // where it began; the record there must not have changed
	last  uint64   // the last record that the Shipper took; used by the Shipper alone
	out   chan entry
}

// An entry is a record with its line, and how many are missing before it.
type entry struct {
	record  audit.Record
	line    string
	missing uint64
	restart bool // it is the first record of another log
}

func newFeed(dir string, p position) feed {
	return feed{dir: dir, known: p, last: p.Seq, out: make(chan entry)}
}

// retryReading is how long to wait after the log could not be read.
const retryReading = 5 * time.Second

var errOtherLog = errors.New("another log is in the place of the one that was shipped")

// run reads until ctx is done.
func (f *feed) run(ctx context.Context, log *zap.Logger) {
	r := reading{ctx: ctx, feed: f, last: f.known.Seq, check: f.known.Hash, fresh: f.known.Seq == 0}
	for ctx.Err() == nil {
		after := r.last
		if r.check != "" {
			after-- // read that record again, to compare it
		}
		err := audit.Follow(ctx, f.dir, after, r.record, func(b audit.BadLine) {
			log.Warn("a line of the audit log cannot be read, and is not shipped", zap.String("line", b.Error()))
		})
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errOtherLog):
			log.Warn("another log is in the place of the one that was shipped: it is shipped from its beginning", zap.Uint64("shipped", r.last))
			r.last, r.check, r.fresh, r.restart = 0, "", true, true
			continue
		case err != nil:
			log.Error("audit log cannot be read for shipping", zap.Error(err))
		}
		select {
		case <-time.After(retryReading):
		case <-ctx.Done():
		}
	}
}

// A reading is the state of run.
type reading struct {
	ctx   context.Context
	feed  *feed
	last  uint64 // the last record that was read
	check string // the hash that the line of that record must have; empty once it was seen
	fresh bool   // no record was read before
	// restart: the next record is of another log
	restart bool
}

// record is called with each record after r.last, and before that with r.last itself if r.check is set.
func (r *reading) record(rec *audit.Record, line string) error {
	if r.check != "" {
		check := r.check
		if rec.Seq == r.last && lineHash(line) != check {
			return errOtherLog
		}
		r.check = ""
		if rec.Seq == r.last {
			return nil
		}
	}
	e := entry{record: *rec, line: line, restart: r.restart}
	if !r.fresh {
		e.missing = rec.Seq - r.last - 1
	}
	select {
	case r.feed.out <- e:
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
	r.last, r.fresh, r.restart = rec.Seq, false, false
	return nil
}
