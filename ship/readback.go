package ship

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"webproxy/audit"
)

// A readback confirms records at a receiver that acknowledges them before they are on its disk. It remembers which records were
// sent, without their lines, queries the receiver for them some time later, and sends those that are not found again, from the
// log. A nil readback does nothing. Its methods are for the Shipper's goroutine.
type readback struct {
	s       *Shipper
	where   inquirer
	after   time.Duration // records are looked for this long after they were sent
	assumed uint64        // records up to this one were sent before the start
	batches []*sentBatch  // in order; the first is not confirmed
	items   int           // unconfirmed items in batches
	next    time.Time     // time of the next query
	kept    time.Time     // when the latest batch was sent of which something was found
	trouble trouble
	now     func() time.Time
}

// An inquirer queries a receiver for what it has.
type inquirer interface {
	look(ctx context.Context, first, last uint64, from, to time.Time, each func(found)) error
}

const (
	// unconfirmedItems and unconfirmedBatches bound what is remembered, to some 6 MiB: 4,000 records a second at the default of 30 s.
	unconfirmedItems   = 128 << 10
	unconfirmedBatches = 4096
	// lookItems bounds the items of one query, lookSpan the range of their numbers.
	lookItems = 8192
	lookSpan  = 2 * lookItems
	// giveUpAfter is how often a record is sent again that is never found, although records sent at the same time or later are.
	giveUpAfter = 12
	// slowestRepeat bounds the time between two attempts, in units of readback.after.
	slowestRepeat = 10
)

// A sentBatch is consecutive items that were sent together.
type sentBatch struct {
	handover
	items    []sentItem // those that are not confirmed
	from, to time.Time  // the earliest and the latest time of the records
	at       time.Time  // when they were last sent
	tries    int        // how often some were sent again
}

// A sentItem is an item that was sent.
type sentItem struct {
	found
	note *audit.Checkpoint // nil for a record
}

func newReadback(s *Shipper, where inquirer, after time.Duration) *readback {
	return &readback{s: s, where: where, after: after, now: time.Now}
}

// full reports whether a limit on unconfirmed items is reached, so that nothing may be sent.
func (r *readback) full() bool {
	return r != nil && (r.items >= unconfirmedItems || len(r.batches) >= unconfirmedBatches)
}

// assume returns how many of the first items were sent before the start, as the position says. They are confirmed like others.
func (r *readback) assume(items []item) int {
	if r == nil || r.assumed == 0 { // the first checkpoint is of no records
		return 0
	}
	n := 0
	for n < min(len(items), batchItems) && items[n].record.Seq <= r.assumed {
		n++
	}
	return n
}

// add remembers items that were sent.
func (r *readback) add(items []item) {
	b := &sentBatch{handover: newHandover(items), items: make([]sentItem, len(items)), at: r.now(),
		from: items[0].record.Time, to: items[0].record.Time}
	for i := range items {
		of := &items[i]
		b.items[i] = sentItem{found{of.checkpoint != nil, of.record.Seq, bodyHash(of.line)}, of.checkpoint}
		if of.record.Time.Before(b.from) {
			b.from = of.record.Time
		}
		if of.record.Time.After(b.to) {
			b.to = of.record.Time
		}
	}
	r.batches = append(r.batches, b)
	r.items += len(items)
	r.s.position.Sent = max(r.s.position.Sent, b.through)
	r.s.stats.sent.Store(r.s.position.Sent)
}

// skip extends the last batch over a record that is not for the receiver; false if no batch is unconfirmed.
func (r *readback) skip(seq uint64, line string) bool {
	last := r.last()
	if last == nil {
		return false
	}
	last.through, last.hash = seq, lineHash(line)
	return true
}

// last returns the last batch; nil if no batch is unconfirmed.
func (r *readback) last() *handover {
	if r == nil || len(r.batches) == 0 {
		return nil
	}
	return &r.batches[len(r.batches)-1].handover
}

// oldest is the time of the first unconfirmed record, in ms; 0 if all are confirmed.
func (r *readback) oldest() int64 {
	if r == nil || len(r.batches) == 0 {
		return 0
	}
	return r.batches[0].oldest
}

