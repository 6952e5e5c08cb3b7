// Package config reads webproxy.yaml and the lists beside it, and watches them.
//
// A Config that loads can run: it is decoded strictly, its policy is compiled and the policy's tests
// have passed. All problems are reported at once, each with its file, line and column:
//
//	cfg, err := config.Load("webproxy.yaml")
//	var problems config.Problems
//	if errors.As(err, &problems) {
//		problems.Write(os.Stderr)
//	}
//
// Settings are declared, documented, defaulted and checked in the packages that obey them; this package only puts
// them together. It reads no environment variables. A setting that is misspelt, given twice or left without a value
// is a problem. So is a file that is empty, truncated or not text: it is never a policy.
package config

import (
	"path/filepath"

	"webproxy/audit"
	"webproxy/bundle"
	"webproxy/certs"
	"webproxy/pac"
	"webproxy/policy"
	"webproxy/proxy"
	"webproxy/proxy/egress"
	"webproxy/ship"
)

// A Config is everything webproxy.yaml says, checked and compiled. It is read-only once loaded, and then safe for
// concurrent use.
type Config struct {
	// Listen are the addresses clients connect to: one, or a list. Default ":9090", every address of
	// the machine.
	Listen Addresses `yaml:"listen"`
	// ListenTLS is for clients that speak TLS to the proxy itself.
	ListenTLS ListenTLSOptions `yaml:"listen_tls"`
	// Policy says who may reach what.
	Policy policy.Spec `yaml:"policy"`
	// Proxy limits what clients may use of the proxy.
	Proxy proxy.Options `yaml:"proxy"`
	// Egress is how the proxy connects to origins.
	Egress egress.Options `yaml:"egress"`
	// TLS is how tunnels may begin.
	TLS proxy.TLSOptions `yaml:"tls"`
	// Inspection is for the rules that say inspect: true.
	Inspection certs.Options `yaml:"inspection"`
	// Denial is how the proxy refuses.
	Denial proxy.DenialOptions `yaml:"denial"`
	// Reload is what happens to open tunnels when the policy changes.
	Reload proxy.ReloadOptions `yaml:"reload"`
	// Audit is the record of what was decided.
	Audit audit.Options `yaml:"audit"`
	// Ship sends audit records to other machines as they are written: receivers, by names of your own. docs/shipping.md
	// describes it, with recipes.
	Ship map[string]ship.ReceiverSpec `yaml:"ship"`
	// Dashboard is for the operator: state, metrics and pages.
	Dashboard DashboardOptions `yaml:"dashboard"`
	// PAC is a proxy auto-configuration file for administrators' workstations. docs/pac.md describes it.
	PAC pac.Options `yaml:"pac"`
	// Admin is how commands on this machine ask the running proxy.
	Admin AdminOptions `yaml:"admin"`
	// Log is the operator's log: starts, reloads, errors. Decisions are in the audit log.
	Log LogOptions `yaml:"log"`

	// Set is Policy, compiled.
	Set *policy.Set `yaml:"-"`
	// Live is what a proxy decides by: Set, under the lockdown if there is one. Findings and tests of the policy are
	// about Set.
	Live *policy.Set `yaml:"-"`
	// Lockdown is what lockdown.yaml says, the end of a lockdown included; nil if there is no such file.
	Lockdown *Lockdown `yaml:"-"`
	// Bundle is the bundle that a part of Policy came from; nil if it is not from one.
	Bundle *bundle.Bundle `yaml:"-"`
	// Path is the file this came from; empty for the built-in configuration.
	Path string `yaml:"-"`
	// Started are the phases that phases.yaml switches on, including those that have ended.
	Started map[string]StartedPhase `yaml:"-"`
	// Decisions is the content of learn.yaml beside the file, where webproxy learn keeps what was decided; nil if
	// there is none. It is not parsed here: it is not part of the policy.
	Decisions []byte `yaml:"-"`
	// Files are all files that were looked for, absolute: this one, lists, phases.yaml, lockdown.yaml, learn.yaml. Some need not exist.
	Files []string `yaml:"-"`
	// Unsteady are files that changed faster than they could be read, absolute: for these, the content of an earlier
	// load is used.
	Unsteady []string `yaml:"-"`
	// Warnings are about what is valid, but perhaps not what its author meant.
	Warnings Problems `yaml:"-"`

	size int // of the file, in bytes
	read *reader
}

