package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	xmlmanifest "webproxy/catalog/manifest"
	"webproxy/catalog/tables"
	"webproxy/coverage"
	"webproxy/internal/hint"
	"webproxy/internal/setting"
	"webproxy/review"
)

// manifestURL is where Microsoft's environment validator gets its targets; the name of a region follows it.
const manifestURL = "https://aka.ms/hciconnectivitytargets"

const (
	maxManifest  = 4 << 20 // bytes, uncompressed; those of 2026-06 have less than a hundredth
	maxRedirects = 5
)

// manifestFlags are the flags of lists check.
type manifestFlags struct {
	place   placeFlags
	url     string
	proxy   string
	timeout setting.Duration
}

func newListsCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Show which current targets of Microsoft's validator the policy does not allow",
		Long: `Check reads the manifest of Microsoft's environment validator for the configured region,
https://aka.ms/hciconnectivitytargets/REGION, and prints the targets in it that the policy in the configuration does not
let through. It reads by HTTPS through the proxy that the configuration describes, as any client does, and only what the policy
allows: the first address and each redirect, which the audit log of the proxy has too. With FILE it reads a copy on disk.

The manifest is signed by Microsoft, and the signature is verified: a manifest whose signature is not valid is refused. A document
of another address (--url) or on disk may be unsigned, and that is said. Nothing is changed. With an Arc gateway, what the gateway reaches instead of the proxy is listed too.

Exit code 4 means that a target is not let through, that the policy or the proxy refuses to read the manifest, or that something in
it was not understood.`,
		Example: "  webproxy lists check\n  webproxy lists check --region westeurope --proxy 10.0.1.5:9090\n  webproxy lists check manifest.xml",
		Args:    cobra.MaximumNArgs(1),
	}
	var f manifestFlags
	f.place = addPlaceFlags(cmd)
	cmd.Flags().StringVar(&f.url, "url", "", "`URL` of another manifest, with https")
	cmd.Flags().StringVar(&f.proxy, "proxy", "", "`ADDRESS` of the proxy, host:port or a URL with http or https (default the configured listen address)")
	cmd.Flags().TextVar(&f.timeout, "timeout", setting.Duration(time.Minute), "`TIME` for all of the reading")
	runFormatted(cmd, f.run)
	return cmd
}

// A manifest is a document that was read, with its source.
type manifest struct {
	URL       string `json:"url,omitempty"`  // after redirects
	File      string `json:"file,omitempty"` // on disk
	Bytes     int    `json:"bytes"`
	SHA256    string `json:"sha256"`
	Modified  string `json:"modified,omitempty"` // as the server says
	Signature string `json:"signature"`          // whether it is Microsoft's, and how that is known

	name string
	data []byte
}

// A manifestAnswer is what lists check prints as JSON.
type manifestAnswer struct {
	Manifest manifest `json:"manifest"`
	coverageAnswer
}

func (f *manifestFlags) run(cmd *cobra.Command, args []string, asJSON bool) error {
	if f.timeout <= 0 {
		return usageError{fmt.Errorf("--timeout %v: want more than 0", f.timeout)}
	}
	if len(args) > 0 && (f.url != "" || f.proxy != "") {
		return usageError{errors.New("a FILE is read without --url and --proxy")}
	}
	p, err := f.place.place()
	if err != nil {
		return err
	}
	cfg, err := loadConfig(*f.place.file)
	if err != nil {
		return err
	}
	var m *manifest
	if len(args) > 0 {
		m, err = readManifest(cmd, args[0])
	} else {
		m, err = f.fetch(cmd, cfg, p)
	}
	if err != nil {
		return err
	}
	if err := m.check(); err != nil {
		return err
	}
	if err := m.verify(len(args) == 0 && f.url == ""); err != nil {
		return err
	}
	doc, err := tables.Read(m.name, m.data, documentPlace(p))
	if err != nil {
		return err
	}
	profile := coverage.Document(&doc, p)
	if len(profile.Endpoints) == 0 {
		return fmt.Errorf("%s has no targets", m.name)
	}
	report := profile.Check(cfg.Set, coverage.Options{Now: time.Now()})
	if asJSON {
		err = writeJSON(cmd.OutOrStdout(), manifestAnswer{*m, newCoverageAnswer(&report, review.FixFile(cfg, ""))})
	} else {
		err = lackingTable(cmd.OutOrStdout(), &report, review.FixFile(cfg, ""))
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s\n%s\n", m.text(), report.Verdict())
	if !report.Complete() {
		return noError{}
	}
	return nil
}

// lackingTable shows the targets that are not let through, or only on a condition.
func lackingTable(w io.Writer, r *coverage.Report, file string) error {
	part := *r
	part.Rows = nil
	for _, row := range r.Rows {
		if row.Status != coverage.Broad {
			part.Rows = append(part.Rows, row)
		}
	}
	return (&coverageFlags{into: file}).table(w, &part)
}

// text says what was read.
func (m *manifest) text() string {
	from := cmp.Or(m.File, m.URL)
	if m.Modified != "" {
		from += ", last modified " + m.Modified
	}
	return fmt.Sprintf("read %s (%d bytes, sha256 %s)\nsignature: %s", from, m.Bytes, m.SHA256, m.Signature)
}

func readManifest(cmd *cobra.Command, file string) (*manifest, error) {
	data, err := readDocument(cmd.InOrStdin(), "read", file)
	if err != nil {
		return nil, err
	}
	return &manifest{File: file, name: tables.Shown(file), data: data}, nil
}

// check sets the size and the sum of m, and refuses a document that is not a manifest: the page of a portal or a login has
// addresses too.
func (m *manifest) check() error {
	m.Bytes, m.SHA256 = len(m.data), fmt.Sprintf("%x", sha256.Sum256(m.data))
	// UTF-16 is read as well: without its zeros it is near enough to ASCII for a look.
	text := bytes.ToLower(bytes.TrimLeft(bytes.ReplaceAll(m.data, []byte{0}, nil), "\xff\xfe\xef\xbb\xbf \t\r\n"))
	structured := bytes.HasPrefix(text, []byte("<")) || bytes.HasPrefix(text, []byte("{")) || bytes.HasPrefix(text, []byte("["))
	if !structured || bytes.HasPrefix(text, []byte("<!doctype")) || bytes.HasPrefix(text, []byte("<html")) || !bytes.Contains(text, []byte("endpoint")) {
		return fmt.Errorf("%s is not a manifest: want XML or JSON with endpoints", m.name)
	}
	return nil
}

// verify verifies m's signature, and reduces m to what it covers. An invalid signature is an error; a missing one is an error
// only if the document must be Microsoft's.
func (m *manifest) verify(must bool) error {
	sig, signed, err := xmlmanifest.Verify(m.data, time.Now())
	switch {
	case err == nil:
		m.data = signed
		m.Signature = fmt.Sprintf("of %s, below %s: verified", tables.Shown(sig.Signer), sig.Root)
		if sig.Expired {
			m.Signature += fmt.Sprintf(", with a certificate that was valid until %s", sig.Until.UTC().Format(time.DateOnly))
		}
		return nil
	case must:
		return hint.With(fmt.Errorf("%s is not Microsoft's manifest, and nothing of it is used: %w", m.name, err),
			"a copy that you trust can be read from disk: webproxy lists check FILE")
	case errors.Is(err, xmlmanifest.ErrUnsigned), !bytes.Contains(m.data, []byte("http://www.w3.org/2000/09/xmldsig#")):
		m.Signature = "none, nothing verified"
		return nil
	}
	return fmt.Errorf("%s has a signature that does not verify, and nothing of it is used: %w", m.name, err)
}
