//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"webproxy/bench/internal/proc"
)

// A process is a running proxy.
type process struct {
	cmd   *exec.Cmd
	addr  string // for clients
	admin string // of the dashboard; empty if there is none
}

// start starts the proxy with a configuration, and waits until it serves.
func (b *bench) start(config string) (*process, error) {
	p := &process{cmd: exec.Command(b.webproxy, "serve", "--config", config)}
	proc.KillWithParent(p.cmd)
	out, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	said := strings.Builder{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var at struct {
			Msg       string
			Listen    []string
			Dashboard string
		}
		if json.Unmarshal(lines.Bytes(), &at) == nil && at.Msg == "serving" && len(at.Listen) > 0 {
			p.addr, p.admin = at.Listen[0], at.Dashboard
			go io.Copy(io.Discard, out)
			return p, nil
		}
		said.WriteString(lines.Text() + "\n")
	}
	p.cmd.Wait()
	return nil, fmt.Errorf("webproxy does not serve:\n%s", said.String())
}

func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	p.cmd.Wait()
}

// get requests a page.
func (p *process) get(path string) (string, error) {
	resp, err := http.Get("http://" + p.admin + path)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return string(text), err
}

// cpu is the processor time that the process has used.
func (p *process) cpu() time.Duration {
	stat, err := proc.StatOf(p.cmd.Process.Pid)
	if err != nil {
		return 0
	}
	return stat.CPU()
}

// memory is the resident memory of the process, in bytes.
func (p *process) memory() int64 {
	n, _ := proc.Memory(p.cmd.Process.Pid)
	return n
}
