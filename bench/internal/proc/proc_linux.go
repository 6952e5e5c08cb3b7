// Package proc measures other processes of this machine, from the files of proc(5).
package proc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tick is the unit of processor times: USER_HZ is 100 everywhere.
const tick = 10 * time.Millisecond

// KillWithParent has the system kill the process of cmd, which is not started yet, when this one ends, however that ends.
func KillWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// A Stat is /proc/PID/stat from its third field, the state, on.
type Stat []string

var errStat = errors.New("not as in proc(5)")

// StatOf reads the Stat of a process.
func StatOf(pid int) (Stat, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return nil, err
	}
	i := strings.LastIndexByte(string(text), ')') // the name may contain any character
	fields := strings.Fields(string(text[i+1:]))
	if len(fields) < 15 {
		return nil, errStat
	}
	return fields, nil
}

// Parent is the id of the process that started it.
func (s Stat) Parent() int {
	parent, _ := strconv.Atoi(s[1])
	return parent
}

// CPU is the processor time of the process.
func (s Stat) CPU() time.Duration { return s.ticks(11, 13) } // utime, stime

// CPUWithChildren is CPU with that of children that have ended and were waited for.
func (s Stat) CPUWithChildren() time.Duration { return s.ticks(11, 15) } // cutime, cstime

func (s Stat) ticks(from, to int) time.Duration {
	var sum int64
	for _, field := range s[from:to] {
		n, _ := strconv.ParseInt(field, 10, 64)
		sum += n
	}
	return time.Duration(sum) * tick
}

// Memory is the resident memory of a process, in bytes (VmRSS).
func Memory(pid int) (int64, error) { return status(pid, "VmRSS:") }

// Peak is the most that Memory was, in bytes (VmHWM).
func Peak(pid int) (int64, error) { return status(pid, "VmHWM:") }

func status(pid int, field string) (int64, error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, field); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("process %d has no %s", pid, field)
}
