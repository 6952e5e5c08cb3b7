package main

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/certs"
	"webproxy/internal/hint"
)

func newCA() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "The authority that signs certificates for inspected clients",
		Long: `A rule with inspect: true decrypts TLS, to enforce paths. Its clients get certificates of an authority of
your own, which they must trust. Ca makes it, in inspection.dir, and prints what clients need; see docs/inspection.md.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCAInit(), newCARotate(), newCAShow(), newCAExport())
	return cmd
}

func newCAInit() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "init",
		Short:   "Make an authority",
		Example: "  webproxy ca init --only aka.ms",
		Args:    cobra.NoArgs,
	}
	file := configFlag(cmd)
	name := cmd.Flags().String("name", "", "common `NAME` (default: webproxy inspection)")
	only := cmd.Flags().StringSlice("only", nil, "DNS `NAMES`, and those below them, that it can sign for; no addresses, URIs or mail then (default: all)")
	days := cmd.Flags().Int("days", 730, "how long it is valid")
	runFormatted(cmd, func(cmd *cobra.Command, _ []string, asJSON bool) error {
		return makeRoot(cmd, *file, certs.RootSpec{Name: *name, Only: *only, Life: daysLong(*days)}, false, asJSON)
	})
	return cmd
}

func newCARotate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Make the next authority, which signs after clients have had time to trust it",
		Long: `Rotate makes the next root beside the one that signs. Until --overlap is over the old one goes on signing: export
