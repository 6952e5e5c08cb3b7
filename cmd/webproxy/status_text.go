package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/internal/daemon"
	"webproxy/internal/wording"
)

// statusText is the status for people.
func statusText(st *daemon.Status, look []string) string {
	var b strings.Builder
	line := func(subject, format string, args ...any) {
		fmt.Fprintf(&b, "%-9s%s\n", subject, audit.Printable(fmt.Sprintf(format, args...)))
	}
	disk := "config on disk in force"
	if st.Policy.Problem != "" {
		disk = fmt.Sprintf("config on disk REFUSED %s ago", ago(st.Now.Sub(st.Policy.Refused)))
	}
	ready := "ready"
	if !st.Ready {
		ready = "NOT READY"
	}
	fmt.Fprintf(&b, "%s up %s   %s   policy %s for %s, %s\n", st.Version, ago(st.Now.Sub(st.Started)), ready,
		shortDigest(st.Policy.Digest), ago(st.Now.Sub(st.Policy.Since)), disk)
	config := st.Config
	if config == "" {
		config = "built-in"
	}
	line("config", "%s   listening %s   pid %d", config, strings.Join(st.Listen, " "), st.PID)
	if st.Policy.Problem != "" {
		first, _, _ := strings.Cut(st.Policy.Problem, "\n")
		line("", "%s", first)
	}
	if b := st.Bundle; b != nil {
		line("bundle", "%s", bundleText(st.Now, b))
	}
	if l := st.Lockdown; l != nil {
		line("LOCKDOWN", "%s", l.Text)
	}
	line("modes", "%s", modesText(st.Groups)+phasesText(st))
	line("now", "%s   %s   %.1f/s   last %s  %s allowed  %s denied%s%s", wording.Plural(st.Open.Tunnels, "tunnel"), wording.Plural(st.Open.Requests, "request"),
		st.Open.PerSecond, ago(seconds(st.LastHour.Seconds)), wording.Comma(st.LastHour.Allowed), wording.Comma(st.LastHour.Denied), hostsText(st), wouldText(st.LastHour.WouldDeny))
	for i := range st.Denied {
		subject := "denied"
		if i > 0 {
			subject = ""
		}
		line(subject, "%s", deniedText(&st.Denied[i], st.Now))
	}
	line("audit", "%s", auditText(st))
	if len(st.Upstreams) > 0 {
		parts := make([]string, 0, len(st.Upstreams))
		for _, u := range st.Upstreams {
			parts = append(parts, u.Name+map[bool]string{true: " up", false: " DOWN"}[u.Up])
		}
		line("upstream", "%s", strings.Join(parts, "   "))
	}
	for i, what := range look {
		subject := ""
		if i == 0 {
			subject = "look at"
		}
		line(subject, "%s", what)
	}
	return b.String()
}

// deniedText is "example.org:443  host_not_listed  2x node1   5 s ago   why KCE6HQ".
func deniedText(d *daemon.DeniedStatus, now time.Time) string {
	required := ""
	if d.Required != "" {
		required = "   required"
	}
	return fmt.Sprintf("%s:%d  %s  %dx %s   %s ago   why %s%s", d.Host, d.Port, d.Reason, d.Times, cmp.Or(d.Name, d.Client), ago(now.Sub(d.Last)), d.ID, required)
}

// bundleText is "stable-1042 made 3 d ago, its source reached 12 s ago".
func bundleText(now time.Time, b *daemon.BundleStatus) string {
	text := "none of " + b.Name + " was taken yet"
	if b.Serial > 0 {
		text = fmt.Sprintf("%s-%d made %s ago", b.Name, b.Serial, ago(now.Sub(b.Made)))
	}
	if b.Reached.IsZero() {
		text += ", its source was not reached since the start"
	} else {
		text += ", its source reached " + ago(now.Sub(b.Reached)) + " ago"
	}
	if b.Problem != "" {
		first, _, _ := strings.Cut(b.Problem, "\n")
		text += "; " + first
	}
	return text
}

func modesText(groups []daemon.GroupStatus) string {
	parts := make([]string, 0, len(groups))
	for _, g := range groups {
		parts = append(parts, g.Name+" "+g.Mode+learningText(g.Learning))
	}
	return strings.Join(parts, "   ")
}

