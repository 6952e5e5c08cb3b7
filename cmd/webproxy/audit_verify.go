package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/internal/daemon"
)

// newAuditVerify is `webproxy audit verify`.
func newAuditVerify() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify [DIR]",
		Short: "Verify that the audit log is complete and unaltered",
		Long: `Verify reads the whole log and compares it with the checkpoints that the proxy has signed. It names what was
altered, what is missing and where the log was truncated, and summaries that differ from the sum of the records. DIR is the log's directory, by default that
of the configuration. A public key that is kept elsewhere (--pub), and checkpoints that were sent elsewhere as
they were made (--anchor), protect against somebody with access to the proxy's machine; see docs/audit.md. The lines
that begin with "by:" say what the result is based on, and what it cannot prove. With --proof it verifies one record's proof,
which webproxy audit prove made, by --pub alone.
Exit code 5 means that the log is not what was written.`,
		Example: "  webproxy audit verify\n  webproxy audit verify /mnt/evidence/audit --pub site-01.pub --anchor /mnt/anchors/site-01",
		Args:    cobra.MaximumNArgs(1),
	}
	file := configFlag(cmd)
	pubs := publicKeyFlag(cmd)
	anchor := cmd.Flags().String("anchor", "", "`FILE` that checkpoints were sent to. Default: the configuration's")
	proof := cmd.Flags().String("proof", "", "verify the proof of one record in `FILE`, which webproxy audit prove made, instead of a log")
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		if *proof != "" {
			if len(args) > 0 || *anchor != "" {
				return usageError{errors.New("--proof needs no log: want neither DIR nor --anchor")}
			}
			return verifyProofBy(cmd, *proof, *pubs, *file, asJSON)
		}
		var settings audit.Options
		if len(args) == 1 {
			settings.Dir = args[0]
		} else {
			found, err := auditLog{config: file, dir: new(string)}.locate(cmd.Context(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			found.name(cmd.ErrOrStderr())
			settings = found.Options
		}
		settings = settings.WithDefaults()
		if *anchor != "" {
			settings.Anchor = *anchor
		}
		head := audit.HeadFile(settings.Key)
		if _, err := os.Stat(head); err != nil { // otherwise that reveals that there was a log
			if err := audit.HasLog(settings.Dir); err != nil {
				return err
			}
		}
		v, err := auditVerify(cmd, settings, *pubs, head)
		if err != nil {
			return err
		}
		if len(args) == 0 {
			tellVerified(cmd.Context(), *file, settings.Dir, v)
		}
		return answerVerification(cmd, v, asJSON)
	})
	toFile(cmd)
	return cmd
}

// auditVerify verifies the log of the settings with the public keys in the files pubs; without pubs, with the one beside the
// private key. head is the file of the tree head; may be empty.
func auditVerify(cmd *cobra.Command, settings audit.Options, pubs []string, head string) (*audit.Verification, error) {
	o := audit.VerifyOptions{Anchor: settings.Anchor, Head: head, Progress: new(audit.Progress)}
	source := "as given"
	if len(pubs) == 0 {
		pubs = []string{audit.PublicKeyFile(settings.Key)}
		source = "beside the private key: whoever controlled this machine could have replaced both; --pub names a copy that was kept elsewhere"
	}
	keys, err := readPublicKeys(pubs)
	if err != nil {
		return nil, err
	}
	o.Keys = keys
	if _, err := os.Stat(settings.Dir); err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	stop := showProgress(cmd.ErrOrStderr(), "verifying", o.Progress)
	defer stop()
	v, err := audit.Verify(cmd.Context(), settings.Dir, o)
	if err == nil {
		v.Basis = slices.Insert(v.Basis, 0, fmt.Sprintf("public key: %s, %s", strings.Join(pubs, ", "), source))
	}
	return v, err
}

// tellPatience bounds a notification of the proxy that only its status needs.
const tellPatience = 2 * time.Second

// tellVerified reports the result of verifying its log in dir to the running proxy, if there is one, for its status and dashboard.
func tellVerified(ctx context.Context, file, dir string, v *audit.Verification) {
	c, err := adminFlag{config: &file, socket: new(string)}.client()
	if err != nil {
		return
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, tellPatience)
	defer cancel()
	few := *v
	few.Problems = few.Problems[:min(len(few.Problems), 20)] // the request is bounded
	c.Do(ctx, http.MethodPost, daemon.VerifiedPath, daemon.Verified{Dir: dir, At: time.Now(), Result: &few}, nil)
}

// answerVerification prints the result; the error is an integrityError if it is not that all is well.
func answerVerification(cmd *cobra.Command, v *audit.Verification, asJSON bool) error {
	var err error
	if asJSON {
		err = writeJSON(cmd.OutOrStdout(), v)
	} else {
		err = writeVerification(cmd.OutOrStdout(), v)
	}
	if err == nil && !v.OK() {
		err = integrityError{}
	}
	return err
}

// writeVerification prints the result; the first line is a summary.
func writeVerification(w io.Writer, v *audit.Verification) error {
	text := v.String() + "\n"
	for i, p := range v.Problems {
		if i > 0 {
			text += "  " + p.String() + "\n"
		}
	}
	if more := v.Found - uint64(len(v.Problems)); more > 0 {
		text += fmt.Sprintf("  and %d more\n", more)
	}
	for _, n := range v.Notes {
		text += "  note: " + n + "\n"
	}
	for _, b := range v.Basis {
		text += "  by: " + b + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

// An integrityError says that the command worked, and that the log, as was printed, is not what was written.
type integrityError struct{}

func (integrityError) Error() string { return "the audit log is not what was written" }
