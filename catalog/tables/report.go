// Package tables reads endpoints out of what people paste: the tables and lists of Microsoft's
// documents, firewall rules and other programs' lists, as Markdown, HTML, CSV, tab-separated text, JSON, YAML, XML,
// Terraform, Bicep or plain lines. Each structured form has a parser, and what a document denies is never an entry.
//
//	report, err := tables.Read("eastus.md", data, policy.Place{Region: "eastus"})
//	for _, line := range report.Lines { ... }
//
// Two promises hold for whatever is read. Nothing is dropped silently: each line that is not blank is
// in the Report, with the entries it became or the reason why not. And no entry is broader than its
// line: what a line leaves open (a port nobody could read, a placeholder, words around an address)
// is never guessed.
//
// The package reads no files and opens no sockets.
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

// A Line is one line of the document, and what it came to: Entries or Left has at least one element.
type Line struct {
	Number  int            // from 1; of the first, if a record of CSV or JSON has several lines
	Text    string         // as it is written
	Entries []policy.Entry // their Source is "name:number"
	Notes   []string       // what was cleaned or left out in making Entries
	Left    []Left         // what did not become a rule
	Within  string         // the text that the line is a part of, if what it says is said there too; else empty
}

// A Left is a part of a line that did not become a rule.
type Left struct {
	Kind Kind
	Text string // the part
	Why  string // lower case, no full stop
	Hint string // what would make it a rule; may be empty
	// Firewall is set for a destination that is needed and that no rule of a web proxy can express, such as UDP.
	Firewall bool `json:"-"`
}

// A Kind says what sort of thing was left.
type Kind uint8

const (
	Problem  Kind = iota // looks like an endpoint and was not understood
	Unfilled             // an endpoint with a placeholder that has no value
	NoRule               // understood, and nothing that a rule of a web proxy can express
	Prose                // a heading, words, markup: not an endpoint at all
)

// String returns the word used in reports.
func (k Kind) String() string { return [...]string{"problem", "unfilled", "no_rule", "prose"}[k] }

// MarshalText implements encoding.TextMarshaler.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// A Summary counts a Report.
type Summary struct {
	Lines    int `json:"lines"`    // not blank
	Entries  int `json:"entries"`  // repeated ones included
	Problems int `json:"problems"` // parts of lines, as the next two
	Unfilled int `json:"unfilled"`
	NoRule   int `json:"no_rule"`
	Prose    int `json:"prose"` // lines that are nothing else
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

// Read reads a document; name is what entries' Source calls it. Place fills placeholders: its Region
// and its Names; its Cloud is not looked at, since entries say themselves which cloud they are for.
// The error is about place: a value must be one label of a host name, or it could widen an entry.
func Read(name string, data []byte, place policy.Place) (Report, error) {
	return read(name, data, place, false)
}

// ReadDenied is Read for what the document denies: its entries are for the list of a rule that denies. Those that the
// document allows, or lists without a word, are told and left out.
func ReadDenied(name string, data []byte, place policy.Place) (Report, error) {
	return read(name, data, place, true)
}

func read(name string, data []byte, place policy.Place, denied bool) (Report, error) {
	f, err := newFilling(place)
	if err != nil {
		return Report{}, err
	}
	f.denied = denied
	d := &document{report: Report{Name: name}, filling: f}
	d.read(decode(data))
	d.refuseDenied()
	d.report.refuseInvalid(denied)
	return d.report, nil
}

// A finding is what a part of a line came to.
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

func leave(kind Kind, text, why, hint string) finding {
	return finding{left: []Left{{Kind: kind, Text: text, Why: why, Hint: hint}}}
}

// mentioned tells of an address in a line that is no more than prose.
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
		if len(w.text) <= maxWord && looks(w.text, true) && len(f.left) > 0 {
			f.left[0].Why += ", which names " + Shown(namesIn(all))
			f.left[0].Hint = "to make it a rule, write it on a line of its own"
			return f
		}
	}
	for _, w := range all {
		if name, ok := nameWithin(w.text); ok && len(f.left) > 0 {
			f.left[0].Hint = "to make it a rule, write it on a line of its own"
			if why := f.left[0].Why; len(all) == 1 && strings.HasSuffix(why, "names no endpoint") { // ||ads.example.com^, address=/ads.example.com/
				f.left[0].Kind, f.left[0].Why = Problem, "it has "+Shown(name)+" in it, and is of no form that is read"
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

// nameWithin finds the name of a host within a word that is none: between other signs than those of the forms that are read.
func nameWithin(word string) (string, bool) {
	if len(word) > maxWord || strings.ContainsRune(word, '@') {
		return "", false
	}
	for _, name := range hostWithin().FindAllString(word, -1) {
		at := strings.LastIndexByte(name, '.')
		if suffix, known := publicsuffix.PublicSuffix(strings.ToLower(name)); known && suffix != "" && looks(name, true) && !isFileName(name, name[at+1:]) {
			return name, true
		}
	}
	return "", false
}

// account puts a line into the report.
func (d *document) account(number int, text string, f finding) {
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