// forget discards everything: another log has replaced the one that was sent.
func (r *readback) forget() {
	if r == nil {
		return
	}
	r.batches, r.items, r.assumed = nil, 0, 0
	r.s.position.Sent = 0
	r.s.stats.sent.Store(0)
}

// due reports whether it is time to query for b.
func (r *readback) due(b *sentBatch, now time.Time) bool {
	return len(b.items) > 0 && now.Sub(b.at) >= r.after*time.Duration(min(b.tries+1, slowestRepeat))
}

// look queries the receiver for what was sent long enough ago, and advances the Shipper's position.
func (r *readback) look(ctx context.Context) {
	if r == nil {
		return
	}
	now := r.now()
	if now.Before(r.next) {
		return
	}
	at := 0
	for ctx.Err() == nil {
		var some []*sentBatch
		if some, at = r.some(at, now); len(some) == 0 {
			break
		}
		r.next = now.Add(r.after / 5) // a query for few items costs as much as one for many
		if err := r.confirm(ctx, some); err != nil {
			if ctx.Err() == nil {
				r.fail(err)
			}
			break
		}
		r.trouble = r.overTrouble()
	}
	r.advance()
}

// some returns due batches, from index at on, as many as one query may be for, and the index to continue at.
func (r *readback) some(at int, now time.Time) (some []*sentBatch, next int) {
	n := 0
	for ; at < len(r.batches); at++ {
		b := r.batches[at]
		if !r.due(b, now) {
			continue
		}
		if n += len(b.items); len(some) > 0 && (n > lookItems || b.through-some[0].items[0].seq > lookSpan) {
			break
		}
		some = append(some, b)
	}
	return some, at
}

