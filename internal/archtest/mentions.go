package archtest

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// A mention is a file or directory that docs/architecture.md names.
type mention struct {
	line int    // of the page, from 1
	name string // a pattern of path.Match
	// dirs are the directories in which the name may be; nil for any.
	dirs []string
}

var (
	inBackticks = regexp.MustCompile("`([\\w./*-]+)`")
	goFile      = regexp.MustCompile(`[\w/*-]+\.go\b`)
	placeholder = regexp.MustCompile(`\b[A-Z]{3,}\b`)
	lifeStep    = regexp.MustCompile(`^ ?\d? +(\S+(?:, \S+)*)  `)
)

// mentions returns the files and directories that the page names: those in backticks that have a slash or end in .go,
// each in the directory of its row in the table of packages; and those in the lists of "Four lives", where a name without
// a directory is in proxy, or in the directory of the name before it on the line.
func mentions(doc string) []mention {
	var found []mention
	section, fenced, number := "", false, 0
	for line := range strings.Lines(doc) {
		number++
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "## "):
			section = line[3:]
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case fenced && section == "Four lives":
			var names []string
			if step := lifeStep.FindStringSubmatch(line); step != nil {
				names = slices.DeleteFunc(strings.Split(step[1], ", "), func(s string) bool {
					return strings.HasSuffix(s, ".go") || strings.HasSuffix(s, ":") // found below; a remark
				})
			}
			before := "."
			for _, name := range append(names, goFile.FindAllString(line, -1)...) {
				dirs := []string{"", before, "proxy", path.Join("proxy", before), "proxy/internal"}
				found = append(found, mention{number, strings.TrimSuffix(name, "/"), dirs})
				if dir := path.Dir(name); dir != "." && strings.HasSuffix(name, ".go") {
					before = dir
				}
			}
		case !fenced:
			var dirs []string
			if section == "Packages" && strings.HasPrefix(line, "| `") {
				row, _, _ := strings.Cut(line[3:], "`")
				dirs = []string{"", row}
			}
			for _, m := range inBackticks.FindAllStringSubmatch(line, -1) {
				name := m[1]
				if strings.Trim(name, "./*-") != "" && (strings.Contains(name, "/") || strings.HasSuffix(name, ".go")) {
					name = placeholder.ReplaceAllString(strings.TrimSuffix(name, "/"), "*")
					found = append(found, mention{number, name, dirs})
				}
			}
		}
	}
	return found
}

// unknown objects to mentions of files and directories that are not in the tree.
func unknown(found []mention, tree fs.FS) ([]string, error) {
	var all []string
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		all = append(all, name)
		return nil
	})
	var objections []string
	for _, m := range found {
		if !slices.ContainsFunc(all, m.names) {
			objections = append(objections, fmt.Sprintf("docs/architecture.md:%d: there is no %s", m.line, m.name))
		}
	}
	return objections, err
}

// names reports whether m is about the file or directory at file.
func (m mention) names(file string) bool {
	is := func(pattern, name string) bool {
		ok, err := path.Match(pattern, name)
		return ok && err == nil
	}
	if m.dirs != nil {
		return slices.ContainsFunc(m.dirs, func(dir string) bool { return is(path.Join(dir, m.name), file) })
	}
	for rest := file; ; {
		if is(m.name, rest) {
			return true
		}
		_, below, ok := strings.Cut(rest, "/")
		if !ok {
			return false
		}
		rest = below
	}
}
