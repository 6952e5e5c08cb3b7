package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/internal/adminsocket"
	"webproxy/internal/daemon"
)

// An auditLog has the flags that say which log a command reads.
type auditLog struct{ config, dir *string }

func auditLogFlags(cmd *cobra.Command) auditLog {
	return auditLog{
		config: configFlag(cmd),
		dir:    cmd.Flags().String("dir", "", "`DIR` of the log, instead of the one in the configuration"),
	}
}

// A foundLog is the location of the audit log that a command reads, with its configuration.
type foundLog struct {
	audit.Options                // the audit section, with defaults; Dir is the log's
	path          string         // of the configuration; empty for the built-in one
	cfg           *config.Config // nil if it is not valid, or was not read
	asked         bool           // a running proxy said where it is
}

// find returns the log that is meant and names it on stderr. With --dir, nothing else is read.
func (l auditLog) find(ctx context.Context, stderr io.Writer) (*foundLog, error) {
	if *l.dir != "" {
		return &foundLog{Options: audit.Options{Dir: *l.dir}.WithDefaults()}, audit.HasLog(*l.dir)
	}
	return l.findWithConfig(ctx, stderr)
}

// findWithConfig is find for a command that wants the configuration too, even with --dir.
func (l auditLog) findWithConfig(ctx context.Context, stderr io.Writer) (*foundLog, error) {
	found, err := l.locate(ctx, stderr)
	if err == nil {
		err = audit.HasLog(found.Dir)
	}
	if err != nil {
		return nil, err
	}
	if *l.dir == "" {
		found.name(stderr)
	}
	return found, nil
}

// locate is findWithConfig, and does not require that the log exists. An invalid configuration must not keep the operator from
// reading the log: it is reported, and only its audit section is used, see config.ReadAudit. If no configuration is found, a
// running proxy is asked for its own.
func (l auditLog) locate(ctx context.Context, stderr io.Writer) (found *foundLog, err error) {
	path, err := configPath(*l.config)
	if err != nil {
		return nil, err
	}
	found = &foundLog{path: path}
	if path == "" && *l.config+*l.dir+os.Getenv(config.PathVariable) == "" {
		if st := askRunning(ctx); st != nil {
			found.path, found.asked = st.Config, true
			defer func() { // the configuration on disk may have changed since the proxy loaded it
				if err == nil {
					found.Dir = st.Audit.Dir
				}
			}()
			path = st.Config
		}
	}
	found.cfg, err = openConfig(path)
	var problems config.Problems
	switch {
	case err == nil:
		found.Options = found.cfg.Audit.WithDefaults()
	case errors.As(err, &problems):
		if found.Options, err = config.ReadAudit(path); err != nil && *l.dir == "" {
			return nil, err
		}
		sayWarning(stderr, fmt.Sprintf("%s is not valid: %s", shownPath(path), problems.Summary()))
		sayHint(stderr, withConfig("webproxy check", *l.config)+" shows all; the log is read all the same")
	default:
		return nil, err
	}
	switch {
	case *l.dir != "":
		found.Options = found.Options.WithDefaults()
		found.Dir = *l.dir
	case path == "":
		found.Options = builtInLog(found.Options)
	}
	return found, nil
}

// askRunning asks the proxy that runs with its log here, or is installed, for its state; nil if no proxy runs.
func askRunning(ctx context.Context) *daemon.Status {
	const patience = 2 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	sockets := []string{adminsocket.DefaultPath(audit.DefaultDir)}
	if near := nearLogs(audit.DefaultDir); len(near) == 1 {
		sockets = append(sockets, adminsocket.DefaultPath(near[0]))
	}
	for _, path := range append(sockets, cmp.Or(systemSocket, installedSocket())) {
		var st daemon.Status
		err := (&adminsocket.Client{Path: path}).Do(ctx, http.MethodGet, daemon.StatusPath, nil, &st)
		if err == nil && filepath.IsAbs(st.Audit.Dir) && (st.Config == "" || filepath.IsAbs(st.Config)) {
			return &st
		}
	}
	return nil
}

// name reports which log is read, if no flag named it.
func (f *foundLog) name(stderr io.Writer) {
	from := config.BuiltIn + " configuration"
	if f.path != "" {
		from = shownPath(f.path)
	}
	if f.asked {
		from = "running proxy, " + from
	}
	fmt.Fprintf(stderr, "log: %s (%s)\n", shownPath(f.Dir), from)
}

// builtInLog returns the log of a proxy that runs with the built-in configuration: in the working directory, else in the only
// directory below it that has one, as after make run.
func builtInLog(o audit.Options) audit.Options {
	if audit.HasLog(o.Dir) == nil {
		return o
	}
	if near := nearLogs(o.Dir); len(near) == 1 {
		return audit.Options{Dir: near[0]}.WithDefaults()
	}
	return o
}

// nearLogs are the directories called like dir, one level below the working directory, that have a log.
func nearLogs(dir string) []string {
	const most = 1000 // directories: with more, it is not where somebody runs a proxy
	entries, err := os.ReadDir(".")
	if err != nil {
		return nil
	}
	var found []string
	for _, e := range entries[:min(len(entries), most)] {
		below := filepath.Join(e.Name(), filepath.Base(dir))
		if e.IsDir() && audit.HasLog(below) == nil {
			found = append(found, below)
		}
	}
	return found
}

// noLogHint says where a log may be, if none was found.
func noLogHint() string {
	hint := "run it where the proxy runs, or name its configuration with -c, or the log with --dir"
	if near := nearLogs(audit.DefaultDir); len(near) > 0 {
		hint += "; there is a log in " + strings.Join(near, ", ")
	}
	return hint
}
