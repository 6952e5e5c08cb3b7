//go:build linux

package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// A peer is a proxy that can be measured.
type peer struct {
	name    string
	program string
	version string
	ours    bool // it is webproxy
	tunnels bool // it serves CONNECT
	http    bool // it serves GET in absolute form
	// reload is the signal that makes it read its names again; 0 if it detects changes itself.
	reload syscall.Signal
	// fixed is set if its names cannot be changed while it runs.
	fixed bool
	// most is the largest number of names that it can handle.
	most int
	// busy is the largest number of tunnels that it serves at once; 0 means no limit.
	busy int
	// inspect is configure with inspection of TLS; it also returns the authority that clients must trust. Nil
	// if the peer cannot inspect.
	inspect func(s *setup) (args []string, trust []byte, err error)
	// configure writes its files into s.dir and returns its arguments.
	configure func(s *setup) ([]string, error)
	// names writes only the names, for a reload.
	names func(s *setup) error
}

// A setup is one configuration of a peer. It allows localhost, where the origin is; the other
// names are never requested.
type setup struct {
	dir    string
	port   int
	origin *origin
	count  int  // of further names
	added  bool // one more, addedName

	dry   bool              // lists are made but not written
	texts map[string]string // of lists, made once
}

// addedName is not in the list at first.
const addedName = "added.example"

func (s *setup) path(name string) string { return filepath.Join(s.dir, name) }

func (s *setup) write(name, text string) error {
	if s.dry {
		return nil
	}
	// Rename, as tools of operators do: nobody may read half a list.
	if err := os.WriteFile(s.path(name)+".new", []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(s.path(name)+".new", s.path(name))
}

// list writes localhost and the other names, one a line, each in form.
func (s *setup) list(name, form string) error {
	key := fmt.Sprint(form, s.count, s.added)
	if text, ok := s.texts[key]; ok {
		return s.write(name, text)
	}
	var b strings.Builder
	fmt.Fprintf(&b, form, "localhost")
	for i := range s.count {
		fmt.Fprintf(&b, form, fmt.Sprintf("h%06d.example", i))
	}
	if s.added {
		fmt.Fprintf(&b, form, addedName)
	}
	if s.texts == nil {
		s.texts = map[string]string{}
	}
	s.texts[key] = b.String()
	return s.write(name, b.String())
}

// start starts p with count further names.
func (b *bench) start(p *peer, count int) (*process, *setup, error) {
	s, err := b.setUp(p, count)
	if err != nil {
		return nil, nil, err
	}
	args, err := p.configure(s)
	if err != nil {
		return nil, nil, err
	}
	proc, err := s.run(p, args)
	return proc, s, err
}

// setUp makes the directory of p.
func (b *bench) setUp(p *peer, count int) (*setup, error) {
	dir, err := os.MkdirTemp(b.dir, p.name+"-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		return nil, err
	}
	port, err := freePort()
	return &setup{dir: dir, port: port, origin: b.origin, count: count}, err
}

// run starts p with args.
func (s *setup) run(p *peer, args []string) (*process, error) {
	return startProcess(fmt.Sprintf("127.0.0.1:%d", s.port), s.path("out"), p.program, args...)
}

func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port, nil
}

var number = regexp.MustCompile(`[0-9]+\.[0-9]+(\.[0-9]+)?`)

// peers are all peers. Those of Debian run as packaged, but with our configuration:
// one worker process, an access log, and no cache.
// There may be a second binary of webproxy.
func peers(webproxy, beside string) []*peer {
	self, _ := os.Executable()
	ours := []*peer{{name: "webproxy", program: webproxy, ours: true, version: output("git", "describe", "--always", "--dirty"),
		tunnels: true, http: true, most: 100_000, configure: configureWebproxy, names: webproxyNames}}
	ours[0].inspect = inspectByWebproxy(webproxy)
	if beside != "" {
		other := *ours[0]
		other.name, other.program, other.version = "beside", beside, ""
		other.inspect = inspectByWebproxy(beside)
		ours = append(ours, &other)
	}
	return append(ours, []*peer{
		{name: "lean", program: self, tunnels: true, http: true, most: 100_000, reload: syscall.SIGHUP,
			configure: configureSelf("lean"), names: plainNames},
		{name: "goproxy", program: self, version: moduleVersion("github.com/elazarl/goproxy"), tunnels: true, http: true, most: 100_000,
			reload: syscall.SIGHUP, configure: configureSelf("goproxy"), names: plainNames},
		{name: "squid", program: "squid", version: number.FindString(output("squid", "-v")), tunnels: true, http: true, most: 100_000,
			reload: syscall.SIGHUP, configure: configureSquid, inspect: inspectBySquid, names: plainNames},
		{name: "tinyproxy", program: "tinyproxy", version: number.FindString(output("tinyproxy", "-v")), tunnels: true, http: true, most: 10_000,
			reload: syscall.SIGUSR1, configure: configureTinyproxy, names: tinyproxyNames},
		{name: "apache", program: "apache2", version: number.FindString(output("apache2", "-v")), tunnels: true, http: true, most: 100, fixed: true, busy: apacheWorkers - 2*clients,
			configure: configureApache},
		{name: "haproxy", program: "haproxy", version: number.FindString(output("haproxy", "-v")), http: true, most: 100_000,
			reload: syscall.SIGUSR2, configure: configureHAProxy, names: plainNames},
	}...)
}

// moduleVersion is the version of a module in go.mod.
func moduleVersion(module string) string {
	f, err := os.Open("go.mod")
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) >= 2 && fields[0] == module {
			return strings.TrimPrefix(fields[1], "v")
		}
	}
	return ""
}

func plainNames(s *setup) error { return s.list("names", "%s\n") }
