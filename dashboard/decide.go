package dashboard

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/learn"
	"webproxy/policy"
	"webproxy/review"
)

// A decideBody is the page on which a denied host is decided.
type decideBody struct {
	Target, Host, Port, Scheme, Client string
	Group                              string
	Text                               string // the explanation
	Exact                              string
	Wider, NotWider                    string
	GoesTo                             string
	Wrong                              string
	Made                               string // when the page was made; see answeredSince
	Answer, Reason                     string // as submitted, for a page that is shown again

	allowed string // which entry allows it, and who approved that; empty if the policy denies it
}

// subjects are the subjects of an answer, for answeredSince.
func (b *decideBody) subjects() []string {
	all := []string{"host " + b.Group + " " + b.Scheme + " " + b.Target}
	for _, entry := range []string{b.Exact, b.Wider} {
		if entry != "" {
			all = append(all, entrySubject(b.Group, entry))
		}
	}
	return all
}

// decideLink is the URL of the page on which a denied host is decided.
func (u *use) decideLink() string {
	v := url.Values{"host": {u.host}, "port": {fmt.Sprint(u.port)}, "scheme": {u.scheme}, "client": {audit.AddrText(u.like.Client)}}
	return "/decide?" + v.Encode()
}

// decideOf reads the host of the form; it is checked like a client's target.
func (p *Pages) decideOf(r *http.Request) (b decideBody, req policy.Request) {
	b = decideBody{Host: r.FormValue("host"), Port: r.FormValue("port"), Scheme: r.FormValue("scheme"), Client: r.FormValue("client"), Made: madeNow()}
	cfg := p.Config()
	var scheme policy.Scheme
	client, err := netip.ParseAddr(b.Client)
	if err == nil {
		err = scheme.UnmarshalText([]byte(b.Scheme))
	}
	var t policy.Target
	if err == nil {
		host := b.Host
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		t, err = policy.ParseTarget(scheme, host+":"+b.Port)
	}
	if err != nil {
		b.Wrong = err.Error()
		return b, req
	}
	b.Target, b.Group = t.HostPort(), cfg.Set.GroupOf(client)
	req = policy.Request{Time: time.Now(), Client: client, Method: "CONNECT", Target: t}
	if scheme == policy.HTTP {
		req.Method, req.Path = "GET", "/"
	}
	x := cfg.Set.Explain(&req)
	b.Text = review.ExplainText(&x, &req, review.Remedies(cfg, &x, ""), review.ListedIn(cfg, &x))
	if x.Verdict == policy.Allow {
		b.allowed = allowedBy(cfg.Set, x.Rule(), x.Source())
	}
	b.Exact = learn.EntryFor(t.Host(), t.Port(), scheme)
	b.Wider, b.NotWider = learn.WiderThan(t.Host(), t.Port(), scheme)
	b.GoesTo = review.Writer{Config: cfg}.GoesTo(b.Group)
	return b, req
}

// allowedBy says which entry allows something, and who approved it, why.
func allowedBy(set *policy.Set, rule, source string) string {
	text := strings.TrimSpace(rule + " " + source)
	for info := range set.All() {
		if who := strings.TrimSpace(info.By + " " + info.Reason); who != "" && info.Rule == rule && info.Source == source {
			return text + " (" + who + ")"
		}
	}
	return text
}

func (p *Pages) decide(w http.ResponseWriter, r *http.Request) {
	b, _ := p.decideOf(r)
	p.render(w, r, "decide", "Decide", nil, 0, &b)
}

// decided carries out a decision about a denied host.
func (p *Pages) decided(w http.ResponseWriter, r *http.Request, user string) {
	b, _ := p.decideOf(r)
	b.Answer, b.Reason = r.PostFormValue("answer"), strings.TrimSpace(r.PostFormValue("reason"))
	item := learn.Item{Group: b.Group, Entry: b.Exact, Answer: learn.Approve, Reason: b.Reason}
	switch answer := b.Answer; {
	case b.Wrong != "":
	case b.Group == "":
		b.Wrong = "the client is in no group: a list cannot help it"
	case item.Reason == "":
		b.Wrong = "say why: the reason stands in the list and in the record"
	case answer == "exact":
	case answer == "wider" && b.Wider != "":
		item.Entry = b.Wider
	case answer == "hours":
		item.Expires = time.Now().Add(4 * time.Hour).UTC().Truncate(time.Second).Format(time.RFC3339)
	case answer == "reject":
		item.Answer = learn.Reject
	default:
		b.Wrong = "choose one of the answers"
	}
	if b.Wrong == "" {
		p.writing.Lock()
		var text string
		b.Wrong = p.answeredSince(r.PostFormValue("made"), b.subjects()...)
		if b.Wrong == "" && b.allowed != "" && p.Status.snapshot().Installed.After(timeMade(r.PostFormValue("made"))) {
			b.Wrong = "the policy was changed after the page was made, and allows it now by " + b.allowed + "; nothing more was written, look again"
		}
		if b.Wrong == "" {
			if text, b.Wrong = p.apply(user, []learn.Item{item}); b.Wrong == "" {
				p.remember(user, wordFor(item.Answer)+" "+item.Entry, b.Reason, b.subjects()[0], entrySubject(b.Group, item.Entry))
			}
		}
		p.writing.Unlock()
		if b.Wrong == "" {
			p.done(w, r, "/denied", text)
			return
		}
	}
	w.WriteHeader(http.StatusUnprocessableEntity)
	p.render(w, r, "decide", "Decide", nil, 0, &b)
}

