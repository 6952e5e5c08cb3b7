package daemon

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	systemd "github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// endPatience is how long the process may take to end after the last exchange, if parts of it hang with a disk.
const endPatience = 4 * diskPatience

// The supervisor is systemd, if it started the process. The messages are described in sd_notify(3). Errors are ignored: they do not
// affect clients, and systemd acts if it gets no message.

// tellReady reports that the proxy serves, at the start or after a reload.
func tellReady(status string) {
	systemd.SdNotify(false, systemd.SdNotifyReady+"\nSTATUS="+oneLine(status))
}

// tellReloading reports that the configuration is being read again. tellReady must follow.
func tellReloading() {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) == nil {
		systemd.SdNotify(false, fmt.Sprintf("%s\nMONOTONIC_USEC=%d", systemd.SdNotifyReloading, now.Nano()/1000))
	}
}

// tellStopping reports that the proxy will end within grace and endPatience.
func tellStopping(grace time.Duration) {
	systemd.SdNotify(false, fmt.Sprintf("%s\nEXTEND_TIMEOUT_USEC=%d", systemd.SdNotifyStopping, (grace+endPatience).Microseconds()))
}

func oneLine(s string) string { return strings.ReplaceAll(s, "\n", " ") }

// keepWatchdog notifies systemd's watchdog at the interval that it requires, each time after alive has returned: a process in which
// alive hangs is restarted. The returned function ends it.
func keepWatchdog(alive func()) (stop func()) {
	every, err := systemd.SdWatchdogEnabled(false)
	if err != nil || every == 0 {
		return func() {}
	}
	end := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(every / 3)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
				alive()
				systemd.SdNotify(false, systemd.SdNotifyWatchdog)
			}
		}
	})
	return func() {
		close(end)
		wg.Wait()
	}
}

// inheritListeners returns the sockets that systemd passed to the process (sd_listen_fds(3)). systemd keeps them open, so that clients
// that connect while the proxy restarts wait instead of being refused.
func inheritListeners() ([]net.Listener, error) {
	var all []net.Listener
	for _, f := range activation.Files(true) {
		ln, err := net.FileListener(f) // a copy
		name := f.Name()
		f.Close()
		if err != nil {
			for _, ln := range all {
				ln.Close()
			}
			return nil, fmt.Errorf("socket %s of the service manager: %w", name, os.NewSyscallError("listen", err))
		}
		all = append(all, ln)
	}
	return all, nil
}
