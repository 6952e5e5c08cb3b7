package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"webproxy/bundle"
	"webproxy/certs"
	"webproxy/internal/daemon"
	"webproxy/internal/privatefile"
	"webproxy/internal/smallfile"
)

func newBundleServe() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve DIRECTORY",
		Short: "Publish the bundles below a directory",
		Long: `Serve answers GET /PATH.bundle with the file below the directory, and holds a request until the file changes, so that sites
have a new bundle within seconds. Replace a bundle by renaming the new file. Any web server that sends an ETag works
too; sites then ask every policy.bundle.every. It does not verify signatures: sites do that.`,
		Example: "  webproxy bundle serve /srv/bundles --listen :9443 --cert server.pem --key server.key",
		Args:    cobra.ExactArgs(1),
	}
	listen := cmd.Flags().String("listen", "127.0.0.1:9443", "`ADDRESS` to listen on")
	cert := cmd.Flags().String("cert", "", "PEM `FILE` of the server's certificate; without it plain HTTP, on a loopback address only")
	key := cmd.Flags().String("key", "", "PEM `FILE` of the certificate's key")
	clientCA := cmd.Flags().String("client-ca", "", "PEM `FILE` of authorities; a client needs a certificate that one of them has issued")
	tokenFile := cmd.Flags().String("token-file", "", "`FILE` with a token that requests must have")
	cmd.MarkFlagsRequiredTogether("cert", "key")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		token := ""
		if *tokenFile != "" {
			var err error
			if token, err = privatefile.ReadToken(new(smallfile.Reader), *tokenFile); err != nil {
				return fmt.Errorf("--token-file: %w", err)
			}
		}
		var tlsConfig *tls.Config // nil for plain HTTP
		switch {
		case *cert != "":
			files := certs.Server{Cert: *cert, Key: *key, ClientCA: *clientCA, RequireClient: true,
				Problem: func(err error) { fmt.Fprintln(cmd.ErrOrStderr(), "warning:", err) }}
			var err error
			if tlsConfig, err = files.Config(); err != nil {
				return err
			}
		case *clientCA != "":
			return usageError{errors.New("--client-ca needs --cert and --key: certificates are for TLS")}
		}
		ln, err := daemon.ListenTCP(*listen)
		if err != nil {
			return err
		}
		defer ln.Close()
		if tlsConfig == nil && !ln.Addr().(*net.TCPAddr).IP.IsLoopback() {
			return usageError{errors.New("without --cert only a loopback address may be listened on")}
		}
		files, err := bundle.NewServer(args[0], token)
		if err != nil {
			return err
		}
		defer files.Close()
		ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
		defer stop()
		fmt.Fprintf(cmd.ErrOrStderr(), "serving bundles of %s on %s\n", args[0], ln.Addr())
		return serveUntil(ctx, ln, files, tlsConfig)
	}
	return cmd
}

// serveUntil serves h on ln until ctx is done: by TLS unless tlsConfig is nil. It closes ln.
func serveUntil(ctx context.Context, ln net.Listener, h http.Handler, tlsConfig *tls.Config) error {
	server := &http.Server{Handler: h, TLSConfig: tlsConfig, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10}
	ended := make(chan error, 1)
	go func() {
		if tlsConfig == nil {
			ended <- server.Serve(ln)
		} else {
			ended <- server.ServeTLS(ln, "", "")
		}
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) { // requests that are held
		err = server.Close()
	}
	<-ended
	return err
}
