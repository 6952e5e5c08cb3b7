package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"webproxy/internal/spelling"
	"webproxy/policy"
)

// A Lockdown is what lockdown.yaml says, a file beside the configuration that commands write: for a time, nothing
// goes out but what the policy allows and one of Only allows too.
type Lockdown struct {
	// Only names allow rules: by their ids, or by the lists or files that they take. If there are none, everything is refused.
	Only   []string  `yaml:"only,omitempty"`
	Since  time.Time `yaml:"since"`
	Until  time.Time `yaml:"until"`
	By     string    `yaml:"by"`
	Reason string    `yaml:"reason"`
	// Ended says that somebody ended it before Until.
	Ended LockdownEnd `yaml:"ended,omitempty"`
}

// A LockdownEnd is when somebody ended a lockdown, who, and why. The zero LockdownEnd says that nobody did.
type LockdownEnd struct {
	At     time.Time `yaml:"at"`
	By     string    `yaml:"by"`
	Reason string    `yaml:"reason"`
}

const (
	lockdownFile   = "lockdown.yaml"
	lockdownHeader = "# A lockdown, or the last one there was. Written by webproxy lockdown and webproxy lockdown end.\n"
)

// LockdownPath is where the lockdown is kept, for the configuration at configPath: an absolute path.
func LockdownPath(configPath string) (string, error) {
	abs, err := filepath.Abs(configPath)
	return filepath.Join(filepath.Dir(abs), lockdownFile), err
}

// IsOn reports whether l is a lockdown that is on at t. It has no beginning: a clock that is set back does not lift it. A nil l is none.
func (l *Lockdown) IsOn(t time.Time) bool {
	return l != nil && l.Ended.At.IsZero() && t.Before(l.Until)
}

// Same reports whether l and o are equal; either may be nil.
func (l *Lockdown) Same(o *Lockdown) bool {
	return l == o || l != nil && o != nil && reflect.DeepEqual(*l, *o)
}

// Encode is l in the form of lockdown.yaml. It is an error if by or reason, of the start or of the end, is not a few
// words.
func (l Lockdown) Encode() ([]byte, error) {
	texts := map[string]string{"by": l.By, "reason": l.Reason}
	if !l.Ended.At.IsZero() {
		texts = map[string]string{"by": l.Ended.By, "reason": l.Ended.Reason}
	}
	for what, text := range texts {
		if msg, _, _ := badText(text); strings.TrimSpace(text) == "" || msg != "" || len(text) > 1000 {
			return nil, fmt.Errorf("lockdown: %s %q: want a few words", what, text)
		}
	}
	text, err := yaml.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("encode lockdown: %w", err)
	}
	return append([]byte(lockdownHeader), text...), nil
}

// parseLockdown reads data as a lockdown file called name.
func parseLockdown(name string, data []byte) (*Lockdown, *decoder, Problems) {
	src, problems := newSource(name, string(data))
	if len(problems) > 0 {
		return nil, nil, problems
	}
	root, problems := parseYAML(src)
	if root == nil {
		return nil, nil, problems
	}
	l := new(Lockdown)
	d := &decoder{src: src, root: root}
	d.value(root, "", reflect.ValueOf(l).Elem())
	if l.Until.IsZero() && l.Ended.At.IsZero() && len(d.problems)+len(problems) == 0 {
		d.failAt("", "has no until: the end of the lockdown is unknown", "")
	}
	if problems = append(problems, d.problems...); len(problems) > 0 {
		return nil, nil, problems
	}
	return l, d, nil
}

// A lockdownRead is the result of reading lockdown.yaml. The zero lockdownRead means that there is none.
type lockdownRead struct {
	lockdown *Lockdown
	doc      *decoder
	problems Problems
}

// readLockdown reads the lockdown file of l. It is read whatever the configuration is, so that a Watcher notices its
// changes.
func (l *loader) readLockdown() {
	data, err := l.lib.read.read(filepath.Join(l.lib.dir, lockdownFile), maxYAML)
	if errors.Is(err, errNoFile) {
		return
	}
	name := filepath.Join(l.lib.shown, lockdownFile)
	if err != nil {
		l.lock.problems = Problems{{File: name, Msg: err.Error()}}
		return
	}
	l.lock.lockdown, l.lock.doc, l.lock.problems = parseLockdown(name, data)
}

// applyLockdown makes l.cfg.Live, the policy with its lockdown. If the lockdown cannot be read, nothing goes out.
func (l *loader) applyLockdown() {
	live, problems := under(l.cfg, l.lock)
	l.lock.problems = problems
	l.cfg.Lockdown, l.cfg.Live = l.lock.lockdown, live
}

