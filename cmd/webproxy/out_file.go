package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"webproxy/internal/atomicfile"
)

// outFlag adds --out; give what it says to writeOut.
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
