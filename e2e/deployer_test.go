//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// A part is one of the files of the policy of TestReloads.
type part int

const (
	noPart   part = iota - 1
	mainPart      // webproxy.yaml
	listPart      // a list of hosts that are allowed
	denyPart      // a list of hosts that are denied
	numParts
)

// String is the name of the part's file.
func (p part) String() string { return [...]string{"webproxy.yaml", "list.txt", "deny.txt"}[p] }

// A version identifies a policy: the number of each part. Each number is also a host in its
// file, MAIN-7.test, so that the records of reloads have it.
type version [numParts]int

var marks = [numParts]string{"main", "list", "deny"}

// verdict is the decision of a policy of this version about host, a name below one of the zones.
// A part allows hosts of some zones if its number is even, or odd.
func (v version) verdict(host string) (allow bool, reason string) {
	switch _, zone, _ := strings.Cut(host, "."); zone {
	case "always.test", zoneOf(mainPart, v[mainPart]), zoneOf(listPart, v[listPart]):
		return true, "allowed_by_rule"
	case "shut.test": // allowed by webproxy.yaml, and denied by deny.txt
		return false, "denied_by_rule"
	}
	return false, "host_not_listed"
}

// zones are the domains of requests.
func zones() []string {
	return []string{
		"always.test", "never.test", "shut.test",
		zoneOf(mainPart, 0), zoneOf(mainPart, 1), zoneOf(listPart, 0), zoneOf(listPart, 1),
	}
}

func zoneOf(p part, n int) string {
	return fmt.Sprintf("%s-%s.test", marks[p], []string{"even", "odd"}[n%2])
}

// good is the text of number n of a part. The tests in webproxy.yaml pass for every version: a
// policy that fails them must not be applied.
func (d *deployer) good(p part, n int) string {
	number := fmt.Sprintf("%s-%d.test", marks[p], n)
	switch p {
	case listPart:
		return fmt.Sprintf(`# hosts that may be reached
*.list-tunnel.test:%[2]d
http://*.%[3]s:%[1]d
https://*.%[3]s:%[1]d
https://%[4]s
`, d.plain, d.raw, zoneOf(p, n), number)
	case denyPart:
		return fmt.Sprintf("# hosts that may not\n*.shut.test\nhttps://%s\n", number)
	}
	return d.site.settings + fmt.Sprintf(`
policy:
  rules:
    - { id: tunnels, hosts: ["*.tunnel.test"], ports: [%[2]d], private: allow }
    - { id: always, hosts: ["*.always.test", "*.shut.test"], ports: [%[1]d], schemes: [http, https], private: allow }
    - { id: changing, hosts: ["*.%[3]s"], ports: [%[1]d], schemes: [http, https], private: allow }
    - { id: number, hosts: [%[4]s] }
    - { id: list, file: list.txt, private: allow }
    - { id: shut, deny: true, file: deny.txt }
  tests:
    allow: [{ from: 127.0.0.1, to: "https://x.tunnel.test:%[2]d" }]
    deny: [{ from: 127.0.0.1, to: "https://x.shut.test:%[1]d" }]
`, d.plain, d.raw, zoneOf(p, n), number)
}

// A deployer changes the files of a site in all the ways in which people and programs do.
type deployer struct {
	site       *site
	plain, raw int // ports of origins
	random     *rand.Rand
	hangUp     func() // sends SIGHUP
	heal       bool   // make only good changes from now on

	want   version // in force once the files are good
	broken part    // the one that is invalid now; meanwhile no other changes
	breaks int
}

// change makes one change, valid or not, and says which.
func (d *deployer) change() string {
	p := part(d.random.IntN(int(numParts)))
	if d.broken != noPart {
		p = d.broken
	}
	switch n := d.random.IntN(12); {
	case !d.heal && n < 4:
		return d.worsen(p)
	case n < 7 && d.broken == noPart:
		return d.improve(mainPart) + " and " + d.improve(listPart) // they overlap
	}
	return d.improve(p)
}

