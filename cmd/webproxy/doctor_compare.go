package main

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/doctor"
	"webproxy/internal/hint"
)

// A compareAnswer is what doctor --compare prints as JSON.
type compareAnswer struct {
	Clients     [2]string           `json:"clients"`
	Requests    [2]int              `json:"requests"`
	Differences []doctor.Difference `json:"differences"`
}

// runCompare compares two clients by the audit log.
func (f *doctorFlags) runCompare(cmd *cobra.Command, args []string) error {
	if err := wantOutput(f.output, "table", "json"); err != nil {
		return err
	}
	if len(args) != 2 || args[0] == args[1] {
		return usageError{errors.New("--compare takes two clients, by name or address: --compare node1 node2")}
	}
	since, err := parseWhen("since", f.since, time.Now())
	if err != nil {
		return err
	}
	log, err := auditLog{config: &f.config, dir: &f.dir}.find(cmd.Context(), cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	c := doctor.NewComparison(args[0], args[1])
	o := audit.ScanOptions{Since: since, Progress: new(audit.Progress)}
	stop := showProgress(cmd.ErrOrStderr(), "comparing", o.Progress)
	stats, err := audit.Scan(log.Dir, o, func(r audit.Record) error {
		c.Add(&r)
		return nil
	})
	stop()
	if err != nil {
		return fmt.Errorf("read audit log: %w", err)
	}
	sayIncomplete(cmd.ErrOrStderr(), &stats)
	for i, n := range c.Requests {
		if n == 0 {
			return hint.With(fmt.Errorf("no requests of %s in %s since %s", args[i], log.Dir, since.UTC().Format(time.DateTime)), "clients are known by their addresses: webproxy audit query --by client,client_name --since "+f.since)
		}
	}
	var b bytes.Buffer
	differences := c.Differences()
	if f.output == "json" {
		err = writeJSON(&b, compareAnswer{c.Names, c.Requests, differences})
	} else {
		err = c.WriteText(&b)
	}
	if err != nil {
		return err
	}
	if err := writeOut(cmd, f.to, b.Bytes()); err != nil {
		return err
	}
	if len(differences) > 0 {
		return noError{}
	}
	return nil
}
