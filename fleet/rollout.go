package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/bundle"
	"webproxy/internal/atomicfile"
	"webproxy/internal/hint"
	"webproxy/internal/setting"
	"webproxy/internal/smallfile"
	"webproxy/internal/wording"
	"webproxy/policy"
)

// StopNames are the names of limits on what happens after a bundle was published.
func StopNames() []string {
	names := []string{"denied"}
	for _, r := range policy.Reasons() {
		names = append(names, r.String())
	}
	return names
}

// A Rollout publishes a bundle to one ring of sites after another, and stops if a limit is exceeded or a site refuses it. Its progress is in a
// file, so it can be resumed.
type Rollout struct {
	Client *Client
	Config *Config
	Bundle *bundle.Bundle // whose signatures were verified
	Rings  []string       // in this order
	Soak   time.Duration  // how long a ring is observed
	Every  time.Duration  // between two checks
	StopIf setting.Limit
	// WhatIf is how far back recorded requests of a ring are evaluated with the bundle before it is published; 0 for not at all.
	// RefuseIf is the limit on the result.
	WhatIf   time.Duration
	RefuseIf setting.Limit
	// State is the path of the file.
	State string
	// Say is called with a line of progress when that has changed. It may be nil.
	Say func(string)

	now      func() time.Time
	wait     func(context.Context, time.Duration) error
	publish  func(RingSpec, *bundle.Bundle) error
	said     string
	read     uint64 // lines, to watch the rings
	countAll bool   // count records that are there twice as two
}

// A RolloutState is the progress of a rollout.
type RolloutState struct {
	Bundle string       `json:"bundle"` // name and serial
	Digest string       `json:"digest"`
	Rings  []*RingState `json:"rings"`
	// Outcome is empty while it runs, then "done" or "stopped"; Why says why it stopped.
	Outcome string `json:"outcome,omitempty"`
	Why     string `json:"why,omitempty"`
}

// A RingState is the progress of a bundle in one ring.
type RingState struct {
	Ring      string    `json:"ring"`
	Published time.Time `json:"published,omitzero"`
	Soaked    bool      `json:"soaked"`
	// Taken are the sites that use the bundle; Refused those that refuse it, with their reasons; Waiting those that delivered records
	// since and do not use it; Silent those that delivered none since.
	Taken   []string          `json:"taken,omitempty"`
	Refused map[string]string `json:"refused,omitempty"`
	Waiting []string          `json:"waiting,omitempty"`
	Silent  []string          `json:"silent,omitempty"`
	// Requests counts requests at the sites that use it, since then; Exceeding those of StopIf's kind.
	Requests  uint64 `json:"requests"`
	Exceeding uint64 `json:"exceeding"`
}

// Run returns when the rollout is done or stopped. Being stopped is not an error, but the state's outcome.
func (r *Rollout) Run(ctx context.Context) (*RolloutState, error) {
	if r.now == nil {
		r.now, r.wait = time.Now, sleep
	}
	if r.publish == nil {
		r.publish = publish
	}
	for _, name := range r.Rings {
		if _, ok := r.Config.Rings[name]; !ok {
			return nil, fmt.Errorf("no ring %q; there are %s", name, strings.Join(slices.Sorted(maps.Keys(r.Config.Rings)), ", "))
		}
	}
	for _, name := range r.Rings {
		dir := r.Config.Rings[name].Dir
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return nil, hint.With(fmt.Errorf("ring %s: there is no directory %s", name, dir), "make it where the ring's sites fetch bundles from, below the directory of webproxy bundle serve, or mend rings."+name+".dir in "+FileName)
		}
	}
	st, err := r.begin()
	if err != nil || st.Outcome != "" {
		return st, err
	}
	for _, ring := range st.Rings {
		if ring.Soaked {
			continue
		}
		if err := r.ring(ctx, st, ring); err != nil || st.Outcome != "" {
			return st, errors.Join(err, r.save(st))
		}
	}
	st.Outcome = "done"
	return st, r.save(st)
}

