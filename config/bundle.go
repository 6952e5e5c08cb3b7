package config

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"webproxy/bundle"
	"webproxy/internal/notekey"
	"webproxy/internal/setting"
	"webproxy/policy"
)

// bundleDir, beside the configuration, holds the bundle in force.
const bundleDir = "bundle"

// BundleFile is where the bundle in force is kept for the configuration at configPath. A running proxy reloads when
// it is replaced.
func BundleFile(configPath string) string {
	return filepath.Join(filepath.Dir(configPath), bundleDir, bundle.CurrentFile)
}

// A bundledPolicy is what PolicyFile of a bundle may say: the part of policy that is not the site's own.
type bundledPolicy struct {
	Cloud        string                      `yaml:"cloud"`
	Region       string                      `yaml:"region"`
	Names        map[string]string           `yaml:"names"`
	DenyNetworks []string                    `yaml:"deny_networks"`
	Phases       map[string]policy.PhaseSpec `yaml:"phases"`
	Rules        []policy.RuleSpec           `yaml:"rules"`
	Tests        policy.TestsSpec            `yaml:"tests"`
}

// A bundlePart is the bundle of a load: where its settings are, and how many of the site's own come before them.
type bundlePart struct {
	bundle *bundle.Bundle
	doc    decoder
	own    map[string]int // by setting: rules, tests.allow, tests.deny, deny_networks
}

// mergeBundle adds the policy of the bundle in force to l.cfg.Policy, after the site's own.
func (l *loader) mergeBundle() {
	spec := l.cfg.Policy.Bundle
	if spec == nil || l.failed("policy.bundle") {
		return
	}
	if l.cfg.Path == "" {
		l.fail("policy.bundle", "the built-in configuration has no directory to keep a bundle in", "")
		return
	}
	keys, need := l.checkBundleSettings(spec)
	for i, r := range l.cfg.Policy.Rules {
		if !r.Deny {
			l.fail(fmt.Sprintf("policy.rules[%d]", i), "allows, beside policy.bundle", "allow rules come from the bundle; only deny rules may stand here")
		}
	}
	if len(l.cfg.Policy.Phases) > 0 {
		l.fail("policy.phases", "stands beside policy.bundle", "phases come from the bundle")
	}
	if l.failed("policy") {
		return
	}
	file := filepath.Join(l.lib.dir, bundleDir, bundle.CurrentFile)
	data, err := l.lib.read.read(file, bundle.MaxSize)
	if errors.Is(err, errNoFile) {
		l.warn("policy.bundle", "no bundle was taken yet: everything is refused", "a running proxy fetches it; webproxy bundle take FILE takes one by hand")
		return
	}
	var b *bundle.Bundle
	if err == nil {
		b, err = bundle.Open(data, keys, need)
	}
	if err == nil {
		err = checkBundle(b, spec, l.cfg.Audit.Site)
	}
	if err != nil {
		l.fail("policy.bundle", fmt.Sprintf("%s: %v", filepath.Join(l.lib.shown, bundleDir, filepath.Base(file)), err), "")
		return
	}
	l.takeBundle(b)
}

// VerifyBundle opens the bundle in data with the keys of c, which has policy.bundle. It checks that the bundle is for
// this site and that webproxy of that version understands it. Whether its policy works here is checked by LoadWith,
// with data in the place of BundleFile.
func VerifyBundle(c *Config, data []byte, version string) (*bundle.Bundle, error) {
	keys, need, err := bundleKeys(c.Policy.Bundle, filepath.Dir(c.Path))
	if err != nil {
		return nil, err
	}
	b, err := bundle.Open(data, keys, need)
	if err != nil {
		return nil, err
	}
	if err := checkBundle(b, c.Policy.Bundle, c.Audit.Site); err != nil {
		return nil, err
	}
	if !b.Understands(version) {
		return nil, fmt.Errorf("%v needs webproxy %s; this is %s", b, b.Version, version)
	}
	return b, nil
}

// checkBundle reports why a bundle with valid signatures is not for the site.
func checkBundle(b *bundle.Bundle, spec *policy.BundleSpec, site string) error {
	if b.Name != spec.Name {
		return fmt.Errorf("it is of the bundles %q; policy.bundle.name says %q", b.Name, spec.Name)
	}
	if !b.For(site) {
		return fmt.Errorf("%v is for the sites %s; audit.site says %q", b, strings.Join(b.Sites, ", "), site)
	}
	return nil
}

// keyFile is the path of the file that k of policy.bundle.keys names; empty if k is a key itself. A relative path begins in dir.
func keyFile(k, dir string) string {
	switch {
	case strings.Contains(k, "+"):
		return ""
	case filepath.IsAbs(k):
		return k
	}
	return filepath.Join(dir, k)
}

// bundleKeys are the keys that spec names, and how many of them must sign. Relative paths begin in dir.
func bundleKeys(spec *policy.BundleSpec, dir string) (bundle.Keys, int, error) {
	var texts []string
	for _, k := range spec.Keys {
		if path := keyFile(k, dir); path != "" {
			text, err := notekey.ReadPublic(path)
			if err != nil {
				return bundle.Keys{}, 0, err
			}
			k = text
		}
		texts = append(texts, k)
	}
	keys, err := bundle.ParseKeys(texts)
	if spec.Need == 0 {
		return keys, keys.Len(), err
	}
	return keys, spec.Need, err
}

