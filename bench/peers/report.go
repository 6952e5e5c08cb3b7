//go:build linux

package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A report has all measurements.
type report struct {
	Date     string            `json:"date"`
	Machine  string            `json:"machine"`
	Commit   string            `json:"commit"`
	Go       string            `json:"go"`
	Versions map[string]string `json:"versions"`
	Rows     []*row            `json:"rows"`
	Failures []string          `json:"failures,omitempty"` // turns that ended early, and why
}

// A row is one figure of all peers.
type row struct {
	Name   string               `json:"name"`
	Format string               `json:"-"`
	Values map[string][]float64 `json:"values"` // by peer, one for each round
	Notes  map[string]string    `json:"notes,omitempty"`
}

func newReport() *report {
	return &report{
		Date:     time.Now().UTC().Format("2006-01-02 15:04 UTC"),
		Machine:  machine(),
		Commit:   output("git", "describe", "--always", "--dirty"),
		Go:       runtime.Version(),
		Versions: make(map[string]string),
	}
}

func (r *report) version(p *peer) { r.Versions[p.name] = p.version }

// add notes one value.
func (r *report) add(name, format, peer string, value float64) {
	w := r.row(name, format)
	w.Values[peer] = append(w.Values[peer], value)
}

// note stores why there is no value.
func (r *report) note(name, format, peer, why string) { r.row(name, format).Notes[peer] = why }

func (r *report) row(name, format string) *row {
	for _, w := range r.Rows {
		if w.Name == name {
			return w
		}
	}
	w := &row{Name: name, Format: format, Values: make(map[string][]float64), Notes: make(map[string]string)}
	r.Rows = append(r.Rows, w)
	return w
}

// print writes the table: a row for each measurement, a column for each peer, medians of all rounds.
func (r *report) print(w io.Writer, peers []*peer) {
	fmt.Fprintf(w, "%s; %s; %s; commit %s\n\n", r.Date, r.Machine, r.Go, r.Commit)
	fmt.Fprint(w, "| work |")
	for _, p := range peers {
		fmt.Fprintf(w, " %s %s |", p.name, r.Versions[p.name])
	}
	fmt.Fprint(w, "\n|---|"+strings.Repeat("---|", len(peers))+"\n")
	for _, row := range r.Rows {
		fmt.Fprintf(w, "| %s |", row.Name)
		for _, p := range peers {
			if values := row.Values[p.name]; len(values) > 0 {
				fmt.Fprintf(w, " "+row.Format+" |", median(values))
			} else {
				fmt.Fprintf(w, " %s |", cmp.Or(row.Notes[p.name], "-"))
			}
		}
		fmt.Fprintln(w)
	}
	for i, text := range r.Failures {
		if i == 0 {
			fmt.Fprint(w, "\nThese failed, and were not measured further:\n\n")
		}
		fmt.Fprintf(w, "- %s\n", text)
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// machine is the processor and the kernel.
func machine() string {
	model := "processor unknown"
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range bytes.Lines(info) {
		if name, value, ok := bytes.Cut(line, []byte(":")); ok && string(bytes.TrimSpace(name)) == "model name" {
			model = string(bytes.TrimSpace(value))
			break
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%s, Linux %s", model, bytes.TrimSpace(kernel))
}

// output is the first line that a command prints, if it works.
func output(name string, args ...string) string {
	text, err := exec.Command(name, args...).CombinedOutput()
	if err != nil && len(text) == 0 {
		return ""
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return line
}