// apply carries out answers in the name of user, and returns a summary or the error. p.writing is held.
func (p *Pages) apply(user string, items []learn.Item) (text, wrong string) {
	a, err := review.Writer{Config: p.Config(), By: user}.Apply(items)
	if err != nil {
		return "", err.Error()
	}
	if a.Empty() {
		return "Nothing new: " + a.Summary() + ".", ""
	}
	if wrong := p.commit(&a.Change); wrong != "" {
		return "", wrong
	}
	return a.Summary() + ". It is in force within a second, and recorded in the name of " + user + ".", ""
}

// commit writes a change. p.writing is held.
func (p *Pages) commit(c *review.Change) (wrong string) {
	_, err := c.Commit()
	var problems config.Problems
	switch {
	case err == nil:
		return ""
	case errors.Is(err, review.ErrChanged):
		return "somebody else changed the files meanwhile; nothing was written, look again"
	case errors.As(err, &problems):
		var b strings.Builder
		problems.Write(&b)
		return b.String()
	}
	return err.Error()
}

// answered carries out answers to proposals: one, or all without concerns.
func (p *Pages) answered(w http.ResponseWriter, r *http.Request, user string) {
	text, wrong := p.answer(r, user)
	if wrong != "" {
		p.done(w, r, "/learn", "Not done: "+wrong)
		return
	}
	p.done(w, r, "/learn", text)
}

// answer is answered without the page. If two people answer at once, the second is told what the first decided.
func (p *Pages) answer(r *http.Request, user string) (text, wrong string) {
	reason, answer := strings.TrimSpace(r.PostFormValue("reason")), learn.Answer(r.PostFormValue("answer"))
	group, entry, made := r.PostFormValue("group"), r.PostFormValue("entry"), r.PostFormValue("made")
	switch {
	case reason == "" && answer != learn.Snooze:
		return "", "say why: the reason stands in the list and in the record"
	case !slices.Contains([]learn.Answer{learn.Approve, learn.Narrow, learn.Reject, learn.Snooze}, answer):
		return "", "choose one of the answers"
	}
	p.writing.Lock()
	defer p.writing.Unlock()
	l := p.lastLearnResult()
	if l == nil || entry == "" && made != l.Made() { // an answer to all means those that the page showed
		return "", "the log was read again meanwhile; nothing was written, look again"
	}
	var items []learn.Item
	var subjects []string
	for _, x := range l.Proposals {
		if entry == "" && answer == learn.Approve && x.Bulk() || entry != "" && x.Group == group && x.Entry == entry {
			item := x.Item()
			item.Answer, item.Reason = answer, reason
			items, subjects = append(items, item), append(subjects, entrySubject(x.Group, x.Entry))
		}
	}
	if wrong := p.answeredSince(made, append(subjects, entrySubject(group, entry))...); wrong != "" {
		return "", wrong
	}
	if len(items) == 0 {
		return "", "there is no such proposal any more; look again"
	}
	what := wordFor(answer) + " " + items[0].Entry
	if more := len(items) - 1; more > 0 {
		what += fmt.Sprintf(" and %d more", more)
	}
	if text, wrong = p.apply(user, items); wrong == "" {
		p.remember(user, what, reason, subjects...)
	}
	return text, wrong
}

// Made identifies a reading of the log; see answeredSince.
func (l *learnResult) Made() string { return madeAt(l.at) }

// A proposalView is a proposal with the forms for its answer.
type proposalView struct {
	*learn.Proposal
	Made   string
	GoesTo string
}

