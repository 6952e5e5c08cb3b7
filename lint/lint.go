// Package lint finds what is legal in a policy and yet probably wrong: entries that are broader than their author can have
// meant, that have no effect, or that mislead a reader.
//
//	findings, err := lint.Check(lint.Input{Set: cfg.Set, Spec: &cfg.Policy, Now: time.Now()})
//
// It changes nothing and refuses nothing; an invalid policy does not compile in the first place. It reads the audit log, if
// it is given one, and no other file. A finding that is accepted goes into a Baseline. Check may be called concurrently.
package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"webproxy/policy"
)

// An Input is what Check examines. Set is compiled from Spec.
type Input struct {
	Set  *policy.Set
	Spec *policy.Spec
	Now  time.Time
	// Text returns a file by the name that a Source has for it: the configuration, or a list. If it is nil or fails, columns
	// and findings about the spelling are left out.
	Text func(name string) ([]byte, error)
	// Log is the directory of an audit log, in which narrower hosts are looked for; empty for none.
	Log string
	// Since is how far back the log is read.
	Since time.Time
}

// Check returns all findings in the order of files and lines. An error is about the audit log; the findings are then complete
// except for Hosts.
func Check(in Input) ([]Finding, error) {
	l := &linter{Input: in, rules: in.Set.Rules(), texts: map[string][]string{}}
	l.allows, l.denies = newHostIndex(l.rules, false), newHostIndex(l.rules, true)
	for _, check := range []func(*linter){
		(*linter).covered,
		(*linter).shared,
		(*linter).apexes,
		(*linter).dead,
		(*linter).paths,
		(*linter).lists,
		(*linter).serviceTags,
		(*linter).lookAlikes,
		(*linter).written,
	} {
		check(l)
	}
	found := sorted(l.found)
	return found, l.narrow(found)
}

type linter struct {
	Input
	rules  []policy.RuleInfo
	found  []Finding
	allows *hostIndex
	denies *hostIndex
	texts  map[string][]string // lines by name of file; nil if there is no text

	compared int // comparisons so far; see comparisons
}

// add adds a finding about the entry r.
func (l *linter) add(code Code, level Level, r *policy.RuleInfo, entry, reason, fix string) {
	f := Finding{Code: code, Level: level, Field: r.Field, Rule: r.Rule, Entry: entry, Reason: reason, Fix: fix}
	if builtIn(r) {
		f.Reason = r.Source + ": " + reason
	}
	l.place(&f, r)
	l.found = append(l.found, f)
}

// builtIn reports whether r is from a list of the catalog, which the operator does not edit.
func builtIn(r *policy.RuleInfo) bool { return strings.HasPrefix(r.Source, "catalog ") }

// noteIfBuiltIn is the level of a finding that only the author of an entry can correct.
func noteIfBuiltIn(r *policy.RuleInfo) Level {
	if builtIn(r) {
		return Note
	}
	return Warning
}

// place finds where r is written: its line in a list file, else its rule in the configuration, and
// there the text of its host.
func (l *linter) place(f *Finding, r *policy.RuleInfo) {
	source, host := r.Source, r.Host.String()
	if i := ruleIndex(r.Field); i >= 0 && i < len(l.Spec.Rules) {
		rule := &l.Spec.Rules[i]
		if rule.File == "" {
			source = rule.Source
		}
		if rule.List != "" {
			host = rule.List
		}
		if j := hostNumber(r.Field); j >= 0 && j < len(rule.Hosts) {
			host = rule.Hosts[j]
		}
	}
	f.File, f.Line = splitSource(source)
	l.column(f, host)
}

// column looks for text from the finding's line on: in the configuration it may be some lines below the start of its rule.
func (l *linter) column(f *Finding, text string) {
	reach := 2000 // lines; a rule with more hosts is better off with a file
	if l.isList(f.File) {
		reach = 1
	}
	lines := l.lines(f.File)
	for n := f.Line; n >= 1 && n <= len(lines) && n < f.Line+reach; n++ {
		if n > f.Line && startsRule(lines[n-1]) {
			break
		}
		if column, ok := wordColumn(lines[n-1], text); ok {
			f.Line, f.Column, f.width = n, column, len([]rune(text))
			break
		}
	}
	if 1 <= f.Line && f.Line <= len(lines) {
		f.text = lines[f.Line-1]
	}
}

// isList reports whether name is a list file, and not the configuration.
func (l *linter) isList(name string) bool {
	return slices.ContainsFunc(l.Spec.Rules, func(r policy.RuleSpec) bool { return r.File == name })
}

// lines returns the lines of a file; nil if its text is not known.
func (l *linter) lines(name string) []string {
	lines, known := l.texts[name]
	if known || l.Text == nil || name == "" {
		return lines
	}
	if data, err := l.Text(name); err == nil {
		lines = strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
	}
	l.texts[name] = lines
	return lines
}

// startsRule reports whether a line of YAML starts a rule.
func startsRule(line string) bool {
	line = strings.TrimLeft(line, " \t-")
	return strings.HasPrefix(line, "id:") || strings.HasPrefix(line, "{ id:") || strings.HasPrefix(line, "{id:")
}

// wordColumn returns the column of word in line, where it is not a part of a longer word.
func wordColumn(line, word string) (int, bool) {
	for from := 0; word != ""; {
		i := strings.Index(line[from:], word)
		if i < 0 {
			break
		}
		i += from
		end := i + len(word)
		if (i == 0 || !hostByte(line[i-1])) && (end == len(line) || !hostByte(line[end])) {
			return len([]rune(line[:i])) + 1, true
		}
		from = i + 1
	}
	return 0, false
}

func hostByte(c byte) bool {
	return c == '.' || c == '-' || c == '*' || c == '_' || c >= 0x80 ||
		'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// splitSource splits "lists/approved.txt:4"; the line is 0 without a number.
func splitSource(source string) (file string, line int) {
	i := strings.LastIndexByte(source, ':')
	if i < 0 {
		return source, 0
	}
	n, err := strconv.Atoi(source[i+1:])
	if err != nil {
		return source, 0
	}
	return source[:i], n
}

// ruleIndex is 3 for "rules[3].hosts[0]"; -1 if field names no rule.
func ruleIndex(field string) int { return bracketed(field, "rules[") }

// hostNumber is 0 for "rules[3].hosts[0]"; -1 if field names no host.
func hostNumber(field string) int { return bracketed(field, ".hosts[") }

func bracketed(field, before string) int {
	_, rest, ok := strings.Cut(field, before)
	number, _, closed := strings.Cut(rest, "]")
	n, err := strconv.Atoi(number)
	if !ok || !closed || err != nil {
		return -1
	}
	return n
}

// forms is the entry as a list has it, without ports and remarks: "http+https://host/path".
func forms(r *policy.RuleInfo) string {
	var all []string
	for _, s := range []policy.Scheme{policy.HTTP, policy.HTTPS} {
		if r.HasScheme(s) {
			all = append(all, s.String())
		}
	}
	text := r.Host.String() + r.Path
	if r.Query != "" {
		text += "?" + r.Query
	}
	return fmt.Sprintf("%s://%s", strings.Join(all, "+"), text)
}
