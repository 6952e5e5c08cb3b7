package daemon

import (
	"context"

	"webproxy/config"
	"webproxy/dashboard"
	"webproxy/policy"
)

// learning sets Learning of each group in learn mode. If the result is old, the log is read in the background, which is waited for
// for statusPatience.
func (d *daemon) learning(ctx context.Context, groups []GroupStatus) {
	var l *dashboard.Learning
	for i := range groups {
		g := &groups[i]
		if g.Mode != policy.Learn.String() {
			continue
		}
		if l == nil {
			l = d.askLearning(ctx)
		}
		g.Learning = learningOf(l, g.Name)
	}
}

func (d *daemon) askLearning(ctx context.Context) *dashboard.Learning {
	pages := d.pages
	if pages == nil { // there is no dashboard
		pages = &dashboard.Pages{Config: func() *config.Config { return d.current.Load() }, Audit: d.cfg.Audit.WithDefaults(), Jobs: &d.jobs}
	}
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	l := pages.Learning(ctx)
	return &l
}

func learningOf(l *dashboard.Learning, group string) *LearningStatus {
	st := &LearningStatus{Missing: []string{}, AsOf: l.At}
	if l.Running {
		st.Reading = l.Part
	}
	if l.Err != nil {
		st.Problem = l.Err.Error()
	}
	for i := range l.Ready {
		if r := &l.Ready[i]; r.Group == group {
			st.State, st.Missing = string(r.State), append(st.Missing, r.Missing...)
		}
	}
	return st
}
