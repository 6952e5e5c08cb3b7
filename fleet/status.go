package fleet

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/policy"
)

// A SiteStatus is the state of a site, according to its records.
type SiteStatus struct {
	Site string `json:"site"`
	// Last is the time of the last record or checkpoint that it delivered; Seq is the number of the last record.
	Last time.Time `json:"last"`
	Seq  uint64    `json:"seq"`
	// Policy is the digest of the policy in force. It differs between sites, which have clients of their own.
	Policy string `json:"policy,omitempty"`
	// Bundle and Serial are of the bundle in force; empty and 0 if there is none, or if no record of the period names one.
	Bundle string `json:"bundle,omitempty"`
	Serial uint64 `json:"serial,omitempty"`
	// Refused says why the site refused the last configuration or bundle; empty if it did not.
	Refused string `json:"refused,omitempty"`
	// Modes are those of its client groups with requests in the last 24 hours, sorted.
	Modes []string `json:"modes,omitempty"`
	// Denied is how many requests it refused in the last hour.
	Denied uint64 `json:"denied_last_hour"`
	// Checkpoint is when its last signed checkpoint was made; zero if none was delivered.
	Checkpoint time.Time `json:"checkpoint,omitzero"`
	// Drift says what differs from other sites, or from what it should be.
	Drift []string `json:"drift"`
}

// StatusOptions bound a Status.
type StatusOptions struct {
	Sites []string  // names, or patterns; empty for all
	Since time.Time // sites that delivered nothing since then are not reported
	Now   time.Time
	// Silent is how long a site may deliver nothing, and by how much its checkpoint may be older than its last record.
	Silent time.Duration
	Rings  map[string]RingSpec // for which bundle a site should have; may be nil
	// Published is the greatest serial published for a ring, by ring and name of the bundle.
	Published map[string]map[string]uint64
}

const checkpointAge = time.Hour

// eachSite calls fn with the last time and the greatest number of each site that patterns match, among the records of filter. The
// number is as VictoriaLogs writes it, which rounds large ones.
func (c *Client) eachSite(ctx context.Context, filter string, patterns []string, fn func(name string, last time.Time, seq string) error) error {
	return c.rows(ctx, filter+` | stats by ("webproxy.site") max(_time) last, max("webproxy.seq") seq`, func(row map[string]string) error {
		name := row["webproxy.site"]
		if !MatchesSite(patterns, name) {
			return nil
		}
		last, err := time.Parse(time.RFC3339Nano, row["last"])
		if err != nil {
			return fmt.Errorf("%s answers with a time that is none: %w", c.base.Host, err)
		}
		return fn(name, last.UTC(), row["seq"])
	})
}