// under is the policy of cfg under a lockdown. If there are problems, it is one that refuses everything.
func under(cfg *Config, of lockdownRead) (*policy.Set, Problems) {
	if len(of.problems) > 0 {
		return brokenLockdown(cfg.Set), of.problems
	}
	if of.lockdown == nil || !of.lockdown.Ended.At.IsZero() {
		return cfg.Set, nil
	}
	var ids []string
	for i, name := range of.lockdown.Only {
		found, err := rulesNamed(cfg.Policy.Rules, name)
		if err != nil {
			of.doc.failAt(fmt.Sprintf("only[%d]", i), err.Error(), "")
		}
		ids = append(ids, found...)
	}
	if len(of.doc.problems) > 0 {
		return brokenLockdown(cfg.Set), of.doc.problems
	}
	live, err := cfg.Set.Under(policy.Lockdown{Only: ids, Until: of.lockdown.Until, By: of.lockdown.By, Reason: of.lockdown.Reason})
	if err != nil {
		return brokenLockdown(cfg.Set), Problems{of.doc.at("only", err.Error(), "")}
	}
	return live, nil
}

// brokenLockdown is set under a lockdown of everything, without an end.
func brokenLockdown(set *policy.Set) *policy.Set {
	live, err := set.Under(policy.Lockdown{Reason: lockdownFile + " cannot be read; webproxy lockdown end writes it anew"})
	if err != nil {
		return nil // which refuses everything too
	}
	return live
}

// rulesNamed returns the ids of the allow rules that a person may mean by the name of a rule, a list or a list file.
func rulesNamed(rules []policy.RuleSpec, name string) (ids []string, err error) {
	var known []string
	for _, r := range rules {
		if r.Deny {
			continue
		}
		for _, n := range []string{r.ID, r.List, r.File} {
			if n == "" {
				continue
			}
			known = append(known, n)
			if n == name {
				ids = append(ids, r.ID)
				break
			}
		}
	}
	if len(ids) > 0 {
		return ids, nil
	}
	slices.Sort(known)
	switch near := spelling.Nearest(name, known); {
	case len(known) == 0:
		return nil, errors.New("no rule allows anything")
	case near != "":
		return nil, fmt.Errorf("no allow rule or list of policy.rules is called %q; did you mean %q?", name, near)
	}
	return nil, fmt.Errorf("no allow rule or list of policy.rules is called %q; there is %s", name, strings.Join(slices.Compact(known), ", "))
}

// LoadToServe is Load for the process that serves: if only lockdown.yaml is wrong, the policy is loaded and nothing
// goes out until that file is fixed. Warnings says what is wrong with it.
func LoadToServe(path string) (*Config, error) {
	c, problems, lock := loadAll(path, new(reader), time.Now())
	if len(problems) > 0 {
		return nil, problems
	}
	for _, p := range lock {
		p.Warning = true
		p.Msg += "; until it is fixed everything is refused"
		c.Warnings = append(c.Warnings, p)
	}
	return c, nil
}

// LoadWithLockdown loads the configuration at path as if data was its lockdown.yaml. If the configuration is valid
// and the lockdown is not, wrong says why; the Config then refuses everything. The error is Problems of all else.
func LoadWithLockdown(path string, data []byte) (c *Config, wrong, err error) {
	file, err := LockdownPath(path)
	if err != nil {
		return nil, nil, err
	}
	c, problems, lock := loadAll(path, &reader{instead: map[string][]byte{file: data}}, time.Now())
	if len(problems) > 0 {
		return nil, nil, problems
	}
	if len(lock) > 0 {
		wrong = lock
	}
	return c, wrong, nil
}

// Relock returns cfg with the lockdown that lockdown.yaml has now, whatever else has changed on disk: for a proxy
// that keeps cfg because the files on disk are invalid. The error is Problems: lockdown.yaml is invalid too.
func Relock(cfg *Config) (*Config, error) {
	path, err := LockdownPath(cfg.Path)
	if err != nil {
		return nil, err
	}
	var of lockdownRead
	data, err := readFile(path, maxYAML)
	switch {
	case err == nil:
		of.lockdown, of.doc, of.problems = parseLockdown(path, data)
	case !errors.Is(err, errNoFile):
		of.problems = Problems{{File: path, Msg: err.Error()}}
	}
	live, problems := under(cfg, of)
	if len(problems) > 0 {
		return nil, problems.sorted()
	}
	next := *cfg
	next.Lockdown, next.Live = of.lockdown, live
	return &next, nil
}

// ReadLockdown returns what lockdown.yaml says beside the configuration at configPath; nil if there is no such file.
// It reads nothing else. The error is Problems.
func ReadLockdown(configPath string) (*Lockdown, error) {
	path, err := LockdownPath(configPath)
	if err != nil {
		return nil, Problems{{File: configPath, Msg: err.Error()}}
	}
	data, err := readFile(path, maxYAML)
	switch {
	case errors.Is(err, errNoFile):
		return nil, nil
	case err != nil:
		return nil, Problems{{File: path, Msg: err.Error()}}
	}
	l, _, problems := parseLockdown(path, data)
	if len(problems) > 0 {
		return nil, problems.sorted()
	}
	return l, nil
}
