// Package tables reads endpoints from what people paste: the tables and lists of Microsoft's documents, firewall rules and lists of
// other programs, as Markdown, HTML, CSV, tab-separated text, JSON, YAML, XML, Terraform, Bicep or plain lines. Each structured
// form has a parser. What a document denies never becomes an allow entry.
//
//	report, err := tables.Read("eastus.md", data, policy.Place{Region: "eastus"})
//	for _, line := range report.Lines { ... }
//
// Two guarantees hold for any document. Nothing is dropped silently: each line that is not blank is in the Report, with its
// entries or the reason why it has none. And no entry is broader than its line: what a line leaves open (a port that cannot be
// read, a placeholder, words around an address) is never guessed.
//
// The package reads no files and opens no sockets. Its functions may be called concurrently. The time that Read takes grows
// linearly with the document.
package tables

import (
	"fmt"
	"strings"

	"golang.org/x/net/publicsuffix"

	"webproxy/policy"
)

// A Report is a document, line by line.
type Report struct {
	Name  string
	Lines []Line // those that are not blank, in their order
}

// A Line is one line of the document with its result: Entries or Left has at least one element.
type Line struct {
	Number  int            // from 1; of the first line, if a CSV record or a JSON value has several
	Text    string         // unchanged
	Entries []policy.Entry // their Source is "name:number"
	Notes   []string       // what was cleaned or left out in making Entries
	Left    []Left         // parts that did not become entries
	Within  string         // the structured text that the line is a part of; may be empty
}

// A Left is a part of a line that did not become an entry.
type Left struct {
	Kind Kind
	Text string // the part
	Why  string // lower case, no full stop
	Hint string // what would make it an entry; may be empty
	// Firewall is set for a needed destination that no rule of a web proxy can express, such as UDP.
	Firewall bool `json:"-"`
}

// A Kind says what was left out.
type Kind uint8

const (
	Problem  Kind = iota // looks like an endpoint and was not understood
	Unfilled             // an endpoint with a placeholder without a value
	NoRule               // understood, and no rule of a web proxy can express it
	Prose                // a heading, words, markup: not an endpoint
)

// String returns the word used in reports.
func (k Kind) String() string { return [...]string{"problem", "unfilled", "no_rule", "prose"}[k] }

// MarshalText implements encoding.TextMarshaler.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// A Summary counts a Report.
type Summary struct {
	Lines    int `json:"lines"`    // lines that are not blank
	Entries  int `json:"entries"`  // repeated ones included
	Problems int `json:"problems"` // parts of lines, as Unfilled and NoRule
	Unfilled int `json:"unfilled"`
	NoRule   int `json:"no_rule"`
	Prose    int `json:"prose"` // lines of prose alone
}

// Summary counts r.
func (r Report) Summary() Summary {
	s := Summary{Lines: len(r.Lines)}
	for _, l := range r.Lines {
		s.Entries += len(l.Entries)
		only := len(l.Entries) == 0
		for _, left := range l.Left {
			only = only && left.Kind == Prose
			switch left.Kind {
			case Problem:
				s.Problems++
			case Unfilled:
				s.Unfilled++
			case NoRule:
				s.NoRule++
			}
		}
		if only {
			s.Prose++
		}
	}
	return s
}

// Read reads a document; the Source of entries has its name. The Region and the Names of place fill placeholders; its Cloud is not
// used, since each entry has its cloud. The error is about place: a value must be one label of a host name, or it could widen an
// entry.
func Read(name string, data []byte, place policy.Place) (Report, error) {
	return read(name, data, place, false)
}

// ReadDenied is Read for what the document denies: the entries are for the list of a deny rule. Endpoints that the document allows,
// or only lists, are left out and reported.
func ReadDenied(name string, data []byte, place policy.Place) (Report, error) {
	return read(name, data, place, true)
}

func read(name string, data []byte, place policy.Place, denied bool) (Report, error) {
	f, err := newFilling(place)
	if err != nil {
		return Report{}, err
	}
	f.denied = denied
	d := &document{report: Report{Name: name}, filler: f}
	d.read(decode(data))
	d.refuseDenied()
	d.report.refuseInvalid(denied)
	return d.report, nil
}

// A finding is the result of a part of a line.
type finding struct {
	entries []policy.Entry
	notes   []string
	left    []Left
}

func (f *finding) add(g finding) {
	f.entries = append(f.entries, g.entries...)
	f.notes = append(f.notes, g.notes...)
	f.left = append(f.left, g.left...)
}

func (f *finding) empty() bool { return len(f.entries) == 0 && len(f.left) == 0 }

// has reports whether anything in f was recognised as an endpoint.
func (f *finding) has() bool {
	for _, l := range f.left {
		if l.Kind != Prose {
			return true
		}
	}
	return len(f.entries) > 0
}

func leftOut(kind Kind, text, why, hint string) finding {
	return finding{left: []Left{{Kind: kind, Text: text, Why: why, Hint: hint}}}
}

// mentioned adds to f, the finding for a line of prose, the addresses in the line.
func mentioned(f finding, text string) finding {
	for i := range f.left {
		if f.left[i].Hint != "" || strings.Contains(f.left[i].Why, "front matter") {
			return f
		}
	}
	if len(text) > 100*maxWord {
		text = text[:100*maxWord]
	}
	all := words(plainText(text))
	for _, w := range all {
		if len(w.text) <= maxWord && looksLikeAddress(w.text, true) && len(f.left) > 0 {
			f.left[0].Why += ", which names " + Shown(namesIn(all))
			f.left[0].Hint = "to make it a rule, write it on a line of its own"
			return f
		}
	}
	for _, w := range all {
		if name, ok := nameWithin(w.text); ok && len(f.left) > 0 {
			f.left[0].Hint = "to make it a rule, write it on a line of its own"
			if why := f.left[0].Why; len(all) == 1 && strings.HasSuffix(why, "names no endpoint") { // ||ads.example.com^, address=/ads.example.com/
				f.left[0].Kind, f.left[0].Why = Problem, "it has "+Shown(name)+" in it, in an unknown form"
			} else {
				f.left[0].Why += ", which names " + Shown(name)
			}
			return f
		}
	}
	return f
}

// hostWithin matches what may be the name of a host within a word.
var hostWithin = lazy(`(?:[A-Za-z0-9_-]+\.)+[A-Za-z]{2,}`)

// nameWithin finds a host name within a word that is not an address itself.
func nameWithin(word string) (string, bool) {
	if len(word) > maxWord || strings.ContainsRune(word, '@') {
		return "", false
	}
	for _, name := range hostWithin().FindAllString(word, -1) {
		at := strings.LastIndexByte(name, '.')
		if suffix, known := publicsuffix.PublicSuffix(strings.ToLower(name)); known && suffix != "" && looksLikeAddress(name, true) && !isFileName(name, name[at+1:]) {
			return name, true
		}
	}
	return "", false
}

// addLine adds a line to the report.
func (d *document) addLine(number int, text string, f finding) {
	if f.empty() {
		f.left = []Left{{Kind: Prose, Text: text, Why: "names no endpoint"}}
	}
	if !f.has() {
		f = mentioned(f, text)
	}
	if len(f.entries) > 0 && hasHidden(text) {
		f.notes = append(f.notes, "hidden characters taken out")
	}
	for i := range f.entries {
		f.entries[i].Source = fmt.Sprintf("%s:%d", d.report.Name, number)
	}
	d.report.Lines = append(d.report.Lines, Line{Number: number, Text: text, Entries: f.entries, Notes: f.notes, Left: f.left})
}
