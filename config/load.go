package config

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"webproxy/catalog"
	"webproxy/internal/setting"
	"webproxy/internal/spelling"
	"webproxy/policy"
	"webproxy/ship"
)

// Load reads the configuration at path. The error is Problems, everything that is wrong with it.
// Relative paths in the file begin at the file's directory.
func Load(path string) (*Config, error) {
	c, problems := load(path, new(reader), time.Now())
	if len(problems) > 0 {
		return nil, problems
	}
	return c, nil
}

// LoadWith is Load as if files had other contents, given by their absolute paths: for commands that must know that a
// change is valid before they make it.
func LoadWith(path string, instead map[string][]byte) (*Config, error) {
	c, problems := load(path, &reader{instead: instead}, time.Now())
	if len(problems) > 0 {
		return nil, problems
	}
	return c, nil
}

// LoadCandidate is LoadWith for text that a stranger has submitted as the file of the configuration known. It reads no other files than known did, and service tags,
// and may name no others, nor spell their absolute paths otherwise: the problems of a file quote it, so that anybody could read what the proxy can. Files that known
// names but does not read, such as keys and tokens, may be named, but not as lists. A text of more than 256 KiB, and of more than twice the file, is refused: parsing
// takes several hundred times that in memory. Callers bound how many run at a time.
func LoadCandidate(known *Config, text []byte) (*Config, error) {
	if size := max(maxCandidate, 2*known.size); len(text) > size {
		return nil, Problems{{File: known.Path, Msg: fmt.Sprintf("a candidate of %d bytes; want at most %d", len(text), size),
			Hint: "webproxy audit replay --config evaluates a larger one"}}
	}
	r := &reader{instead: map[string][]byte{known.Path: text}, only: map[string]bool{asOpened(known.Path): true}, named: map[string]bool{}}
	for _, path := range known.Files {
		r.only[asOpened(path)] = true
	}
	for _, cloud := range catalog.Clouds() { // a candidate may be the first to use them, and they are Microsoft's
		r.only[asOpened(TagFile(filepath.Dir(known.Path), cloud))] = true
	}
	own := *known // known is shared, and paths stores each receiver again
	own.Ship = maps.Clone(known.Ship)
	for _, path := range own.paths() {
		r.named[asOpened(*path)] = true
	}
	if b := known.Policy.Bundle; b != nil {
		for _, k := range b.Keys {
			r.named[asOpened(keyFile(k, filepath.Dir(known.Path)))] = true
		}
	}
	c, problems := load(known.Path, r, time.Now())
	if len(problems) > 0 {
		return nil, problems
	}
	return c, nil
}

// maxCandidate bounds the text of a candidate, in bytes.
const maxCandidate = 256 << 10

// asOpened is path as the keys of reader.only and named have it. It is not cleaned: /a/b/../c is another file than /a/c if b is a link, and none if b is not there,
// which must not be found out.
func asOpened(path string) string { return filepath.FromSlash(path) }

// A loader is one load: the file being read, and all problems found so far.
type loader struct {
	cfg      *Config
	now      time.Time
	lib      *library
	doc      decoder // of the file, and where its settings are
	part     *bundlePart
	lock     lockdownRead
	problems Problems
	warnings Problems
}

// load is Load, reading by r and running the policy's tests at now. The Config is nil if there are problems.
func load(path string, r *reader, now time.Time) (*Config, Problems) {
	c, problems, lock := loadAll(path, r, now)
	if problems = append(problems, lock...); len(problems) > 0 {
		return nil, problems
	}
	return c, nil
}

// loadAll is load, with the problems of lockdown.yaml apart: if there are no others, the Config refuses everything.
func loadAll(path string, r *reader, now time.Time) (c *Config, problems, lock Problems) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, Problems{{File: path, Msg: err.Error()}}, nil
	}
	data, err := r.read(abs, maxYAML)
	if err != nil {
		p := Problem{File: path, Msg: err.Error(), Hint: "webproxy init writes a configuration to start from"}
		if near := nearFile(path, r.disk().ReadDir); near != "" && errors.Is(err, errNoFile) {
			p.Msg, p.Hint = fmt.Sprintf("%s; did you mean %q?", p.Msg, near), ""
		}
		return nil, Problems{p}, nil
	}
	l := &loader{
		cfg: &Config{Path: abs, read: r, size: len(data)},
		now: now,
		lib: &library{dir: filepath.Dir(abs), shown: filepath.Dir(path), read: r},
	}
	l.readLockdown()
	l.run(path, data)
	if r.only == nil { // a candidate's paths are not even looked for: on Windows \\server\share\x would log in there
		l.checkPermissions()
	}
	if len(l.problems) > 0 {
		return nil, l.problems.sorted(), l.lock.problems.sorted()
	}
	l.applyLockdown()
	l.cfg.Files = slices.Sorted(maps.Keys(r.seen))
	l.cfg.Warnings = l.warnings.sorted()
	return l.cfg, nil, l.lock.problems.sorted()
}