// Status returns the state of each site, by name.
func (c *Client) Status(ctx context.Context, o StatusOptions) ([]*SiteStatus, error) {
	found := map[string]*SiteStatus{}
	within := slice{from: o.Since, to: o.Now.Add(48 * time.Hour)}.within() + ` "webproxy.type":*`
	err := c.eachSite(ctx, within, o.Sites, func(name string, last time.Time, seq string) error {
		s := &SiteStatus{Site: name, Drift: []string{}, Last: last}
		s.Seq, _ = strconv.ParseUint(seq, 10, 64)
		found[name] = s
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = c.rows(ctx, within+` "webproxy.type":="checkpoint" | stats by ("webproxy.site") max(_time) last`, func(row map[string]string) error {
		if s := found[row["webproxy.site"]]; s != nil {
			s.Checkpoint, _ = time.Parse(time.RFC3339Nano, row["last"])
			s.Checkpoint = s.Checkpoint.UTC()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := c.lives(ctx, &o, found); err != nil {
		return nil, err
	}
	if err := c.traffic(ctx, &o, found); err != nil {
		return nil, err
	}
	all := slices.SortedFunc(maps.Values(found), func(a, b *SiteStatus) int { return cmp.Compare(a.Site, b.Site) })
	drift(all, &o)
	return all, nil
}

// bundleNamed is how a record of a start or of a reload names the bundle.
var bundleNamed = regexp.MustCompile(`; bundle ([A-Za-z0-9_-]{1,64})-([0-9]{1,20})(?: |,|$)`)

// bundleOf is the bundle that a record of a start or a reload says is in force; ok is false if it does not say.
func bundleOf(r *audit.Record) (name string, serial uint64, ok bool) {
	if refusal(r) != "" {
		return "", 0, false
	}
	m := bundleNamed.FindStringSubmatch(r.Detail)
	if m == nil {
		return "", 0, false
	}
	serial, err := strconv.ParseUint(m[2], 10, 64)
	return m[1], serial, err == nil
}

// refusal is why a site refused a configuration or a bundle; empty if r is not about that.
func refusal(r *audit.Record) string {
	if why, ok := strings.CutPrefix(r.Detail, "refused: "); ok && r.Type == audit.TypeReload {
		return why
	}
	return ""
}

// lives reads the records about policies of sites.
func (c *Client) lives(ctx context.Context, o *StatusOptions, found map[string]*SiteStatus) error {
	where, err := audit.ParseQuery("type in (system.start, admin.reload)")
	if err != nil {
		return err
	}
	_, err = c.Records(ctx, Search{Where: where, Sites: o.Sites, Since: o.Since}, func(r *Record) error {
		s := found[r.From]
		if s == nil {
			return nil
		}
		if s.Refused = refusal(&r.Record); s.Refused != "" {
			return nil
		}
		s.Policy = r.Policy
		if name, serial, ok := bundleOf(&r.Record); ok {
			s.Bundle, s.Serial = name, serial
		}
		return nil
	})
	return err
}

// traffic reads the recent requests of sites.
func (c *Client) traffic(ctx context.Context, o *StatusOptions, found map[string]*SiteStatus) error {
	newest, told := map[string]time.Time{}, map[string]bool{}
	for _, s := range found {
		told[s.Site] = s.Policy != ""
	}
	day := slice{from: o.Now.Add(-24 * time.Hour), to: o.Now.Add(48 * time.Hour)}
	err := c.rows(ctx, day.within()+` "webproxy.type":="egress.decision" | stats by ("webproxy.site", "webproxy.mode", "webproxy.policy") max(_time) last`, func(row map[string]string) error {
		s := found[row["webproxy.site"]]
		if s == nil {
			return nil
		}
		if m := row["webproxy.mode"]; m != "" && !slices.Contains(s.Modes, m) && len(s.Modes) < 8 {
			s.Modes = append(s.Modes, m)
			slices.Sort(s.Modes)
		}
		at, err := time.Parse(time.RFC3339Nano, row["last"])
		if err == nil && !told[s.Site] && at.After(newest[s.Site]) {
			newest[s.Site], s.Policy = at, row["webproxy.policy"]
		}
		return nil
	})
	if err != nil {
		return err
	}
	denied, err := audit.ParseQuery("decision = deny")
	if err != nil {
		return err
	}
	_, err = c.Records(ctx, Search{Where: denied, Sites: o.Sites, Since: o.Now.Add(-time.Hour), Until: o.Now.Add(48 * time.Hour)}, func(r *Record) error {
		if s := found[r.From]; s != nil {
			switch r.Type {
			case audit.TypeDecision:
				s.Denied++
			case audit.TypeRepeat:
				s.Denied += uint64(max(r.Count, 0))
			}
		}
		return nil
	})
	return err
}

// drift sets Drift of each site.
func drift(all []*SiteStatus, o *StatusOptions) {
	newest := map[string]uint64{}
	checkpoints := false
	for _, s := range all {
		newest[s.Bundle] = max(newest[s.Bundle], s.Serial)
		checkpoints = checkpoints || !s.Checkpoint.IsZero()
	}
	for _, s := range all {
		odd := func(format string, args ...any) { s.Drift = append(s.Drift, fmt.Sprintf(format, args...)) }
		if age := o.Now.Sub(s.Last); age > o.Silent {
			odd("silent for %s", Age(age))
		}
		if s.Refused != "" {
			odd("refused: %s", s.Refused)
		}
		want, where := newest[s.Bundle], "elsewhere"
		if ring := RingOf(o.Rings, s.Site); ring != "" {
			want, where = o.Published[ring][s.Bundle], "published for ring "+ring
		}
		if s.Bundle != "" && s.Serial < want {
			odd("bundle %s-%d; %d is %s", s.Bundle, s.Serial, want, where)
		}
		switch {
		case checkpoints && s.Checkpoint.IsZero():
			odd("no checkpoint")
		case checkpoints && s.Last.Sub(s.Checkpoint) > max(checkpointAge, o.Silent):
			odd("the last checkpoint is %s older than the last record", Age(s.Last.Sub(s.Checkpoint)))
		}
	}
}

// RingOf is the ring of a site: one that has its exact name, or else the first by name with a matching pattern. Empty if there
// is none.
func RingOf(rings map[string]RingSpec, site string) string {
	names := slices.Sorted(maps.Keys(rings))
	for _, n := range names {
		if slices.Contains(rings[n].Sites, site) {
			return n
		}
	}
	for _, n := range names {
		if MatchesSite(rings[n].Sites, site) {
			return n
		}
	}
	return ""
}

// ShortPolicy is a policy's digest, shortened for people.
func (s *SiteStatus) ShortPolicy() string {
	return strings.TrimPrefix(policy.ShortDigest(s.Policy), "sha256:")
}

// Age is a duration for people, in one unit: 45s, 12m, 5h, 3d.
func Age(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(max(d, 0)/time.Second))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d/time.Minute))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d/time.Hour))
	}
	return fmt.Sprintf("%dd", int(d/(24*time.Hour)))
}
