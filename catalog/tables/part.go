package tables

import (
	"fmt"
	"strings"
)

// A context says where a part of a line stands, and so how likely an address in it is meant as an endpoint.
type context struct {
	column bool     // in a column of addresses
	list   portList // the ports of the row
	cloud  string   // of the column
}

// link matches a Markdown link or image, also with a title.
var link = lazy(`!?\[([^\[\]]*)\]\(\s*<?([^()\s<>]*)>?(?:\s+["'][^"']*["'])?\s*\)`)

// resolveLinks replaces links by their text if that is an address, since editors often make the target from it; otherwise, in a
// column of addresses, by their target. The error is about a link whose text is one host and whose target is another.
func resolveLinks(s string, column bool) (string, error) {
	var err error
	s = link().ReplaceAllStringFunc(s, func(whole string) string {
		m := link().FindStringSubmatch(whole)
		text, target := unescape(m[1]), m[2]
		shown, _ := trim(strings.TrimSpace(unpair(text)))
		switch {
		case looksLikeAddress(shown, true) && !strings.ContainsAny(shown, " \t"):
			if looksLikeAddress(target, true) && !sameHost(shown, target) {
				err = fmt.Errorf("the link shows %s and leads to %s", shown, target)
			}
			return " " + text + " "
		case column && strings.Contains(target, "://"):
			return " " + target + " "
		}
		return " " + text + " → " + target + " " // shown in the report
	})
	return s, err
}

func sameHost(a, b string) bool {
	x, err1 := parseAddress(a)
	y, err2 := parseAddress(b)
	return err1 == nil && err2 == nil && strings.EqualFold(x.host, y.host)
}

// read reads a cell or a line. Its parts, between line breaks, are read one by one.
func (f filler) read(text string, c context) finding {
	resolved, err := resolveLinks(text, c.column)
	if err != nil {
		return leftOut(Problem, text, err.Error(), "write the one that is meant")
	}
	var out finding
	for part := range strings.SplitSeq(bracePlaceholders(plainText(resolved)), "\n") {
		if strings.TrimSpace(part) != "" {
			out.add(f.part(strings.TrimSpace(part), c))
		}
	}
	return out
}

// part reads a part of a line: addresses, perhaps with a label before them, and ports or a remark after them. If one of the
// addresses is not understood, all are left out: the words may belong together.
func (f filler) part(text string, c context) finding {
	all := words(text)
	first, last := addresses(all, !c.column)
	if first < 0 {
		return leftOut(Prose, text, "names no endpoint", "")
	}
	if !betweenIsList(all[first:last+1], !c.column) {
		return ambiguous(text, all, first, c)
	}
	before, after := all[:first], all[last+1:]
	list := c.list
	if !isLabelled(before, c.column) {
		beside, err := parsePorts(rawText(before))
		if err != nil {
			return ambiguous(text, all, first, c)
		}
		list = combine(list, beside)
	}
	cloud := c.cloud
	switch t := rawText(after); {
	case len(after) == 0 || isRemark(all[last], after):
		if said := cloudOf(t); said != "" && cloud == "" {
			cloud = said
		}
	default:
		beside, err := parsePorts(t)
		if err != nil {
			return ambiguous(text, all, first, c)
		}
		list = combine(list, beside)
	}
	var out finding
	for _, w := range all[first : last+1] {
		if !looksLikeAddress(w.text, !c.column) {
			continue
		}
		one := f.endpoint(w.text, list, "")
		if w.trims != "" && len(one.entries) > 0 {
			one.notes = append(one.notes, fmt.Sprintf("a stray %q left out", w.trims))
		}
		out.add(one)
	}
	for _, l := range out.left {
		if l.Kind == Problem && len(out.entries) > 0 {
			return leftOut(Problem, text, fmt.Sprintf("%s: %s", l.Text, l.Why), l.Hint)
		}
	}
	for i := range out.entries {
		if out.entries[i].Cloud == "" {
			out.entries[i].Cloud = cloud
		}
	}
	return out
}