// checkBundleSettings checks the settings of policy.bundle.
func (l *loader) checkBundleSettings(spec *policy.BundleSpec) (keys bundle.Keys, need int) {
	if err := checkFrom(spec.From); err != nil {
		l.fail("policy.bundle.from", err.Error(), "such as https://policy.example.com/stable.bundle, or the path of a file")
	}
	if (spec.Cert == "") != (spec.Key == "") {
		l.fail("policy.bundle.cert", "cert and key belong together", "set both or none")
	}
	if spec.Name == "" {
		l.fail("policy.bundle.name", "is missing", "name the bundles to take, such as stable")
	}
	if l.cfg.Audit.Site == "" {
		l.fail("audit.site", "is missing", "a bundle names the sites that it is for; give this one a name")
	}
	if _, err := setting.ParseLimit(spec.RefuseIf, setting.WhatIfNames()); err != nil {
		l.fail("policy.bundle.refuse_if", err.Error(), "")
	}
	if spec.WhatIf != 0 && spec.RefuseIf == "" {
		l.warn("policy.bundle.what_if", "has no effect without policy.bundle.refuse_if", `add refuse_if: "newly_denied > 1%"`)
	}
	if len(spec.Keys) == 0 {
		l.fail("policy.bundle.keys", "is missing", "name the public keys of those who sign bundles")
		return keys, 0
	}
	keys, need, err := bundleKeys(spec, l.lib.dir)
	switch {
	case err != nil:
		l.fail("policy.bundle.keys", err.Error(), "")
	case need < 1 || need > keys.Len():
		l.fail("policy.bundle.need", fmt.Sprintf("%d of %d keys", need, keys.Len()), fmt.Sprintf("want 1 to %d", keys.Len()))
	}
	return keys, need
}

func checkFrom(from string) error {
	if from == "" {
		return errors.New("is missing")
	}
	if !strings.Contains(from, "://") {
		return nil
	}
	u, err := url.Parse(from)
	switch {
	case err != nil || u.Host == "":
		return fmt.Errorf("%q is no URL", from)
	case u.User != nil:
		return errors.New("has a user or a password in the URL: token_file is for secrets")
	case u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())):
		return fmt.Errorf("%s:// is not encrypted: want https://", u.Scheme)
	}
	return nil
}

func isLoopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// takeBundle adds the policy of b, which was verified, to the site's own.
func (l *loader) takeBundle(b *bundle.Bundle) {
	text, _ := b.File(bundle.PolicyFile)
	name := path.Join(bundleDir, b.String(), bundle.PolicyFile)
	part := &bundlePart{bundle: b}
	var problems Problems
	if part.doc.src, problems = newSource(name, string(text)); len(problems) == 0 {
		part.doc.root, problems = parseYAML(part.doc.src)
	}
	var theirs bundledPolicy
	if part.doc.root != nil && len(problems) == 0 {
		part.doc.value(part.doc.root, "", reflect.ValueOf(&theirs).Elem())
		problems = part.doc.problems
	}
	if len(problems) > 0 {
		l.problems = append(l.problems, problems...)
		return
	}
	own := &l.cfg.Policy
	part.own = map[string]int{"rules": len(own.Rules), "tests.allow": len(own.Tests.Allow), "tests.deny": len(own.Tests.Deny), "deny_networks": len(own.DenyNetworks)}
	l.part, l.cfg.Bundle = part, b

	// Files of the bundle are read as if they were below bundle/NAME, whatever is there on disk.
	r, dir := l.lib.read, path.Join(bundleDir, b.Name)
	r.virtual = map[string][]byte{}
	for _, f := range b.Files {
		content, _ := b.File(f.Name)
		r.virtual[filepath.Join(l.lib.dir, filepath.FromSlash(dir), filepath.FromSlash(f.Name))] = content
	}
	for i, rule := range theirs.Rules {
		if rule.File == "" {
			continue
		}
		if _, ok := b.File(rule.File); !ok {
			// It could lead to a file of the site, which must not be read: its problems would be told to who signs bundles.
			r.virtual[filepath.Join(l.lib.dir, filepath.FromSlash(path.Join(dir, rule.File)))] = []byte("# not in the bundle\n")
			l.problems = append(l.problems, part.doc.at(fmt.Sprintf("rules[%d].file", i), fmt.Sprintf("%q is not in the bundle", rule.File), "webproxy bundle make includes the files that rules name"))
		}
		theirs.Rules[i].File = path.Join(dir, rule.File)
	}
	own.Cloud, own.Region = cmp.Or(own.Cloud, theirs.Cloud), cmp.Or(own.Region, theirs.Region)
	for k, v := range theirs.Names {
		if _, has := own.Names[k]; !has {
			if own.Names == nil {
				own.Names = map[string]string{}
			}
			own.Names[k] = v
		}
	}
	own.Phases = theirs.Phases
	own.DenyNetworks = append(own.DenyNetworks, theirs.DenyNetworks...)
	own.Rules = append(own.Rules, theirs.Rules...)
	own.Tests.Allow = append(own.Tests.Allow, theirs.Tests.Allow...)
	own.Tests.Deny = append(own.Tests.Deny, theirs.Tests.Deny...)
	cloud := cmp.Or(own.Cloud, "public")
	if _, ok := b.File(path.Join("servicetags", cloud+".json")); ok {
		l.lib.tagsIn = dir
	}
}

// fileOf returns the file that contains the setting of policy at field, and its path there.
func (l *loader) fileOf(field string) (d *decoder, path string) {
	if l.part == nil {
		return &l.doc, "policy." + field
	}
	if strings.HasPrefix(field, "phases.") {
		return &l.part.doc, field
	}
	for setting, own := range l.part.own {
		rest, ok := strings.CutPrefix(field, setting+"[")
		if !ok {
			continue
		}
		number, rest, _ := strings.Cut(rest, "]")
		if i, err := strconv.Atoi(number); err == nil && i >= own {
			return &l.part.doc, fmt.Sprintf("%s[%d]%s", setting, i-own, rest)
		}
	}
	return &l.doc, "policy." + field
}
