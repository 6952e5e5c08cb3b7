package tables

import "strings"

// A verdict is what a document says of a destination. The zero verdict is none: that of a document which only lists
// what is needed.
type verdict uint8

const (
	unsaid verdict = iota
	allow
	deny
	unclear // it says something else
)

// and joins what two places say. An allow never lifts a deny.
func (v verdict) and(w verdict) verdict { return max(v, w) }

// verdictOf reads the cell or the field of an action.
func verdictOf(text string) verdict {
	text = strings.Join(headerWords(text), " ")
	switch text {
	case "":
		return unsaid
	case "allow", "allowed", "permit", "permitted", "accept", "accepted", "yes", "y", "true", "pass", "allow all", "always allow":
		return allow
	}
	if saysDeny(text) || text == "no" || text == "n" || text == "false" {
		return deny
	}
	return unclear
}

// saysDeny reports whether a heading, a label or a remark is about what is not allowed.
func saysDeny(text string) bool {
	words := headerWords(text)
	for i, w := range words {
		switch w {
		case "deny", "denied", "denies", "block", "blocked", "blocks", "blocklist", "denylist", "blacklist", "blacklisted", "drop", "dropped", "reject",
			"rejected", "forbid", "forbidden", "disallow", "disallowed", "prohibited", "banned", "unblock":
			if w == "unblock" {
				continue
			}
			return true
		case "not":
			if i+1 < len(words) {
				switch words[i+1] {
				case "allow", "allowed", "permit", "permitted", "required", "needed":
					return true
				}
			}
		}
	}
	return false
}

// verdictOfName reads the name of a field: blocked_domains, denyList.
func verdictOfName(key string) verdict {
	var spaced strings.Builder
	for i, c := range key {
		if 'A' <= c && c <= 'Z' && i > 0 && !('A' <= key[i-1] && key[i-1] <= 'Z') {
			spaced.WriteByte(' ')
		}
		spaced.WriteRune(c)
	}
	if saysDeny(spaced.String()) {
		return deny
	}
	return unsaid
}

// judge is f as v has it: what the document denies is no entry of a list of what is allowed, nor the other way round.
func (d *document) evaluate(f finding, v verdict, why, text string) finding {
	if !f.has() {
		return f
	}
	switch {
	case v == unclear:
		if why == "" {
			why = "what stands beside it is neither allow nor deny"
		}
		return leave(Problem, text, why, "")
	case v == deny && !d.filling.denied:
		d.denied = append(d.denied, f.entries...)
		return leave(NoRule, text, "the document denies it", "lists import --deny makes entries of it, for a rule with deny: true")
	case v != deny && d.filling.denied && len(f.entries) > 0:
		return leave(NoRule, text, "the document does not deny it", "")
	}
	return f
}

// A section is what a heading says of what is below it.
type section struct {
	level   int
	verdict verdict
	cloud   string
}

// heading notes what a heading says. One of the same level or a higher one ends what was said before.
func (d *document) heading(level int, text string) {
	if len(d.sections) > 0 {
		for len(d.sections) > 0 && d.sections[len(d.sections)-1].level >= level {
			d.sections = d.sections[:len(d.sections)-1]
		}
	}
	s := section{level: level, cloud: tabCloud(text)}
	if len(d.sections) > 0 {
		outer := d.sections[len(d.sections)-1]
		s.verdict = outer.verdict
		if s.cloud == "" {
			s.cloud = outer.cloud
		}
	}
	if saysDeny(text) {
		s.verdict = deny
	}
	if level < 20 {
		d.sections = append(d.sections, s)
	}
	d.section = s
}

// tabCloud is the cloud of a tab, such as "#### [Azure operated by 21Vianet](#tab/azure-china)".
func tabCloud(text string) string {
	_, tab, ok := strings.Cut(text, "(#tab/")
	if !ok {
		return ""
	}
	if said := cloudOf(text); said != "" {
		return said
	}
	if strings.Contains(tab, "global") || strings.Contains(tab, "azure-cloud") || strings.Contains(tab, "commercial") {
		return "public"
	}
	return ""
}
