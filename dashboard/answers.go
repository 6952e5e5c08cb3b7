package dashboard

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"webproxy/learn"
)

// Two people may have the same form open. The second is told what the first decided, and overwrites nothing: a form
// has the time when its page was made, and decisions since then about the same subject are looked up.

// An answer is a decision that somebody made on the pages.
type answer struct {
	at       time.Time
	text     string // who decided what, and why
	subjects []string
}

// maxAnswers bounds the remembered answers; a page older than all of them is too old.
const maxAnswers = 256

// anyEntry is the subject of all decisions about entries.
const anyEntry = "entry "

func entrySubject(group, entry string) string { return anyEntry + group + " " + entry }

// madeAt is the value in the forms of a page that shows the state of time t.
func madeAt(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 36) }

func madeNow() string { return madeAt(time.Now()) }

// timeMade is the time in a value of madeAt; zero for any other value.
func timeMade(made string) time.Time {
	n, err := strconv.ParseInt(made, 36, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(0, n)
}

// remember stores what user decided about subjects. p.writing is held.
func (p *Pages) remember(user, what, reason string, subjects ...string) {
	if len(p.answers) >= maxAnswers {
		p.forgotten = p.answers[0].at
		p.answers = slices.Delete(p.answers, 0, 1)
	}
	text := user + " " + what
	if reason != "" {
		text += " (" + reason + ")"
	}
	p.answers = append(p.answers, answer{time.Now(), text, subjects})
}

// answeredSince says what was decided about any of subjects after a page was made; empty if nothing. p.writing is held.
func (p *Pages) answeredSince(made string, subjects ...string) string {
	since := timeMade(made)
	if since.IsZero() {
		return "the form does not say when its page was made; nothing was written, look again"
	}
	if since.Before(p.forgotten) {
		return "the page is older than what is remembered of decisions; nothing was written, look again"
	}
	var others []string
	for _, a := range slices.Backward(p.answers) {
		if a.at.After(since) && slices.ContainsFunc(subjects, a.about) {
			others = append(others, a.text+" at "+a.at.UTC().Format("15:04:05"))
		}
	}
	if len(others) == 0 {
		return ""
	}
	const told = 3
	text := strings.Join(others[:min(len(others), told)], "; ")
	if len(others) > told {
		text += "; and others"
	}
	return text + ", after the page was made; nothing more was written, look again"
}

// answeredAfter reports whether something was decided about an entry after a time.
func (p *Pages) answeredAfter(t time.Time) bool {
	p.writing.Lock()
	defer p.writing.Unlock()
	return slices.ContainsFunc(p.answers, func(a answer) bool { return a.at.After(t) && a.about(anyEntry) })
}

// about reports whether a is about a subject.
func (a *answer) about(subject string) bool {
	return slices.ContainsFunc(a.subjects, func(s string) bool {
		return s == subject || subject == anyEntry && strings.HasPrefix(s, anyEntry)
	})
}

// wordFor is the past tense of an answer, for people.
func wordFor(a learn.Answer) string {
	switch a {
	case learn.Reject:
		return "rejected"
	case learn.Snooze:
		return "put off"
	}
	return "approved"
}
