//go:build linux

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"webproxy/bench/internal/proc"
)

// A process is a running proxy.
type process struct {
	cmd   *exec.Cmd
	addr  string
	log   string
	start time.Duration // from exec to the first accepted connection
}

// running are the processes to stop when this one is stopped.
var running sync.Map // of *process

// stopOnSignal stops all processes when the run is interrupted.
func stopOnSignal(dir string) {
	told := make(chan os.Signal, 1)
	signal.Notify(told, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-told
		running.Range(func(p, _ any) bool {
			syscall.Kill(-p.(*process).cmd.Process.Pid, syscall.SIGKILL)
			return true
		})
		os.RemoveAll(dir)
		os.Exit(1)
	}()
}

// startProcess starts name on processor 0 and waits until it listens on addr.
func startProcess(addr, log string, name string, args ...string) (*process, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &process{cmd: exec.Command("taskset", append([]string{"-c", "0", name}, args...)...), addr: addr, log: log}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	running.Store(p, true)
	for time.Since(began) < 60*time.Second {
		if c, err := net.Dial("tcp", addr); err == nil {
			p.start = time.Since(began)
			c.Close()
			return p, nil
		}
		if p.cmd.Process.Signal(syscall.Signal(0)) != nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	p.stop()
	text, _ := os.ReadFile(log)
	return nil, fmt.Errorf("%s does not listen on %s:\n%s", name, addr, text)
}

// stop ends the process and its children.
func (p *process) stop() {
	defer running.Delete(p)
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM)
	done := make(chan bool)
	go func() {
		p.cmd.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(3 * time.Second):
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-done
	}
}

// signal asks the process to reload.
func (p *process) signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// cpu is the processor time of the process and its children, including those that have ended.
func (p *process) cpu() time.Duration {
	var sum time.Duration
	for _, pid := range p.tree() {
		if stat, err := proc.StatOf(pid); err == nil {
			sum += stat.CPUWithChildren()
		}
	}
	return sum
}

// memory is the resident memory of the process and its children, in bytes: shared memory is counted
// once (Pss).
func (p *process) memory() int64 {
	var kib int64
	for _, pid := range p.tree() {
		text, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "smaps_rollup"))
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
				n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
				kib += n
			}
		}
	}
	return kib << 10
}

// descriptors counts the open files of the process and its children.
func (p *process) descriptors() int {
	n := 0
	for _, pid := range p.tree() {
		fds, _ := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "fd"))
		n += len(fds)
	}
	return n
}

// tree is the process and its descendants.
func (p *process) tree() []int {
	tree := []int{p.cmd.Process.Pid}
	parents := make(map[int][]int)
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if stat, err := proc.StatOf(pid); err == nil {
			parents[stat.Parent()] = append(parents[stat.Parent()], pid)
		}
	}
	for i := 0; i < len(tree); i++ {
		tree = append(tree, parents[tree[i]]...)
	}
	return tree
}
