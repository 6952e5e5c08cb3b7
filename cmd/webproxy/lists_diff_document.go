package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/catalog"
	"webproxy/catalog/tables"
	"webproxy/coverage"
	"webproxy/internal/wording"
	"webproxy/policy"
)

// A sideKind is what an argument of lists diff names.
type sideKind int

const (
	aList sideKind = iota
	aPolicy
	aDocument
)

// policySide is the word for the policy in the configuration.
const policySide = "policy"

// sideOf says what arg names. The name of a list comes before that of a file; the catalog refuses an unknown word, with a
// suggestion.
func sideOf(arg string) sideKind {
	if arg == policySide {
		return aPolicy
	}
	if _, err := catalog.Info(arg); err == nil {
		return aList
	}
	if isFile(arg) {
		return aDocument
	}
	return aList
}

// isFile reports whether arg names a file, by being there or by its form: a list has no slash and no dot in its name.
func isFile(arg string) bool {
	if arg == "-" || strings.ContainsAny(arg, `/\.`) {
		return true
	}
	_, err := os.Stat(arg)
	return err == nil
}

// A side is an argument of lists diff.
type side struct {
	name string
	kind sideKind
}

// A withinChange is an endpoint that only something wider lets through.
type withinChange struct {
	Entry string `json:"entry"`
	By    string `json:"by"`
}

// A notCompared is an endpoint that was not compared.
type notCompared struct {
	Text string `json:"text"`
	At   string `json:"at"`
	Why  string `json:"why"`
}

// readTables reads the tables of a document on disk for a place; "-" is standard input.
func readTables(cmd *cobra.Command, file string, p policy.Place) (*tables.Report, error) {
	data, err := readDocument(cmd.InOrStdin(), "read", file)
	if err != nil {
		return nil, err
	}
	report, err := tables.Read(filepath.Base(file), data, documentPlace(p))
	return &report, err
}

// documentPlace is p as the placeholders of a document are filled: by the long name of the region.
func documentPlace(p policy.Place) policy.Place {
	p.Region = catalog.RegionOf(p)
	return p
}

// open returns the profile of a side that is not the policy.
func (s side) open(cmd *cobra.Command, p policy.Place) (*coverage.Profile, error) {
	if s.kind == aList {
		profile, err := coverage.Open(s.name, p)
		if err != nil {
			return nil, usageError{err}
		}
		return profile, nil
	}
	report, err := readTables(cmd, s.name, p)
	if err != nil {
		return nil, err
	}
	return coverage.Document(report, p), nil
}

// diffDocument compares two sides of which at least one is not a list.
func diffDocument(cmd *cobra.Command, config string, sides [2]side, p policy.Place, asJSON bool) error {
	a, b := sides[0], sides[1]
	if a.kind == aPolicy && b.kind == aPolicy || a.name == "-" && b.name == "-" {
		return usageError{errors.New("compare two different things")}
	}
	var profiles []*coverage.Profile
	for _, s := range sides {
		if s.kind == aPolicy {
			continue
		}
		profile, err := s.open(cmd, p)
		if err != nil {
			return err
		}
		profiles = append(profiles, profile)
	}
	var c coverage.Comparison
	if len(profiles) == 2 {
		c = profiles[0].Compare(profiles[1])
	} else {
		cfg, err := loadConfig(config)
		if err != nil {
			return err
		}
		c = coverage.ComparePolicy(cfg.Set, profiles[0], coverage.Options{Now: time.Now()})
		if b.kind == aPolicy {
			c.Added, c.Removed = c.Removed, c.Added
		}
	}
	answer := documentAnswer(a.name, b.name, p, &c)
	problems, empty := answer.leftOut(sides, profiles)
	var err error
	if asJSON {
		err = writeJSON(cmd.OutOrStdout(), answer)
	} else {
		_, err = io.WriteString(cmd.OutOrStdout(), answer.text())
	}
	if err != nil {
		return err
	}
	answer.sayRest(cmd.ErrOrStderr())
	if empty != "" {
		sayHint(cmd.ErrOrStderr(), "nothing in "+empty+" became an entry")
	}
	if len(c.Added)+len(c.Removed) > 0 || problems || empty != "" {
		return noError{}
	}
	return nil
}

// documentAnswer groups the differences by host, in the order of the hosts.
func documentAnswer(a, b string, p policy.Place, c *coverage.Comparison) *diffAnswer {
	answer := &diffAnswer{A: a, B: b, Cloud: p.Cloud, Region: p.Region, Added: []hostChange{}, Removed: []hostChange{}, Changed: []hostChange{}}
	hosts := map[string]*hostChange{}
	at := func(host string) *hostChange {
		if hosts[host] == nil {
			hosts[host] = &hostChange{Host: host, Examples: examples(host)}
		}
		return hosts[host]
	}
	for _, d := range c.Removed {
		h := at(d.Host)
		h.From = append(h.From, d.Text)
	}
	for _, d := range c.Added {
		h := at(d.Host)
		h.To = append(h.To, d.Text)
		if h.Why == "" {
			h.Why = d.Why
		}
	}
	for _, h := range hosts {
		slices.Sort(h.From)
		slices.Sort(h.To)
		switch {
		case len(h.From) == 0:
			answer.Added = append(answer.Added, *h)
		case len(h.To) == 0:
			answer.Removed = append(answer.Removed, *h)
		default:
			answer.Changed = append(answer.Changed, *h)
		}
	}
	for _, all := range [][]hostChange{answer.Added, answer.Removed, answer.Changed} {
		slices.SortFunc(all, func(x, y hostChange) int { return cmp.Compare(x.Host, y.Host) })
	}
	for _, d := range c.Within {
		answer.Within = append(answer.Within, withinChange{d.Text, d.By})
	}
	return answer
}

// leftOut adds the endpoints that were not compared. It reports whether a document has something that was not understood, and
// the name of a document without endpoints to compare.
func (d *diffAnswer) leftOut(sides [2]side, profiles []*coverage.Profile) (problems bool, empty string) {
	i := 0
	for _, s := range sides {
		if s.kind == aPolicy {
			continue
		}
		for _, u := range profiles[i].Skipped() {
			d.NotCompared = append(d.NotCompared, notCompared{u.Text, u.Source, u.Why})
			problems = problems || s.kind == aDocument && !u.Firewall
		}
		if s.kind == aDocument && profiles[i].Size() == 0 {
			empty = s.name
		}
		i++
	}
	return problems, empty
}

// maxTold is how many of the endpoints that were not compared are listed for people.
const maxTold = 20

// sayRest reports endpoints that are within wider entries, or were not compared.
func (d *diffAnswer) sayRest(w io.Writer) {
	if n := len(d.Within); n > 0 {
		sayHint(w, fmt.Sprintf("%s only within wider entries of the other side (-o json names them)", wording.Plural(n, "endpoint")))
	}
	for i, n := range d.NotCompared {
		if i == maxTold {
			sayHint(w, fmt.Sprintf("and %d more not compared (-o json names them)", len(d.NotCompared)-i))
			break
		}
		sayHint(w, fmt.Sprintf("not compared: %s: %s: %s", n.At, n.Text, n.Why))
	}
}
