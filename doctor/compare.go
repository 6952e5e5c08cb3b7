package doctor

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/internal/wording"
)

// A Comparison counts what two clients reached, from the audit log. Add records in order, then call Differences. It is not
// safe for concurrent use.
type Comparison struct {
	Names     [2]string // addresses, or names
	Requests  [2]int
	endpoints map[string]*[2]Traffic
	open      map[string]openRequest // by id
}

// Traffic counts the outcomes of one client's requests to one endpoint.
type Traffic struct {
	Reached int       `json:"reached"`
	Denied  int       `json:"denied"`
	Failed  int       `json:"failed"`
	Reason  string    `json:"reason,omitempty"` // of the last denial, or the error type of the last failure
	ID      string    `json:"id,omitempty"`     // of the last denial or failure
	Last    time.Time `json:"last"`
}

type openRequest struct {
	side    int
	traffic *Traffic
}

// NewComparison compares the clients of two names or addresses.
func NewComparison(one, other string) *Comparison {
	return &Comparison{Names: [2]string{one, other}, endpoints: map[string]*[2]Traffic{}, open: map[string]openRequest{}}
}

// Add counts a record.
func (c *Comparison) Add(r *audit.Record) {
	if r.Type == audit.TypeClose {
		if o, ok := c.open[r.ID]; ok {
			delete(c.open, r.ID)
			o.traffic.end(r)
		}
		return
	}
	side := c.sideOf(r)
	if side < 0 || r.Host == "" || r.Type != audit.TypeDecision && r.Type != audit.TypeRepeat {
		return
	}
	key := fmt.Sprintf("%s://%s:%d", r.Scheme, r.Host, r.Port)
	both := c.endpoints[key]
	if both == nil {
		both = new([2]Traffic)
		c.endpoints[key] = both
	}
	t := &both[side]
	n := 1
	if r.Type == audit.TypeRepeat {
		n = int(r.Count)
	}
	c.Requests[side] += n
	if r.Time.After(t.Last) {
		t.Last = r.Time
	}
	if r.Decision == "deny" {
		t.Denied += n
		t.Reason, t.ID = r.Reason, r.ID
		return
	}
	t.Reached += n // corrected at its end
	c.open[r.ID] = openRequest{side, t}
}

// end counts the end of a request that was let through.
func (t *Traffic) end(r *audit.Record) {
	switch {
	case r.Decision == "deny":
		t.Reached--
		t.Denied++
		t.Reason, t.ID = r.Reason, r.ID
	case r.Error != "" && r.BytesIn == 0:
		t.Reached--
		t.Failed++
		t.Reason, t.ID = r.Error, r.ID
	}
}

func (c *Comparison) sideOf(r *audit.Record) int {
	return slices.IndexFunc(c.Names[:], func(name string) bool {
		return r.Client.IsValid() && r.Client.String() == name || r.ClientName != "" && strings.EqualFold(r.ClientName, name)
	})
}

// A Difference is an endpoint that one client reached and the other never did.
type Difference struct {
	Endpoint string     `json:"endpoint"`
	By       string     `json:"reached_by"`
	NotBy    string     `json:"not_by"`
	Of       [2]Traffic `json:"traffic"` // of By, and of NotBy
}

// Differences are what one client reached and the other never did, by client, then by how often.
func (c *Comparison) Differences() []Difference {
	all := []Difference{}
	for key, both := range c.endpoints {
		for side := range both {
			if both[side].Reached > 0 && both[1-side].Reached <= 0 {
				all = append(all, Difference{key, c.Names[side], c.Names[1-side], [2]Traffic{both[side], both[1-side]}})
			}
		}
	}
	slices.SortFunc(all, func(a, b Difference) int {
		return cmp.Or(slices.Index(c.Names[:], a.By)-slices.Index(c.Names[:], b.By), b.Of[0].Reached-a.Of[0].Reached, strings.Compare(a.Endpoint, b.Endpoint))
	})
	return all
}

// WriteText writes the differences for people.
func (c *Comparison) WriteText(w io.Writer) error {
	var b strings.Builder
	for i, name := range c.Names {
		n := 0
		for _, both := range c.endpoints {
			if both[i].Reached > 0 {
				n++
			}
		}
		fmt.Fprintf(&b, "%s: %s, %s reached\n", audit.Printable(name), wording.Amount(uint64(c.Requests[i]), "request"), wording.Amount(uint64(n), "endpoint"))
	}
	by := ""
	for _, d := range c.Differences() {
		if d.By != by {
			by = d.By
			fmt.Fprintf(&b, "only %s reached\n", audit.Printable(by))
		}
		fmt.Fprintf(&b, "  %-52s %6dx  last %s UTC   %s: %s\n", audit.Printable(d.Endpoint), d.Of[0].Reached, d.Of[0].Last.UTC().Format("2006-01-02 15:04"), audit.Printable(d.NotBy), d.Of[1].text())
	}
	if by == "" {
		b.WriteString("no endpoint that only one of them reached\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// text says what became of requests that never reached their endpoint.
func (t *Traffic) text() string {
	switch {
	case t.Denied > 0:
		return audit.Printable(fmt.Sprintf("denied %dx, %s; webproxy why %s", t.Denied, t.Reason, t.ID))
	case t.Failed > 0:
		return audit.Printable(fmt.Sprintf("failed %dx, %s; webproxy why %s", t.Failed, t.Reason, t.ID))
	}
	return "never asked for it"
}
