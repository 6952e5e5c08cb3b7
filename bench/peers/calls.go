//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// workCalls counts the system calls of the proxy for a tunnel with one message, by strace(1). They depend little on the load of
// the machine, except those that wait for threads and sockets, which have a row of their own.
func workCalls(b *bench, _ string) {
	if _, err := exec.LookPath("strace"); err != nil {
		fmt.Fprintf(os.Stderr, "bench: no system calls are counted: %v; bench/peers/install.sh installs it\n", err)
		return
	}
	const most, longest = 100, 5 * time.Second // traced processes are slow
	b.each(tunnels, func(p *peer) error {
		proc, s, err := b.start(p, 100)
		if err != nil {
			return err
		}
		defer proc.stop()
		tunnel := b.shortTunnel(proc.addr)
		for range 5 { // the first tunnels have one-time calls
			if err := tunnel(); err != nil {
				return err
			}
		}
		made := 0
		calls, err := proc.calls(s.dir+".calls", func() error {
			for began := time.Now(); made < most && !(b.quick && made == 10) && time.Since(began) < longest; made++ {
				if err := tunnel(); err != nil {
					return err
				}
			}
			time.Sleep(100 * time.Millisecond) // for calls after the client has left
			return nil
		})
		if errors.Is(err, errNoTrace) { // not every machine permits it
			fmt.Fprintf(os.Stderr, "bench: no system calls are counted: %v\n", err)
			return nil
		}
		if err != nil {
			return err
		}
		work, wait := 0, 0
		for name, n := range calls {
			if waits[name] {
				wait += n
			} else {
				work += n
			}
		}
		b.report.add("CONNECT + echo + close, system calls", "%.1f", p.name, float64(work)/float64(made))
		b.report.add("the same, calls that wait for sockets or threads", "%.1f", p.name, float64(wait)/float64(made))
		return nil
	})
}

// waits are the system calls that wait, or end a wait.
var waits = map[string]bool{
	"epoll_pwait": true, "epoll_wait": true, "poll": true, "ppoll": true, "select": true, "pselect6": true,
	"futex": true, "nanosleep": true, "clock_nanosleep": true, "sched_yield": true, "restart_syscall": true, "rt_sigreturn": true,
	"tgkill": true, "getpid": true, "wait4": true,
}

var errNoTrace = errors.New("strace does not attach")

// calls counts the system calls of p and its children during f, by name.
func (p *process) calls(path string, f func() error) (map[string]int, error) {
	args := []string{"-f", "-q", "-c", "-o", path}
	for _, pid := range p.tree() {
		args = append(args, "-p", strconv.Itoa(pid))
	}
	strace := exec.Command("strace", args...)
	if err := strace.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- strace.Wait() }()
	for began := time.Now(); !p.traced(); time.Sleep(5 * time.Millisecond) {
		select {
		case err := <-ended:
			return nil, fmt.Errorf("%w: %v", errNoTrace, err)
		default:
		}
		if time.Since(began) > patience {
			strace.Process.Kill()
			<-ended
			return nil, errNoTrace
		}
	}
	err := f()
	strace.Process.Signal(syscall.SIGINT)
	<-ended
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	calls := map[string]int{}
	for line := range strings.Lines(string(text)) { // % time, seconds, usecs/call, calls, perhaps errors, name
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		name := fields[len(fields)-1]
		if n, err := strconv.Atoi(fields[3]); err == nil && name != "total" {
			calls[name] += n
		}
	}
	return calls, nil
}

// traced reports whether all threads of p and its children are traced.
func (p *process) traced() bool {
	for _, pid := range p.tree() {
		dir := fmt.Sprintf("/proc/%d/task", pid)
		threads, err := os.ReadDir(dir)
		if err != nil {
			return false
		}
		for _, t := range threads {
			text, _ := os.ReadFile(dir + "/" + t.Name() + "/status")
			if strings.Contains(string(text), "\nTracerPid:\t0\n") {
				return false
			}
		}
	}
	return true
}
