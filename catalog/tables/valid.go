package tables

import (
	"errors"
	"net/netip"
	"strings"

	"webproxy/policy"
)

// refuseInvalid removes entries that would make a configuration invalid, such as one for an address that no rule can allow.
func (r *Report) refuseInvalid(denied bool) {
	var all []policy.Entry
	for i := range r.Lines {
		all = append(all, r.Lines[i].Entries...)
	}
	if len(all) == 0 {
		return
	}
	for i := range all {
		all[i].Phase, all[i].Cloud, all[i].Tag = "", "", "" // the configuration has the phases and the cloud
	}
	_, err := policy.Compile(&policy.Spec{Rules: []policy.RuleSpec{{ID: "import", File: "import", Deny: denied}}}, imported(all), policy.Env{})
	var errs policy.SpecErrors
	if !errors.As(err, &errs) {
		return
	}
	wrong := map[string][]*policy.SpecError{}
	for _, e := range errs {
		wrong[e.File] = append(wrong[e.File], e)
	}
	for i := range r.Lines {
		l := &r.Lines[i]
		if len(l.Entries) == 0 || wrong[l.Entries[0].Source] == nil {
			continue
		}
		var kept []policy.Entry
		for _, e := range l.Entries {
			why := ""
			for _, w := range wrong[e.Source] {
				if strings.Contains(w.Msg, e.Host.String()) {
					why = w.Msg
				}
			}
			if why == "" {
				kept = append(kept, e)
				continue
			}
			l.Left = append(l.Left, Left{Kind: Problem, Text: e.Host.String(), Why: why})
		}
		l.Entries = kept
	}
}

// imported is a policy.Library that has one file.
type imported []policy.Entry

// List implements policy.Library.
func (imported) List(string, policy.Place) (policy.List, error) {
	return policy.List{}, errors.New("there is none")
}

// File implements policy.Library.
func (f imported) File(string) (*policy.Entries, error) { return policy.NewEntries(f), nil }

// Prefixes implements policy.Library.
func (imported) Prefixes(string, string) ([]netip.Prefix, error) {
	return nil, errors.New("there are none")
}
