package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"webproxy/audit"
	"webproxy/internal/account"
	"webproxy/internal/adminsocket"
	"webproxy/internal/daemon"
	"webproxy/internal/hint"
	"webproxy/internal/smallfile"
)

func newDashboardUser() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Say who may log in to the dashboard with a password",
		Long: `The users are in the file dashboard.users, dashboard-users beside the configuration by default; it has only
argon2id hashes of passwords. A running proxy reads changes of the file. A user who is removed, or gets another password or role, is logged
out at once.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newUserAdd(), newUserList(), newUserPassword(), newUserRemove(), newUserRole())
	return cmd
}

const passwordFlagUse = "`FILE` whose first line is the password, or - for standard input; without it you are asked"

func newUserAdd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add NAME --role ROLE",
		Short: "Add somebody",
		Example: `  webproxy dashboard user add anna --role approver
  webproxy dashboard user add report --role reader --password-file - < secret`,
		Args: cobra.ExactArgs(1),
	}
	role := cmd.Flags().String("role", "", "`ROLE`: reader, who sees everything, or approver, who changes things too (required)")
	cmd.MarkFlagRequired("role")
	from := cmd.Flags().String("password-file", "", passwordFlagUse)
	at := addAdminFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := account.ParseRole(*role)
		if err != nil {
			return usageError{fmt.Errorf("--role: %w", err)}
		}
		password, err := readPassword(cmd, *from, args[0])
		if err != nil {
			return err
		}
		return editUsers(cmd, at, func(u *account.Users) error { return u.Add(args[0], r, password, userName(), time.Now()) },
			fmt.Sprintf("%s may log in as %s", args[0], r))
	}
	return cmd
}

func newUserPassword() *cobra.Command {
	cmd := &cobra.Command{Use: "password NAME", Short: "Change a user's password", Args: cobra.ExactArgs(1)}
	from := cmd.Flags().String("password-file", "", passwordFlagUse)
	at := addAdminFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		password, err := readPassword(cmd, *from, args[0])
		if err != nil {
			return err
		}
		return editUsers(cmd, at, func(u *account.Users) error { return u.SetPassword(args[0], password, userName(), time.Now()) },
			args[0]+" has another password, and is logged out")
	}
	return cmd
}

func newUserRole() *cobra.Command {
	cmd := &cobra.Command{Use: "role NAME ROLE", Short: "Change a user's role: reader or approver", Args: cobra.ExactArgs(2)}
	at := addAdminFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := account.ParseRole(args[1])
		if err != nil {
			return usageError{err}
		}
		return editUsers(cmd, at, func(u *account.Users) error { return u.SetRole(args[0], r, userName(), time.Now()) },
			fmt.Sprintf("%s is %s from now on, and is logged out", args[0], r))
	}
	return cmd
}

func newUserRemove() *cobra.Command {
	cmd := &cobra.Command{Use: "remove NAME", Short: "Remove a user", Args: cobra.ExactArgs(1)}
	at := addAdminFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return editUsers(cmd, at, func(u *account.Users) error { return u.Remove(args[0]) }, args[0]+" is no longer a user, and is logged out")
	}
	return cmd
}

func newUserList() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the users", Args: cobra.NoArgs}
	file := configFlag(cmd)
	runFormatted(cmd, func(cmd *cobra.Command, _ []string, asJSON bool) error {
		path, err := usersFile(*file)
		if err != nil {
			return err
		}
		users, err := account.Read(path)
		if err != nil {
			return err
		}
		answer := userAnswer{File: path, Users: []userState{}}
		rows := [][]string{{"USER", "ROLE", "CHANGED (UTC)", "BY"}}
		for _, u := range users {
			answer.Users = append(answer.Users, userState{u.Name, u.Role, u.Changed, u.By})
			rows = append(rows, []string{u.Name, string(u.Role), u.Changed.UTC().Format("2006-01-02 15:04"), audit.Printable(u.By)})
		}
		if len(users) == 0 && !asJSON {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s has no users; webproxy dashboard user add NAME adds one\n", shownPath(path))
			return nil
		}
		return writeAnswer(cmd.OutOrStdout(), asJSON, answer, rows)
	})
	return cmd
}

// A userAnswer is what dashboard user list prints as JSON.
type userAnswer struct {
	File  string      `json:"file"`
	Users []userState `json:"users"`
}

type userState struct {
	Name    string       `json:"name"`
	Role    account.Role `json:"role"`
	Changed time.Time    `json:"changed"`
	By      string       `json:"by"`
}

// usersFile returns the file of users of the configuration.
func usersFile(flag string) (string, error) {
	cfg, err := loadConfig(flag)
	if err != nil {
		return "", err
	}
	if cfg.Dashboard.Users == "" {
		return "", builtInLacks("file beside which users could be kept")
	}
	return cfg.Dashboard.Users, nil
}

// editUsers changes the file of users, notifies the running proxy, and prints done.
func editUsers(cmd *cobra.Command, at adminFlag, change func(*account.Users) error, done string) error {
	path, err := usersFile(*at.config)
	if err != nil {
		return err
	}
	err = account.Edit(path, change)
	switch {
	case errors.Is(err, account.ErrExists):
		return hint.With(err, "webproxy dashboard user password and role change one that is there")
	case errors.Is(err, account.ErrUnknown):
		return hint.With(err, "webproxy dashboard user list names them")
	case err != nil:
		return err
	}
	fmt.Fprintln(cmd.ErrOrStderr(), done)
	c, err := at.client()
	if err == nil {
		err = ask(cmd.Context(), c, http.MethodPost, daemon.UsersPath, nil, nil)
	}
	if err != nil && !errors.Is(err, adminsocket.ErrNotRunning) {
		// The proxy will read the file anyway.
		fmt.Fprintf(cmd.ErrOrStderr(), "the running proxy was not told, and finds it when it next looks: %v\n", err)
	}
	return nil
}

// maxPasswordFile bounds the file of a password, in bytes.
const maxPasswordFile = 4096

// readPassword prompts for a new password, twice, or reads the first line of a file. It is never an argument, which other users
// could see.
func readPassword(cmd *cobra.Command, file, name string) (string, error) {
	in := cmd.InOrStdin()
	f, isFile := in.(*os.File)
	switch {
	case file != "" && file != "-":
		data, err := smallfile.Read(file, maxPasswordFile)
		if err != nil {
			return "", err
		}
		return firstLine(bytes.NewReader(data))
	case file == "-" || !isFile || !term.IsTerminal(int(f.Fd())):
		return firstLine(in)
	}
	var typed [2]string
	for i, prompt := range []string{"Password for " + name + ": ", "Once more: "} {
		fmt.Fprint(cmd.ErrOrStderr(), prompt)
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(cmd.ErrOrStderr())
		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}
		typed[i] = string(b)
	}
	if typed[0] != typed[1] {
		return "", errors.New("the two passwords differ; nothing was changed")
	}
	return typed[0], nil
}

func firstLine(r io.Reader) (string, error) {
	s, err := bufio.NewReader(io.LimitReader(r, maxPasswordFile)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	if s = strings.TrimRight(s, "\r\n"); s == "" {
		return "", errors.New("the password is empty")
	}
	return s, nil
}