// Settings returns c without its policy: a copy without the policy, and without what was read to compile it. A caller
// that keeps it for longer than a reload thus keeps no old policy in memory.
func (c *Config) Settings() *Config {
	s := *c
	s.Policy, s.Set, s.Live, s.Decisions, s.Warnings, s.read = policy.Spec{}, nil, nil, nil, nil, nil
	return &s
}

// Name is c's name for people: the base name of its file.
func (c *Config) Name() string {
	if c.Path == "" {
		return "built-in configuration"
	}
	return filepath.Base(c.Path)
}

// DashboardOptions is the dashboard section of webproxy.yaml.
type DashboardOptions struct {
	// Listen is the address of /healthz, /readyz, /metrics and the dashboard, or "off". Whoever can connect to it can
	// read the first three. The pages are for this machine; from other machines they require TLS (cert and key) and a
	// login. Default 127.0.0.1:9091.
	Listen string `yaml:"listen"`
	// Cert is a PEM file: the listener's certificate, followed by the intermediate ones. With it, everything on the
	// listener is served by TLS. This and the next are read again when they are replaced. Default: no TLS.
	Cert string `yaml:"cert"`
	// Key is the PEM file of its private key.
	Key string `yaml:"key"`
	// Users is the file of those who may log in with a password; webproxy dashboard user writes it. Default: dashboard-users
	// beside this file.
	Users string `yaml:"users"`
}

// AdminOptions is the admin section of webproxy.yaml.
type AdminOptions struct {
	// Socket is the unix socket, or on Windows the named pipe (\\.\pipe\NAME), on which webproxy status, reload, allow and lockdown
	// ask the running proxy, or "off". Only the user that the proxy runs as, and administrators, can open it. Default:
	// the directory of the audit log with ".sock" appended, such as ./audit.sock; on Windows a pipe named for that directory.
	Socket string `yaml:"socket"`
}

// LogOptions is the log section of webproxy.yaml.
type LogOptions struct {
	// Level is debug, info, warn or error. Default info.
	Level LogLevel `yaml:"level"`
	// Format is text or json, one object a line. Default text.
	Format LogFormat `yaml:"format"`
	// File is a file to append to, beside the configuration, instead of standard error. A Windows service also writes
	// errors and warnings to the event log. The output of a crash is written to webproxy-crash.txt in the same directory.
	// Default none.
	File string `yaml:"file"`
}

// Off is the word that switches off a listener.
const Off = "off"

const (
	defaultListen    = ":9090"
	defaultDashboard = "127.0.0.1:9091"
	defaultUsers     = "dashboard-users"
	phasesFile       = "phases.yaml"
	decisionsFile    = "learn.yaml"
)

// withDefaults fills in the defaults of the settings that belong to this package. Other packages do the same with
// their sections.
func (c *Config) withDefaults() {
	if c.Listen == nil {
		c.Listen = Addresses{defaultListen}
	}
	if c.Dashboard.Listen == "" {
		c.Dashboard.Listen = defaultDashboard
	}
	if c.Dashboard.Users == "" && c.Path != "" {
		c.Dashboard.Users = defaultUsers
	}
	if c.PAC.Listen == "" {
		c.PAC.Listen = pac.Off
	}
	if c.Audit.Dir == "" {
		c.Audit.Dir = audit.DefaultDir
	}
	if c.Inspection.Dir == "" {
		c.Inspection.Dir = certs.DefaultDir
	}
	for _, path := range c.paths() {
		c.fromFile(path)
	}
	c.defaultSocket()
}

// Place is the site for which lists are made.
func (c *Config) Place() policy.Place {
	p := policy.Place{Cloud: c.Policy.Cloud, Region: c.Policy.Region, Names: c.Policy.Names}
	if p.Cloud == "" {
		p.Cloud = "public"
	}
	return p
}
