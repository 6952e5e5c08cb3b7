// Gen packs the lists of package catalog, and makes them from a table of endpoints if it is given one.
//
//	go run ./catalog/gen                       # after a list was changed by hand, or added
//	go run ./catalog/gen -csv endpoints.csv    # replaces all lists
//	go run ./catalog/gen -suffixes RULES       # the domains above those of the Public Suffix List
//
// The table is a CSV file with one endpoint a row and the columns set, cloud, region, schemes, host_pattern, path, ports, when,
// service_tag, description, source, source_date, arc_gateway, raw; several values in a cell are joined by "|". Each row becomes
// one endpoint, whether or not a rule can express it. The output depends only on the table and this program. Remarks on errors
// in the sources are in editing.go, so that an import keeps them.
package main

import (
	"bytes"
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"webproxy/catalog"
)

func main() {
	table := flag.String("csv", "", "the table of endpoints; without it, the lists stay")
	dir := flag.String("o", filepath.Join("catalog", "lists"), "where the lists are; their packed form goes beside it")
	rules := flag.String("suffixes", "", "the rules of the Public Suffix List, one a line, or the Go table of golang.org/x/net/publicsuffix that has them; the lists stay")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	var err error
	switch {
	case *rules != "":
		err = writeAbove(*rules, filepath.Join(filepath.Dir(*dir), "suffixes_above.txt"))
	case *table != "":
		if err = run(*table, *dir); err == nil {
			err = pack(*dir)
		}
	default:
		err = pack(*dir)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "gen: error: %v\n", err)
		os.Exit(1)
	}
}

// pack writes the lists in dir into dir.packed, as package catalog embeds them.
func pack(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*", "*.yaml"))
	if err != nil {
		return err
	}
	var packed []byte
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		l, err := catalog.ReadList(path.Join("lists", filepath.ToSlash(rel)), data)
		if err != nil {
			return err
		}
		if packed, err = catalog.Pack(packed, l); err != nil {
			return err
		}
	}
	return os.WriteFile(dir+".packed", packed, 0o644)
}

func run(table, dir string) error {
	rows, err := readTable(table)
	if err != nil {
		return fmt.Errorf("read %s: %w", table, err)
	}
	lists, err := build(rows)
	if err != nil {
		return fmt.Errorf("%s: %w", table, err)
	}
	// A list that the table no longer has must be removed.
	old, err := filepath.Glob(filepath.Join(dir, "*", "*.yaml"))
	if err != nil {
		return err
	}
	for _, name := range old {
		if data, err := os.ReadFile(name); err != nil || !bytes.HasPrefix(data, []byte(madeByGen)) {
			if err != nil {
				return err
			}
			continue // written by hand, from a document that is not in the table
		}
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	for _, l := range lists {
		if err := writeList(dir, l); err != nil {
			return err
		}
	}
	return nil
}

// A row is one line of the table, by the names of its columns.
type row map[string]string

func readTable(name string) ([]row, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("no header")
	}
	var rows []row
	for _, record := range records[1:] {
		r := row{}
		for i, column := range records[0] {
			r[column] = record[i]
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// build sorts the rows into lists by name and generation, and into the documents they came from.
// Rows keep their order.
func build(rows []row) ([]*catalog.List, error) {
	byKey := map[string]*catalog.List{}
	for i, r := range rows {
		e, err := endpoint(r)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", i+2, err)
		}
		name, generation := listName(r), generationOf(r)
		l := byKey[name+"@"+generation]
		if l == nil {
			l = &catalog.List{Name: name, Title: title(name), Generation: generation}
			byKey[name+"@"+generation] = l
		}
		d := documentOf(l, source(r), date(r))
		if note := tagNote(r); note != "" && !slices.Contains(d.Notes, note) {
			d.Notes = append(d.Notes, note)
		}
		d.Endpoints = append(d.Endpoints, e)
	}
	lists := make([]*catalog.List, 0, len(byKey))
	for _, l := range byKey {
		lists = append(lists, l)
	}
	setRegions(lists)
	// Oldest generation first: ids are given in this order, and kept by what is newer.
	slices.SortFunc(lists, func(a, b *catalog.List) int {
		return strings.Compare(a.Generation+" "+a.Name, b.Generation+" "+b.Name)
	})
	ids := map[string]*idSpace{}
	for _, l := range lists {
		if ids[l.Name] == nil {
			ids[l.Name] = newIDSpace()
		}
		ids[l.Name].name(l)
	}
	return lists, nil
}

// setRegions sets for each document the regions that its source has lines for, in any list.
func setRegions(lists []*catalog.List) {
	type key struct{ source, date string }
	regions := map[key][]string{}
	for _, l := range lists {
		for _, d := range l.Documents {
			k := key{d.Source, d.Date}
			for _, e := range d.Endpoints {
				regions[k] = append(regions[k], e.Regions...)
			}
		}
	}
	for _, l := range lists {
		for i := range l.Documents {
			d := &l.Documents[i]
			all := slices.Clone(regions[key{d.Source, d.Date}])
			slices.Sort(all)
			d.Regions = slices.Compact(all)
		}
	}
}

// documentOf returns the document of l with this source and date, added if it is new.
func documentOf(l *catalog.List, source, date string) *catalog.Document {
	for i := range l.Documents {
		if d := &l.Documents[i]; d.Source == source && d.Date == date {
			return d
		}
	}
	l.Documents = append(l.Documents, catalog.Document{Source: source, Date: date, Notes: documentNotes(l.Name, source)})
	return &l.Documents[len(l.Documents)-1]
}

// madeByGen is the first line of a list that comes from the table.
const madeByGen = "# Made by catalog/gen; corrections and notes belong into catalog/gen/editing.go.\n"

func writeList(dir string, l *catalog.List) error {
	var b bytes.Buffer
	b.WriteString(madeByGen)
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(l); err != nil {
		return fmt.Errorf("encode list %s: %w", l.Name, err)
	}
	name := filepath.Join(dir, l.Generation, l.Name+".yaml")
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, b.Bytes(), 0o644)
}