// begin reads the state of this rollout, or makes a new one.
func (r *Rollout) begin() (*RolloutState, error) {
	st := &RolloutState{}
	data, err := smallfile.Read(r.State, 4<<20)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		if err := json.Unmarshal(data, st); err != nil {
			return nil, fmt.Errorf("%s: %w", r.State, err)
		}
	}
	var rings []string
	for _, ring := range st.Rings {
		rings = append(rings, ring.Ring)
	}
	same := st.Digest == r.Bundle.Digest() && st.Bundle == r.Bundle.String() && slices.Equal(rings, r.Rings)
	switch {
	case same && st.Outcome != "stopped":
		return st, nil
	case st.Digest != "" && st.Outcome == "":
		return nil, hint.With(fmt.Errorf("a rollout of %s through %s is under way", st.Bundle, strings.Join(rings, ", ")),
			"end it first, or remove "+r.State+" if nobody will")
	}
	st = &RolloutState{Bundle: r.Bundle.String(), Digest: r.Bundle.Digest()}
	for _, name := range r.Rings {
		st.Rings = append(st.Rings, &RingState{Ring: name})
	}
	return st, nil
}

func (r *Rollout) save(st *RolloutState) error {
	data, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(r.State, append(data, '\n'), 0o644)
}

// stop ends the rollout.
func (st *RolloutState) stop(format string, args ...any) error {
	st.Outcome, st.Why = "stopped", fmt.Sprintf(format, args...)
	return nil
}

// ring publishes the bundle for a ring and observes it.
func (r *Rollout) ring(ctx context.Context, st *RolloutState, ring *RingState) error {
	spec := r.Config.Rings[ring.Ring]
	first := ring.Published.IsZero()
	if first {
		if err := r.whatIf(ctx, st, ring.Ring, spec); err != nil || st.Outcome != "" {
			return err
		}
		// Store the time before publishing: records of sites that use the bundle must not be earlier. A resumed rollout publishes again.
		ring.Published = r.now().UTC().Truncate(time.Millisecond)
		if err := r.save(st); err != nil {
			return err
		}
	}
	if err := r.publish(spec, r.Bundle); err != nil {
		if first && !isPublished(spec, r.Bundle) { // the ring is watched from when it is there
			ring.Published = time.Time{}
		}
		return fmt.Errorf("ring %s: %w", ring.Ring, err)
	}
	looks := map[string]*siteLook{}
	var since time.Time // that something is lacking at the end
	for {
		over := r.now().Sub(ring.Published) >= r.Soak
		var delivered []*Delivery // before the records are read: what comes in between is read
		if over {
			var err error
			if delivered, err = r.Client.Deliveries(ctx, Search{Sites: spec.Sites, Since: ring.Published}, r.now()); err != nil {
				return err
			}
		}
		if err := r.look(ctx, ring, spec, looks); err != nil {
			return err
		}
		lacking := ring.lacking(delivered, ring.Published.Add(r.Soak))
		if len(lacking) > 0 && since.IsZero() {
			since = r.now()
		}
		r.say(ring, lacking)
		for site, why := range ring.Refused {
			return st.stop("site %s of ring %s refuses %s: %s", site, ring.Ring, r.Bundle, why)
		}
		switch {
		case r.StopIf.Exceeded(ring.Exceeding, ring.Requests):
			return st.stop("%s in ring %s: %d of %s", r.StopIf, ring.Ring, ring.Exceeding, wording.Amount(ring.Requests, "request"))
		case over && len(ring.Waiting) > 0:
			return st.stop("after %s %s of ring %s had not taken %s: %s", Age(r.Soak), wording.Plural(len(ring.Waiting), "site"), ring.Ring, r.Bundle, someOf(ring.Waiting))
		case over && len(ring.Taken) == 0:
			return st.stop("after %s no site of ring %s was heard of with %s", Age(r.Soak), ring.Ring, r.Bundle)
		case len(lacking) > 0 && r.now().Sub(since) >= silentAfter:
			return st.stop("what became of %s in ring %s is not known: %s", r.Bundle, ring.Ring, someOf(lacking))
		case over && len(lacking) == 0:
			ring.Soaked = true
			return r.save(st)
		}
		if err := r.wait(ctx, r.Every); err != nil {
			return err
		}
	}
}

// lacking says which sites that use the bundle may have records before end that were not delivered: with these a limit may be exceeded. A site
// that delivered nothing after end may have failed before it.
func (ring *RingState) lacking(delivered []*Delivery, end time.Time) (all []string) {
	for _, d := range delivered {
		switch {
		case !slices.Contains(ring.Taken, d.Site):
		case d.Silent > 0:
			all = append(all, fmt.Sprintf("site %s has delivered nothing for %s", d.Site, Age(d.Silent)))
		case d.Last.Before(end):
			all = append(all, fmt.Sprintf("site %s has delivered nothing since %s", d.Site, end.UTC().Format("15:04:05 UTC")))
		case d.Missing > 0:
			all = append(all, fmt.Sprintf("%s of site %s are missing", wording.Amount(d.Missing, "number"), d.Site))
		}
	}
	return all
}

