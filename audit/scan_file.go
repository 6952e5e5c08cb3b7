package audit

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"time"
)

// A scanner reads the records of one file, on one goroutine.
type scanner struct {
	pass  *pass
	index int
	file  string // its name, for people
	stats fileStats

	since, until string     // bounds of ts as it is written; they compare as strings do. Empty: none
	need         []string   // if not nil, a line without any of these cannot match
	rawNeed      [][]byte   // the same
	where        *Query     // nil: all
	keep         bool       // records may be kept for long: they must not hold a block in memory
	from         uint64     // if not 0, records before this number need not be looked at
	within       bool       // reading began within the file: the numbers of its lines are not known
	reader       lineBlocks // its buffer is the scanner's only large one
}

func (p *pass) scanner(i int) *scanner {
	s := &scanner{pass: p, index: i, file: p.files[i].file(), where: p.options.Where}
	if o := p.options; !o.Since.IsZero() {
		// The first millisecond that is not before it.
		s.since = o.Since.Add(time.Millisecond - 1).UTC().Format(TimeLayout)
	}
	if o := p.options; !o.Until.IsZero() {
		s.until = o.Until.Add(time.Millisecond - 1).UTC().Format(TimeLayout)
	}
	if s.where != nil {
		s.need = s.where.need
		for _, part := range s.need {
			s.rawNeed = append(s.rawNeed, []byte(part))
		}
	}
	return s
}

// open opens the file for reading its plain text; nil if it was deleted after its retention.
func (s *scanner) open() (io.ReadCloser, error) {
	if s.pass.isLive(s.index) {
		at := int64(0)
		if s.from > 0 {
			at = seek(io.NewSectionReader(s.pass.live, 0, s.pass.size), s.pass.size, s.from)
			s.within = at > 0
		}
		return io.NopCloser(io.NewSectionReader(s.pass.live, at, s.pass.size-at)), nil
	}
	f, err := openSegment(s.pass.dir, s.pass.files[s.index])
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && s.from > 0 && f.plain == nil {
		if info, err := f.Stat(); err == nil {
			at := seek(f.File, info.Size(), s.from)
			s.within = at > 0
			if _, err := f.Seek(at, io.SeekStart); err != nil {
				return f, err
			}
		}
	}
	return f, err
}

// each calls do with every record that is in the window and that s.where matches, and its line, until do returns
// false. Unless s.keep is set, their strings share memory with their neighbours: strings.Clone what is kept. The
// record itself is reused.
func (s *scanner) each(do func(r *Record, line string) bool) {
	f, err := s.open()
	if err != nil {
		s.stats.reject(s.file, 0, err)
		return
	}
	if f == nil {
		return
	}
	defer f.Close()
	s.reader.reset(f)
	var r Record
	number := 0
	for err == nil {
		var b block
		b, err = s.reader.next()
		switch {
		case b.long:
			number++
			s.reject(number, errLong)
		case s.need != nil && b.some && b.valid && !b.containsAny(s.rawNeed):
			number = s.passOver(number, &b)
		default:
			for line := range b.lines() {
				number++
				if !s.line(number, line, b.valid, &r, do) {
					return
				}
			}
		}
		s.tellProgress(f)
	}
	if n := s.reader.tail(); n > 0 {
		s.end(number+1, n)
	}
	if err != io.EOF {
		s.stats.reject(s.file, 0, err)
	}
}

// reject counts a line that is no record.
func (s *scanner) reject(number int, err error) {
	if s.within {
		number = 0
	}
	s.stats.reject(s.file, number, err)
}

// end is called with the bytes after the last newline. At the end of the live file they may become a line.
func (s *scanner) end(number int, bytes int64) {
	if s.pass.isLive(s.index) {
		s.stats.inProgress = bytes
		return
	}
	s.reject(number, errNotWhole)
}

// passOver counts the lines of a block without matching records, after the given number, and returns the number of
// the last. They are not even copied.
func (s *scanner) passOver(number int, b *block) int {
	for line := range b.rawLines() {
		number++
		if h, ok := parseHead(line); ok {
			s.stats.seq(h.seq)
			continue
		}
		var r Record
		s.line(number, string(line), true, &r, func(*Record, string) bool { return true })
	}
	return number
}

func (s *scanner) tellProgress(f io.Reader) {
	if s.pass.options.Progress == nil {
		return
	}
	at := s.reader.read
	if seg, ok := f.(*segmentFile); ok {
		at, _ = seg.File.Seek(0, io.SeekCurrent) // of the compressed file, if it is compressed
	}
	s.pass.tell(s.index, at, s.stats.records)
}

// line handles one line. Most lines do not match, and are skipped without being decoded.
func (s *scanner) line(number int, line string, valid bool, r *Record, do func(*Record, string) bool) bool {
	if h, ok := parseHead(line); ok && valid && s.skips(h, line) {
		s.stats.seq(h.seq)
		return true
	}
	copied := s.keep && s.where == nil // the record almost certainly matches
	if copied {
		line = strings.Clone(line)
	}
	*r = Record{}
	if err := r.decodeText(line, valid); err != nil {
		s.reject(number, err)
		return true
	}
	s.stats.seq(r.Seq)
	o := s.pass.options
	if r.Time.Before(o.Since) || !o.Until.IsZero() && !r.Time.Before(o.Until) || s.where != nil && !s.where.Match(r) {
		return true
	}
	if s.keep && !copied {
		line = strings.Clone(line)
		*r = Record{}
		r.decodeText(line, valid)
	}
	return do(r, line)
}

// skips reports whether a line with this head does not match.
func (s *scanner) skips(h head[string], line string) bool {
	if h.ts < s.since || s.until != "" && h.ts >= s.until {
		return true
	}
	return s.need != nil && !containsAny(line, s.need)
}

func containsAny(line string, parts []string) bool {
	for _, p := range parts {
		if strings.Contains(line, p) {
			return true
		}
	}
	return false
}
