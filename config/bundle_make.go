package config

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"webproxy/bundle"
	"webproxy/catalog"
	"webproxy/policy"
)

// BundleFiles returns the contents of a bundle of the configuration at configPath: the part of its policy that is not
// the site's own, the lists that its rules name, and the service tags of its cloud if they are imported. The error is
// Problems if the configuration is not valid or cannot be bundled.
func BundleFiles(configPath string) (map[string][]byte, error) {
	cfg, err := Load(configPath)
	if err != nil {
		return nil, err
	}
	data, err := readFile(cfg.Path, maxYAML)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", configPath, err)
	}
	src, problems := newSource(configPath, string(data))
	root, more := parseYAML(src)
	if problems = append(problems, more...); len(problems) > 0 {
		return nil, problems.sorted()
	}
	d := &decoder{src: src, root: root}
	text, err := bundledText(d.find("policy"))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{bundle.PolicyFile: text}
	dir := filepath.Dir(cfg.Path)
	if cfg.Policy.Bundle != nil {
		d.failAt("policy.bundle", "is itself the policy of a bundle", "make bundles from a configuration that has its rules")
	}
	for i, r := range cfg.Policy.Rules {
		if r.File == "" {
			continue
		}
		name := path.Clean(filepath.ToSlash(r.File))
		if path.IsAbs(name) || strings.HasPrefix(name, "../") || name != r.File {
			d.failAt(fmt.Sprintf("policy.rules[%d].file", i), fmt.Sprintf("%q cannot be in a bundle", r.File), "name a list below the directory of the configuration, such as lists/approved.txt")
			continue
		}
		if files[name], err = readFile(filepath.Join(dir, filepath.FromSlash(name)), maxList); err != nil {
			d.failAt(fmt.Sprintf("policy.rules[%d].file", i), err.Error(), "")
		}
	}
	if len(d.problems) > 0 {
		return nil, d.problems.sorted()
	}
	cloud := cmp.Or(cfg.Policy.Cloud, "public")
	if slices.ContainsFunc(cfg.Policy.Rules, func(r policy.RuleSpec) bool { return r.ServiceTag != nil }) {
		if tags, err := readFile(TagFile(dir, cloud), catalog.MaxTagFile); err == nil {
			files[path.Join("servicetags", cloud+".json")] = tags
		}
	}
	return files, nil
}

// bundledText is the policy section n without what is the site's own, comments included.
func bundledText(n *yaml.Node) ([]byte, error) {
	ours := settings(reflect.TypeFor[bundledPolicy]())
	kept := *n
	kept.Content = nil
	for i := 0; i+1 < len(n.Content); i += 2 {
		if _, ok := ours[n.Content[i].Value]; ok {
			kept.Content = append(kept.Content, n.Content[i], n.Content[i+1])
		}
	}
	kept.Style = 0
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(&kept); err != nil {
		return nil, fmt.Errorf("encode policy: %w", err)
	}
	return out.Bytes(), nil
}

// CompileBundle compiles the policy of b as a site would, but without the site's own part: every client group that
// the bundle names is taken to exist, and its tests are not run. The error is Problems.
func CompileBundle(b *bundle.Bundle) (*policy.Set, error) { return CompileBundleFor(b, nil, nil) }

// CompileBundleFor is CompileBundle for a site with these client groups and modes. Groups that the bundle names and
// clients lacks get an address that no client has.
func CompileBundleFor(b *bundle.Bundle, clients map[string][]string, modes map[string]policy.Mode) (*policy.Set, error) {
	src, _ := newSource("site.yaml", "policy: {}\n")
	root, _ := parseYAML(src)
	at := string(filepath.Separator)
	l := &loader{
		cfg: &Config{Path: filepath.Join(at, "site.yaml"), read: new(reader)},
		now: time.Now(),
		lib: &library{dir: at, read: new(reader)},
		doc: decoder{src: src, root: root},
	}
	l.cfg.Policy.Bundle = &policy.BundleSpec{Name: b.Name}
	l.takeBundle(b)
	spec := &l.cfg.Policy
	spec.Tests = policy.TestsSpec{}
	spec.Clients, spec.Modes = map[string][]string{}, modes
	maps.Copy(spec.Clients, clients)
	for _, r := range spec.Rules {
		for _, group := range r.For {
			if _, has := spec.Clients[group]; !has {
				n := len(spec.Clients)
				network := "10.%d.%d.0/24"
				if clients != nil { // addresses for nobody (RFC 6666)
					network = "100::%x:%x:0/112"
				}
				spec.Clients[group] = []string{fmt.Sprintf(network, n>>8&255, n&255)}
			}
		}
	}
	if len(spec.Clients) == 0 {
		spec.Clients = nil
	}
	if len(l.problems) == 0 {
		l.compile()
	}
	if len(l.problems) > 0 {
		return nil, l.problems.sorted()
	}
	return l.cfg.Set, nil
}