// proposal shows one proposal with all details.
func (p *Pages) proposal(w http.ResponseWriter, r *http.Request) {
	l := p.lastLearnResult()
	v := r.URL.Query()
	if l != nil {
		for _, x := range l.Proposals {
			if x.Group == v.Get("group") && x.Entry == v.Get("entry") {
				p.render(w, r, "proposal", "Proposal", nil, 0, &proposalView{x, l.Made(), review.Writer{Config: p.Config()}.GoesTo(x.Group)})
				return
			}
		}
	}
	w.WriteHeader(http.StatusNotFound)
	p.render(w, r, "refused", "Proposal", nil, 0, "There is no such proposal any more; see Learn.")
}

// A phaseRow is a phase, with its form.
type phaseRow struct {
	Name, When string
	On         bool
}

// phaseSubject is a phase, for answeredSince.
func phaseSubject(name string) string { return "phase " + name }

func phaseRows(cfg *config.Config, now time.Time) []phaseRow {
	var all []phaseRow
	for _, name := range slices.Sorted(maps.Keys(cfg.Policy.Phases)) {
		all = append(all, phaseRow{name, review.PhaseWhen(cfg.Policy.Phases[name]), cfg.Set.PhaseOn(name, now)})
	}
	return all
}

// phase starts or ends a phase.
func (p *Pages) phase(w http.ResponseWriter, r *http.Request, user string) {
	p.writing.Lock()
	defer p.writing.Unlock()
	name, reason := r.PostFormValue("phase"), strings.TrimSpace(r.PostFormValue("reason"))
	path := p.Config().Path
	var text string
	var err error
	wrong := p.answeredSince(r.PostFormValue("made"), phaseSubject(name))
	switch {
	case wrong != "":
		err = errors.New(wrong)
	case reason == "":
		err = errors.New("say why: the reason is recorded")
	case r.PostFormValue("act") == "start":
		length, parsed := time.ParseDuration(r.PostFormValue("for"))
		if parsed != nil {
			err = errors.New("for how long: want a time such as 4h")
			break
		}
		var until time.Time
		if until, err = review.StartPhase(path, name, length, user, reason); err == nil {
			p.remember(user, "started phase "+name, reason, phaseSubject(name))
		}
		text = fmt.Sprintf("Phase %s is on until %s.", name, moment(until).Text)
	default:
		var still string
		still, err = review.StopPhase(path, name)
		text = fmt.Sprintf("Phase %s is no longer switched on by hand.", name)
		if still != "" {
			text += " It is on all the same: " + still + "."
		}
		if err == nil { // the file does not say who removed it
			p.remember(user, "ended phase "+name, reason, phaseSubject(name))
			p.record(&audit.Record{Type: audit.TypePhase, Phase: name, By: user, Ticket: reason, Detail: fmt.Sprintf("phase %s was ended on the dashboard", name)})
		}
	}
	if err != nil {
		text = "Not done: " + err.Error()
	}
	p.done(w, r, "/policy", text)
}

// mode switches the mode of a group.
func (p *Pages) mode(w http.ResponseWriter, r *http.Request, user string) {
	p.writing.Lock()
	defer p.writing.Unlock()
	group, reason := r.PostFormValue("group"), strings.TrimSpace(r.PostFormValue("reason"))
	text, err := func() (string, error) {
		if wrong := p.answeredSince(r.PostFormValue("made"), "mode "+group); wrong != "" {
			return "", errors.New(wrong)
		}
		mode := policy.Enforce
		switch r.PostFormValue("mode") {
		case "enforce":
			if r.PostFormValue("force") == "" && !p.isReady(group) {
				return "", errors.New("learning of the group is not stable, or was not read yet; see Learn, or tick \"also if learning is not stable\"")
			}
		case "learn":
			mode = policy.Learn
		default:
			return "", errors.New("want enforce or learn")
		}
		if reason == "" {
			return "", errors.New("say why: the reason is recorded")
		}
		c, err := review.SwitchMode(p.Config(), group, mode)
		if err == nil {
			err = c.Sign(user, reason)
		}
		if err != nil {
			return "", err
		}
		if wrong := p.commit(&c.Change); wrong != "" {
			return "", errors.New(wrong)
		}
		p.remember(user, fmt.Sprintf("switched group %s to %s", group, mode), reason, "mode "+group)
		return fmt.Sprintf("Group %s: %s, within a second.", group, mode), nil
	}()
	if err != nil {
		text = "Not done: " + err.Error()
	}
	p.done(w, r, "/policy", text)
}

// isReady reports whether, by the last reading, the group may be switched to enforce.
func (p *Pages) isReady(group string) bool {
	l := p.lastLearnResult()
	if l == nil {
		return false
	}
	i := slices.IndexFunc(l.ready, func(r learn.Readiness) bool { return r.Group == group })
	return i >= 0 && l.ready[i].Ready()
}
