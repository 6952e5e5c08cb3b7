package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/internal/adminsocket"
	"webproxy/internal/daemon"
	"webproxy/internal/hint"
	"webproxy/internal/wording"
	"webproxy/review"
)

// answerChange calls do, which changes something and writes text for people. With JSON the text is dropped, and answer is printed
// unless do fails.
func answerChange(cmd *cobra.Command, asJSON bool, answer any, do func(out io.Writer) error) error {
	out := cmd.OutOrStdout()
	if !asJSON {
		return do(out)
	}
	err := do(io.Discard)
	if err != nil && !isAnswer(err) {
		return err
	}
	return cmp.Or(writeJSON(out, answer), err)
}

// An effect is the result of a change that was written, as JSON.
type effect struct {
	// State is "in force"; "not running", so that it is in force when a proxy starts; or "refused" by the running proxy.
	State  string `json:"state"`
	Policy string `json:"policy,omitempty"` // digest of the policy in force
	records
	Forbidden int      `json:"forbidden"`          // open exchanges that are not permitted any more
	Problems  []string `json:"problems,omitempty"` // why it was refused
}

// records are the numbers of the records of a decision; 0 if they are not known, or were not written.
type records struct {
	First uint64 `json:"first_seq,omitempty"`
	Last  uint64 `json:"last_seq,omitempty"`
}

// inForce makes the running proxy reload, and waits until the change is in force. rec says where it is recorded. Without a running
// proxy it says so.
func inForce(cmd *cobra.Command, out io.Writer, at adminFlag, rec review.Recording, digest string) (*effect, error) {
	done, err := askReload(cmd.Context(), at)
	e := &effect{records: records{rec.First, rec.Last}}
	switch {
	case errors.Is(err, adminsocket.ErrNotRunning) && (rec.ByProxy == nil || errors.Is(rec.ByProxy, fs.ErrNotExist)):
		e.State = "not running"
		record := e.text()
		if rec.ByProxy != nil {
			record = "; not recorded: there is no audit log yet"
		}
		fmt.Fprintf(out, "no proxy runs with this configuration: it is in force when one starts%s\n", record)
		return e, nil
	case err != nil && rec.ByProxy != nil:
		fmt.Fprintln(out, "not confirmed: a running proxy reloads it within a second, and records it")
		return nil, hint.With(fmt.Errorf("the proxy could not be asked: %w", err), "webproxy explain says what the configuration decides, /readyz what is in force")
	case err != nil:
		return nil, err
	case !done.Installed:
		if err := writeReloaded(out, cmd.ErrOrStderr(), done); err != nil {
			return nil, err
		}
		e.State, e.Problems = "refused", done.Lines
		if len(e.Problems) == 0 {
			e.Problems = []string{done.Problem}
		}
		return e, configError{}
	}
	e.State, e.Policy, e.Forbidden = "in force", done.Policy, done.Forbidden
	e.records = records{max(rec.First, done.FirstSeq), max(rec.Last, done.LastSeq)}
	state := e.State
	if done.Policy != digest {
		state = "in force, with other changes"
	}
	fmt.Fprintf(out, "%s   policy %s%s\n", paint(out, green, state), shortDigest(done.Policy), e.text())
	if done.Forbidden > 0 {
		fmt.Fprintf(out, "%s no longer permitted; %s\n", wording.Plural(done.Forbidden, "open exchange"), cutWhen(done.Grace))
	}
	return e, nil
}

// askReload is reload for the proxy at a place.
func askReload(ctx context.Context, at adminFlag) (*daemon.Reloaded, error) {
	c, err := at.client()
	if err != nil {
		return nil, err
	}
	return reload(ctx, c)
}

// text names the records.
func (r records) text() string {
	switch {
	case r.Last == 0:
		return ""
	case r.First == r.Last:
		return fmt.Sprintf("   record seq %d", r.First)
	}
	return fmt.Sprintf("   records seq %d to %d", r.First, r.Last)
}

// commitChange writes a change, and says on stderr if it is not recorded here.
func commitChange(cmd *cobra.Command, c *review.Change) (records, error) {
	rec, err := c.Commit()
	if err != nil {
		return records{}, err
	}
	stderr, written := cmd.ErrOrStderr(), records{rec.First, rec.Last}
	switch {
	case errors.Is(rec.ByProxy, audit.ErrLocked):
		fmt.Fprintln(stderr, "written: the running proxy applies and records it within a second")
	case errors.Is(rec.ByProxy, fs.ErrNotExist):
		fmt.Fprintln(stderr, "written, and not recorded: there is no audit log yet")
	case rec.ByProxy != nil:
		fmt.Fprintf(stderr, "written, and not recorded here: %v\n", rec.ByProxy)
	case rec.First != 0:
		fmt.Fprintln(stderr, strings.TrimSpace(written.text()))
	}
	return written, nil
}
