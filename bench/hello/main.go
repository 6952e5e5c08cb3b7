// Command hello measures the cost of checking ClientHellos in a running webproxy.
//
//	go build -o webproxy ./cmd/webproxy && go run ./bench/hello -webproxy ./webproxy
//
// It opens tunnels with two kinds of first bytes in turn: the ClientHello of a Go client, and the same bytes
// with another first byte, which are not parsed. It prints the processor time of the proxy
// for each tunnel, in rounds of both kinds. Linux only: it reads /proc.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"webproxy/internal/proxytest"
)

func main() {
	log.SetFlags(0)
	binary := flag.String("webproxy", "./webproxy", "the binary to measure")
	tunnels := flag.Int("tunnels", 2000, "tunnels of each kind in a round")
	rounds := flag.Int("rounds", 10, "rounds")
	flag.Parse()
	if err := run(*binary, *tunnels, *rounds); err != nil {
		log.Fatal("hello: ", err)
	}
}

func run(binary string, tunnels, rounds int) error {
	origin, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer origin.Close()
	go echo(origin)
	dir, err := os.MkdirTemp("", "hello")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	proxy, addr, stop, err := start(binary, dir, origin.Addr().(*net.TCPAddr).Port)
	if err != nil {
		return err
	}
	defer stop()

	hello := clientHello()
	other := append([]byte{'x'}, hello[1:]...)
	target := fmt.Sprintf("origin.test:%d", origin.Addr().(*net.TCPAddr).Port)
	fmt.Printf("hello of %d bytes, %d tunnels of each kind in a round; us of the proxy's processor time for one\n", len(hello), tunnels)
	var with, without []float64
	for range rounds + 1 {
		a, err := round(proxy, addr, target, other, tunnels)
		if err != nil {
			return err
		}
		b, err := round(proxy, addr, target, hello, tunnels)
		if err != nil {
			return err
		}
		without, with = append(without, a), append(with, b)
	}
	without, with = without[1:], with[1:] // the first round is a warm-up
	slices.Sort(without)
	slices.Sort(with)
	base, more := without[rounds/2], with[rounds/2]
	fmt.Printf("other bytes  median %.1f  (%.1f to %.1f)\n", base, without[0], without[rounds-1])
	fmt.Printf("ClientHello    median %.1f  (%.1f to %.1f)\n", more, with[0], with[rounds-1])
	fmt.Printf("added        %.1f us, %.1f %%\n", more-base, 100*(more-base)/base)
	return nil
}

// clientHello is what crypto/tls sends first.
func clientHello() []byte {
	client, server := net.Pipe()
	defer server.Close()
	go tls.Client(client, &tls.Config{ServerName: "origin.test", NextProtos: []string{"h2", "http/1.1"}}).Handshake()
	b := make([]byte, 1<<14)
	n, _ := server.Read(b)
	return b[:n]
}

func echo(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			io.Copy(c, c)
		}()
	}
}

// start starts the proxy and returns its process id and its address.
func start(binary, dir string, port int) (pid int, addr string, stop func(), err error) {
	addr, release, err := proxytest.ReserveAddr()
	if err != nil {
		return 0, "", nil, err
	}
	defer release() // by then the proxy listens on it
	path := filepath.Join(dir, "webproxy.yaml")
	text := fmt.Sprintf(`listen: %q
dashboard: { listen: off }
egress: { hosts: { origin.test: [127.0.0.1] } }
audit: { dir: %q }
policy: { rules: [{ id: o, hosts: [origin.test], ports: [%d], private: allow }] }
`, addr, filepath.Join(dir, "audit"), port)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return 0, "", nil, err
	}
	cmd := exec.Command(binary, "serve", "--config", path)
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		return 0, "", nil, err
	}
	stop = func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	}
	for range 100 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return cmd.Process.Pid, addr, stop, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	return 0, "", nil, errors.New("the proxy does not start: " + out.String())
}

// round opens n tunnels and returns the processor time of one, in microseconds.
func round(pid int, addr, target string, first []byte, n int) (float64, error) {
	before, err := cpu(pid)
	if err != nil {
		return 0, err
	}
	const clients = 8
	failed := make(chan error, clients)
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for range n / clients {
				if err := tunnel(addr, target, first); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failed:
		return 0, err
	default:
	}
	after, err := cpu(pid)
	return float64((after - before).Microseconds()) / float64(n/clients*clients), err
}

// tunnel opens one, sends first and waits for its echo.
func tunnel(addr, target string, first []byte) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, target)
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, &http.Request{Method: http.MethodConnect})
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("CONNECT: %v, %w", resp, err)
	}
	if _, err := c.Write(first); err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, r, int64(len(first)))
	return err
}

// cpu is the processor time that a process has used. The scheduler's count is in nanoseconds.
func cpu(pid int) (time.Duration, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(tasks) == 0 {
		return 0, fmt.Errorf("processor time of process %d: %w", pid, err)
	}
	var sum time.Duration
	for _, task := range tasks {
		b, err := os.ReadFile(task)
		if err != nil {
			return 0, err
		}
		ns, err := strconv.ParseInt(strings.Fields(string(b))[0], 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(ns)
	}
	return sum, nil
}
