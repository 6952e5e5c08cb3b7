package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"webproxy/internal/atomicfile"
)

// outFlag adds --out; pass its value to writeOut.
func outFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("out", "", "write the answer to `FILE` instead of printing it")
}

// writeOut writes an answer to the file that --out names, replacing it as a whole, or else to standard output.
func writeOut(cmd *cobra.Command, out string, data []byte) error {
	if out == "" {
		_, err := cmd.OutOrStdout().Write(data)
		return err
	}
	if err := atomicfile.Write(out, data, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "wrote %s\n", out)
	return nil
}

// isAnswer reports whether err is only the exit code of an answer that was printed.
func isAnswer(err error) bool {
	var no noError
	var tampered integrityError
	var invalid configError
	return errors.As(err, &no) || errors.As(err, &tampered) || errors.As(err, &invalid)
}

// toFile adds --out to a command. It must be called after RunE is set: what that prints to standard output goes to the file, which
// is replaced as a whole once the command has an answer. Redirection in PowerShell 5 would write UTF-16.
func toFile(cmd *cobra.Command) {
	out, run := outFlag(cmd), cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *out == "" {
			return run(cmd, args)
		}
		var answer error
		err := atomicfile.WriteFrom(*out, 0o644, func(w io.Writer) error {
			before := cmd.OutOrStdout()
			cmd.SetOut(w)
			defer cmd.SetOut(before)
			if answer = run(cmd, args); answer != nil && !isAnswer(answer) {
				return answer
			}
			return nil
		})
		switch {
		case answer != nil && !isAnswer(answer):
			return answer // not an error of the file
		case err != nil:
			return err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "wrote %s\n", *out)
		return answer
	}
}
