package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// homes says where a misplaced setting belongs; empty if nowhere.
func homes(name string) string {
	var paths []string
	for _, path := range allSettings() {
		if path == name || strings.HasSuffix(path, "."+name) {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 || len(paths) > 3 {
		return ""
	}
	slices.Sort(paths)
	return fmt.Sprintf("there is %s", strings.Join(paths, " and "))
}

// allSettings are the paths of all settings, in no order.
var allSettings = sync.OnceValue(func() (paths []string) {
	walkSettings(reflect.TypeFor[Config](), "", func(path string) { paths = append(paths, path) })
	return paths
})

// walkSettings calls f with the path of every setting of t, a list's items as "[]" and a map's as "NAME".
func walkSettings(t reflect.Type, path string, f func(path string)) {
	switch t.Kind() {
	case reflect.Pointer:
		walkSettings(t.Elem(), path, f)
	case reflect.Slice:
		walkSettings(t.Elem(), path+"[]", f)
	case reflect.Map:
		walkSettings(t.Elem(), path+".NAME", f)
	case reflect.Struct:
		for name, i := range settings(t) {
			p := join(path, name)
			f(p)
			walkSettings(t.Field(i).Type, p, f)
		}
	}
}
