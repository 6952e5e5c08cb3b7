package audit

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"webproxy/internal/setting"
)

// ErrLocked says that a log is open in another process, such as a running proxy.
var ErrLocked = errors.New("another process is writing to it")

// A Log writes the audit log of one directory, and is the only writer. All methods are safe for concurrent use.
// Append, Stalled, LastSeq, SealedAt, Usage and the counters never wait for a disk for longer than Append does; the
// others may hang with it. It has one goroutine, the writer; see also Maintain.
type Log struct {
	options   Options // with defaults
	opened    time.Time
	path      string // of the live file; changed with mu held
	lock      *dirLock
	rotated   chan struct{} // has a value after a rotation: there is work for Tidy
	written   atomic.Uint64
	writes    atomic.Uint64 // of records, one or more at a time
	failed    atomic.Uint64
	repeated  atomic.Uint64
	unrotated atomic.Uint64 // attempts at rotating that failed
	tidying   sync.Mutex    // held by Tidy: one at a time
	alarms    alarms
	gone      atomic.Bool // the directory did not exist when Maintain last checked
	syncing   sync.Mutex  // held by Sync: a caller may rely on the work of a concurrent call
	seal      sealer
	idSalt    uint64 // of its records' ids
	writer    writer
	gauges    gauges

	begun       atomic.Bool // a checkpoint says that records may follow
	beginning   sync.Mutex  // held by begin; guards the next three
	beginMarked bool
	headTried   bool
	headErr     error // why there is no tree head; until Maintain reports it

	mu         sync.Mutex // guards what follows
	lines      []byte     // memory of written lines, for the next ones
	live       *os.File   // nil if the next Append must open it
	id         fileID     // of live
	size       int64      // of live: up to the end of the last whole record
	first      uint64     // sequence number of live's first record; 0 if it has none
	began      time.Time
	checked    time.Time // when live was last checked
	next       uint64    // the next sequence number
	missing    missing   // what a record before the next one must state
	aggregator aggregator
	recent     ring
	dirty      bool     // live has records that were not synced
	unsynced   []string // rotated files with such records
	rotateErr  error    // why the last rotation failed; until Tidy reports it
	retry      time.Time
	reclaimAt  time.Time                   // when to try again to give files their names; see reclaim
	rename     func(from, to string) error // os.Rename, except in tests
	others     int64                       // bytes in all other files, as of the last Tidy
	closed     bool
	ending     bool  // the next Seal states that the log was closed
	clock      clock // when a record was last to be written
}

// Open opens the log in o.Dir, creating it if necessary, and repairs what a crash left: a torn last line is cut off,
// and the first record then is a system.gap that says so. The sequence continues where it ended. Open fails if
// another process has the log open, and if the end of the sequence is unknown.
func Open(o Options) (*Log, error) {
	if err := o.Check(); err != nil {
		return nil, fmt.Errorf("open audit log: %w", err)
	}
	o = o.WithDefaults()
	l := &Log{
		options:    o,
		opened:     time.Now(),
		rename:     os.Rename,
		rotated:    make(chan struct{}, 1),
		aggregator: newAggregator(&o),
		next:       1,
	}
	if err := l.open(time.Now()); err != nil {
		return nil, fmt.Errorf("open audit log %s: %w", o.Dir, err)
	}
	l.gauges.note(l)
	l.gauges.measureFree(o.Dir)
	l.writer.start(l.append, l.late)
	return l, nil
}

// Append writes r as the next record, in one write, and returns once the kernel has it. It sets r.V and r.Seq, and
// where they are not set r.Time, r.Site and, in a decision, r.ID.
//
// If it returns an error, nothing was written, r is unchanged, and no sequence number is used up. The next Append
// tries again, and a system.gap record then says how many records were lost. What happens to the request is the
// caller's decision: see OnError. r is not kept.
//
// Append waits for the disk for 5 seconds at most and then returns ErrStalled; while the disk still does not respond,
// it returns that at once. The one record that hung in the disk may be in the log in the end; a system.gap record
// then says so.
//
// A denial that repeats others may be counted instead, see Options.AggregateAfter: r then gets the id and the number
// of the record that it repeats, and is in the log, in a count, when the window is over.
func (l *Log) Append(r *Record) error {
	if !r.Type.known() {
		return fmt.Errorf("append audit record: unknown type %q", r.Type)
	}
	if err := l.writer.write(r); err != nil {
		l.failed.Add(1)
		return fmt.Errorf("append audit record: %w", err)
	}
	return nil
}

