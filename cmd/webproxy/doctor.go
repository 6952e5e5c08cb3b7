package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/config"
	"webproxy/doctor"
	"webproxy/doctor/probe"
	"webproxy/internal/hint"
	"webproxy/internal/smallfile"
	"webproxy/review"
)

// doctorFlags are the flags of doctor.
type doctorFlags struct {
	coverageFlags
	as, proxy, source, ca, since, dir, to string
	timeout, slow                         time.Duration
	parallel                              int
	optional, compare                     bool
}

func newDoctor() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Try each required endpoint through the running proxy, as a client, and name what is wrong",
		Long: `Doctor tests every endpoint that a list requires through the running proxy, as a client of a group would: the decision of the
policy, DNS, TCP, TLS and the signer of the certificate, the status, redirects and whether the policy lets
them through, range requests, and the time. Wildcards are tested with known hosts
below them. The requests are in the audit log like any others.

It makes its requests from an address of this machine that is in the group (--as), if there is one. Names are also looked up in
the DNS that the proxy asks. -o json has the fields of Microsoft's environment checker; -o html is a page for a support case.
docs/doctor.md describes the tests, and docs/findings.md each finding.

With --compare it makes no requests, and says from the audit log what one of two clients reached and the other did not.

Exit code 4 means that there is a finding, or a difference.`,
		Example: "  webproxy doctor --list azure-local --region norwayeast --as nodes\n  webproxy doctor --list arc -o html --out case.html\n  webproxy doctor --compare node1 node2 --since 7d",
	}
	var f doctorFlags
	flags := cmd.Flags()
	config := configFlag(cmd)
	flags.StringVar(&f.list, "list", defaultProfile, "`LIST` or bundle of lists that is required, NAME[@GENERATION], or a FILE with a document that says so")
	flags.StringVar(&f.region, "region", "", "`REGION` instead of the configured one")
	flags.StringVar(&f.cloud, "cloud", "", "`CLOUD` instead of the configured one")
	flags.BoolVar(&f.gateway, "gateway", false, "what is needed with an Arc gateway (default: as policy.names.gateway says)")
	flags.StringVar(&f.as, "as", "", "client `GROUP` to ask as (default: the group of this machine's address)")
	flags.StringVar(&f.proxy, "proxy", "", "`ADDRESS` of the proxy, host:port (default the configured listen address)")
	flags.StringVar(&f.source, "source", "", "`ADDRESS` of this machine to ask from (default one in the group)")
	flags.StringVar(&f.ca, "ca", "", "`FILE` with further authorities to expect, PEM")
	flags.BoolVar(&f.optional, "optional", false, "try what is optional, too")
	flags.IntVar(&f.parallel, "parallel", 8, "try `N` endpoints at a time")
	flags.DurationVar(&f.timeout, "timeout", 20*time.Second, "`TIME` for one request")
	flags.DurationVar(&f.slow, "slow", doctor.DefaultSlow, "`TIME` to the first byte from which it is a finding")
	flags.BoolVar(&f.all, "all", false, "show endpoints without findings too")
	flags.BoolVar(&f.compare, "compare", false, "compare two clients, by name or address, in the audit log: --compare node1 node2")
	flags.StringVar(&f.since, "since", "7d", "with --compare, from this `TIME` on: 30d, 5m or 2026-10-01")
	flags.StringVar(&f.dir, "dir", "", "with --compare, `DIR` of the log, instead of the one in the configuration")
	flags.StringVarP(&f.output, "output", "o", "table", "`FORMAT` of the answer: table, json or html")
	out := outFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f.config, f.to = *config, *out
		if f.compare {
			return f.runCompare(cmd, args)
		}
		if len(args) > 0 {
			return usageError{fmt.Errorf("%q: doctor takes no arguments without --compare; --list names what to try", args[0])}
		}
		return f.run(cmd)
	}
	return cmd
}

func (f *doctorFlags) run(cmd *cobra.Command) error {
	if err := wantOutput(f.output, "table", "json", "html"); err != nil {
		return err
	}
	if f.parallel < 1 || f.parallel > 64 || f.timeout <= 0 || f.slow <= 0 {
		return usageError{errors.New("want --parallel from 1 to 64, and --timeout and --slow above 0")}
	}
	cfg, err := loadConfig(f.config)
	if err != nil {
		return err
	}
	// The flag --source of coverage is about documents.
	list := coverageFlags{list: f.list, region: f.region, cloud: f.cloud, gateway: f.gateway}
	place := list.place(cmd, cfg)
	profile, err := list.profile(cmd, place)
	if err != nil {
		return err
	}
	who, err := f.findOurselves(cfg)
	if err != nil {
		return err
	}
	o, err := f.options()
	if err != nil {
		return err
	}
	o.Group, o.As = f.as, who.group
	o.List = review.FixFile(cfg, cmp.Or(f.as, who.group))
	targets := doctorTargets(cfg, profile, f.config, who.asked, f.optional, o.Now)
	if err := nothingToTry(targets, profile.Name); err != nil {
		return err
	}
	p := probe.Prober{Proxy: who.proxy, Source: who.source, Resolver: cfg.Egress.Resolver, Timeout: f.timeout, Parallel: f.parallel}
	head := doctor.Head{
		Proxy: who.proxy, Group: f.as, As: who.group, From: who.networks, Policy: shortDigest(cfg.Set.Digest()), List: profile.Name, Region: place.Region, Began: o.Now,
	}
	here := f.proxy == "" // then this machine's DNS is the proxy's, too
	if here {
		p.Servers = cfg.Egress.Servers()
	}
	progress := newDoctorProgress(cmd.ErrOrStderr(), len(targets))
	seen := p.All(cmd.Context(), targets, progress.done)
	progress.end()
	if here { // after the requests, which tell whether upstream proxies work
		askReady(cmd.Context(), &p, cfg, &head)
	}
	rows := make([]doctor.Row, len(targets))
	for i := range targets {
		rows[i] = doctor.Evaluate(targets[i], seen[i], o)
	}
	return f.write(cmd, cfg, doctor.NewReport(head, rows))
}

