package tables

import (
	"fmt"
	"slices"
	"strings"
)

// row reads a row of a table, and leaves out what it or the headings around it deny.
func (d *document) row(cells []string, l layout) finding {
	f := d.allowedRow(cells, l)
	v, why := l.verdict(cells)
	for i := range f.entries {
		if f.entries[i].Cloud == "" {
			f.entries[i].Cloud = d.section.cloud
		}
	}
	return d.evaluate(f, v.and(d.section.verdict), why, rowText(cells))
}

// rowUnder is row for one of which something else says v, too.
func (d *document) rowUnder(v verdict, cells []string, l layout) finding {
	section := d.section.verdict
	d.section.verdict = section.and(v)
	f := d.row(cells, l)
	d.section.verdict = section
	return f
}

// verdict is what a row says of its destinations, in columns that are about that; where the header names none, in any
// cell that says nothing but "deny" or the like.
func (l layout) verdict(cells []string) (v verdict, why string) {
	for i, cell := range cells {
		kind := other
		if i < len(l.columns) {
			kind = l.columns[i]
		}
		said := verdictOf(plainText(cell))
		switch {
		case kind == actCol && said == unclear:
			v, why = unclear, fmt.Sprintf("%q is neither allow nor deny", Shown(cell))
		case kind == actCol:
			v = v.and(said)
		case kind == blockCol && said == allow: // "Blocked": yes
			v = v.and(deny)
		case kind == blockCol && said == unclear:
			v, why = unclear, fmt.Sprintf("%q is neither yes nor no", Shown(cell))
		case kind == other && said == deny && isDenial(cell):
			v = v.and(deny)
		case i < len(l.denied) && l.denied[i] && strings.TrimSpace(cell) != "":
			v = v.and(deny)
		}
	}
	return v, why
}

// groupOf reads a row that has a title for those after it and nothing else. ok is false for any other.
func groupOf(cells []string) (v verdict, ok bool) {
	if len(cells) < 2 || len(headerWords(cells[0])) == 0 || len(headerWords(cells[0])) > 4 {
		return unsaid, false
	}
	for i, cell := range cells {
		if i > 0 && strings.TrimSpace(visible(cell)) != "" {
			return unsaid, false
		}
	}
	if first, _ := addresses(words(plainText(cells[0])), false); first >= 0 {
		return unsaid, false
	}
	if saysDeny(cells[0]) {
		return deny, true
	}
	return unsaid, true
}

// isDenial reports whether a cell denies and says nothing else, whatever its column is called.
func isDenial(cell string) bool {
	words := headerWords(cell)
	return len(words) <= 3 && saysDeny(cell) && !slices.Contains(words, "required") && !slices.Contains(words, "needed")
}

// allowedRow reads a row of a table with a known layout, whatever its action is.
func (d *document) allowedRow(cells []string, l layout) finding {
	if !l.sure() {
		return d.loose(cells, l)
	}
	if l.inbound(cells) {
		return leave(NoRule, rowText(cells), "an inbound connection, which a forward proxy has no part in", "")
	}
	list, err := l.ports(cells)
	var out finding
	for i, cell := range cells {
		if i >= len(l.columns) || l.columns[i] != addrs && l.columns[i] != maybe || strings.TrimSpace(visible(cell)) == "" {
			continue
		}
		f := d.filling.read(cell, context{column: true, list: list, cloud: l.clouds[i]})
		if f.has() && err != nil {
			return leave(Problem, rowText(cells), "ports: "+err.Error(), "")
		}
		if !f.has() {
			// "Coming soon.", "n/a", "Yes": in a column that may be about something else it means nothing
			if l.columns[i] == maybe {
				continue
			}
			f = leave(NoRule, strings.TrimSpace(visible(cell)), "it names no host", "")
		}
		out.add(f)
	}
	if !out.has() || onlyNoHost(out) {
		if f := d.misplaced(cells, l); f.has() {
			return f
		}
	}
	return tidy(out)
}

// tidy drops the words around what was found: the row as a whole is accounted for.
func tidy(f finding) finding {
	if !f.has() {
		return f
	}
	kept := f.left[:0:0]
	for _, l := range f.left {
		if l.Kind != Prose {
			kept = append(kept, l)
		}
	}
	f.left = kept
	return f
}

