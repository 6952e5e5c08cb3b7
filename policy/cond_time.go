package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A phase is a time in which the rules that are bound to it hold.
type phase struct {
	name     string
	active   bool
	until    time.Time
	schedule *schedule
}

// on reports whether the phase is on at t. The end of a time is not part of it.
func (p *phase) on(t time.Time) bool {
	return p.active || t.Before(p.until) || p.schedule != nil && p.schedule.covers(t)
}

// PhaseOn reports whether the phase of that name is on at t; false if there is none.
func (s *Set) PhaseOn(name string, t time.Time) bool {
	p := s.phases[name]
	return p != nil && p.on(t)
}

// checkTime evaluates the phase first, since a phase can be switched on, and then the expiry.
func (t *terms) checkTime(now time.Time) Reason {
	if t.phase != nil && !t.phase.on(now) {
		return PhaseInactive
	}
	if t.expires != 0 && now.Unix() >= t.expires {
		return RuleExpired
	}
	return reasonUnset
}

// compilePhases builds the phases, before any rule refers to them.
func (c *compiler) compilePhases(spec *Spec) {
	for _, name := range slices.Sorted(maps.Keys(spec.Phases)) {
		s := spec.Phases[name]
		p := &phase{name: name, active: s.Active, until: s.Until}
		if !validID(name) {
			c.failAt("phases."+name, fmt.Sprintf("phase name %q: want letters, digits, \"-\", \"_\" and \".\"", name), "")
		}
		if s.Schedule != "" {
			var err error
			if p.schedule, err = parseSchedule(s.Schedule); err != nil {
				c.failAt("phases."+name+".schedule", err.Error(), `write days, hours and a time zone: "Tue 20:00-06:00 Europe/Oslo"`)
			}
		}
		c.set.phases[name] = p
	}
}

// phaseNames are the names of all phases.
func (c *compiler) phaseNames() []string { return slices.Sorted(maps.Keys(c.set.phases)) }

// compileTime binds entries of the form f to a phase and an expiry: their own, else their rule's; the earlier expiry
// holds. An entry with a phase of its own in a rule with another one would need both.
func (c *compiler) compileTime(r *RuleSpec, f *form, t *terms) {
	name := f.phase
	switch {
	case name == "":
		name = r.Phase
	case r.Phase != "" && r.Phase != name:
		t.wrong = &SpecError{Msg: fmt.Sprintf("phase %q differs from its rule's phase %q", name, r.Phase), Hint: "put the entry into a rule of its own"}
	}
	if name != "" {
		t.phase = c.set.phases[name]
		if t.phase == nil {
			if t.wrong == nil && name != r.Phase { // a mistake in the rule's phase is reported for the rule
				t.wrong = noSuch("phase", name, c.phaseNames(), "name it in policy.phases: "+name+": { active: false }")
			}
			t.phase = &phase{name: name} // never on
		}
	}
	for _, x := range []Expiry{f.expires, r.Expires} {
		if !x.IsZero() && (t.expires == 0 || x.at.Unix() < t.expires) {
			t.expires = x.at.Unix()
		}
	}
}

// A schedule is hours on days of the week, in a time zone's wall clock.
type schedule struct {
	text       string
	days       [7]bool // by time.Weekday: the days on which the hours begin
	start, end int     // minutes since midnight; if end is not after start, it is on the next day
	zone       *time.Location
}

// String is the schedule as it was written.
func (s *schedule) String() string {
	if s == nil {
		return ""
	}
	return s.text
}

func (s *schedule) covers(t time.Time) bool {
	local := t.In(s.zone)
	day := local.Weekday()
	minute := local.Hour()*60 + local.Minute()
	if s.start < s.end {
		return s.days[day] && s.start <= minute && minute < s.end
	}
	yesterday := (day + 6) % 7
	return s.days[day] && minute >= s.start || s.days[yesterday] && minute < s.end
}

// parseSchedule reads "Tue 20:00-06:00 Europe/Oslo": days are "daily", names, ranges such as Mon-Fri, or several of
// these separated by commas; the zone is UTC if left out.
func parseSchedule(s string) (*schedule, error) {
	words := strings.Fields(s)
	if len(words) < 2 || len(words) > 3 {
		return nil, fmt.Errorf("schedule %q: want days, hours and a time zone", s)
	}
	sch := &schedule{text: strings.Join(words, " "), zone: time.UTC}
	if err := sch.parseDays(words[0]); err != nil {
		return nil, fmt.Errorf("schedule %q: %w", s, err)
	}
	from, to, ok := strings.Cut(words[1], "-")
	var err1, err2 error
	sch.start, err1 = parseClock(from)
	sch.end, err2 = parseClock(to)
	if !ok || err1 != nil || err2 != nil {
		return nil, fmt.Errorf("schedule %q: hours %q: want 20:00-06:00", s, words[1])
	}
	if len(words) == 3 {
		zone, err := time.LoadLocation(words[2])
		if err != nil || words[2] == "Local" {
			return nil, fmt.Errorf("schedule %q: no time zone %q", s, words[2])
		}
		sch.zone = zone
	}
	return sch, nil
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (s *schedule) parseDays(list string) error {
	if strings.EqualFold(list, "daily") {
		list = "sun-sat"
	}
	for part := range strings.SplitSeq(strings.ToLower(list), ",") {
		from, to, ranged := strings.Cut(part, "-")
		if !ranged {
			to = from
		}
		first, last := slices.Index(weekdays, from), slices.Index(weekdays, to)
		if first < 0 || last < 0 {
			return fmt.Errorf("days %q: want Mon, Tue, Wed, Thu, Fri, Sat, Sun or daily", part)
		}
		for d := first; ; d = (d + 1) % 7 {
			s.days[d] = true
			if d == last {
				break
			}
		}
	}
	return nil
}

// parseClock returns minutes since midnight; 24:00 is the end of a day.
func parseClock(s string) (int, error) {
	if s == "24:00" {
		return 24 * 60, nil
	}
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		return 0, fmt.Errorf("time %q: want hh:mm", s)
	}
	return t.Hour()*60 + t.Minute(), nil
}
