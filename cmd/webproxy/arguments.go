package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"webproxy/internal/spelling"
)

// nameArguments makes cmd and the commands below it name wrong arguments: which is missing, which is one too many, and which
// command was probably meant.
func nameArguments(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			if err == nil {
				return nil
			}
			return usageError{argumentError(cmd, args, err)}
		}
	}
	for _, sub := range cmd.Commands() {
		nameArguments(sub)
	}
}

// argumentError says what is wrong with the arguments args of cmd, which err refuses.
func argumentError(cmd *cobra.Command, args []string, err error) error {
	names := argumentNames(cmd.Use)
	switch {
	case cmd.HasAvailableSubCommands() && len(args) > 0:
		var known []string
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				known = append(known, sub.Name())
			}
		}
		text := fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath())
		if near := spelling.Nearest(args[0], known); near != "" {
			text += fmt.Sprintf("; did you mean %q?", near)
		}
		return errors.New(text)
	case len(args) < len(names):
		return fmt.Errorf("%s: %s is missing: %w", cmd.CommandPath(), strings.Join(names[len(args):], ", "), err)
	case len(args) > len(names) && len(names) > 0:
		return fmt.Errorf("%s: one argument too many: %q", cmd.CommandPath(), args[len(names)])
	case len(args) > 0:
		return fmt.Errorf("%s takes no argument such as %q", cmd.CommandPath(), args[0])
	}
	return err
}

// argumentNames returns the required arguments in a command's usage line.
func argumentNames(use string) []string {
	var names []string
	for _, word := range strings.Fields(use)[1:] {
		if strings.HasPrefix(word, "-") || strings.HasPrefix(word, "[") {
			break
		}
		names = append(names, word)
	}
	return names
}
