package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"syscall"

	"go.uber.org/zap"

	"webproxy/config"
	"webproxy/internal/hint"
)

// listeners are all sockets the process opens.
type listeners struct {
	clients   []net.Listener
	tls       []net.Listener // clients too, by TLS
	dashboard net.Listener   // nil if it is off
	pac       net.Listener   // likewise
}

// openListeners opens all sockets of cfg, or none. An inherited socket is used for its address; one that no setting names is closed
// and logged.
func openListeners(cfg *config.Config, log *zap.Logger) (*listeners, error) {
	inherited, err := inheritListeners()
	if err != nil {
		return nil, err
	}
	listen := func(setting, addr string) (net.Listener, error) {
		for i, ln := range inherited {
			if sameAddress(ln.Addr(), addr) {
				inherited = slices.Delete(inherited, i, i+1)
				return ln, nil
			}
		}
		return listen(setting, addr)
	}
	defer func() {
		for _, ln := range inherited {
			log.Warn("no setting names a socket of the service manager: its clients get no response", zap.Stringer("address", ln.Addr()))
			ln.Close()
		}
	}()
	ls := &listeners{}
	for _, addr := range cfg.Listen {
		ln, err := listen("listen", addr)
		if err != nil {
			ls.close()
			return nil, err
		}
		ls.clients = append(ls.clients, ln)
	}
	for _, addr := range cfg.ListenTLS.Listen {
		ln, err := listen("listen_tls.listen", addr)
		if err != nil {
			ls.close()
			return nil, err
		}
		ls.tls = append(ls.tls, ln)
	}
	if cfg.Dashboard.Listen != config.Off {
		ln, err := listen("dashboard.listen", cfg.Dashboard.Listen)
		if err != nil {
			ls.close()
			return nil, err
		}
		ls.dashboard = ln
	}
	if cfg.PAC.On() {
		ln, err := listen("pac.listen", cfg.PAC.Listen)
		if err != nil {
			ls.close()
			return nil, err
		}
		ls.pac = ln
	}
	return ls, nil
}

// sameAddress reports whether a listener on got serves the configured address.
func sameAddress(got net.Addr, addr string) bool {
	tcp, ok := got.(*net.TCPAddr)
	want, err := net.ResolveTCPAddr("tcp", addr)
	if !ok || err != nil || tcp.Port != want.Port || tcp.Zone != want.Zone {
		return false
	}
	everywhere := want.IP == nil || want.IP.IsUnspecified()
	return everywhere && tcp.IP.IsUnspecified() || tcp.IP.Equal(want.IP)
}

func listen(setting, addr string) (net.Listener, error) {
	ln, err := ListenTCP(addr)
	if err != nil {
		cause := err
		if op := (*net.OpError)(nil); errors.As(err, &op) { // which says "listen", and the address, again
			cause = op.Err
		}
		return nil, hint.With(fmt.Errorf("%s: %s: %w", setting, addr, cause), listenHint(setting, err))
	}
	return ln, nil
}

// listenHint says what to do about an address that cannot be listened on.
func listenHint(setting string, err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "ports below 1024 are for privileged processes: change " + setting + ", or let the service have them (CAP_NET_BIND_SERVICE)"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine has no such address: change " + setting
	}
	return "is another webproxy running? Change " + setting + " or stop it"
}

// close closes all listeners; they may be closed already.
func (ls *listeners) close() {
	for _, ln := range slices.Concat(ls.clients, ls.tls, []net.Listener{ls.dashboard, ls.pac}) {
		if ln != nil {
			ln.Close()
		}
	}
}

// addrs returns the addresses that clients connect to, with their actual ports.
func (ls *listeners) addrs() []string {
	var all []string
	for _, ln := range slices.Concat(ls.clients, ls.tls) {
		all = append(all, ln.Addr().String())
	}
	return all
}

// pointHere says how to configure a node to use the proxy at addr.
func pointHere(addr net.Addr) string {
	const command = "point a node here:  Set-WinInetProxy -ProxySettingsPerUser 0 -ProxyServer http://"
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return command + addr.String()
	}
	if tcp.IP.IsLoopback() {
		return "clients on this machine only:  http://" + tcp.String()
	}
	host := tcp.IP.String()
	if tcp.IP.IsUnspecified() {
		var err error
		if host, err = os.Hostname(); err != nil {
			host = "THIS-HOST"
		}
	}
	return command + net.JoinHostPort(host, strconv.Itoa(tcp.Port))
}

func closed(err error) bool { return err == nil || errors.Is(err, net.ErrClosed) }
