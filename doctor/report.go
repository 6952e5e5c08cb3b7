package doctor

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"webproxy/internal/wording"
)

// A Head describes a report.
type Head struct {
	Proxy  string // host:port
	Group  string // that was tested; empty if unknown
	As     string // the group that this machine is in
	From   string // the networks of Group, or the address of this machine
	Policy string // the digest, short
	List   string // with its generation
	Region string
	Began  time.Time
	// Ready is the first line of /readyz. NotReady is why it is not ready; empty if that could not be asked: a dashboard may be off.
	Ready, NotReady string
	Upstreams       []Upstream // as the proxy reports them; nil if there are none, or that could not be asked
}

// An Upstream is an upstream proxy.
type Upstream struct {
	Name string `json:"name"`
	Up   bool   `json:"up"` // it worked when it was last used
}

// A Notice is a finding about the proxy or this machine.
type Notice struct {
	Finding     *Finding
	Detail, Fix string
}

// A Report is the result of doctor.
type Report struct {
	Head
	Rows    []Row
	Notices []Notice
	// Offset is how far the clocks of Clocks servers are ahead of this machine's.
	Offset time.Duration
	Clocks int
}

// clockLimit is the least offset that is a finding.
const clockLimit = time.Minute

// NewReport collects evaluated rows, and evaluates the proxy itself.
func NewReport(h Head, rows []Row) *Report {
	r := &Report{Head: h, Rows: rows}
	r.clock()
	note := func(f *Finding, detail string) {
		r.Notices = append(r.Notices, Notice{f, detail, f.Fix})
	}
	if down := r.proxyDown(); down != "" {
		note(&findProxy, down)
	}
	if h.NotReady != "" {
		note(&findReady, h.NotReady)
	}
	for _, u := range h.Upstreams {
		if !u.Up {
			note(&findUpstreamDown, "upstream proxy "+u.Name+" does not work")
		}
	}
	if r.Clocks > 0 && (r.Offset >= clockLimit || r.Offset <= -clockLimit) {
		note(&findClock, r.clockText())
	}
	if h.Group != "" && h.Group != h.As {
		note(&findAs, fmt.Sprintf("asked about %s, this machine is in %s", h.Group, cmp.Or(h.As, "no group")))
	}
	return r
}

// proxyDown returns why no request reached the proxy, for one finding instead of one for each row; empty if one did.
func (r *Report) proxyDown() string {
	tried, why := 0, ""
	for i := range r.Rows {
		row := &r.Rows[i]
		if len(row.Seen.Hops) == 0 {
			continue
		}
		tried++
		if row.Finding != &findProxy {
			return ""
		}
		why = row.Detail
	}
	if tried == 0 {
		return ""
	}
	for i := range r.Rows {
		if row := &r.Rows[i]; row.Finding == &findProxy {
			row.Finding, row.Category, row.Detail, row.Fix = nil, Skipped, "the proxy was not reached", ""
		}
	}
	return fmt.Sprintf("%s: %s", r.Proxy, why)
}

// clock sets Offset to the median of three servers.
func (r *Report) clock() {
	const most = 3
	var all []time.Duration
	var hosts []string
	for i := range r.Rows {
		row := &r.Rows[i]
		if len(row.Seen.Hops) == 0 || row.Finding != nil && row.Finding != &findSlow || len(all) == most {
			continue
		}
		hop := &row.Seen.Hops[0]
		if hop.Date.IsZero() || hop.URL.Scheme != "https" || slices.Contains(hosts, row.Host) {
			continue
		}
		hosts = append(hosts, row.Host)
		// Date is truncated to whole seconds.
		all = append(all, hop.Date.Add(500*time.Millisecond).Sub(row.Seen.At.Add(hop.FirstByte)))
	}
	if len(all) > 0 {
		slices.Sort(all)
		r.Offset, r.Clocks = all[len(all)/2], len(all)
	}
}

func (r *Report) clockText() string {
	off := r.Offset.Abs().Truncate(time.Second)
	word := "behind"
	if r.Offset < 0 {
		word = "ahead of"
	}
	return fmt.Sprintf("this machine is %s %s %s", off, word, wording.Amount(uint64(r.Clocks), "server"))
}

// Findings is the number of findings, and of those that block a deployment.
func (r *Report) Findings() (all, blocking int) {
	for _, n := range r.Notices {
		all++
		if n.Finding.Blocks {
			blocking++
		}
	}
	for i := range r.Rows {
		if f := r.Rows[i].Finding; f != nil {
			all++
			if f.Blocks && r.Rows[i].Required {
				blocking++
			}
		}
	}
	return all, blocking
}

// Required is the number of required endpoints; each counts once, with any number of examples.
func (r *Report) Required() int {
	seen := map[string]bool{}
	for i := range r.Rows {
		if row := &r.Rows[i]; row.Required {
			seen[row.Endpoint()] = true
		}
	}
	return len(seen)
}

// Endpoint is the endpoint as the list has it.
func (t *Target) Endpoint() string {
	return fmt.Sprintf("%s://%s:%d", t.Scheme, cmp.Or(t.Listed, t.Host), t.Port)
}

// At is the host and port that are tested.
func (t *Target) At() string {
	if a, err := netip.ParseAddr(t.Host); err == nil {
		return netip.AddrPortFrom(a, t.Port).String()
	}
	return fmt.Sprintf("%s:%d", t.Host, t.Port)
}

// counts are the outcomes, the most relevant first.
func (r *Report) counts() string {
	words := []struct {
		word string
		is   func(*Row) bool
	}{
		{"ok", func(row *Row) bool { return row.Finding == nil && row.Category == Success }},
		{"denied", func(row *Row) bool { return row.Finding == &findDenied || row.Finding == &findCRL }},
		{"unreachable", func(row *Row) bool {
			return row.Finding != nil && row.Category == ConnectivityFailure && row.Finding != &findRange
		}},
		{"intercepted", func(row *Row) bool { return row.Category == SSLInspected }},
		{"private", func(row *Row) bool { return row.Category == PrivateLink }},
		{"redirected to a denied host", func(row *Row) bool { return row.Finding == &findRedirect }},
		{"without parts", func(row *Row) bool { return row.Finding == &findRange }},
		{"slow", func(row *Row) bool { return row.Finding == &findSlow }},
		{"in learn mode only", func(row *Row) bool { return row.Finding == &findLearn }},
		{"not tried", func(row *Row) bool { return row.Category == Skipped }},
	}
	var parts []string
	for i, w := range words {
		n := 0
		for j := range r.Rows {
			if w.is(&r.Rows[j]) {
				n++
			}
		}
		if n > 0 || i == 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, w.word))
		}
	}
	return strings.Join(parts, "  ")
}

// examples says how many examples stood for how many wildcards; empty if there are none.
func (r *Report) examples() string {
	n, wildcards := 0, map[string]bool{}
	for i := range r.Rows {
		if row := &r.Rows[i]; row.Example() && row.Skip == "" {
			n++
			wildcards[row.Endpoint()] = true
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d examples stood for %d wildcards", n, len(wildcards))
}
