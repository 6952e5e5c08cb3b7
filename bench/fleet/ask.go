//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A question is what is asked of the sites that load has filled.
type question struct {
	what string
	expr string
	by   string
	site string // the only one; empty for all
	log  bool   // the site's own log is asked too, and must say the same
}

// askOne is the site whose own log is asked too.
const askOne = "site-0002"

var questions = []question{
	{"one denied host, at each site", "decision=would_deny host=reports.contoso-hardware.example", "site", "", false},
	{"denied below *.windows.net, by site and host", "decision=would_deny host=*.windows.net", "site,host", "", false},
	{"all requests by site and host", "", "site,host", "", false},
	{"all requests by reason", "", "reason,decision", "", false},
	{"denied below *.windows.net, one site by host", "decision=would_deny host=*.windows.net", "host", askOne, true},
	{"all requests, one site by host", "", "host", askOne, true},
}

// workAsk asks the sites that load has filled what somebody asks them every day, each question twice.
func workAsk(ctx context.Context, o *options) error {
	l, err := readLoaded(o.data)
	if err != nil {
		return fmt.Errorf("-data: want a directory that the work load has filled: %w", err)
	}
	own := *o
	own.dir = o.data
	began := time.Now()
	c, err := startCentre(ctx, &own, centreOfLoad)
	if err != nil {
		return err
	}
	defer func() { c.end(syscall.SIGTERM) }()
	stored, err := size(filepath.Join(c.dir, "data"))
	if err != nil {
		return err
	}
	say("ask", "records / sites / from / to", "%d / %d / %s / %s", l.Records, l.Sites, l.From.Format(time.RFC3339), l.To.Format(time.RFC3339))
	say("ask", "VictoriaLogs answers after / bytes on disk / a record", "%v / %d MB / %.1f", round(time.Since(began)), stored>>20, float64(stored)/float64(l.Records))
	settings := filepath.Join(o.dir, "fleet.yaml")
	if err := os.WriteFile(settings, []byte("victorialogs: "+c.url()+"\ntimeout: 300s\n"), 0o600); err != nil {
		return err
	}
	window := []string{"--since", l.From.Format(time.RFC3339), "--until", l.To.Format(time.RFC3339Nano), "-o", "csv", "--top", "0"}
	var most int64
	var wrong []error
	for _, q := range questions {
		args := append([]string{"query", q.expr, "--by", q.by}, window...)
		asked := append([]string{"fleet"}, append(args, "--fleet", settings)...)
		if q.site != "" {
			asked = append(asked, "--site", q.site)
		}
		first, answer, memory, err := ask(ctx, o, asked)
		if err != nil {
			return err
		}
		again, answer2, _, err := ask(ctx, o, asked)
		if err != nil {
			return err
		}
		if answer2 != answer {
			wrong = append(wrong, fmt.Errorf("%s: two answers", q.what))
		}
		most = max(most, memory)
		say("ask", "fleet query: "+q.what, "%v, again %v", round(first), round(again))
		if !q.log {
			continue
		}
		dir := filepath.Join(o.data, "sites", q.site, "audit")
		first, answer2, _, err = ask(ctx, o, append(append([]string{"audit"}, args...), "--dir", dir))
		if err != nil {
			return err
		}
		if answer2 != answer {
			wrong = append(wrong, fmt.Errorf("%s: audit query says otherwise", q.what))
		}
		say("ask", "audit query: the same, of that site's log", "%v", round(first))
	}
	memory, err := c.peak()
	if err != nil {
		return err
	}
	say("ask", "most memory of VictoriaLogs / of fleet query, MB", "%.0f / %.0f", mb(memory), mb(most))
	return errors.Join(wrong...)
}

// ask runs webproxy, and returns how long it took, a hash of what it said, and the most memory that it had.
func ask(ctx context.Context, o *options, args []string) (time.Duration, [sha256.Size]byte, int64, error) {
	cmd := exec.CommandContext(ctx, o.webproxy, args...)
	var out, told bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &told
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)
	if err != nil || bytes.Count(out.Bytes(), []byte("\n")) < 2 {
		return took, [sha256.Size]byte{}, 0, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), errors.Join(err, errors.New("no answer")), told.String())
	}
	memory := int64(0)
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		memory = usage.Maxrss << 10 // Linux counts KiB
	}
	return took, sha256.Sum256(out.Bytes()), memory, nil
}
