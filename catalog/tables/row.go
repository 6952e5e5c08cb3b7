package tables

import (
	"fmt"
	"slices"
	"strings"
)

// row reads a row of a table, and applies what its columns and the headings around it allow or deny.
func (d *document) row(cells []string, l layout) finding {
	f := d.allowedRow(cells, l)
	v, why := l.verdict(cells)
	for i := range f.entries {
		if f.entries[i].Cloud == "" {
			f.entries[i].Cloud = d.section.cloud
		}
	}
	return d.applyVerdict(f, v.and(d.section.verdict), why, rowText(cells))
}

// rowUnder is row with a further verdict v, such as that of the object around it.
func (d *document) rowUnder(v verdict, cells []string, l layout) finding {
	section := d.section.verdict
	d.section.verdict = section.and(v)
	f := d.row(cells, l)
	d.section.verdict = section
	return f
}

// verdict is what a row says about its destinations: in columns for that, or in a cell that only says "deny" or the like.
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

// groupOf reads a row that only has a title for the rows after it. ok is false for any other row.
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

// isDenial reports whether a cell only denies, whatever its column is for.
func isDenial(cell string) bool {
	words := headerWords(cell)
	return len(words) <= 3 && saysDeny(cell) && !slices.Contains(words, "required") && !slices.Contains(words, "needed")
}

// allowedRow reads a row of a table, regardless of its verdict.
func (d *document) allowedRow(cells []string, l layout) finding {
	if !l.sure() {
		return d.rowWithoutHeader(cells, l)
	}
	if l.inbound(cells) {
		return leftOut(NoRule, rowText(cells), "an inbound connection, which a forward proxy has no part in", "")
	}
	list, err := l.ports(cells)
	var out finding
	for i, cell := range cells {
		if i >= len(l.columns) || l.columns[i] != addrs && l.columns[i] != maybe || strings.TrimSpace(visible(cell)) == "" {
			continue
		}
		f := d.filler.read(cell, context{column: true, list: list, cloud: l.clouds[i]})
		if f.has() && err != nil {
			return leftOut(Problem, rowText(cells), "ports: "+err.Error(), "")
		}
		if !f.has() {
			// "Coming soon.", "n/a", "Yes": ignored in a column that may not be of addresses
			if l.columns[i] == maybe {
				continue
			}
			f = leftOut(NoRule, strings.TrimSpace(visible(cell)), "it names no host", "")
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

// tidy drops the findings about words around endpoints: the row is in the report anyway.
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
		if l.Why != "it names no host" || looksLikeAddress(l.Text, false) {
			return false
		}
	}
	return len(f.entries) == 0
}

// misplaced finds an address in another column than those of addresses: an unescaped "|" in a cell shifts all cells after it.
func (d *document) misplaced(cells []string, l layout) finding {
	for i, cell := range cells {
		if i < len(l.columns) && l.columns[i] == addrs {
			continue
		}
		if f, ok := d.filler.whole(cell, context{}); ok && len(f.entries) > 0 {
			return leftOut(Problem, rowText(cells), "an address stands in another column than that of addresses",
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
			list = combine(said, list)
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

// rowWithoutHeader reads a row without a header that names a column of addresses. It takes cells that have only addresses, and ports
// from the cell that has ports.
func (d *document) rowWithoutHeader(cells []string, l layout) finding {
	first := -1
	var at []int
	for i, cell := range cells {
		if i < len(l.columns) && l.columns[i] == srcCol || l.hasMaybe() && !(i < len(l.columns) && l.columns[i] == maybe) {
			continue
		}
		if _, ok := d.filler.whole(cell, context{}); ok {
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
		return leftOut(NoRule, rowText(cells), "an inbound connection, which a forward proxy has no part in", "")
	}
	list, err := l.ports(cells)
	if err == nil && len(list.services) == 0 {
		list = combine(list, loosePorts(cells, first))
	}
	if err != nil {
		return leftOut(Problem, rowText(cells), "ports: "+err.Error(), "")
	}
	var out finding
	for _, i := range at {
		f, _ := d.filler.whole(cells[i], context{list: list})
		out.add(f)
	}
	return tidy(out)
}

// hasMaybe reports whether the header has a column of destinations, which has the addresses if no other column does.
func (l layout) hasMaybe() bool { return slices.Contains(l.columns, maybe) }

// loosePorts finds the ports of a row without a header: in the first cell of ports after the address, or before it if that has 80,
// 443 or a protocol. Any other number there is a row number.
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
			if looksLikeAddress(w.text, true) {
				return leftOut(Prose, rowText(cells), "names "+w.text+" in a row without a column of addresses",
					"to make it a rule, write it on a line of its own")
			}
		}
	}
	return leftOut(Prose, rowText(cells), "a row that names no endpoint", "")
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