// run fills l.cfg from data.
func (l *loader) run(name string, data []byte) {
	if l.doc.src, l.problems = newSource(name, string(data)); len(l.problems) > 0 {
		return
	}
	if l.doc.root, l.problems = parseYAML(l.doc.src); l.doc.root == nil {
		return
	}
	l.doc.value(l.doc.root, "", reflect.ValueOf(l.cfg).Elem())
	l.problems = append(l.problems, l.doc.problems...)
	l.warnings = append(l.warnings, l.doc.warnings...)
	if l.doc.root.Kind != yaml.MappingNode || l.lib.read.only != nil && len(l.problems) > maxProblems { // a stranger's needs no more work
		return
	}
	l.checkPaths()
	if l.lib.read.only != nil && !l.namesKnown() {
		return // nothing is read: problems, or their absence, would tell what is there
	}
	l.cfg.withDefaults()
	l.checkSections()
	l.mergeBundle()
	if l.cfg.Path != "" {
		l.mergePhases()
		l.readDecisions()
	}
	l.compile()
}

// checkSections has every section checked by the package that it belongs to.
func (l *loader) checkSections() {
	l.options("proxy", l.cfg.Proxy.Check())
	l.options("egress", l.cfg.Egress.Check())
	l.options("tls", l.cfg.TLS.Check())
	l.options("denial", l.cfg.Denial.Check())
	l.options("reload", l.cfg.Reload.Check())
	l.options("audit", l.cfg.Audit.Check())
	l.options("pac", l.cfg.PAC.Check())
	l.options("ship", ship.Check(l.cfg.Ship))
	for name, r := range l.cfg.Ship {
		if !l.failed("ship") && r.Exposed() {
			l.warn("ship."+name, "audit records cross the network in clear text", "use tls:// or https://")
		}
		if instead := r.IgnoredConfirm(); instead != "" && !l.failed("ship") {
			l.warn("ship."+name+".confirm", "is close, which is for syslog receivers only: "+instead, "remove it")
		}
		if r.VictoriaLogs != "" && l.cfg.Audit.Site == "" && !l.failed("ship") && !l.failed("audit") {
			l.fail("ship."+name+".victorialogs", "needs a name for this proxy: its records stand among those of others", "set audit.site, to a name that no other proxy has")
		}
	}
	l.checkListenTLS()
	l.checkDashboard()
	l.checkListeners()
	l.checkAdmin()
}

// options places the problems of a section's Check, unless the section could not be decoded.
func (l *loader) options(section string, err error) {
	if l.failed(section) {
		return
	}
	for _, err := range unjoin(err) {
		var problem *setting.OptionError
		if !errors.As(err, &problem) {
			l.fail(section, err.Error(), "")
			continue
		}
		l.fail(section+"."+problem.Field, problem.Msg, problem.Hint)
	}
}

