package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"webproxy/catalog"
	"webproxy/policy"
)

func newListsShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show NAME[@GENERATION]",
		Short: "Show the entries of a list for the configured cloud and region",
		Long: `Show prints the entries as lines of a list file: they can be copied into one. Entries that cannot be in force
are comments, with the reason. With --all it prints what the list has for every cloud and region,
placeholders as they are, with what its sources say about each line.`,
		Example: "  webproxy lists show arc\n  webproxy lists show azure-local --region eus\n  webproxy lists show hci@2021-12 --cloud china",
		Args:    cobra.ExactArgs(1),
	}
	flags := addPlaceFlags(cmd)
	all := cmd.Flags().Bool("all", false, "every cloud and region, placeholders unfilled")
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		p, err := flags.place()
		if err != nil {
			return err
		}
		answer, err := showAnswer(args[0], p, *all)
		if err != nil {
			return usageError{err}
		}
		if asJSON {
			return writeJSON(cmd.OutOrStdout(), answer)
		}
		_, err = io.WriteString(cmd.OutOrStdout(), answer.text())
		return err
	})
	toFile(cmd)
	return cmd
}

// A listContent is what lists show prints as JSON.
type listContent struct {
	Name       string        `json:"name"`
	Generation string        `json:"generation"`
	Title      string        `json:"title"`
	Cloud      string        `json:"cloud"`           // empty: all
	Region     string        `json:"region"`          // empty: none is set, or all
	Parts      []bundlePart  `json:"parts,omitempty"` // of a bundle
	Sources    []listSource  `json:"sources"`
	Entries    []listedEntry `json:"entries"`
}

// A bundlePart is some lists that a bundle takes, and why.
type bundlePart struct {
	Lists []string `json:"lists"`
	Why   string   `json:"why"`
}

// A listSource is a document that entries are from.
type listSource struct {
	Source string `json:"source"`
	Date   string `json:"date"`
}

// A listedEntry is one entry of a list with what its source says about it.
type listedEntry struct {
	Entry       string   `json:"entry"` // scheme://host[:port][/path]; with its placeholders if they are not filled
	ID          string   `json:"id"`
	Tag         string   `json:"tag,omitempty"`
	Cloud       string   `json:"cloud"`
	Regions     []string `json:"regions,omitempty"`
	When        string   `json:"when"`
	Description string   `json:"description"`
	Note        string   `json:"note,omitempty"`
	Source      string   `json:"source"`             // the document
	Line        string   `json:"line"`               // the list and its entry
	Text        string   `json:"text"`               // of the document
	Examples    []string `json:"examples,omitempty"` // of a wildcard
	Disabled    string   `json:"disabled,omitempty"` // why it is not in force
	full        string   // the entry with its keys
}

func showAnswer(name string, p policy.Place, all bool) (*listContent, error) {
	info, err := catalog.Info(name)
	if err != nil {
		return nil, err
	}
	c := &listContent{
		Name: info.Name, Generation: info.Generation, Title: info.Title, Cloud: p.Cloud, Region: p.Region,
		Sources: []listSource{}, Entries: []listedEntry{},
	}
	if err := c.addParts(info); err != nil {
		return nil, err
	}
	if all {
		c.Cloud, c.Region = "", ""
		return c, c.addAll(info)
	}
	lines, err := catalog.Lines(name, p)
	for i := range lines {
		c.add(&lines[i])
	}
	return c, err
}

func (c *listContent) addParts(info catalog.Summary) error {
	if info.Lists == nil {
		return nil
	}
	b, err := catalog.OpenBundle(info.Name + "@" + info.Generation)
	if err != nil {
		return err
	}
	for _, p := range b.Parts {
		c.Parts = append(c.Parts, bundlePart{p.Lists, p.Why})
	}
	return nil
}

// addAll adds all endpoints of the list, or of the lists of the bundle.
func (c *listContent) addAll(info catalog.Summary) error {
	names := info.Lists
	if names == nil {
		names = []string{info.Name + "@" + info.Generation}
	}
	for _, name := range names {
		l, err := catalog.Open(name)
		if err != nil {
			return err
		}
		number := 0
		for i := range l.Documents {
			d := &l.Documents[i]
			for j := range d.Endpoints {
				number++
				c.add(&catalog.Line{List: l, Document: d, Endpoint: &d.Endpoints[j], Number: number})
			}
		}
	}
	return nil
}

// add adds the forms of l: its entries, or what they would be.
func (c *listContent) add(l *catalog.Line) {
	e := l.Endpoint
	if s := (listSource{l.Document.Source, l.Document.Date}); !slices.Contains(c.Sources, s) {
		c.Sources = append(c.Sources, s)
	}
	listed := listedEntry{
		ID: e.ID, Tag: strings.Join(e.Tags, ","), Cloud: e.Cloud, Regions: e.Regions, When: e.When, Description: e.Description,
		Note: e.Note, Source: l.Document.Source, Text: e.Raw, Disabled: e.Disabled,
		Line: fmt.Sprintf("%s@%s, entry %d", l.List.Name, l.List.Generation, l.Number),
	}
	if l.Disabled != nil {
		listed.ID, listed.Disabled = l.Disabled.ID, l.Disabled.Reason
	}
	for i, form := range l.Forms() {
		x := listed
		x.Entry, x.Examples = form, examples(e.Host)
		if len(l.Entries) > 0 {
			x.ID, x.full, x.Examples = l.Entries[i].ID, l.Entries[i].String(), examples(l.Entries[i].Host.String())
		}
		c.Entries = append(c.Entries, x)
	}
}

// text is the list as a list file.
func (c *listContent) text() string {
	var b strings.Builder
	where := "every cloud and region"
	if c.Cloud != "" {
		where = "cloud " + c.Cloud
	}
	if c.Region != "" {
		where += ", region " + c.Region
	}
	fmt.Fprintf(&b, "# %s@%s: %s; %s\n", c.Name, c.Generation, c.Title, where)
	for _, p := range c.Parts {
		fmt.Fprintf(&b, "# of %s: %s\n", strings.Join(p.Lists, " "), p.Why)
	}
	for _, s := range c.Sources {
		fmt.Fprintf(&b, "# source: %s (%s)\n", s.Source, s.Date)
	}
	for _, e := range c.Entries {
		if e.full != "" {
			b.WriteString(e.full + comment(e.Examples) + "\n")
		}
	}
	for _, e := range c.Entries {
		switch {
		case e.full != "":
		case c.Cloud == "":
			fmt.Fprintf(&b, "# %s\n", e.about())
		default:
			fmt.Fprintf(&b, "# not in force: %q: %s\n", e.Text, e.Disabled)
		}
	}
	return b.String()
}

// comment is a comment with the hosts, after an entry.
func comment(hosts []string) string {
	if len(hosts) == 0 {
		return ""
	}
	return "  # such as " + strings.Join(hosts, ", ")
}

// about returns the entry with all that its source says.
func (e *listedEntry) about() string {
	parts := []string{e.Line + ": " + e.Entry, e.Cloud}
	if len(e.Regions) > 0 {
		parts = append(parts, strings.Join(e.Regions, " "))
	}
	parts = append(parts, e.When, e.Description)
	for _, more := range []string{e.Note, strings.TrimPrefix(comment(e.Examples), "  # ")} {
		if more != "" {
			parts = append(parts, more)
		}
	}
	if e.Disabled != "" {
		parts = append(parts, "no rule: "+e.Disabled)
	}
	return strings.Join(parts, "; ")
}
