package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"webproxy/catalog"
	"webproxy/catalog/tables"
	"webproxy/internal/atomicfile"
	"webproxy/internal/hint"
	"webproxy/internal/wording"
	"webproxy/policy"
)

// maxImport bounds a document, in bytes: Microsoft's longest page has a hundredth of it.
const maxImport = 16 << 20

// importFlags are the flags of lists import.
type importFlags struct {
	region string
	names  []string
	denied bool
	out    string
}

func newListsImport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Make list entries of a pasted table",
		Long: `Import reads the forms in which people keep such lists: tables in Markdown, HTML, CSV or with tabs; JSON, YAML
and XML, Microsoft's validator manifests among them; firewall rules in ARM, Bicep or Terraform; lists and configurations
of Squid, Smokescreen and Tinyproxy; hosts files; plain lines. "-" is standard input. It prints the entries as lines of a list file, each with its
source after it, and what did not become an entry as comments, each with the reason. Nothing is dropped silently, no
entry is broader than its source, and nothing that the document denies becomes an entry, except with --deny, which makes
entries of just that, for the list of a rule with deny: true.

With --out the entries that a list file does not have are appended to it; the rest of the file stays as it is. Then a
table of the result for each line is printed, and the entries of the file that came from an earlier version of the document
and are not in it any more; they stay until you remove them.

Exit code 4 means that something that may be an endpoint was not understood, or that there was no entry. What is
understood, but is no rule of a web proxy, such as UDP, is not an error.`,
		Example: "  webproxy lists import eastus.md --region eastus --name keyvault=contoso-kv --out lists/approved.txt",
		Args:    cobra.ExactArgs(1),
	}
	var f importFlags
	cmd.Flags().StringVar(&f.region, "region", "", "`REGION` that fills <region>, such as eastus")
	cmd.Flags().StringArrayVar(&f.names, "name", nil, "`KEY=VALUE` that fills another placeholder, such as keyvault=contoso-kv; may be repeated")
	cmd.Flags().BoolVar(&f.denied, "deny", false, "make entries only of what the document denies")
	cmd.Flags().StringVar(&f.out, "out", "", "list `FILE` to append to")
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		return importList(cmd, args[0], &f, asJSON)
	})
	return cmd
}

func importList(cmd *cobra.Command, file string, f *importFlags, asJSON bool) error {
	place, err := importPlace(f)
	if err != nil {
		return usageError{err}
	}
	data, err := readDocument(cmd.InOrStdin(), "import", file)
	if err != nil {
		return err
	}
	read := tables.Read
	if f.denied {
		read = tables.ReadDenied
	}
	report, err := read(filepath.Base(file), data, place)
	if err != nil {
		return usageError{err}
	}
	listed, gone, err := appendTo(f.out, &report)
	if err != nil {
		return err
	}
	if err := writeImport(cmd.OutOrStdout(), &report, listed, gone, f.out, asJSON); err != nil {
		return err
	}
	sayImported(cmd.ErrOrStderr(), &report, listed, f.out)
	if len(gone) > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s of %s came from it and %s not in it any more\n", report.Name, wording.Plural(len(gone), "entry"), f.out,
			map[bool]string{true: "is", false: "are"}[len(gone) == 1])
	}
	if _, err := catalog.ParseTags(data); err == nil {
		sayHint(cmd.ErrOrStderr(), "these are service tags, addresses by name, and no endpoints: webproxy servicetags import "+file)
	}
	switch s := report.Summary(); {
	case s.Problems > 0:
		return noError{}
	case s.Entries == 0:
		sayHint(cmd.ErrOrStderr(), "nothing in it became an entry")
		return noError{}
	}
	return nil
}

// importPlace makes a place of --region and --name.
func importPlace(f *importFlags) (policy.Place, error) {
	p := policy.Place{Region: f.region, Names: map[string]string{}}
	for _, pair := range f.names {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" || value == "" {
			return p, fmt.Errorf("--name %q: want KEY=VALUE, such as keyvault=contoso-kv", pair)
		}
		p.Names[key] = value
	}
	return p, nil
}

// readDocument reads a document; "-" is stdin. doing is the verb in its errors.
func readDocument(stdin io.Reader, doing, file string) ([]byte, error) {
	return readFile(stdin, doing, file, maxImport)
}

// readFile reads a file of at most limit bytes, a multiple of a MiB; "-" is stdin. doing is the verb in its errors.
func readFile(stdin io.Reader, doing, file string, limit int64) ([]byte, error) {
	in := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", doing, err)
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", doing, file, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s %s: longer than %d MiB", doing, file, limit>>20)
	}
	return data, nil
}

// appendTo puts the entries of r into the list file out, and says what became of each. Without a
// file it only says which of them are repetitions. gone are the file's entries of an earlier version of the document.
func appendTo(out string, r *tables.Report) (listed, gone []tables.Listed, err error) {
	if out == "" {
		_, listed, err := r.Append(nil)
		return listed, nil, err
	}
	old, err := os.ReadFile(out)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("import: %w", err)
	}
	list, listed, err := r.Append(old)
	if err != nil {
		return nil, nil, fmt.Errorf("import into %s: %w", out, err)
	}
	gone = r.Gone(old)
	if len(list) == len(old) {
		return listed, gone, nil // nothing is new: do not trigger a reload
	}
	if err := atomicfile.Write(out, list, 0o644); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = hint.With(err, "make the directory first")
		}
		return nil, nil, err
	}
	return listed, gone, nil
}

// sayImported prints a summary.
func sayImported(w io.Writer, r *tables.Report, listed []tables.Listed, out string) {
	s := r.Summary()
	fresh := 0
	for _, l := range listed {
		if l.As == "" {
			fresh++
		}
	}
	fmt.Fprintf(w, "%s: %s: %s", r.Name, wording.Plural(s.Lines, "line"), wording.Plural(fresh, "new entry"))
	if n := len(listed) - fresh; n > 0 {
		fmt.Fprintf(w, " and %d that were there already", n)
	}
	if out != "" {
		fmt.Fprintf(w, " in %s", out)
	}
	fmt.Fprintf(w, "; %d to be filled, %d that no rule can express, %d not understood; %s of prose and headings\n",
		s.Unfilled, s.NoRule, s.Problems, wording.Plural(s.Prose, "line"))
	var needs []string
	for _, l := range r.Lines {
		for _, left := range l.Left {
			if left.Kind == tables.Unfilled && !slices.Contains(needs, left.Hint) {
				needs = append(needs, left.Hint)
			}
		}
	}
	if len(needs) > 0 {
		sayHint(w, "fill placeholders with "+strings.Join(needs, " "))
	}
}
