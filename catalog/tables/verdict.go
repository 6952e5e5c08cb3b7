package tables

import "strings"

// A verdict is what a document says about a destination. The zero verdict is that of a document which only lists what is needed.
type verdict uint8

const (
	unsaid verdict = iota
	allow
	deny
	unclear // it says something else
)

// and combines two verdicts. An allow never lifts a deny.
func (v verdict) and(w verdict) verdict { return max(v, w) }

// verdictOf reads the cell or the field of an action.
func verdictOf(text string) verdict {
	mark := strings.TrimSpace(plainText(text))
	text = strings.Join(headerWords(text), " ")
	switch text {
	case "":
		switch mark {
		case "":
			return unsaid
		case "1", "✓", "✔", "✔️", "✅", "☑", "☑️", "+":
			return allow
		case "0", "✗", "✘", "❌", "✖", "✖️", "×", "☒", "⛔", "🚫", "-":
			return deny
		}
		return unclear
	case "allow", "allowed", "permit", "permitted", "accept", "accepted", "yes", "y", "true", "pass", "allow all", "always allow":
		return allow
	}
	if saysDeny(text) || text == "no" || text == "n" || text == "false" || strings.HasPrefix(text, "reset") {
		return deny
	}
	return unclear
}

// saysDeny reports whether a heading, a label or a remark says that something is denied.
func saysDeny(text string) bool {
	words := headerWords(text)
	for i, w := range words {
		switch w {
		case "deny", "denied", "denies", "block", "blocked", "blocks", "blocklist", "denylist", "blacklist", "blacklisted", "drop", "dropped", "reject",
			"rejected", "forbid", "forbidden", "disallow", "disallowed", "prohibited", "banned", "excluded", "except", "refuse", "refused",
			"verweigern", "verweigert", "gesperrt", "sperren", "blockiert", "blockieren", "verboten", "ablehnen", "abgelehnt", // German
			"refuser", "bloquer", "interdire", "interdit", // French
			"denegar", "denegado", "bloquear", "bloqueado", "rechazar", "rechazado", // Spanish
			"negar", "negado", "recusar", "recusado", // Portuguese
			"negare", "negato", "blocca", "bloccare", "bloccato", "rifiuta", // Italian
			"weigeren", "blokkeren", "geblokkeerd": // Dutch
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

// spaced is a name with its words apart: blockedDomains is "blocked Domains".
func spaced(key string) string {
	var b strings.Builder
	for i, c := range key {
		if 'A' <= c && c <= 'Z' && i > 0 && !('A' <= key[i-1] && key[i-1] <= 'Z') {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// verdictOfName reads the name of a field: blocked_domains, denyList, blocklist.
func verdictOfName(key string) verdict {
	words := headerWords(spaced(key))
	for i, w := range words {
		switch w {
		case "block", "blocks": // of addresses
			if i > 0 && (words[i-1] == "ip" || words[i-1] == "cidr" || words[i-1] == "address") {
				return unsaid
			}
		}
	}
	if saysDeny(strings.Join(words, " ")) {
		return deny
	}
	for _, w := range words {
		for _, start := range []string{"deny", "denied", "blocked", "blocklist", "blacklist", "forbid", "reject", "banned", "prohibit"} {
			if strings.HasPrefix(w, start) {
				return deny
			}
		}
	}
	return unsaid
}

// applyVerdict returns f with its entries left out if v does not allow them or, in ReadDenied, if v does not deny them.
func (d *document) applyVerdict(f finding, v verdict, why, text string) finding {
	if !f.has() {
		return f
	}
	switch {
	case v == unclear:
		if why == "" {
			why = "what stands beside it is neither allow nor deny"
		}
		return leftOut(Problem, text, why, "")
	case v == deny && !d.filler.denied:
		d.denied = append(d.denied, f.entries...)
		return leftOut(NoRule, text, "the document denies it", "lists import --deny makes entries of it, for a rule with deny: true")
	case v != deny && d.filler.denied && len(f.entries) > 0:
		return leftOut(NoRule, text, "the document does not deny it", "")
	}
	return f
}

// A section is what a heading says about the lines below it.
type section struct {
	level   int
	verdict verdict
	cloud   string
}

// heading begins the section of a heading. It ends sections of the same level and of deeper ones.
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
