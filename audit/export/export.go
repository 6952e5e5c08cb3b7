// Package export writes the records of an audit log in the formats of other programs: CSV, access logs, ECS, OCSF and
// ASIM. It reads the log and decides nothing. It never changes what a record says, and writes no CSV cell that a
// spreadsheet would run.
package export

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"webproxy/audit"
	"webproxy/internal/spreadsheet"
)

// An Exporter writes records in the format of another program. docs/reading.md describes the mapping of each field.
type Exporter struct {
	out   *bufio.Writer
	write func(r *audit.Record, line string) (bool, error)
	flush func() error
	left  uint64
	join  *join // nil: records are written one by one
}

// exportForms are the forms there are, in the order of Formats.
var exportForms = [...]struct {
	name  string
	start func(e *Exporter)
}{
	{"ocsf", func(e *Exporter) { e.objects(func(r *audit.Record) any { return newOCSF(r) }) }},
	{"ecs", func(e *Exporter) { e.objects(func(r *audit.Record) any { return newECS(r) }) }},
	{"asim", func(e *Exporter) { e.objects(func(r *audit.Record) any { return newASIM(r) }) }},
	{"squid", func(e *Exporter) { e.lines(appendSquid) }},
	{"w3c", func(e *Exporter) {
		e.out.WriteString(w3cHead)
		e.lines(appendW3C)
	}},
	{"csv", (*Exporter).csv},
	{"ndjson", (*Exporter).ndjson},
}

// Formats are the names that New knows.
func Formats() []string {
	names := make([]string, len(exportForms))
	for i, f := range exportForms {
		names[i] = f.name
	}
	return names
}

// New returns an Exporter that writes to w in the format of that name. The caller ends with Flush.
func New(w io.Writer, format string) (*Exporter, error) {
	e := &Exporter{out: bufio.NewWriterSize(w, 64<<10)}
	for _, f := range exportForms {
		if f.name == format {
			f.start(e)
			return e, nil
		}
	}
	return nil, fmt.Errorf("no export format %q; there are %s", format, strings.Join(Formats(), ", "))
}

// JoinRequests makes e write one event for each request, where it would write its decision and its end: see join. It
// is called before the first Write.
func (e *Exporter) JoinRequests() { e.join = newJoin(e.writeRecord) }

// Write writes r. line is its line in the log, without newline; it may be empty. A record that the format cannot
// represent is left out.
func (e *Exporter) Write(r *audit.Record, line string) error {
	if e.join != nil {
		return e.join.add(r, line)
	}
	return e.writeRecord(r, line)
}

func (e *Exporter) writeRecord(r *audit.Record, line string) error {
	done, err := e.write(r, line)
	if err == nil && !done {
		e.left++
	}
	return err
}

// Flush writes what is buffered, and ends the join.
func (e *Exporter) Flush() error {
	var err error
	if e.join != nil {
		err = e.join.flush(len(e.join.open))
	}
	if e.flush != nil {
		err = errors.Join(err, e.flush())
	}
	return errors.Join(err, e.out.Flush())
}

// Left is how many records were left out.
func (e *Exporter) Left() uint64 { return e.left }

// objects makes e write one JSON object for each record about a request.
func (e *Exporter) objects(object func(*audit.Record) any) {
	enc := json.NewEncoder(e.out)
	enc.SetEscapeHTML(false)
	e.write = func(r *audit.Record, _ string) (bool, error) {
		if !isRequest(r) {
			return false, nil
		}
		return true, enc.Encode(object(r))
	}
}

func isRequest(r *audit.Record) bool {
	return r.Type == audit.TypeDecision || r.Type == audit.TypeClose || r.Type == audit.TypeRepeat
}

// lines makes e write a line of an access log for each request: when it has ended, or when it is refused.
func (e *Exporter) lines(appendLine func(b []byte, r *audit.Record) []byte) {
	var b []byte
	e.write = func(r *audit.Record, _ string) (bool, error) {
		if !isRequest(r) {
			return false, nil
		}
		if r.Type == audit.TypeDecision && permitted(r) {
			return true, nil // its close has a line
		}
		b = appendLine(b[:0], r)
		_, err := e.out.Write(b)
		return true, err
	}
}

// csv makes e write all fields of all records.
func (e *Exporter) csv() {
	w := spreadsheet.NewWriter(e.out)
	row := audit.FieldNames()
	w.Write(row)
	e.flush = w.Flush
	e.write = func(r *audit.Record, _ string) (bool, error) {
		row = audit.AppendCells(row[:0], r)
		return true, w.Write(row)
	}
}

// ndjson makes e write the lines as they are.
func (e *Exporter) ndjson() {
	var b []byte
	e.write = func(r *audit.Record, line string) (bool, error) {
		if line != "" {
			e.out.WriteString(line)
			return true, e.out.WriteByte('\n')
		}
		b = audit.AppendLine(b[:0], r)
		_, err := e.out.Write(b)
		return true, err
	}
}

// Write writes the records of the log in dir that o asks for to w, in format; if joined is set, one for each request.
// It returns how many records the format cannot represent.
func Write(w io.Writer, format, dir string, o audit.ScanOptions, joined bool) (left uint64, stats audit.Stats, err error) {
	e, err := New(w, format)
	if err != nil {
		return 0, audit.Stats{}, err
	}
	if joined {
		e.JoinRequests()
	}
	stats, err = audit.ScanLines(dir, o, e.Write)
	if flushErr := e.Flush(); err == nil {
		err = flushErr
	}
	return e.Left(), stats, err
}

// permitted reports whether a request went ahead.
func permitted(r *audit.Record) bool { return r.Decision.Permits() }

// url is the requested URL, without the scheme's default port; a tunnel's is that of its origin. It is empty if there
// was no host.
func urlOf(r *audit.Record) string {
	if r.Host == "" {
		return ""
	}
	scheme := r.Scheme
	if scheme == "" {
		scheme = "http"
	}
	target := hostPort(r)
	if scheme == "http" && r.Port == 80 || scheme == "https" && r.Port == 443 {
		target = target[:strings.LastIndexByte(target, ':')]
	}
	return scheme + "://" + target + r.Path
}

// urlHost is the host as a URL has it: an IPv6 address in brackets (RFC 3986, 3.2.2).
func urlHost(r *audit.Record) string {
	if strings.Contains(r.Host, ":") && !strings.HasPrefix(r.Host, "[") {
		return "[" + r.Host + "]"
	}
	return r.Host
}

// urlOrError is url; where there is none, it is the word that access logs use instead.
func urlOrError(r *audit.Record) string {
	switch {
	case r.Host != "":
		return urlOf(r)
	case r.Hosts > 0:
		return "error:several-hosts"
	}
	return "error:invalid-request"
}

// hostPort is host:port, with an IPv6 address in brackets.
func hostPort(r *audit.Record) string {
	return fmt.Sprintf("%s:%d", urlHost(r), r.Port)
}

// failed reports whether the next hop failed, or the connection was cut.
func failed(r *audit.Record) bool { return r.Error != "" || r.Status >= 500 }