// append does the work of Append on the writer's goroutine: it writes the records of jobs, in their order, and notes
// the result in each job.
func (l *Log) append(jobs []*job) {
	now := time.Now()
	if !l.begun.Load() {
		if err := l.begin(); err != nil {
			for _, j := range jobs {
				j.err = l.lose(now, err)
			}
			return
		}
	}
	for {
		n, err := l.tryAppend(jobs, now)
		if err != nil { // a tree head must be written first
			if err = l.lead(); err != nil {
				jobs[0].err, n = l.lose(now, err), 1
			}
		}
		if jobs = jobs[n:]; len(jobs) == 0 {
			return
		}
		l.writer.progress()
		now = time.Now()
	}
}

// lose counts a record that cannot be written because of err.
func (l *Log) lose(now time.Time, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.missing.fail(now, err)
	return err
}

// tryAppend writes the records of the first n of jobs, or notes in them why it could not. Its error is errAhead if a
// tree head must be written before the first.
func (l *Log) tryAppend(jobs []*job, now time.Time) (n int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		for _, j := range jobs {
			j.err = os.ErrClosed
		}
		return len(jobs), nil
	}
	l.writer.takeLost(&l.missing)
	if !l.seal.head.allows(l.next + 1) { // one more, for what is missing
		return 0, errAhead
	}
	l.watchClock(clock{now, now.Sub(l.opened)})
	defer l.gauges.note(l)
	j := jobs[0]
	if err = l.ready(now); err == nil {
		if n = l.writeTogether(jobs, now); n > 0 {
			return n, nil
		}
		if err = ErrStalled; !j.alone || !l.writer.isGivenUp(j) {
			err = l.record(&j.record, now)
		}
	}
	if errors.Is(err, errAhead) {
		return 0, err
	}
	if err != nil {
		l.missing.fail(now, err)
	}
	j.err = err
	return 1, nil
}

// togetherBytes bounds the bytes of one write.
const togetherBytes = 64 << 10

// writeTogether writes the records of the first n of jobs in one write; n is 0 if they must be written one by one.
// The caller holds l.mu.
func (l *Log) writeTogether(jobs []*job, now time.Time) (n int) {
	if len(jobs) < 2 || !l.missing.none() {
		return 0
	}
	data, ends := l.lines[:0], [maxTogether]int{}
	var before [maxTogether]assigned
	for n < min(len(jobs), maxTogether) && l.roomFor(len(data)) {
		j, seq := jobs[n], l.next+uint64(n)
		if j.alone || l.aggregator.aggregates(&j.record) || !l.seal.head.allows(seq+1) {
			break
		}
		before[n] = j.record.assigned()
		l.complete(&j.record, seq, now)
		data = appendLine(data, &j.record)
		ends[n] = len(data)
		n++
	}
	l.keepLines(data)
	if n == 0 {
		return 0
	}
	if l.put(data, now) != nil {
		for i, j := range jobs[:n] { // the disk may have room for some
			j.record.assign(before[i])
			j.alone = true
		}
		return 0
	}
	from := 0
	for _, end := range ends[:n] {
		l.wrote(l.next, data[from:end], now)
		from = end
	}
	return n
}

// roomFor reports whether another record may be written in one write with n bytes of others: not one that would
// belong to the next file. The caller holds l.mu.
func (l *Log) roomFor(n int) bool {
	return n < togetherBytes && (n == 0 || l.options.Rotate == setting.SizeOff || l.size+int64(n) < int64(l.options.Rotate))
}

// record writes r, or counts it as one of many denials. The caller holds l.mu.
func (l *Log) record(r *Record, now time.Time) error {
	if !l.aggregator.aggregates(r) {
		return l.write(r, now)
	}
	repeats, counted := l.aggregate(r, now)
	if repeats {
		l.repeated.Add(1)
		return nil
	}
	if err := l.write(r, now); err != nil {
		return err
	}
	counted()
	return nil
}

// write appends r, and before it a record of what is missing, if anything is. The caller holds l.mu.
func (l *Log) write(r *Record, now time.Time) error {
	seq, before := l.next, r.assigned()
	if !l.seal.head.allows(seq + 1) {
		return errAhead
	}
	data, gap := l.lines[:0], 0 // one write for both: on a full disk no gap record may use up the last room
	if !l.missing.none() {
		g := l.missing.record()
		l.complete(g, seq, now)
		data = appendLine(data, g)
		gap = len(data)
		seq++
	}
	l.complete(r, seq, now)
	data = appendLine(data, r)
	l.keepLines(data)
	if err := l.put(data, now); err != nil {
		r.assign(before)
		return err
	}
	if gap > 0 {
		l.wrote(seq-1, data[:gap], now)
		l.missing = missing{}
	}
	l.wrote(seq, data[gap:], now)
	return nil
}

