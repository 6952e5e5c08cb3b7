package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"webproxy/config"
	"webproxy/internal/adminsocket"
	"webproxy/internal/hint"
)

// An adminFlag is the path of the admin socket.
type adminFlag struct{ config, socket *string }

func addAdminFlag(cmd *cobra.Command) adminFlag {
	return adminFlag{
		config: configFlag(cmd),
		socket: cmd.Flags().String("socket", "", "`PATH` of the proxy's admin socket, instead of the one in the configuration"),
	}
}

// client returns a client of the proxy that runs with the configuration, which need not be valid to have the socket's path.
func (f adminFlag) client() (*adminsocket.Client, error) {
	if *f.socket != "" {
		return &adminsocket.Client{Path: *f.socket}, nil
	}
	path, err := configPath(*f.config)
	if err != nil {
		return nil, err
	}
	socket, err := config.ReadSocket(path)
	if err != nil {
		return nil, err
	}
	return clientOf(socket)
}

// clientOf returns a client of the proxy whose socket is at path.
func clientOf(path string) (*adminsocket.Client, error) {
	if path == config.Off {
		return nil, hint.With(errors.New("the proxy has no admin socket: admin.socket is off"), "take admin: { socket: off } out of the configuration, and restart the proxy")
	}
	return &adminsocket.Client{Path: path}, nil
}

// notRunning says that no proxy listens at a path; it is adminsocket.ErrNotRunning.
type notRunning string

func (path notRunning) Error() string   { return "no proxy listens at " + string(path) }
func (notRunning) Is(target error) bool { return target == adminsocket.ErrNotRunning }

// ask sends a request to the proxy; its errors have hints.
func ask(ctx context.Context, c *adminsocket.Client, method, path string, in, out any) error {
	err := c.Do(ctx, method, path, in, out)
	var refused *adminsocket.Error
	switch {
	case errors.Is(err, adminsocket.ErrNotRunning):
		return hint.With(notRunning(c.Path), "is it running, with this configuration? Name another with -c, or the socket with --socket")
	case errors.Is(err, adminsocket.ErrNotAllowed):
		return hint.With(err, "run the command as root, or as the user that the proxy runs as")
	case errors.As(err, &refused) && refused.Hint != "":
		return hint.With(err, refused.Hint)
	}
	return err
}