func someOf(names []string) string {
	if len(names) > 5 {
		return strings.Join(names[:5], ", ") + fmt.Sprintf(" and %d more", len(names)-5)
	}
	return strings.Join(names, ", ")
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// of reports whether a site belongs to the ring.
func (r *Rollout) of(ring, site string) bool { return RingOf(r.Config.Rings, site) == ring }

// whatIf stops the rollout if the bundle would change more of the ring's recent requests than RefuseIf allows.
func (r *Rollout) whatIf(ctx context.Context, st *RolloutState, ring string, spec RingSpec) error {
	if r.WhatIf == 0 || r.RefuseIf.Name == "" {
		return nil
	}
	now := r.now()
	sites, _, err := r.Client.Replay(ctx, r.Bundle, Search{Sites: spec.Sites, Since: now.Add(-r.WhatIf), Until: now})
	if err != nil {
		return fmt.Errorf("what-if for ring %s: %w", ring, err)
	}
	var n, all uint64
	var worst string
	var most uint64
	for _, s := range sites {
		if !r.of(ring, s.Site) {
			continue
		}
		count := s.Count(r.RefuseIf)
		n, all = n+count, all+s.Requests
		if count > most {
			worst, most = s.Site, count
		}
	}
	if r.Say != nil {
		r.Say(fmt.Sprintf("what-if for ring %s: %s of %s of the last %s %s; the limit is %s", ring, wording.Comma(n), wording.Amount(all, "request"), Age(r.WhatIf), r.RefuseIf.Name, r.RefuseIf))
	}
	if r.RefuseIf.Exceeded(n, all) {
		return st.stop("what-if for ring %s: %s: %d of %s of the last %s, most of them at %s; nothing was published there. webproxy fleet replay says which",
			ring, r.RefuseIf, n, wording.Amount(all, "request"), Age(r.WhatIf), worst)
	}
	return nil
}

// A siteLook is what is known of one site of a ring since the bundle was published.
type siteLook struct {
	read                uint64 // records, each once
	last                uint64 // the greatest number of them
	short               uint64 // records that are there and cannot be read
	taken               bool
	refused             string // why it refuses the bundle; empty if it does not
	requests, exceeding uint64 // since it has the bundle
}

// add takes the next record of the site into account.
func (l *siteLook) add(r *Rollout, rec *Record) {
	l.read++
	l.last = max(l.last, rec.Seq)
	switch rec.Type {
	case audit.TypeReload, audit.TypeStart:
		if why := refusal(&rec.Record); why != "" {
			if strings.HasPrefix(why, "bundle refused: ") {
				l.refused = why
			}
		} else if name, serial, ok := bundleOf(&rec.Record); ok {
			l.taken, l.refused = name == r.Bundle.Name && serial >= r.Bundle.Serial, ""
		}
		return
	}
	if !l.taken {
		return
	}
	n := uint64(1)
	if rec.Type == audit.TypeRepeat {
		n = uint64(max(rec.Count, 0))
	}
	l.requests += n
	if r.StopIf.Name == rec.Reason && rec.Decision != policy.Allowed || r.StopIf.Name == "denied" && rec.Decision == policy.Denied {
		l.exceeding += n
	}
}

// look reads what the sites of a ring have delivered since the last look, into looks, and says how the ring does.
func (r *Rollout) look(ctx context.Context, ring *RingState, spec RingSpec, looks map[string]*siteLook) error {
	if err := r.readLooks(ctx, ring, spec, looks); err != nil {
		return err
	}
	known, err := r.Client.siteNames(ctx, r.now().Add(-30*24*time.Hour))
	if err != nil {
		return err
	}
	ring.Taken, ring.Waiting, ring.Silent = nil, nil, nil
	ring.Refused, ring.Requests, ring.Exceeding = map[string]string{}, 0, 0
	for site, l := range looks {
		ring.Requests, ring.Exceeding = ring.Requests+l.requests, ring.Exceeding+l.exceeding
		if l.refused != "" {
			ring.Refused[site] = l.refused
		}
	}
	for _, site := range known {
		switch l := looks[site]; {
		case !r.of(ring.Ring, site):
		case l == nil:
			ring.Silent = append(ring.Silent, site)
		case l.taken:
			ring.Taken = append(ring.Taken, site)
		default:
			ring.Waiting = append(ring.Waiting, site)
		}
	}
	return nil
}

// readLooks reads the records that looks has not. A site whose earlier records came late is read from the beginning.
func (r *Rollout) readLooks(ctx context.Context, ring *RingState, spec RingSpec, looks map[string]*siteLook) error {
	where, err := audit.ParseQuery("type in (admin.reload, system.start, egress.decision, egress.repeat)")
	if err != nil {
		return err
	}
	s := Search{Where: where, Sites: spec.Sites, Since: ring.Published}
	filter, err := s.filter()
	if err != nil {
		return err
	}
	count := func(what string) (map[string]uint64, error) {
		there := map[string]uint64{}
		err := r.Client.rows(ctx, s.whole().within()+" "+filter+` | stats by ("webproxy.site") `+what+" n", func(row map[string]string) error {
			if site := row["webproxy.site"]; r.of(ring.Ring, site) {
				there[site], _ = exactNumber(row["n"])
			}
			return nil
		})
		return there, err
	}
	var there map[string]uint64
	if !r.countAll {
		if there, err = count(`count_uniq("webproxy.seq")`); err != nil && ctx.Err() == nil {
			r.countAll = true // VictoriaLogs may hold no more numbers in memory
		}
	}
	if r.countAll {
		there, err = count("count()")
	}
	if err != nil {
		return err
	}
	for round := range 2 {
		var more []overlap
		for site, n := range there {
			l := looks[site]
			if l == nil {
				l = &siteLook{}
				looks[site] = l
			}
			if l.read+l.short < n {
				more = append(more, overlap{site, numbers{first: l.last + 1, last: exactNumbers - 1}})
			}
		}
		slices.SortFunc(more, func(a, b overlap) int { return cmp.Compare(a.site, b.site) })
		for len(more) > 0 {
			terms, used := overlapTerms(more, math.MaxUint64)
			more = more[used:]
			s.only = "(" + strings.Join(terms, " or ") + ")"
			stats, err := r.Client.Records(ctx, s, func(rec *Record) error {
				if l := looks[rec.From]; l != nil {
					l.add(r, rec)
				}
				return nil
			})
			if err != nil {
				return err
			}
			r.read += stats.Read
		}
		for site, n := range there {
			switch l := looks[site]; {
			case l.read+l.short >= n:
			case round == 0: // earlier records came late: from the beginning
				delete(looks, site)
			default:
				l.short = n - l.read
			}
		}
	}
	return nil
}

// siteNames are the sites that delivered anything since a time, sorted.
func (c *Client) siteNames(ctx context.Context, since time.Time) ([]string, error) {
	var names []string
	err := c.rows(ctx, slice{from: since, to: time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)}.within()+` "webproxy.type":* | uniq by ("webproxy.site")`, func(row map[string]string) error {
		if len(names) == maxSites {
			return fmt.Errorf("more than %d sites", maxSites)
		}
		names = append(names, row["webproxy.site"])
		return nil
	})
	slices.Sort(names)
	return names, err
}