// confirm queries for batches, and sends again the items that are not found.
func (r *readback) confirm(ctx context.Context, some []*sentBatch) error {
	wanted := map[found]bool{}
	first, last := some[0].items[0].seq, uint64(0)
	from, to := some[0].from, some[0].to
	for _, b := range some {
		for _, i := range b.items {
			wanted[i.found] = false
			first, last = min(first, i.seq), max(last, i.seq)
		}
		if b.from.Before(from) {
			from = b.from
		}
		if b.to.After(to) {
			to = b.to
		}
	}
	err := r.where.look(ctx, first, last, from, to, func(f found) {
		if _, ok := wanted[f]; ok {
			wanted[f] = true
		}
	})
	if err != nil {
		return err
	}
	var missing []*sentBatch
	for _, b := range some {
		left := b.items[:0]
		for _, i := range b.items {
			if !wanted[i.found] {
				left = append(left, i)
			}
		}
		if len(left) < len(b.items) && b.at.After(r.kept) {
			r.kept = b.at
		}
		r.items -= len(b.items) - len(left)
		if b.items = left; len(left) > 0 {
			missing = append(missing, b)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return r.again(ctx, missing)
}

// again sends the unconfirmed items of batches again, from the log.
func (r *readback) again(ctx context.Context, batches []*sentBatch) error {
	records := map[uint64]bool{}
	var items []item
	n, first, tries := 0, ^uint64(0), 0
	for _, b := range batches {
		if b.tries >= giveUpAfter && !r.kept.Before(b.at) {
			r.giveUp(b)
			continue
		}
		tries = max(tries, b.tries)
		for _, i := range b.items {
			n++
			first = min(first, i.seq)
			if i.checkpoint {
				c, err := newCheckpointItem(*i.note, b.through, b.hash)
				if err != nil {
					return err
				}
				items = append(items, c)
				continue
			}
			records[i.seq] = true
		}
	}
	if n == 0 {
		return nil
	}
	r.s.zap.Warn("audit records were acknowledged, and are not found at the receiver; they are sent again from the log", zap.Int("items", n),
		zap.Uint64("first", first), zap.Int("attempt", tries+1),
		zap.String("hint", "usual after it was killed; otherwise they are older than its -retentionPeriod, or further ahead than its -futureRetention"))
	send := func() error {
		if len(items) == 0 {
			return nil
		}
		done, err := r.s.sink.deliver(ctx, items, false)
		r.s.stats.resent.Add(int64(done))
		items = items[:0]
		return err
	}
	if err := r.reread(ctx, records, func(i item) error {
		if items = append(items, i); len(items) < batchItems {
			return nil
		}
		return send()
	}); err != nil {
		return err
	}
	if err := send(); err != nil {
		return err
	}
	for _, b := range batches {
		r.drop(b, func(i *sentItem) bool { return !i.checkpoint && records[i.seq] }, &r.s.stats.missing, "they are no longer in the log")
		b.at = r.now()
		b.tries++
	}
	return nil
}

// errEnough ends a reading of the log.
var errEnough = errors.New("enough")

// reread calls fn with the records of the log that have these numbers, in order, and removes those from numbers.
func (r *readback) reread(ctx context.Context, numbers map[uint64]bool, fn func(item) error) error {
	if len(numbers) == 0 {
		return nil
	}
	first, last := ^uint64(0), uint64(0)
	for n := range numbers {
		first, last = min(first, n), max(last, n)
	}
	ctx, cancel := context.WithTimeout(ctx, rereadTimeout)
	defer cancel()
	err := audit.Follow(ctx, r.s.dir, first-1, func(rec *audit.Record, line string) error {
		if numbers[rec.Seq] {
			delete(numbers, rec.Seq)
			if err := fn(item{record: *rec, line: line}); err != nil {
				return err
			}
		}
		if rec.Seq >= last {
			return errEnough
		}
		return ctx.Err()
	}, func(audit.BadLine) {})
	switch {
	case errors.Is(err, errEnough):
		return nil
	case err == nil: // the log ended before the last of the numbers
		err = context.Cause(ctx)
	}
	return fmt.Errorf("read the audit log again: %w", err)
}

// rereadTimeout bounds reread.
const rereadTimeout = 10 * time.Minute

// giveUp drops the unconfirmed items of b, as losses.
func (r *readback) giveUp(b *sentBatch) {
	r.drop(b, func(*sentItem) bool { return true }, &r.s.stats.refused,
		fmt.Sprintf("it acknowledged them %d times and does not keep them, as it does others: they are older than its -retentionPeriod, or further ahead than its -futureRetention", b.tries+1))
}

// drop drops the items of b for which gone is true, as losses.
func (r *readback) drop(b *sentBatch, gone func(*sentItem) bool, counter *atomic.Int64, why string) {
	left := b.items[:0]
	first, last, n := uint64(0), uint64(0), int64(0)
	for i := range b.items {
		of := &b.items[i]
		if !gone(of) {
			left = append(left, *of)
			continue
		}
		if of.checkpoint {
			continue
		}
		if n++; first == 0 {
			first = of.seq
		}
		last = of.seq
	}
	r.items -= len(b.items) - len(left)
	b.items = left
	if n > 0 {
		b.records -= int(n)
		r.s.losses.add(r.s, counter, first, last, n, why)
	}
}

// advance moves the position past the confirmed batches.
func (r *readback) advance() {
	n := 0
	for n < len(r.batches) && len(r.batches[n].items) == 0 {
		r.s.has(r.batches[n].handover)
		r.batches[n] = nil
		n++
	}
	if n > 0 {
		r.batches = r.batches[n:]
		r.s.moved()
	}
}

// fail counts a failed query, logs it now and then, and delays the next one.
func (r *readback) fail(err error) {
	r.s.stats.errors.Add(1)
	r.trouble.count++
	if r.trouble.since.IsZero() {
		r.trouble.since = r.now()
	}
	r.next = r.now().Add(min(r.after/5<<min(r.trouble.count, 5), 5*time.Minute))
	if r.now().Sub(r.trouble.told) < repeatTrouble && r.trouble.count > 1 {
		return
	}
	r.trouble.told = r.now()
	r.s.zap.Warn("it cannot be found out which audit records the receiver has; they count as not shipped, and wait in the log", zap.Error(err),
		zap.Int("attempt", r.trouble.count), zap.Int("unconfirmed", r.items))
}

func (r *readback) overTrouble() trouble {
	if !r.trouble.since.IsZero() {
		r.s.zap.Info("audit records are confirmed again", zap.Duration("after", r.now().Sub(r.trouble.since).Round(time.Second)))
	}
	return trouble{}
}
