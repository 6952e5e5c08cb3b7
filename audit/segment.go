package audit

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// The files of a log. Records are appended to liveName, a fixed name that tools can follow. A
// rotated file is named for its first sequence number and the time it was closed,
//
//	audit-000000000001-20261124T070149Z.ndjson[.gz]
//
// so the names give the order of reading, whatever copying did to modification times, and after a crash in the middle
// of rotation the files are still identified: there is no index that could disagree with them.
const (
	liveName   = "audit.ndjson"
	lockName   = "audit.lock"
	prefix     = "audit-"
	suffix     = ".ndjson"
	gzSuffix   = ".gz"
	tempSuffix = ".tmp"
	closedForm = "20060102T150405Z"
)

// A segment is a file of a log other than the live one.
type segment struct {
	name   string    // without gzSuffix
	gz     bool      // the file is name + gzSuffix
	twice  bool      // compressed, but not yet removed: both files are there, and the plain one is whole
	first  uint64    // sequence number of the first record; 0 if there is none
	closed time.Time // when it was rotated; zero for a file that another program rotated
}

// file is the name of the segment's file.
func (s segment) file() string {
	if s.gz {
		return s.name + gzSuffix
	}
	return s.name
}

// ours reports whether this package rotated the segment. Others are read, never changed.
func (s segment) ours() bool { return !s.closed.IsZero() }

// segmentName is the name a file gets when it is rotated.
func segmentName(first uint64, closed time.Time) string {
	return fmt.Sprintf("%s%012d-%s%s", prefix, first, closed.UTC().Format(closedForm), suffix)
}

// parseSegment identifies a file by its name. Beside our own names it knows those that logrotate makes of liveName:
// audit.ndjson.1, audit.ndjson-20261124, each with .gz or without.
func parseSegment(file string) (s segment, ok bool) {
	if strings.HasSuffix(file, tempSuffix) {
		return segment{}, false
	}
	s.name, s.gz = strings.CutSuffix(file, gzSuffix)
	if rest, ok := strings.CutPrefix(s.name, liveName); ok {
		return s, rest != "" && (rest[0] == '.' || rest[0] == '-')
	}
	middle, ok := strings.CutPrefix(s.name, prefix)
	if !ok {
		return segment{}, false
	}
	if middle, ok = strings.CutSuffix(middle, suffix); !ok {
		return segment{}, false
	}
	seq, closed, _ := strings.Cut(middle, "-")
	var err1, err2 error
	s.first, err1 = strconv.ParseUint(seq, 10, 64)
	s.closed, err2 = time.Parse(closedForm, closed)
	return s, err1 == nil && err2 == nil && s.ours()
}

// besidePrefix begins the name of a live file that was begun because another program kept the one before from being
// renamed; the number of its first record follows. The highest such file is the live one, and liveName is a rotated
// file meanwhile.
const besidePrefix = liveName + ".after-"

func besideName(first uint64) string { return fmt.Sprintf("%s%012d", besidePrefix, first) }

// isBeside reports whether file is the name of such a live file.
func isBeside(file string) bool {
	number, ok := strings.CutPrefix(file, besidePrefix)
	_, err := strconv.ParseUint(number, 10, 64)
	return ok && err == nil && len(number) >= 12
}

// segments lists the rotated files of dir in the order of their records. A file that exists both plain and compressed
// is one segment. live is the name of the live file, which may not exist.
func segments(dir string) (rotated []segment, live string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, "", err
	}
	live = liveName
	for _, e := range entries { // sorted by name, and so by number
		if isBeside(e.Name()) && e.Type().IsRegular() {
			live = e.Name()
		}
	}
	byName := map[string]segment{}
	for _, e := range entries {
		s, ok := parseSegment(e.Name())
		if e.Name() == liveName {
			s, ok = segment{name: liveName}, true
		}
		if !ok || !e.Type().IsRegular() || e.Name() == live {
			continue
		}
		if other, ok := byName[s.name]; ok {
			s = other
			s.gz, s.twice = false, true
		}
		byName[s.name] = s
	}
	all := make([]segment, 0, len(byName))
	for _, s := range byName {
		if !s.ours() {
			if s.first, err = firstSeq(dir, s); err != nil {
				return nil, "", err
			}
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b segment) int {
		return cmp.Or(cmp.Compare(a.first, b.first), strings.Compare(a.name, b.name))
	})
	return all, live, nil
}

// firstSeq reads the first record's number of a file whose name does not have it; 0 if it has none.
func firstSeq(dir string, s segment) (uint64, error) {
	f, err := openSegment(dir, s)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for line := range newLineReader(f).all() {
		var r Record
		if line.whole && r.decode(line.text) == nil {
			return r.Seq, nil
		}
	}
	return 0, nil
}

// openSegment opens a segment for reading its records, decompressed. It works even if the file has been compressed
// since it was listed.
func openSegment(dir string, s segment) (*segmentFile, error) {
	f, err := openShared(filepath.Join(dir, s.file()))
	if errors.Is(err, fs.ErrNotExist) && !s.gz {
		s.gz = true
		f, err = openShared(filepath.Join(dir, s.file()))
	}
	if err != nil {
		return nil, err
	}
	if !s.gz {
		return &segmentFile{File: f}, nil
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("decompress %s: %w", s.file(), err)
	}
	return &segmentFile{File: f, plain: z}, nil
}

// A segmentFile reads the plain text of a segment.
type segmentFile struct {
	*os.File
	plain *gzip.Reader // nil if the file is not compressed
}

func (f *segmentFile) Read(b []byte) (int, error) {
	if f.plain != nil {
		return f.plain.Read(b)
	}
	return f.File.Read(b)
}