func onlyNoHost(f finding) bool {
	for _, l := range f.left {
		if l.Why != "it names no host" || looks(l.Text, false) {
			return false
		}
	}
	return len(f.entries) == 0
}

// misplaced finds an address in a row whose columns of addresses have none: an unescaped "|" in a
// cell shifts all cells after it.
func (d *document) misplaced(cells []string, l layout) finding {
	for i, cell := range cells {
		if i < len(l.columns) && l.columns[i] == addrs {
			continue
		}
		if f, ok := d.filling.whole(cell, context{}); ok && len(f.entries) > 0 {
			return leave(Problem, rowText(cells), "an address stands in another column than that of addresses",
				`write "|" within a cell as "\|"`)
		}
	}
	return finding{}
}

func (l layout) inbound(cells []string) bool {
	for i, cell := range cells {
		if i < len(l.columns) && l.columns[i] == dirCol {
			return isInbound(plainText(cell))
		}
	}
	return false
}

// ports reads the columns of ports and protocols.
func (l layout) ports(cells []string) (portList, error) {
	var list portList
	var proto protocol
	for i, cell := range cells {
		if i >= len(l.columns) {
			break
		}
		switch l.columns[i] {
		case portCol:
			said, err := parsePorts(unmarked(cell))
			if err != nil {
				return list, err
			}
			list = both(said, list)
		case protoCol:
			proto |= protocolsIn(plainText(cell))
		}
	}
	list.proto |= proto
	return list, nil
}

// unmarked is a cell of ports without emphasis and code marks.
func unmarked(cell string) string {
	return strings.NewReplacer("`", " ", "*", " ", "\"", " ", "'", " ").Replace(plainText(cell))
}

// loose reads a row whose header, if there is one, names no column of addresses: cells that are
// addresses and nothing else are taken, and ports from the cell that has some.
func (d *document) loose(cells []string, l layout) finding {
	first := -1
	var at []int
	for i, cell := range cells {
		if i < len(l.columns) && l.columns[i] == srcCol || l.hasMaybe() && !(i < len(l.columns) && l.columns[i] == maybe) {
			continue
		}
		if _, ok := d.filling.whole(cell, context{}); ok {
			at = append(at, i)
			if first < 0 {
				first = i
			}
		}
	}
	if first < 0 {
		return d.mentions(cells)
	}
	if l.inbound(cells) {
		return leave(NoRule, rowText(cells), "an inbound connection, which a forward proxy has no part in", "")
	}
	list, err := l.ports(cells)
	if err == nil && len(list.services) == 0 {
		list = both(list, loosePorts(cells, first))
	}
	if err != nil {
		return leave(Problem, rowText(cells), "ports: "+err.Error(), "")
	}
	var out finding
	for _, i := range at {
		f, _ := d.filling.whole(cells[i], context{list: list})
		out.add(f)
	}
	return tidy(out)
}

// hasMaybe reports whether the header names a column of destinations, which is that of the addresses if no other one is.
func (l layout) hasMaybe() bool { return slices.Contains(l.columns, maybe) }

// loosePorts finds the ports of a row without a header: in the first cell of ports behind the
// address, or before it if that says 80, 443 or a protocol. Any other number there counts the rows.
func loosePorts(cells []string, address int) portList {
	for _, cell := range cells[address+1:] {
		if list, err := parsePorts(unmarked(cell)); err == nil && (len(list.services) > 0 || list.proto != 0) {
			return list
		}
	}
	for _, cell := range cells[:address] {
		list, err := parsePorts(unmarked(cell))
		if err != nil || len(list.services) == 0 {
			continue
		}
		if s := list.services[0]; s.proto != 0 || s.port == 80 || s.port == 443 {
			return list
		}
	}
	return portList{}
}

// mentions is the finding for a row in which no cell is an address.
func (d *document) mentions(cells []string) finding {
	for _, cell := range cells {
		for _, w := range words(bracePlaceholders(plainText(cell))) {
			if looks(w.text, true) {
				return leave(Prose, rowText(cells), "names "+w.text+" in a row without a column of addresses",
					"to make it a rule, write it on a line of its own")
			}
		}
	}
	return leave(Prose, rowText(cells), "a row that names no endpoint", "")
}

func rowText(cells []string) string {
	var shown []string
	for _, c := range cells {
		if c = strings.TrimSpace(visible(c)); c != "" {
			shown = append(shown, c)
		}
	}
	return strings.Join(shown, " | ")
}
