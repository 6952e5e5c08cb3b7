package dashboard

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/live"
	"webproxy/policy"
)

// decisions shows who allowed what, why and until when, including what has expired.
func (p *Pages) decisions(w http.ResponseWriter, r *http.Request) {
	f := filterOf(r.URL.Query(), false)
	if r.URL.Query().Get("period") == "" {
		f.Period = periodAll
	}
	now := time.Now()
	var list, logins []audit.Record
	p.Live.View(func(v *live.View) {
		for i := range v.Logins {
			if l := &v.Logins[i]; f.matches(l) {
				logins = append(logins, *l)
			}
		}
		for i := range v.Decisions {
			d := &v.Decisions[i]
			if (f.All() || d.Time.After(now.Add(-24*time.Hour))) && f.matches(d) {
				list = append(list, *d)
			}
		}
	})
	inForce := map[string]bool{}
	for info := range p.Config().Set.All() {
		if info.Expires.IsZero() || info.Expires.After(now) {
			inForce[info.String()] = true
		}
	}
	t := &table{Name: "decisions", Empty: "Nothing was decided.", Command: "webproxy audit query " + f.expression("type = admin.*") + f.since(),
		Heads: []head{{"ts", "Time", "t"}, {"type", "What", ""}, {"by", "By", "w"}, {"ticket", "Reason", "w"}, {"detail", "Detail", "w"},
			{"entries", "Entries", "h"}, {"seq", "Seq", "n"}}}
	for _, d := range slices.Backward(list) {
		t.Rows = append(t.Rows, row{fmt.Sprintf("%020d", ^d.Seq), []cell{
			moment(d.Time), text(strings.TrimPrefix(string(d.Type), "admin.")), text(d.By), text(d.Ticket), text(d.Detail), entryCell(&d, inForce), number(d.Seq),
		}})
	}
	came := loginTable(logins)
	if export(w, r, t, came) {
		return
	}
	t.page(r.URL)
	came.page(r.URL)
	p.render(w, r, "list", "Decisions", f, 0, &listBody{
		Intro: "Who allowed what, why, and until when, as the audit log has it; also what no longer holds.", Table: t, Second: came,
	})
}

// loginTable is the logins to the dashboard and the failed attempts, the last first.
func loginTable(logins []audit.Record) *table {
	t := &table{Name: "logins", Title: "Logins", Empty: "Nobody logged in.", Command: "webproxy audit query 'type = admin.log* or type = admin.lockout'",
		Heads: []head{{"ts", "Time", "t"}, {"type", "What", ""}, {"by", "By", ""}, {"client", "From", "c"}, {"detail", "Detail", "w"}, {"seq", "Seq", "n"}}}
	for _, l := range slices.Backward(logins) {
		class := ""
		if l.Type == audit.TypeLoginFailed || l.Type == audit.TypeLockout {
			class = "deny"
		}
		t.Rows = append(t.Rows, row{fmt.Sprintf("%020d", ^l.Seq), []cell{
			moment(l.Time), {Text: strings.ReplaceAll(strings.TrimPrefix(string(l.Type), "admin."), "_", " "), Class: class}, text(l.By), text(audit.AddrText(l.Client)),
			text(l.Detail), number(l.Seq),
		}})
	}
	return t
}

// entryCell names the entries of a decision, and says whether each is still in force.
func entryCell(d *audit.Record, inForce map[string]bool) cell {
	const most = 6
	c := cell{}
	for _, e := range d.Added {
		standing := "+ " + policy.Readable(e)
		if isEntry := strings.HasPrefix(e, "allow ") || strings.HasPrefix(e, "deny "); isEntry && !inForce[e] {
			standing += " (no longer in force)"
		}
		c.More = append(c.More, standing)
	}
	for _, e := range d.Removed {
		c.More = append(c.More, "− "+policy.Readable(e))
	}
	if n := len(c.More) - most; n > 0 {
		c.More = append(c.More[:most], fmt.Sprintf("and %d more", n))
	}
	if d.Type == audit.TypeReload && d.PolicyOld != "" && d.Policy != d.PolicyOld {
		c.Text = policy.ShortDigest(d.PolicyOld) + " → " + policy.ShortDigest(d.Policy)
	}
	return c
}