// nothingToTry is an error if no target can be tried, since the absence of findings would mean nothing.
func nothingToTry(targets []doctor.Target, list string) error {
	why := "it requires nothing; --optional tries what is optional"
	for i := range targets {
		if targets[i].Skip == "" {
			return nil
		}
		why = targets[i].Listed + ": " + targets[i].Skip
	}
	return hint.With(fmt.Errorf("nothing of %s can be tried", list), why)
}

// options returns the options of evaluations, except the groups.
func (f *doctorFlags) options() (doctor.Options, error) {
	o := doctor.Options{Now: time.Now(), Slow: f.slow, Published: os.Getenv("SSL_CERT_FILE") == "" && os.Getenv("SSL_CERT_DIR") == ""}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if err := doctor.AddMicrosoftRoots(pool); err != nil {
		return o, err
	}
	o.Roots = pool
	if f.ca == "" {
		return o, nil
	}
	data, err := smallfile.Read(f.ca, 1<<20)
	if err != nil {
		return o, err
	}
	o.Own = x509.NewCertPool()
	if !o.Own.AppendCertsFromPEM(data) {
		return o, usageError{fmt.Errorf("--ca %s: no certificate in PEM", f.ca)}
	}
	return o, nil
}

// ourselves is this machine as a client.
type ourselves struct {
	proxy    string     // host:port
	source   netip.Addr // to ask from; not valid if the system shall choose
	group    string     // that the proxy will know us by
	asked    netip.Addr // an address of the group that is asked about
	networks string     // of that group, or our address
}

// findOurselves finds the proxy, and the address to send requests from.
func (f *doctorFlags) findOurselves(cfg *config.Config) (ourselves, error) {
	var o ourselves
	var err error
	if err := wantGroup(cfg.Set, "--as", f.as); err != nil {
		return o, err
	}
	if f.as != "" {
		if o.asked, err = review.ClientAddr(cfg.Set, f.as); err != nil {
			return o, usageError{fmt.Errorf("--as %w", err)}
		}
	}
	switch {
	case f.source != "":
		if o.source, err = netip.ParseAddr(f.source); err != nil {
			return o, usageError{fmt.Errorf("--source %q is not an address", f.source)}
		}
	case f.as != "":
		o.source = localAddrIn(cfg, f.as)
	}
	if o.proxy, err = f.proxyAddress(cfg, o.source); err != nil {
		return o, err
	}
	from := o.source
	if !from.IsValid() {
		from = addrTowards(o.proxy)
	}
	o.group = cfg.Set.GroupOf(from)
	if o.group == f.as || f.as == "" {
		o.asked = from
	}
	o.networks = from.String()
	for _, g := range cfg.Set.Groups() {
		if g.Name == cmp.Or(f.as, o.group) && len(g.Prefixes) > 0 {
			o.networks = g.Prefixes[0].String()
		}
	}
	return o, nil
}

// localAddrIn returns an address of this machine that is in a client group; not valid if it has no such address.
func localAddrIn(cfg *config.Config, group string) netip.Addr {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Addr{}
	}
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err == nil && !p.Addr().IsLinkLocalUnicast() && cfg.Set.GroupOf(p.Addr().Unmap()) == group {
			return p.Addr().Unmap()
		}
	}
	return netip.Addr{}
}

// proxyAddress is where the proxy listens: --proxy, or as configured.
func (f *doctorFlags) proxyAddress(cfg *config.Config, source netip.Addr) (string, error) {
	if f.proxy != "" {
		at := strings.TrimSuffix(strings.TrimPrefix(f.proxy, "http://"), "/")
		if host, port, err := net.SplitHostPort(at); err != nil || host == "" || port == "" {
			return "", usageError{fmt.Errorf("--proxy %q: want host:port", f.proxy)}
		}
		return at, nil
	}
	if len(cfg.Listen) == 0 {
		return "", usageError{errors.New("the configuration has no listen address: name the proxy with --proxy")}
	}
	host, port, err := net.SplitHostPort(cfg.Listen[0])
	if err != nil {
		return "", err
	}
	if a, err := netip.ParseAddr(host); host == "" || err == nil && a.IsUnspecified() { // every address of this machine
		host = "127.0.0.1"
		if source.IsValid() {
			host = source.String()
		}
	}
	return net.JoinHostPort(host, port), nil
}

