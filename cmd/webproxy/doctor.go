package main

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"webproxy/config"
	"webproxy/doctor"
	"webproxy/doctor/probe"
	"webproxy/internal/hint"
	"webproxy/internal/setting"
	"webproxy/internal/smallfile"
	"webproxy/review"
)

// doctorFlags are the flags of doctor.
type doctorFlags struct {
	coverageFlags
	as, proxy, source, ca, since, dir, to string
	timeout, slow                         setting.Duration
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
	f.addRequired(flags)
	flags.StringVar(&f.as, "as", "", "client `GROUP` to ask as (default: the group of this machine's address)")
	flags.StringVar(&f.proxy, "proxy", "", "`ADDRESS` of the proxy, host:port (default the configured listen address)")
	flags.StringVar(&f.source, "source", "", "`ADDRESS` of this machine to send from (default one in the group)")
	flags.StringVar(&f.ca, "ca", "", "`FILE` with further authorities to expect, PEM")
	flags.BoolVar(&f.optional, "optional", false, "try what is optional, too")
	flags.IntVar(&f.parallel, "parallel", 8, "try `N` endpoints at a time")
	flags.TextVar(&f.timeout, "timeout", setting.Duration(20*time.Second), "`TIME` for one request")
	flags.TextVar(&f.slow, "slow", setting.Duration(doctor.DefaultSlow), "`TIME` to the first byte from which it is a finding")
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
	p := probe.Prober{Proxy: who.proxy, Source: who.source, Resolver: cfg.Egress.Resolver, Timeout: time.Duration(f.timeout), Parallel: f.parallel}
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
	o := doctor.Options{Now: time.Now(), Slow: time.Duration(f.slow), Published: os.Getenv("SSL_CERT_FILE") == "" && os.Getenv("SSL_CERT_DIR") == ""}
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
