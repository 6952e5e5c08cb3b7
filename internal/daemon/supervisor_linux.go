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

// endPatience is what the end of the process may take after the last exchange: its pieces that hang with a disk, one after another.
const endPatience = 4 * diskPatience

// The supervisor is systemd, if it started the process. What it is told is in sd_notify(3). It is only told: an error is of no
// consequence for those who use the proxy, and systemd acts on the silence.

// tellReady says that the proxy serves, at the start or after a reload.
func tellReady(status string) {
	systemd.SdNotify(false, systemd.SdNotifyReady+"\nSTATUS="+oneLine(status))
}

// tellReloading says that the configuration is read again. tellReady must follow.
func tellReloading() {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) == nil {
		systemd.SdNotify(false, fmt.Sprintf("%s\nMONOTONIC_USEC=%d", systemd.SdNotifyReloading, now.Nano()/1000))
	}
}

// tellStopping says that the proxy ends within grace, and a while for its files.
func tellStopping(grace time.Duration) {
	systemd.SdNotify(false, fmt.Sprintf("%s\nEXTEND_TIMEOUT_USEC=%d", systemd.SdNotifyStopping, (grace+endPatience).Microseconds()))
}

func oneLine(s string) string { return strings.ReplaceAll(s, "\n", " ") }

// keepWatchdog tells systemd's watchdog that the process lives, as often as it asks for, each time after alive has returned: a
// process in which that hangs is ended and started anew. The returned function ends it.
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

// inheritListeners returns the sockets that the process was started with, by sd_listen_fds(3): systemd goes on to hold them, so that
// clients that connect while the proxy restarts wait and are not refused.
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
