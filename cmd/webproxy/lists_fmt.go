package main

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"webproxy/config"
	"webproxy/internal/atomicfile"
	"webproxy/internal/hint"
	"webproxy/review"
)

func newListsFmt() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fmt [FILE]...",
		Short: "Format list files: one spelling of each entry",
		Long: `Fmt writes list files (without FILE, those of the configuration) in one form: hosts in lower case, ports
in order, keys in the order id, phase, cloud, tag, expires, by, reason, quotes where they are needed, two spaces before a
comment, only single empty lines. Lines keep their order, comments their text, files their permissions, and every
entry says what it said before. It prints the names of files that it changed. "-" formats standard input to standard output.

Nothing is written if a line of any file is not valid. With --check nothing is written at all, the names are those of
files that would change, and exit code 4 means that there are some.`,
		Example: "  webproxy lists fmt\n  webproxy lists fmt --check lists/*.txt",
	}
	file := configFlag(cmd)
	check := cmd.Flags().Bool("check", false, "write nothing; exit code 4 if a file would change")
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		if len(args) == 1 && args[0] == "-" {
			return formatInput(cmd, *check, asJSON)
		}
		if len(args) == 0 {
			cfg, err := loadConfig(*file)
			if err != nil {
				return err
			}
			if args = cfg.ListFiles(); len(args) == 0 {
				return hint.With(fmt.Errorf("%s names no list file", about(cfg)), "name the files: webproxy lists fmt FILE")
			}
		}
		return formatLists(cmd, args, *check, asJSON)
	})
	return cmd
}

// A formattedList is the result for a list file as lists fmt prints it in JSON.
type formattedList struct {
	File    string `json:"file"`
	Changed bool   `json:"changed"` // or would be, with --check

	before, after []byte
}

// formatLists formats all files, or none if one of them has an invalid line.
func formatLists(cmd *cobra.Command, paths []string, check, asJSON bool) error {
	all, seen := []formattedList{}, map[string]bool{}
	var problems config.Problems
	for _, path := range paths {
		if path == "-" {
			return usageError{errors.New(`"-" is formatted alone`)}
		}
		if path = shownPath(path); seen[path] {
			continue
		}
		seen[path] = true
		f := formattedList{File: path}
		var err error
		if f.before, err = config.ReadList(path); err == nil {
			f.after, err = config.FormatList(path, f.before)
		}
		var wrong config.Problems
		if errors.As(err, &wrong) {
			problems = append(problems, wrong...)
			continue
		}
		f.Changed = !bytes.Equal(f.before, f.after)
		all = append(all, f)
	}
	if len(problems) > 0 {
		return problems
	}
	changed := false
	for i := range all {
		if !all[i].Changed {
			continue
		}
		changed = true
		if !check {
			if err := all[i].write(); err != nil {
				return err
			}
		}
		if !asJSON {
			fmt.Fprintln(cmd.OutOrStdout(), all[i].File)
		}
	}
	if asJSON {
		if err := writeJSON(cmd.OutOrStdout(), all); err != nil {
			return err
		}
	}
	if check && changed {
		return noError{}
	}
	return nil
}

// write replaces the file by its new form, unless somebody wrote to it since it was read.
func (f *formattedList) write() error {
	now, err := config.ReadList(f.File)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, f.before) {
		return fmt.Errorf("%s: %w", f.File, review.ErrChanged)
	}
	return atomicfile.Write(f.File, f.after, 0o644)
}

// formatInput formats a list on standard input.
func formatInput(cmd *cobra.Command, check, asJSON bool) error {
	if asJSON {
		return usageError{errors.New(`"-" prints a list, not JSON`)}
	}
	before, err := readDocument(cmd.InOrStdin(), "format", "-")
	if err != nil {
		return err
	}
	after, err := config.FormatList("standard input", before)
	if err != nil {
		return err
	}
	if check {
		if !bytes.Equal(before, after) {
			return noError{}
		}
		return nil
	}
	_, err = cmd.OutOrStdout().Write(after)
	return err
}
