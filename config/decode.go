package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"webproxy/internal/spelling"
)

// A decoder fills Go values from YAML nodes by the yaml tags of their fields. Unlike the library's own, it collects
// every problem with its place, and converts nothing: a missing value is not a zero, text is not a number, a number
// is not a duration.
type decoder struct {
	src      *source
	root     *yaml.Node
	problems Problems
	warnings Problems                             // of settings that have new names; see renamed
	keys     map[*yaml.Node]map[string]*yaml.Node // see keysOf
	keyNodes map[*yaml.Node]*yaml.Node            // see keyOf
}

// at makes a Problem of the setting at path, or of the innermost one around it that is in the file.
func (d *decoder) at(path, msg, hint string) Problem {
	n := d.find(path)
	p := d.src.problem(n.Line, n.Column, nodeWidth(d.src, n), msg, hint)
	p.Path = path
	return p
}

// atKey is at for the name of the setting, not for its value.
func (d *decoder) atKey(path, msg, hint string) Problem {
	n := d.find(path)
	if key := d.keyOf(n); key != nil {
		n = key
	}
	p := d.src.problem(n.Line, n.Column, nodeWidth(d.src, n), msg, hint)
	p.Path = path
	return p
}

func (d *decoder) failAt(path, msg, hint string) {
	d.problems = append(d.problems, d.at(path, msg, hint))
}

func (d *decoder) fail(n *yaml.Node, path, msg, hint string) {
	p := d.src.problem(n.Line, n.Column, nodeWidth(d.src, n), msg, hint)
	p.Path = path
	d.problems = append(d.problems, p)
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	timeType     = reflect.TypeFor[time.Time]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
	manyType     = reflect.TypeFor[Addresses]()
)

// value sets v, the setting at path, from n.
func (d *decoder) value(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind == yaml.AliasNode || n.Style&yaml.TaggedStyle != 0 {
		return // parseYAML has reported it
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		d.fail(n, path, "has no value", "give it one, or remove it")
		return
	}
	switch t := v.Type(); {
	case t == manyType && n.Kind == yaml.ScalarNode:
		one := &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{n}, Line: n.Line, Column: n.Column}
		d.sequence(one, path, v)
	case t == durationType, t == timeType, reflect.PointerTo(t).Implements(textType):
		if d.scalar(n, path, "text") {
			d.text(n, path, v)
		}
	case t.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		d.value(n, path, v.Elem())
	case t.Kind() == reflect.Struct:
		d.structure(n, path, v)
	case t.Kind() == reflect.Map:
		d.mapping(n, path, v)
	case t.Kind() == reflect.Slice:
		d.sequence(n, path, v)
	default:
		d.basic(n, path, v)
	}
}

// scalar reports whether n is one; if not, that is a problem.
func (d *decoder) scalar(n *yaml.Node, path, want string) bool {
	if n.Kind == yaml.ScalarNode {
		return true
	}
	d.fail(n, path, "want "+want+", not "+kindWord(n), "")
	return false
}

func (d *decoder) sequence(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		hint := ""
		if n.Kind == yaml.ScalarNode {
			hint = fmt.Sprintf("write [%s]", n.Value)
			if strings.ContainsAny(n.Value, `*,:[]{}#&!|>'"%@ `) {
				hint = fmt.Sprintf("write [%q]", n.Value)
			}
		}
		d.fail(n, path, "want a list, not "+shown(n), hint)
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, c := range n.Content {
		d.value(c, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
	}
}

func (d *decoder) mapping(n *yaml.Node, path string, v reflect.Value) {
	v.Set(reflect.MakeMap(v.Type()))
	d.eachKey(n, path, func(key, val *yaml.Node) {
		elem := reflect.New(v.Type().Elem()).Elem()
		d.value(val, join(path, key.Value), elem)
		v.SetMapIndex(reflect.ValueOf(key.Value), elem)
	})
}

func (d *decoder) structure(n *yaml.Node, path string, v reflect.Value) {
	fields := settings(v.Type())
	lines := map[int]int{} // of the settings in the mapping
	d.eachKey(n, path, func(key, val *yaml.Node) {
		i, ok := fields[key.Value]
		if !ok {
			if i, ok = d.renamed(n, key, path, v.Type()); !ok {
				d.unknown(key, path, fields)
				return
			}
		}
		if lines[i] > 0 { // by its current name and by an earlier one
			d.fail(key, join(path, key.Value), fmt.Sprintf("is set twice, first on line %d", lines[i]), "")
			return
		}
		lines[i] = key.Line
		d.value(val, join(path, key.Value), v.Field(i))
	})
}

// renamed finds the field of t whose setting had the name key earlier, in the mapping n. It warns, and gives key the
// current name, so that the rest of the code knows one name only.
func (d *decoder) renamed(n, key *yaml.Node, path string, t reflect.Type) (field int, ok bool) {
	for name, i := range settings(t) {
		if was := t.Field(i).Tag.Get("was"); was == "" || was != key.Value {
			continue
		}
		p := d.src.problem(key.Line, key.Column, nodeWidth(d.src, key), "is now called "+name, "write "+name+"; the old name keeps working")
		p.Path = join(path, key.Value)
		d.warnings = append(d.warnings, p)
		key.Value = name
		delete(d.keys, n)
		return i, true
	}
	return 0, false
}

// eachKey calls f once for each key of the mapping n.
func (d *decoder) eachKey(n *yaml.Node, path string, f func(key, val *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		what := "settings"
		if path == "" {
			what = "settings such as listen: and policy:"
		}
		what += ", not " + shown(n)
		if strings.HasSuffix(path, ".headers") { // the text may be a token
			what = "settings, not " + kindWord(n)
		}
		d.fail(n, path, "want "+what, "")
		return
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch line, dup := first[key.Value]; {
		case key.Tag == "!!merge": // parseYAML has reported it
		case key.Kind != yaml.ScalarNode || key.Value == "" || key.Tag == "!!null":
			d.fail(key, path, "a name must be text", "")
		case dup:
			d.fail(key, join(path, key.Value), fmt.Sprintf("is set twice, first on line %d", line), "")
		default:
			first[key.Value] = key.Line
			f(key, n.Content[i+1])
		}
	}
}

// unknown reports a key that is none of fields, with what its author may have meant.
func (d *decoder) unknown(key *yaml.Node, path string, fields map[string]int) {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	msg, hint := "no such setting", ""
	if near := spelling.Nearest(key.Value, names); near != "" {
		msg = fmt.Sprintf("no such setting; did you mean %q?", near)
	} else if _, section := settings(reflect.TypeFor[Config]())[key.Value]; section && path != "" {
		hint = key.Value + " is a section of its own: begin it in the first column"
	} else if home := homes(key.Value); home != "" {
		hint = home
	} else {
		hint = "settings here: " + strings.Join(names, ", ")
	}
	d.fail(key, join(path, key.Value), msg, hint)
	d.problems[len(d.problems)-1].keyOnly = true
}

// settingsOf has what settings found of each type: a long policy has thousands of values of one.
var settingsOf sync.Map // from reflect.Type to map[string]int

// settings returns the fields of a struct by the names of their settings. The map is shared: callers only read it.
func settings(t reflect.Type) map[string]int {
	if known, ok := settingsOf.Load(t); ok {
		return known.(map[string]int)
	}
	fields := map[string]int{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if name != "" && name != "-" {
			fields[name] = i
		}
	}
	settingsOf.Store(t, fields)
	return fields
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
