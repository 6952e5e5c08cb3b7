package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

//go:generate go test -run ^(TestCLIDocs|TestFindingsDoc)$ -update .

var update = flag.Bool("update", false, "rewrite docs/cli.md")

// TestCLIDocs holds docs/cli.md to what --help says.
func TestCLIDocs(t *testing.T) {
	const path = "../../docs/cli.md"
	var b bytes.Buffer
	b.WriteString("# Command line\n\nMade from `--help` by `make docs`; do not edit.\n\n")
	b.WriteString("Answers go to standard output, everything else to standard error. Exit codes: 0 done, 1 something did\n" +
		"not work, 2 usage, 3 the configuration is not valid, 4 the answer is no (denied, or a check that failed).\n")
	root := newRoot()
	root.InitDefaultHelpCmd()
	writeCommand(&b, root)
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, b.Bytes()) {
		t.Errorf("%s is not what --help says (%v): run make docs", path, err)
	}
}

func writeCommand(b *bytes.Buffer, cmd *cobra.Command) {
	if cmd.Name() == "help" || cmd.Name() == "completion" {
		return
	}
	about := cmd.Long
	if about == "" {
		about = cmd.Short + "."
	}
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n```\n%s\n", cmd.CommandPath(), about, cmd.UseLine())
	if flags := cmd.LocalNonPersistentFlags().FlagUsages(); flags != "" {
		fmt.Fprintf(b, "\n%s\n", strings.TrimRight(flags, "\n"))
	}
	if cmd.Example != "" {
		fmt.Fprintf(b, "\nExamples:\n%s\n", cmd.Example)
	}
	b.WriteString("```\n")
	for _, sub := range cmd.Commands() {
		writeCommand(b, sub)
	}
}

// Lengths of time are written alike in all places: a flag of pflag's own kind would not take 2d.
func TestOneSyntaxOfDurations(t *testing.T) {
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Value.Type() == "duration" {
				t.Errorf("%s --%s: use setting.Duration", cmd.CommandPath(), f.Name)
			}
		})
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(newRoot())
}
