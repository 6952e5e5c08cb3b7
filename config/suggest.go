package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// nearest returns the one of names that word is most likely a misspelling of; empty if none is near.
func nearest(word string, names []string) string {
	best, bestCost := "", 1+len(word)/3
	for _, name := range names {
		if strings.EqualFold(strings.ReplaceAll(word, "-", "_"), name) {
			return name
		}
		if cost := distance(word, name); cost < len(name) && cost <= bestCost && (best == "" || cost < bestCost) {
			best, bestCost = name, cost
		}
	}
	return best
}

// distance is how many characters must be added, removed, replaced or swapped with their neighbour
// to make b of a.
func distance(a, b string) int {
	if len(a) > 64 { // no name is as long
		return len(a)
	}
	var before, above []int // the two rows above the current one
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, above, row = above, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(above[j+1]+1, row[j]+1, above[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}

// homes says where a setting belongs that stands in the wrong place; empty if nowhere.
func homes(name string) string {
	var paths []string
	walkSettings(reflect.TypeFor[Config](), "", func(path string) {
		if path == name || strings.HasSuffix(path, "."+name) {
			paths = append(paths, path)
		}
	})
	if len(paths) == 0 || len(paths) > 3 {
		return ""
	}
	slices.Sort(paths)
	return fmt.Sprintf("there is %s", strings.Join(paths, " and "))
}

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