// say reports the progress of the ring if it has changed.
func (r *Rollout) say(ring *RingState, lacking []string) {
	text := fmt.Sprintf("ring %s: %d of %s have %s", ring.Ring, len(ring.Taken), wording.Plural(len(ring.Taken)+len(ring.Waiting)+len(ring.Silent), "site"), r.Bundle)
	if len(ring.Silent) > 0 {
		text += ", silent: " + someOf(ring.Silent)
	}
	if r.StopIf.Name != "" {
		text += fmt.Sprintf("; %s of %s %s", wording.Comma(ring.Exceeding), wording.Amount(ring.Requests, "request"), r.StopIf.Name)
	}
	if len(lacking) > 0 {
		text += "; waits: " + someOf(lacking)
	}
	if r.Say != nil && text != r.said {
		r.Say(text)
	}
	r.said = text
}

// VerifyBundle opens the bundle in data and verifies it with the keys of the settings.
func (c *Config) VerifyBundle(data []byte) (*bundle.Bundle, error) {
	if len(c.Keys) == 0 {
		return nil, hint.With(errors.New("no keys are set that bundles must be signed with"), "name them in "+FileName+": keys: [alice.pub, bob.pub]")
	}
	texts, err := publicKeys(c.Keys)
	if err != nil {
		return nil, err
	}
	keys, err := bundle.ParseKeys(texts)
	if err != nil {
		return nil, err
	}
	return bundle.Open(data, keys, cmp.Or(c.Need, keys.Len()))
}