// keepLines keeps the memory of lines for the next ones, unless they were very long.
func (l *Log) keepLines(lines []byte) {
	if cap(lines) <= 2*togetherBytes {
		l.lines = lines
	}
}

// wrote does the bookkeeping for a line that is in the log.
func (l *Log) wrote(seq uint64, line []byte, now time.Time) {
	l.seal.add(seq, line[:len(line)-1], now)
	l.recent.add(line)
	l.written.Add(1)
	l.next = seq + 1
}

// put writes whole lines to the live file: all of data, or nothing.
func (l *Log) put(data []byte, now time.Time) error {
	l.writes.Add(1)
	n, err := l.live.Write(data)
	if err != nil {
		l.checked = time.Time{}
		if n > 0 {
			// If this fails too, the next Append finds an unexpected size, and repairs the file.
			truncate(l.live, l.path, l.size)
		}
		return err
	}
	if l.first == 0 {
		l.first, l.began = l.next, now
	}
	l.size += int64(len(data))
	l.dirty = true
	return nil
}

// complete sets those fields of r that are the log's to set.
func (l *Log) complete(r *Record, seq uint64, now time.Time) {
	r.V, r.Seq = Version, seq
	if r.Time.IsZero() {
		r.Time = now
	}
	r.Time = r.Time.UTC().Truncate(time.Millisecond)
	if r.Site == "" {
		r.Site = l.options.Site
	}
	if r.ID == "" && r.Type == TypeDecision {
		r.ID = recordID(l.idSalt, seq)
	}
}

// An assigned is what complete may change in a Record.
type assigned struct {
	v        int
	seq      uint64
	time     time.Time
	site, id string
}

func (r *Record) assigned() assigned { return assigned{r.V, r.Seq, r.Time, r.Site, r.ID} }

func (r *Record) assign(a assigned) {
	r.V, r.Seq, r.Time, r.Site, r.ID = a.v, a.seq, a.time, a.site, a.id
}

// Close seals, syncs and closes the log. Append fails from then on. Close waits for a running Tidy, and for the disk:
// a caller that must go on calls it in a goroutine of its own.
func (l *Log) Close() error {
	l.tidying.Lock() // the lock file protects Tidy as well
	defer l.tidying.Unlock()
	done, err := l.finish()
	if done {
		return nil
	}
	err = errors.Join(err, l.Seal(), l.Sync())
	if l.begun.Load() {
		err = errors.Join(err, l.writeHead(true))
	}
	err = errors.Join(err, l.seal.head.close())
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.live != nil {
		err = errors.Join(err, l.live.Close())
		l.live = nil
	}
	l.seal.attach(0)
	return errors.Join(err, l.lock.Close())
}

// finish writes what is pending, and closes the log for Append. done says that this was done before.
func (l *Log) finish() (done bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return true, nil
	}
	l.closed = true
	defer func() { l.ending = l.begun.Load() }() // not before the last record
	l.writer.close()
	l.writer.takeLost(&l.missing)
	if l.missing.failed == 0 && len(l.aggregator.open) == 0 || !l.begun.Load() {
		return false, nil
	}
	now := time.Now()
	if err := l.ready(now); err != nil {
		return false, err
	}
	for {
		err := l.flush(now, true)
		if errors.Is(err, errAhead) {
			l.mu.Unlock()
			err = l.lead()
			l.mu.Lock()
			if err == nil {
				continue
			}
		}
		if err != nil {
			return false, fmt.Errorf("write counted denials: %w", err)
		}
		break
	}
	if l.missing.failed > 0 { // the last chance to record it
		l.writeMissing(now)
	}
	return false, nil
}

// Dir is the directory of the log.
func (l *Log) Dir() string { return l.options.Dir }

// Site is the site in the log's records; empty if there is none.
func (l *Log) Site() string { return l.options.Site }

// OnError is what the configuration says about requests whose decision cannot be recorded.
func (l *Log) OnError() OnError { return l.options.OnError }

// Written is the number of records written since Open.
func (l *Log) Written() uint64 { return l.written.Load() }

// LastSeq is the number of the last record in the log; 0 if there is none.
func (l *Log) LastSeq() uint64 { return l.gauges.last.Load() }

// Errors is the number of records that could not be written since Open.
func (l *Log) Errors() uint64 { return l.failed.Load() }

// RotateErrors is the number of failed attempts to rotate the live file since Open. Records are written nevertheless.
func (l *Log) RotateErrors() uint64 { return l.unrotated.Load() }

// Repeated is the number of denials that were counted rather than recorded one by one, since Open.
func (l *Log) Repeated() uint64 { return l.repeated.Load() }
