package config

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"webproxy/audit"
)

// ReadAudit returns where the audit log is by the configuration at path: Dir, Key and Anchor, with defaults and as
// paths from the working directory. It reads nothing else of the file, so that a mistake elsewhere in it keeps nobody
// from reading the log. The error is Problems: of these three settings, or of a file that cannot be read.
func ReadAudit(path string) (audit.Options, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return audit.Options{}, Problems{{File: path, Msg: err.Error()}}
	}
	data, err := readFile(abs, maxYAML)
	if err != nil {
		return audit.Options{}, Problems{{File: path, Msg: err.Error()}}
	}
	var o struct{ Dir, Key, Anchor string }
	problems := readSection(path, data, "audit", map[string]*string{"dir": &o.Dir, "key": &o.Key, "anchor": &o.Anchor})
	if len(problems) > 0 {
		return audit.Options{}, problems
	}
	c := Config{Path: abs, Audit: audit.Options{Dir: o.Dir, Key: o.Key, Anchor: o.Anchor}}
	c.withDefaults()
	return c.Audit.WithDefaults(), nil
}

// readSection decodes one top-level section of data, the file called name, whatever the rest of the file is. Settings
// that the file does not have keep their values.
func readSection(name string, data []byte, section string, settings map[string]*string) Problems {
	src, _ := newSource(name, string(data)) // problems elsewhere do not count
	root, _ := parseYAML(src)
	if root == nil { // the file is not YAML: then only the lines of the section
		part := sectionOf(src, section)
		if root, _ = parseYAML(part); root == nil && strings.TrimSpace(part.text) != "" {
			return Problems{{File: name, Msg: "the " + section + " section cannot be read"}}
		}
		src = part
	}
	d := decoder{src: src, root: root}
	for setting, v := range settings {
		if n := d.setting(section, setting); n != nil {
			d.value(n, section+"."+setting, reflect.ValueOf(v).Elem())
		}
	}
	if len(d.problems) > 0 {
		return d.problems.sorted()
	}
	return nil
}

// setting returns the node of a setting of a section; nil if the file does not have it.
func (d *decoder) setting(section, name string) *yaml.Node {
	n := d.root
	for _, key := range []string{section, name} {
		if n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		n = d.keysOf(n)[key]
	}
	return n
}

// sectionOf is the text of a top-level section of s: its first line, and the indented ones that follow. Lines keep
// their numbers. It is empty if there is no such section.
func sectionOf(s *source, name string) *source {
	var b strings.Builder
	inside, found := false, false
	s.each(func(_ int, line string) {
		blank := inert(line)
		switch {
		case strings.HasPrefix(line, name+":"):
			inside, found = true, true
		case !blank && line[0] != ' ' && line[0] != '\t' && line[0] != '}':
			inside = false
		}
		if inside && !blank {
			b.WriteString(line)
		}
		b.WriteByte('\n')
	})
	if !found {
		b.Reset()
	}
	return &source{name: s.name, text: b.String()}
}

// Summary is the problems in one line: how many, and the first.
func (ps Problems) Summary() string {
	switch len(ps) {
	case 0:
		return ""
	case 1:
		return ps[0].String()
	}
	return fmt.Sprintf("%d problems; first: %s", len(ps), ps[0])
}
