package config

import (
	"reflect"
	"slices"
)

// NeedRestart returns the settings that differ between two configurations and that a running proxy does not apply:
// all but the policy and the authorities for inspection. They are sorted: "audit.dir", "listen".
func NeedRestart(running, loaded *Config) []string {
	var paths []string
	differ(reflect.ValueOf(running).Elem(), reflect.ValueOf(loaded).Elem(), "", &paths)
	slices.Sort(paths)
	return paths
}

// differ adds to paths the settings in which a and b, of one type, differ.
func differ(a, b reflect.Value, path string, paths *[]string) {
	if a.Kind() != reflect.Struct {
		if !reflect.DeepEqual(a.Interface(), b.Interface()) {
			*paths = append(*paths, path)
		}
		return
	}
	for name, i := range settings(a.Type()) {
		if at := join(path, name); at != "policy" && at != "inspection" {
			differ(a.Field(i), b.Field(i), at, paths)
		}
	}
}