// improve writes the next valid version of a part, in one of several ways.
func (d *deployer) improve(p part) string {
	d.want[p]++
	d.broken = noPart
	name, text := p.String(), d.good(p, d.want[p])
	switch d.random.IntN(5) {
	case 0:
		d.put(name, text)
		return "rename over " + name
	case 1:
		d.put(name, text)
		d.hangUp()
		return "SIGHUP after " + name
	case 2:
		d.writeSlowly(name, text)
		return "write " + name + " in pieces"
	case 3:
		d.remove(name)
		d.site.write(name, text)
		return "delete and create " + name
	}
	d.site.write(name, text)
	return "write " + name
}

// worsen makes a part invalid, in a new way.
func (d *deployer) worsen(p part) string {
	bad := d.bad(p)
	if d.broken == noPart {
		bad = append(bad, breakage{"deleted", ""})
		if p != listPart { // an empty list of allowed hosts only denies, and is valid
			bad = append(bad, breakage{"empty", ""})
		}
	}
	d.broken = p
	d.breaks++
	b := bad[d.random.IntN(len(bad))]
	if b.how == "deleted" {
		d.remove(p.String())
	} else {
		d.site.write(p.String(), b.text)
	}
	return p.String() + ": " + b.how
}

// A breakage is a text that must not be applied.
type breakage struct{ how, text string }

// bad are texts that break a part. Each text is new.
func (d *deployer) bad(p part) []breakage {
	n, good := d.breaks, d.good(p, d.want[p])
	if p != mainPart {
		return []breakage{
			{"a line that is none", good + fmt.Sprintf("two words %d\n", n)},
			{"a star within a word", good + fmt.Sprintf("a%d.*.test*x*y*z\n", n)},
			{"a port that is none", good + fmt.Sprintf("a.test:%d\n", 70_000+n)},
			{"no text", good + "\x00" + fmt.Sprint(n) + "\n"},
		}
	}
	return []breakage{
		{"broken YAML", good + fmt.Sprintf("  [ %d\n", n)},
		{"a key that is none", good + fmt.Sprintf("polizy: { n: %d }\n", n)},
		{"half of a file", fmt.Sprintf("# %d\n", n) + good[:strings.LastIndex(good, "shut")]},
		{"a failing test", strings.Replace(good, "x.tunnel.test", fmt.Sprintf("x%d.never.test", n), 1)},
		{"an open door", strings.Replace(good, "number, hosts: [", fmt.Sprintf("n%d, hosts: [\"*\", ", n), 1)},
		{"no deny list", strings.Replace(good, "- { id: shut,", fmt.Sprintf("# %d", n), 1)}, // a test needs it
		{"no text", "\x00\xff" + fmt.Sprint(n)},
		{"nothing but a comment", fmt.Sprintf("# %d\n", n)},
	}
}

// put replaces a file atomically, as careful programs do.
func (d *deployer) put(name, text string) {
	d.site.t.Helper()
	d.site.write(name+".new", text)
	path := filepath.Join(d.site.dir, name)
	if err := os.Rename(path+".new", path); err != nil {
		d.site.t.Fatal(err)
	}
}

// remove deletes a file, if it is there.
func (d *deployer) remove(name string) {
	d.site.t.Helper()
	if err := os.Remove(filepath.Join(d.site.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.site.t.Fatal(err)
	}
}

// writeSlowly truncates a file and writes it in two pieces, as some editors do. The first piece
// is invalid by itself: it ends within a word.
func (d *deployer) writeSlowly(name, text string) {
	d.site.t.Helper()
	f, err := os.Create(filepath.Join(d.site.dir, name))
	if err != nil {
		d.site.t.Fatal(err)
	}
	defer f.Close()
	cut := strings.LastIndex(text, "://") + 1
	for _, piece := range []string{text[:cut], text[cut:]} {
		if _, err := f.WriteString(piece); err != nil {
			d.site.t.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			d.site.t.Fatal(err)
		}
	}
}