// unjoin returns the errors that errors.Join made err of.
func unjoin(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// compile compiles the policy and runs its tests.
func (l *loader) compile() {
	for _, must := range []string{"policy", "policy.rules"} {
		if l.failed("policy") {
			break
		}
		if must == "policy.rules" && l.cfg.Policy.Bundle != nil {
			break
		}
		if !l.given(must) {
			if l.misplaced(must) {
				return
			}
			// A truncated file looks just like this.
			l.fail(must, "is missing", "to refuse everything to everybody write policy: { rules: [] }")
			return
		}
	}
	spec := &l.cfg.Policy
	for i := range spec.Rules {
		doc, at := l.fileOf(fmt.Sprintf("rules[%d]", i))
		file := filepath.Base(l.doc.src.name)
		if doc != &l.doc {
			file = doc.src.name
		}
		spec.Rules[i].Source = fmt.Sprintf("%s:%d", file, doc.find(at).Line)
	}
	compiled := *spec
	if errs := catalog.CheckPlace(policy.Place{Cloud: spec.Cloud, Region: spec.Region, Names: spec.Names}); len(errs) > 0 {
		// Reported once; otherwise each list would repeat it.
		l.specErrors(errs)
		compiled.Cloud, compiled.Region, compiled.Names = "", "", nil
	}
	// Settings that could not be decoded are missing from the Spec, and rules that refer to them are not wrong.
	partial := l.failed("policy.clients") || l.failed("policy.phases") || l.failed("policy.names")
	set, err := policy.Compile(&compiled, l.lib, policy.Env{Self: selfAddrs(l.cfg), Pause: l.lib.read.pause})
	if !partial {
		l.specErrors(err)
	}
	for _, f := range l.lib.order {
		l.problems = append(l.problems, f.problems...)
		l.warnings = append(l.warnings, f.warnings...)
		defer f.src.forget()
	}
	l.checkDenyLists()
	if err != nil || len(l.problems) > 0 {
		return
	}
	l.cfg.Set = set
	if l.lib.read.pause != nil {
		set.Digest() // before the first request asks for it
	}
	l.seeInspection()
	if l.checkUpstreams(); len(l.problems) > 0 {
		return
	}
	l.specErrors(set.RunTests(spec.Tests, l.now))
	for _, w := range set.Warnings() {
		p := l.placed((*policy.SpecError)(&w))
		p.Warning, p.Finding = true, w.Finding
		l.warnings = append(l.warnings, p)
	}
	if len(spec.Rules) == 0 {
		l.warn("policy.rules", "no rules: everything is refused", "")
	}
}

// seeInspection has changes of the authorities for inspection noticed. Whether they can be used is checked when they
// are needed: a policy can be checked where they are not.
func (l *loader) seeInspection() {
	for _, path := range l.cfg.Inspection.Roots {
		l.cfg.read.read(path, maxRoots)
	}
	if l.cfg.Set.Inspects() {
		l.cfg.read.list(l.cfg.Inspection.Dir)
	}
}

// checkDenyLists refuses deny rules whose list is an empty file. Unlike any other empty list, it would permit what
// was denied.
func (l *loader) checkDenyLists() {
	for i, r := range l.cfg.Policy.Rules {
		if f := l.lib.files[r.File]; r.Deny && f != nil && f.blank {
			l.problems = append(l.problems, l.placed(&policy.SpecError{
				Field: fmt.Sprintf("rules[%d].file", i),
				Msg:   "deny list " + quoted(r.File) + " is empty: it denies nothing",
				Hint:  "was it written whole? a comment in it says that this is meant",
			}))
		}
	}
}

// specErrors places the errors of Compile and RunTests, except those of rules that could not be decoded.
func (l *loader) specErrors(err error) {
	if err == nil {
		return
	}
	var errs policy.SpecErrors
	if !errors.As(err, &errs) {
		l.fail("policy", err.Error(), "")
		return
	}
	failed := failedSettings{}
	for _, p := range l.problems {
		failed.add(p.Path)
	}
	for _, e := range errs {
		if !failed[ruleOf("policy."+e.Field)] {
			p := l.placed(e)
			l.problems = append(l.problems, p)
			failed.add(p.Path)
		}
	}
}

// failedSettings are the paths of settings that have a problem, in them or below.
type failedSettings map[string]bool

// add adds the setting at path and those around it.
func (f failedSettings) add(path string) {
	const most = 16 // levels: a deeper path is a name with many dots, which need not be split
	f[path] = true
	for i, levels := 1, 0; i < len(path) && levels < most; i++ {
		if path[i] == '.' || path[i] == '[' {
			f[path[:i]] = true
			levels++
		}
	}
}

// ruleOf cuts "policy.rules[3].hosts[0]" to "policy.rules[3]"; other paths it leaves alone.
func ruleOf(path string) string {
	if strings.HasPrefix(path, "policy.rules[") {
		path = path[:strings.IndexByte(path, ']')+1]
	}
	return path
}

// placed gives e its place: its field, or the line of the file it names.
func (l *loader) placed(e *policy.SpecError) Problem {
	p := l.place(e)
	if near := spelling.Nearest(e.Word, e.Known); near != "" {
		p.Msg += fmt.Sprintf("; did you mean %q?", near)
		p.Hint = "" // the hint would be about another word
	}
	return p
}

func (l *loader) place(e *policy.SpecError) Problem {
	if e.Key {
		doc, at := l.fileOf(e.Field)
		return doc.atKey(at, e.Msg, e.Hint)
	}
	if e.Field != "" {
		doc, at := l.fileOf(e.Field)
		p := doc.at(at, e.Msg, e.Hint)
		p.Path = "policy." + e.Field
		return p
	}
	i := strings.LastIndexByte(e.File, ':')
	if n, err := strconv.Atoi(e.File[i+1:]); err == nil && i > 0 {
		src := l.doc.src
		if f := l.lib.files[e.File[:i]]; f != nil {
			src = f.src
		}
		line, at := src.line(n), 0
		if i := strings.Index(line, "="+e.Word); e.Word != "" && i >= 0 { // the value of a key
			at = i + 1
		}
		return src.problem(n, column(line, at), wordWidth(strings.TrimSpace(line[at:])), e.Msg, e.Hint)
	}
	return l.doc.at("policy", e.File+": "+e.Msg, e.Hint)
}

func (l *loader) fail(path, msg, hint string) {
	l.problems = append(l.problems, l.doc.at(path, msg, hint))
}

func (l *loader) warn(path, msg, hint string) {
	p := l.doc.at(path, msg, hint)
	p.Warning = true
	l.warnings = append(l.warnings, p)
}

// failed reports whether a problem was found in the setting at path, or below it.
func (l *loader) failed(path string) bool {
	return slices.ContainsFunc(l.problems, func(p Problem) bool {
		rest, ok := strings.CutPrefix(p.Path, path)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// misplaced reports whether a problem already says that the setting at path is in the wrong place.
func (l *loader) misplaced(path string) bool {
	name := path[strings.LastIndexByte(path, '.')+1:]
	return slices.ContainsFunc(l.problems, func(p Problem) bool {
		return p.Path == name || strings.HasSuffix(p.Path, "."+name)
	})
}

// given reports whether the setting at path, of which the settings around it are given, is in the file.
func (l *loader) given(path string) bool {
	outer := ""
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		outer = path[:i]
	}
	return l.doc.find(path) != l.doc.find(outer)
}
