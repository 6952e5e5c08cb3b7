package config

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"webproxy/internal/setting"
)

// text sets v from the text of n, exactly as it is written.
func (d *decoder) text(n *yaml.Node, path string, v reflect.Value) {
	switch p := v.Addr().Interface().(type) {
	case *time.Duration:
		var t setting.Duration
		if err := t.UnmarshalText([]byte(n.Value)); err != nil || t == setting.Off {
			// Zero would silently mean the default, the opposite of what its author meant.
			d.fail(n, path, fmt.Sprintf("%q: want a duration above zero", n.Value), "such as 30s, 5m or 1h30m")
			return
		}
		*p = time.Duration(t)
	case *time.Time:
		t, err := time.Parse(time.RFC3339, n.Value)
		if err != nil {
			d.fail(n, path, fmt.Sprintf("%q: want a time such as 2026-12-31T18:00:00Z", n.Value), "")
			return
		}
		*p = t
	case encoding.TextUnmarshaler:
		if err := p.UnmarshalText([]byte(n.Value)); err != nil {
			d.fail(n, path, err.Error(), "")
		}
	}
}

// basic sets v, which is a string, a bool or an integer.
func (d *decoder) basic(n *yaml.Node, path string, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if !d.scalar(n, path, "text") {
			return
		}
		if n.Tag == "!!bool" {
			d.fail(n, path, fmt.Sprintf("want text, not %s", n.Value), "if it is meant as text, quote it")
			return
		}
		v.SetString(n.Value) // numbers and dates too, exactly as they are written
	case reflect.Bool:
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
			d.fail(n, path, fmt.Sprintf("want true or false, not %s", shown(n)), "")
			return
		}
		v.SetBool(strings.EqualFold(n.Value, "true"))
	case reflect.Int, reflect.Int64:
		if i, err := strconv.ParseInt(n.Value, 10, 64); d.number(n, path, err) {
			v.SetInt(i)
		}
	case reflect.Uint16:
		if u, err := strconv.ParseUint(n.Value, 10, 16); d.number(n, path, err) {
			v.SetUint(u)
		}
	default:
		panic("config: no decoding for " + v.Type().String()) // a field of an unknown kind; see TestEverySettingDecodes
	}
}

var portRange = regexp.MustCompile(`^(\d+)-(\d+)$`)

// number reports whether n is a whole number, where the parser returned err; if not, that is a problem.
func (d *decoder) number(n *yaml.Node, path string, err error) bool {
	plain := n.Kind == yaml.ScalarNode && n.Tag == "!!int"
	if plain && err == nil && (n.Value == "0" || n.Value[0] != '0') {
		return true
	}
	hint := ""
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" && err == nil {
		hint = "write it without quotes"
	}
	if m := portRange.FindStringSubmatch(n.Value); m != nil && n.Kind == yaml.ScalarNode {
		hint = fmt.Sprintf("there are no ranges: list each one, %s, %s", m[1], m[2])
	}
	d.fail(n, path, "want a whole number in range, not "+shown(n), hint)
	return false
}

func kindWord(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "settings"
	case yaml.SequenceNode:
		return "a list"
	}
	return "text"
}

// shown is n in words: a scalar's text, or what kind of node it is.
func shown(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		return kindWord(n)
	}
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		return fmt.Sprintf("the text %q", n.Value)
	}
	return fmt.Sprintf("%q", n.Value)
}

// nodeWidth is how many characters of its first line n takes in s, as far as known.
func nodeWidth(s *source, n *yaml.Node) int {
	rest := s.from(n.Line, n.Column)
	if n.Column < 1 || rest == "" {
		return 1
	}
	switch {
	case n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle == 0 && len(n.Content) > 0:
		return nodeWidth(s, n.Content[0])
	case n.Kind != yaml.ScalarNode:
		return 1
	case rest[0] == '"' || rest[0] == '\'':
		if end := strings.IndexByte(rest[1:], rest[0]); end >= 0 {
			return utf8.RuneCountInString(rest[:end+2])
		}
	case strings.HasPrefix(rest, n.Value):
		return utf8.RuneCountInString(n.Value)
	}
	return 1
}