// addresses returns the first and the last word that looks like an address; -1 if there is none.
func addresses(all []word, strict bool) (first, last int) {
	first = -1
	for i, w := range all {
		if looksLikeAddress(w.text, strict) {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	return first, last
}

// betweenIsList reports whether only separators stand between addresses.
func betweenIsList(all []word, strict bool) bool {
	for _, w := range all {
		if looksLikeAddress(w.text, strict) {
			continue
		}
		switch strings.ToLower(w.text) {
		case "", "and", "or", "&", "/", "+":
		default:
			return false
		}
	}
	return true
}

// ambiguous is the finding for an address among other words. In a column of addresses, or at the start of a line, it is a problem;
// within a sentence it is a mention.
func ambiguous(text string, all []word, first int, c context) finding {
	if c.column || first == 0 {
		return leftOut(Problem, text, "words stand around the address, which may limit or deny it", "write the address on a line of its own")
	}
	return leftOut(Prose, text, "names "+namesIn(all)+" within a sentence", "to make it a rule, write it on a line of its own")
}

// namesIn are the addresses among words, with those that stand within one.
func namesIn(all []word) string {
	const most = 10
	var names []string
	for _, w := range all {
		name, ok := w.text, len(w.text) <= maxWord && looksLikeAddress(w.text, true)
		if !ok {
			name, ok = nameWithin(w.text)
		}
		if ok && len(names) == most {
			return strings.Join(names, ", ") + " and more"
		}
		if ok {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// isLabelled reports whether the words before an address, if any, are only a label, as in "Guest configuration: host". Outside of
// a column of addresses they must be few, and not the end of a sentence, as in "for more, see: ...".
func isLabelled(before []word, column bool) bool {
	if len(before) == 0 {
		return true
	}
	if !strings.HasSuffix(strings.TrimRight(before[len(before)-1].raw, "*_\"'"), ":") {
		return false
	}
	if column {
		return true
	}
	for _, w := range before {
		switch strings.ToLower(w.text) {
		case "see", "more", "visit", "learn", "refer", "example", "e.g", "documentation", "docs", "source", "not", "was", "previously":
			return false
		}
	}
	return len(before) <= 4
}

// isRemark reports whether the words after an address only describe it: they are in brackets, or after a dash or a colon.
func isRemark(address word, after []word) bool {
	head := after[0].raw
	return strings.HasPrefix(head, "(") && strings.Contains(rawText(after), ")") || strings.HasPrefix(head, "#") ||
		head == "-" || head == "–" || head == "—" || head == ":" || strings.HasSuffix(strings.TrimRight(address.raw, "*_\"'"), ":")
}

// listLine reads a line of a list file: an address, then keys or a comment. It is not unescaped, and its comment, which may be a
// line of another document, is ignored.
func (f filler) listLine(text string) (finding, bool) {
	head, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimLeft(rest, " \t")
	if rest == "" || !looksLikeAddress(head, true) || strings.ContainsAny(head, "\\`<>[]&\"'") {
		return finding{}, false
	}
	if rest[0] == '#' {
		return f.endpoint(head, portList{}, ""), true
	}
	key, _, ok := strings.Cut(rest, "=")
	if !ok || key == "" || strings.Trim(key, "abcdefghijklmnopqrstuvwxyz") != "" {
		return finding{}, false
	}
	return f.endpoint(head, portList{}, " "+rest), true
}

func rawText(all []word) string {
	raws := make([]string, len(all))
	for i, w := range all {
		raws[i] = w.raw
	}
	return strings.Join(raws, " ")
}

// combine joins what two places say of ports. The nearer one wins if both name some.
func combine(far, near portList) portList {
	if len(near.services) == 0 {
		near.services = far.services
	}
	near.proto |= far.proto
	return near
}

// whole reads a cell that has only addresses; ok is false for any other cell.
func (f filler) whole(cell string, c context) (finding, bool) {
	if link().MatchString(cell) {
		return finding{}, false
	}
	for _, w := range words(bracePlaceholders(plainText(cell))) {
		if w.text != "" && !looksLikeAddress(w.text, true) {
			return finding{}, false
		}
	}
	out := f.read(cell, c)
	return out, out.has()
}
