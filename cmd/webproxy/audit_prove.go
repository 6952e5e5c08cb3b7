package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/internal/hint"
	"webproxy/internal/smallfile"
	"webproxy/internal/wording"
)

// newAuditProve is `webproxy audit prove`.
func newAuditProve() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prove ID",
		Short: "Prove that one record is in the log, to somebody who does not have the log",
		Long: `Prove prints a proof that a record is in the log: the record, its audit path in the Merkle tree, and the checkpoint that
the proxy has signed. webproxy audit verify --proof FILE --pub KEY verifies it anywhere, without the log. ID is the id
in the response to a client; its decision record is proven. --seq names any record by its number. A record can be proven
once a checkpoint covers it, a minute after it was written at most. The proof is a c2sp.org/tlog-proof.
Exit code 5 means that the record in the log is not what was signed.`,
		Example: "  webproxy audit prove KCE6HQ --out kce6hq.proof\n  webproxy audit verify --proof kce6hq.proof --pub site-01.pub",
		Args:    cobra.MaximumNArgs(1),
	}
	log := auditLogFlags(cmd)
	seq := cmd.Flags().Uint64("seq", 0, "the record of this `NUMBER`, instead of an ID")
	pubs := publicKeyFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if (len(args) == 1) == (*seq != 0) {
			return usageError{errors.New("want an ID, or --seq NUMBER")}
		}
		q, err := audit.ParseQuery(fmt.Sprintf("seq = %d", *seq))
		if len(args) == 1 {
			q, err = audit.ParseQuery(fmt.Sprintf("type = egress.decision and id = %q", strings.ToUpper(args[0])))
		}
		if err != nil {
			return usageError{err}
		}
		settings, err := log.settings(cmd)
		if err != nil {
			return err
		}
		keys, err := publicKeys(*pubs, settings)
		if err != nil {
			return err
		}
		p, err := proveRecord(settings.Dir, q, keys)
		switch {
		case errors.Is(err, audit.ErrNotSealed):
			return hint.With(err, "the proxy signs a checkpoint every minute, and when it stops: try again then")
		case errors.Is(err, audit.ErrNotProven):
			sayError(cmd.ErrOrStderr(), err.Error())
			return integrityError{}
		case err != nil:
			return err
		}
		_, err = cmd.OutOrStdout().Write(p.Encode())
		return err
	}
	toFile(cmd)
	return cmd
}

// proveRecord makes the proof of the record in dir that q matches.
func proveRecord(dir string, q *audit.Query, keys []string) (*audit.Proof, error) {
	var seq uint64
	var line string
	_, err := audit.ScanLines(dir, audit.ScanOptions{Where: q}, func(r *audit.Record, text string) error {
		seq, line = r.Seq, text
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read audit log: %w", err)
	}
	if seq == 0 {
		return nil, hint.With(fmt.Errorf("no such record in %s", dir), "is this the log of the proxy that was asked? See -c and --dir")
	}
	return audit.Prove(dir, seq, []byte(line), keys)
}

// settings is where the log and its key are.
func (l auditLog) settings(cmd *cobra.Command) (audit.Options, error) {
	if *l.dir != "" {
		return audit.Options{Dir: *l.dir}.WithDefaults(), nil
	}
	found, err := l.locate(cmd.Context(), cmd.ErrOrStderr())
	if err != nil {
		return audit.Options{}, err
	}
	return found.Options, nil
}

// publicKeyFlag adds --pub.
func publicKeyFlag(cmd *cobra.Command) *[]string {
	return cmd.Flags().StringArray("pub", nil, "public key `FILE` of the log; again for each key it has had. Default: the one beside the private key")
}

// publicKeys reads the public keys in the files; without files, the one beside the log's private key.
func publicKeys(pubs []string, settings audit.Options) ([]string, error) {
	if len(pubs) == 0 {
		pubs = []string{audit.PublicKeyFile(settings.Key)}
	}
	return readPublicKeys(pubs)
}

// readPublicKeys reads the public keys of logs in the files.
func readPublicKeys(pubs []string) ([]string, error) {
	var keys []string
	for _, pub := range pubs {
		key, err := audit.ReadPublicKey(pub)
		if errors.Is(err, fs.ErrNotExist) {
			err = hint.With(err, "name the log's public key with --pub; the proxy writes it beside its private key")
		}
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// verifyProofBy verifies the proof in a file with the public keys in pubs; without pubs, with the one of the configuration.
func verifyProofBy(cmd *cobra.Command, path string, pubs []string, configFile string, asJSON bool) error {
	var settings audit.Options
	if len(pubs) == 0 {
		var err error
		none := ""
		if settings, err = (auditLog{config: &configFile, dir: &none}).settings(cmd); err != nil {
			return err
		}
	}
	keys, err := publicKeys(pubs, settings)
	if err != nil {
		return err
	}
	return verifyProof(cmd.OutOrStdout(), path, keys, asJSON)
}

// A proofAnswer is what verifying a proof prints as JSON.
type proofAnswer struct {
	Proven bool          `json:"proven"`
	Error  string        `json:"error,omitempty"` // why not
	By     *audit.Proven `json:"by,omitempty"`
}

// maxProof bounds the file of a proof, in bytes.
const maxProof = 4 << 20

// verifyProof verifies the proof in a file by public keys. It needs no log.
func verifyProof(w io.Writer, path string, keys []string, asJSON bool) error {
	data, err := smallfile.Read(path, maxProof)
	if err != nil {
		return err
	}
	var proven *audit.Proven
	p, err := audit.ParseProof(data)
	if err == nil {
		proven, err = p.Verify(keys)
	}
	if err != nil {
		if asJSON {
			if err := writeJSON(w, proofAnswer{Error: err.Error()}); err != nil {
				return err
			}
			return integrityError{}
		}
		fmt.Fprintf(w, "FAIL %s: %s\n", path, audit.Printable(err.Error()))
		return integrityError{}
	}
	if asJSON {
		return writeJSON(w, proofAnswer{Proven: true, By: proven})
	}
	_, err = fmt.Fprintf(w, "PROVEN seq %s is in the log that %s signed: checkpoint %d of %s, over %s\n%s\n", wording.Comma(p.Seq), proven.Key,
		proven.Number, proven.Signed.UTC().Format(audit.TimeLayout), wording.Amount(proven.Size, "record"), audit.Printable(string(p.Line)))
	return err
}