both to clients by then. A running proxy switches by itself. The new one has the name and --only of the old one.`,
		Args: cobra.NoArgs,
	}
	file := configFlag(cmd)
	overlap := cmd.Flags().Int("overlap", 30, "days until it signs")
	days := cmd.Flags().Int("days", 730, "how long it is valid from then on")
	runFormatted(cmd, func(cmd *cobra.Command, _ []string, asJSON bool) error {
		return makeRoot(cmd, *file, certs.RootSpec{Life: daysLong(*days), Overlap: daysLong(*overlap)}, true, asJSON)
	})
	return cmd
}

func daysLong(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// makeRoot makes a root: the first, or the next one.
func makeRoot(cmd *cobra.Command, file string, spec certs.RootSpec, next, asJSON bool) error {
	if spec.Life <= 0 || spec.Overlap < 0 {
		return usageError{errors.New("want a positive number of days")}
	}
	dir, roots, err := readAuthority(file)
	switch {
	case err != nil:
		return err
	case !next && len(roots) > 0:
		return hint.With(fmt.Errorf("there is an authority in %s", dir), "webproxy ca rotate makes the next one")
	case next && len(roots) == 0:
		return hint.With(fmt.Errorf("there is no authority in %s", dir), "webproxy ca init makes one")
	case next:
		last := roots[len(roots)-1].Cert
		spec.Name, spec.Only = last.Subject.CommonName, last.PermittedDNSDomains
	}
	r, err := certs.Make(dir, spec)
	if err != nil {
		return fmt.Errorf("make authority: %w", err)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "made %s in %s; it signs from %s until %s\n", r.Name, dir,
		r.Starts().UTC().Format(time.RFC3339), r.Cert.NotAfter.UTC().Format(time.RFC3339))
	sayHint(cmd.ErrOrStderr(), "webproxy ca export gives clients what to trust")
	if asJSON {
		state := "signs"
		if next {
			state = "next"
		}
		return writeJSON(cmd.OutOrStdout(), newCARoot(r, state))
	}
	return nil
}

func readAuthority(file string) (dir string, roots []*certs.Root, err error) {
	cfg, err := loadConfig(file)
	if err != nil {
		return "", nil, err
	}
	roots, err = certs.ReadRoots(cfg.Inspection.Dir)
	return cfg.Inspection.Dir, roots, err
}

// knownRoots is readAuthority, and fails without an authority.
func knownRoots(file string) ([]*certs.Root, error) {
	dir, roots, err := readAuthority(file)
	if err == nil && len(roots) == 0 {
		err = hint.With(fmt.Errorf("there is no authority in %s", dir), "webproxy ca init makes one")
	}
	return roots, err
}

func newCAShow() *cobra.Command {
	cmd := &cobra.Command{Use: "show", Short: "Print the roots of the authority, and their states", Args: cobra.NoArgs}
	file := configFlag(cmd)
	runFormatted(cmd, func(cmd *cobra.Command, _ []string, asJSON bool) error {
		roots, err := knownRoots(*file)
		if err != nil {
			return err
		}
		all := []caRoot{}
		rows := [][]string{{"ROOT", "STATE", "SIGNS FROM (UTC)", "UNTIL", "FOR", "SHA-256"}}
		now := time.Now()
		var open []string
		for i, r := range roots {
			state := rootState(roots, i, now)
			all = append(all, newCARoot(r, state))
			only := strings.Join(r.Cert.PermittedDNSDomains, ",")
			switch {
			case only == "":
				only = "all names"
			case !r.Binds():
				only += ",any address"
				open = append(open, r.Name)
			}
			rows = append(rows, []string{
				r.Name, state, r.Starts().UTC().Format(time.DateOnly), r.Cert.NotAfter.UTC().Format(time.DateOnly), only, fingerprint(r),
			})
		}
		if err := writeAnswer(cmd.OutOrStdout(), asJSON, all, rows, "SHA-256"); err != nil {
			return err
		}
		if len(open) > 0 {
			sayWarning(cmd.ErrOrStderr(), fmt.Sprintf("%s: an earlier version limited it to names only; clients believe what its key signs for IP addresses, URIs and mail addresses", strings.Join(open, ", ")))
			sayHint(cmd.ErrOrStderr(), "webproxy ca rotate makes a root that is limited in these too")
		}
		return nil
	})
	return cmd
}

// rootState is the state of roots[i]: signs, next, was before, or over.
func rootState(roots []*certs.Root, i int, now time.Time) string {
	switch r := roots[i]; {
	case expired(r, now):
		return "over"
	case now.Before(r.Starts()):
		return "next"
	case i+1 < len(roots) && !now.Before(roots[i+1].Starts()):
		return "was before"
	}
	return "signs"
}

func expired(r *certs.Root, now time.Time) bool { return !now.Before(r.Cert.NotAfter) }

// fingerprint is the SHA-256 of the certificate.
func fingerprint(r *certs.Root) string { return fmt.Sprintf("%x", sha256.Sum256(r.Cert.Raw)) }

func newCARoot(r *certs.Root, state string) caRoot {
	return caRoot{
		r.Name, state, r.Starts().UTC(), r.Cert.NotAfter, append([]string{}, r.Cert.PermittedDNSDomains...), r.Binds(), fingerprint(r),
	}
}

// A caRoot is one root as ca init, rotate and show print it as JSON.
type caRoot struct {
	Root   string    `json:"root"`
	State  string    `json:"state"` // signs, next, was before, or over
	From   time.Time `json:"signs_from"`
	Until  time.Time `json:"until"`
	Only   []string  `json:"only"`   // DNS names that it can sign for, and those below them; empty: all
	Limits bool      `json:"limits"` // addresses, URIs and mail too, where only is not empty
	SHA256 string    `json:"sha256"`
}

func newCAExport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print the certificates that clients must trust, the next one's included",
		Example: `  webproxy ca export --out webproxy-ca.pem
  webproxy ca export --as powershell`,
		Args: cobra.NoArgs,
	}
	file := configFlag(cmd)
	form := cmd.Flags().String("as", "pem", "`FORM`: pem, der (the newest root only) or powershell, lines that trust them on Windows")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		roots, err := knownRoots(*file)
		if err != nil {
			return err
		}
		w := cmd.OutOrStdout()
		switch *form {
		case "pem":
			_, err = io.WriteString(w, rootsPEM(roots))
		case "der":
			_, err = w.Write(roots[len(roots)-1].Cert.Raw)
		case "powershell":
			err = writeTrust(w, roots)
		default:
			err = usageError{fmt.Errorf("--as %s: want pem, der or powershell", *form)}
		}
		return err
	}
	toFile(cmd)
	return cmd
}

// rootsPEM returns the certificates of the roots that have not expired.
func rootsPEM(roots []*certs.Root) string {
	var b strings.Builder
	for _, r := range roots {
		if !expired(r, time.Now()) {
			pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: r.Cert.Raw})
		}
	}
	return b.String()
}

// writeTrust writes commands for an elevated PowerShell, and those that undo them.
func writeTrust(w io.Writer, roots []*certs.Root) error {
	var b, undo strings.Builder
	b.WriteString("# As administrator, on the clients of inspecting rules only; never on Azure Local nodes.\n")
	for _, r := range roots {
		if expired(r, time.Now()) {
			continue
		}
		text := strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Cert.Raw})))
		fmt.Fprintf(&b, "Set-Content -Path \"$env:TEMP\\%[1]s.cer\" -Value @'\n%[2]s\n'@\nImport-Certificate -FilePath \"$env:TEMP\\%[1]s.cer\" -CertStoreLocation Cert:\\LocalMachine\\Root\n", r.Name, text)
		fmt.Fprintf(&undo, "# Remove-Item Cert:\\LocalMachine\\Root\\%X\n", sha1.Sum(r.Cert.Raw))
	}
	_, err := io.WriteString(w, b.String()+"# To undo it:\n"+undo.String())
	return err
}
