//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A ran is a command that has ended.
type ran struct {
	exit           int
	stdout, stderr string
}

// run runs a command, which must start; the caller checks its exit code.
// The environment has env, and no variables of ours that name another proxy.
func run(t *testing.T, env []string, name string, args ...string) ran {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LC_ALL=C.UTF-8"}, env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, tail(stderr.String(), 2000))
	}
	return ran{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// Exit codes of curl.
const (
	curlPartial  = 18 // a response shorter than announced
	curlNoTunnel = 56 // among others: CONNECT was refused
)

// A curled is curl's result of one transfer.
type curled struct {
	Exit    int `json:"exitcode"`
	Code    int `json:"http_code"`    // of the last response
	Connect int `json:"http_connect"` // of the proxy's response to CONNECT
	// text is the heads of all responses, followed by the body unless that was written elsewhere.
	text   string
	stderr string // of all transfers of one run
}

func (c curled) String() string {
	return fmt.Sprintf("exit %d, status %d, CONNECT %d\n%s\n%s", c.Exit, c.Code, c.Connect, c.text, c.stderr)
}

// curl runs curl through the proxy for the one URL in args. It trusts ca, if not nil.
func (p *process) curl(ca *authority, args ...string) curled {
	p.t.Helper()
	all := p.curls(ca, args...)
	if len(all) != 1 {
		p.t.Fatalf("curl %s: %d transfers, want 1", args, len(all))
	}
	return all[0]
}

// curls runs one curl through the proxy for all URLs in args, one after the other.
func (p *process) curls(ca *authority, args ...string) []curled {
	p.t.Helper()
	const before, after = "\n<<<", ">>>\n"
	all := []string{"-q", "-sS", "-i", "--noproxy", "", "--proxy", "http://" + p.addr, "-w", before + "%{json}" + after}
	if ca != nil {
		all = append(all, "--cacert", ca.file)
	}
	r := run(p.t, nil, "curl", append(all, args...)...)
	var found []curled
	for part := range strings.SplitSeq(strings.TrimSuffix(r.stdout, after), after) {
		at := strings.LastIndex(part, before)
		if at < 0 {
			p.t.Fatalf("curl %s: exit %d\n%s%s", args, r.exit, part, r.stderr)
		}
		c := curled{text: part[:at], stderr: r.stderr}
		if err := json.Unmarshal([]byte(part[at+len(before):]), &c); err != nil {
			p.t.Fatalf("curl %s: %v\n%s", args, err, part)
		}
		found = append(found, c)
	}
	return found
}

// tunnel opens a tunnel, as a client in Go would. The caller closes it.
func (p *process) tunnel(hostport string) (net.Conn, error) {
	conn, resp, err := p.connect(hostport)
	if err == nil && resp.StatusCode != http.StatusOK {
		conn.Close()
		return nil, errors.New(resp.Status)
	}
	return conn, err
}

// connect requests a tunnel and returns the response with the connection, which the caller closes.
// Nothing of the tunnel has been read.
func (p *process) connect(hostport string) (net.Conn, *http.Response, error) {
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		return nil, nil, err
	}
	if _, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", hostport, hostport); err != nil {
		conn.Close()
		return nil, nil, err
	}
	// One byte at a time: bytes after the head belong to the caller.
	resp, err := http.ReadResponse(bufio.NewReaderSize(oneByte{conn}, 16), &http.Request{Method: http.MethodConnect})
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, resp, nil
}

// oneByte reads a byte at a time.
type oneByte struct{ net.Conn }

func (c oneByte) Read(b []byte) (int, error) { return c.Conn.Read(b[:min(len(b), 1)]) }