// addrTowards returns the local address from which this machine would reach an address. Nothing is sent.
func addrTowards(address string) netip.Addr {
	conn, err := net.Dial("udp", address)
	if err != nil {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	defer conn.Close()
	at, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return at.Addr().Unmap()
}

// dashboardTLS is for asking the dashboard of this machine, whose certificate is the one in its file; nil if it has none.
func dashboardTLS(cfg *config.Config) *tls.Config {
	if !cfg.Dashboard.TLS() {
		return nil
	}
	return &tls.Config{
		InsecureSkipVerify: true, // the address is not what the certificate is for; VerifyConnection looks at the certificate itself
		VerifyConnection: func(s tls.ConnectionState) error {
			data, err := smallfile.Read(cfg.Dashboard.Cert, 1<<20)
			if err != nil {
				return err
			}
			if block, _ := pem.Decode(data); block == nil || !bytes.Equal(block.Bytes, s.PeerCertificates[0].Raw) {
				return errors.New("the certificate is not that of dashboard.cert")
			}
			return nil
		},
	}
}

// askReady asks the proxy whether it is ready, and for its upstream proxies, if the proxy can be reached.
func askReady(ctx context.Context, p *probe.Prober, cfg *config.Config, h *doctor.Head) {
	if cfg.Dashboard.Listen == config.Off {
		return
	}
	status, text, err := p.Ready(ctx, cfg.Dashboard.Listen, dashboardTLS(cfg))
	if err != nil {
		return
	}
	first, _, _ := strings.Cut(text, "\n")
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "audit log: ") {
			h.NotReady = line
		}
		if rest, ok := strings.CutPrefix(line, "upstream proxy "); ok {
			name, state, _ := strings.Cut(rest, ": ")
			h.Upstreams = append(h.Upstreams, doctor.Upstream{Name: name, Up: state == "up"})
		}
	}
	switch {
	case h.NotReady != "":
	case status != 200:
		h.NotReady = fmt.Sprintf("/readyz: %d %s", status, first)
	default:
		h.Ready = first
	}
}

func (f *doctorFlags) write(cmd *cobra.Command, cfg *config.Config, r *doctor.Report) error {
	node, err := os.Hostname()
	if err != nil {
		node = "localhost"
	}
	var b bytes.Buffer
	switch f.output {
	case "json":
		err = writeJSON(&b, newDoctorAnswer(r, node))
	case "html":
		err = r.WriteHTML(&b, node, version)
	default:
		b.WriteString(aboutLine(cfg))
		err = r.WriteText(&b, f.all)
	}
	if err != nil {
		return err
	}
	if err := writeOut(cmd, f.to, b.Bytes()); err != nil {
		return err
	}
	if n, _ := r.Findings(); n > 0 {
		return noError{}
	}
	return nil
}

// A doctorAnswer is what doctor prints as JSON.
type doctorAnswer struct {
	Proxy    string              `json:"proxy"`
	Group    string              `json:"group"`
	Policy   string              `json:"policy"`
	List     string              `json:"list"`
	Region   string              `json:"region"`
	Required int                 `json:"required"`
	Findings int                 `json:"findings"`
	Blocking int                 `json:"blocking"`
	Ready    string              `json:"ready"` // what the proxy reports about itself; empty if it is not ready, or could not be reached
	Upstream []doctor.Upstream   `json:"upstreams"`
	Rows     []doctor.CheckerRow `json:"rows"`
}

func newDoctorAnswer(r *doctor.Report, node string) doctorAnswer {
	found, blocking := r.Findings()
	return doctorAnswer{
		Proxy: r.Proxy, Group: cmp.Or(r.Group, r.As), Policy: r.Policy, List: r.List, Region: r.Region, Required: r.Required(),
		Findings: found, Blocking: blocking, Ready: r.Ready, Upstream: append([]doctor.Upstream{}, r.Upstreams...), Rows: r.Checker(node),
	}
}

// A doctorProgress shows how many endpoints are done: in place on a terminal, else every ten seconds.
type doctorProgress struct {
	w        io.Writer
	terminal bool
	n, total int
	said     time.Time
}

func newDoctorProgress(w io.Writer, total int) *doctorProgress {
	return &doctorProgress{w: w, terminal: isTerminal(w), total: total, said: time.Now()}
}

// done counts one endpoint. It is called by one goroutine at a time.
func (p *doctorProgress) done() {
	p.n++
	switch {
	case p.terminal:
		fmt.Fprintf(p.w, "\r\x1b[K%d/%d endpoints", p.n, p.total)
	case time.Since(p.said) >= 10*time.Second:
		p.said = time.Now()
		fmt.Fprintf(p.w, "webproxy: %d of %d endpoints\n", p.n, p.total)
	}
}

func (p *doctorProgress) end() {
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