// learningText is ": settling, 2 of 14 quiet days".
func learningText(l *daemon.LearningStatus) string {
	switch {
	case l == nil:
		return ""
	case l.State != "" && len(l.Missing) > 0:
		return ": " + l.State + ", " + l.Missing[0]
	case l.State != "":
		return ": " + l.State + ", ready to enforce"
	case l.Problem != "":
		return ": the log cannot be read: " + l.Problem
	}
	return fmt.Sprintf(": reading the log, %.0f %%", 100*l.Reading)
}

// hostsText is " (2 hosts)", how many were denied in the last hour; empty if the last records have none.
func hostsText(st *daemon.Status) string {
	if st.DeniedHosts == 0 || st.LastHour.Denied == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s)", wording.Plural(st.DeniedHosts, "host"))
}

// phasesText names the phases that are on.
func phasesText(st *daemon.Status) string {
	var on []string
	for _, p := range st.Phases {
		switch {
		case !p.On:
		case p.Until.After(st.Now):
			on = append(on, fmt.Sprintf("%s on until %s", p.Name, p.Until.UTC().Format("2006-01-02 15:04 UTC")))
		default:
			on = append(on, p.Name+" on")
		}
	}
	switch {
	case len(on) > 0:
		return "   phases  " + strings.Join(on, ", ")
	case len(st.Phases) > 0:
		return "   phases  all off"
	}
	return ""
}

func wouldText(n uint64) string {
	if n == 0 {
		return ""
	}
	return "  " + wording.Comma(n) + " let through in learn mode"
}

// auditText is "seq 1,240,392  signed 22 s ago  61 GiB free   siem 0.3 s behind".
func auditText(st *daemon.Status) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  seq %s", st.Audit.Dir, wording.Comma(st.Audit.LastSeq))
	if !st.Audit.Sealed.IsZero() {
		fmt.Fprintf(&b, "  signed %s ago", ago(st.Now.Sub(st.Audit.Sealed)))
	}
	if st.Audit.Free >= 0 {
		fmt.Fprintf(&b, "  %s free", bytesText(st.Audit.Free))
	}
	if st.Audit.DaysLeft >= 0 {
		fmt.Fprintf(&b, " (~%s d)", wording.Comma(uint64(st.Audit.DaysLeft)))
	}
	b.WriteString("  " + verifiedText(st))
	for _, r := range st.Receivers {
		switch {
		case r.LagRecords == 0:
			fmt.Fprintf(&b, "   %s has all", r.Name)
		case r.LagRecords == r.Unconfirmed:
			fmt.Fprintf(&b, "   %s was sent all, confirmed to %s ago", r.Name, ago(seconds(r.LagSeconds)))
		default:
			fmt.Fprintf(&b, "   %s %s behind", r.Name, behind(r.LagSeconds))
		}
	}
	return b.String()
}

// verifiedText is "verified 02:00 UTC OK".
func verifiedText(st *daemon.Status) string {
	v := st.Audit.Verified
	if v == nil {
		return "not verified yet"
	}
	layout := "15:04 UTC"
	if st.Now.Sub(v.At) > 20*time.Hour {
		layout = "2006-01-02 15:04 UTC"
	}
	return "verified " + v.At.UTC().Format(layout) + map[bool]string{true: " OK", false: " FAIL"}[v.OK]
}

// behind is "0.3 s", "22 s" or "5 min".
func behind(s float64) string {
	if s < 1 {
		return fmt.Sprintf("%.1f s", s)
	}
	return ago(seconds(s))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// ago is a duration in its largest unit: "22 s", "5 min", "3 h", "12 d".
func ago(d time.Duration) string {
	units := []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}}
	i := slices.IndexFunc(units, func(u struct {
		of   time.Duration
		name string
	}) bool {
		return d >= 2*u.of || u.of == time.Second
	})
	return fmt.Sprintf("%d %s", max(0, d)/units[i].of, units[i].name)
}

// bytesText is "61 GiB" or "312 MiB".
func bytesText(n int64) string {
	if n >= 10<<30 {
		return fmt.Sprintf("%d GiB", n>>30)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
