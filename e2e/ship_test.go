//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"webproxy/audit"
	"webproxy/internal/certtest"
)

// A daemonProcess is a receiver of audit records that runs beside webproxy.
type daemonProcess struct {
	t      *testing.T
	name   string
	args   []string
	cmd    *exec.Cmd
	exited chan struct{}
	output bytes.Buffer // of the run that has ended
}

func startDaemon(t *testing.T, name string, args ...string) *daemonProcess {
	t.Helper()
	d := &daemonProcess{t: t, name: name, args: args}
	d.start()
	t.Cleanup(func() {
		d.end(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("what %s said:\n%s", name, tail(d.output.String(), 4000))
		}
	})
	return d
}

func (d *daemonProcess) start() {
	d.t.Helper()
	d.cmd = exec.Command(d.name, d.args...)
	d.cmd.Stdout, d.cmd.Stderr = &d.output, &d.output
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	cmd, exited := d.cmd, make(chan struct{})
	d.exited = exited
	go func() {
		cmd.Wait()
		close(exited)
	}()
}

// end sends a signal, and waits until the process is gone.
func (d *daemonProcess) end(s syscall.Signal) {
	d.cmd.Process.Signal(s)
	<-d.exited
}

// freePort is a port of 127.0.0.1 that was just free.
func freePort(t *testing.T) int {
	t.Helper()
	ln := listen(t, "127.0.0.1:0")
	defer ln.Close()
	return portOf(ln)
}

func answers(port int) func() bool {
	return func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			conn.Close()
		}
		return err == nil
	}
}

// A syslogServer is Debian's rsyslog, which writes messages that arrive by TCP to one file, by TLS to another.
type syslogServer struct {
	*daemonProcess
	dir              string
	tcpPort, tlsPort int
	tcpSize, tlsSize int64 // of the files when the process began
}

// rsyslogConf begins with settings that make it write before it reads more.
const rsyslogConf = `
global(workDirectory="DIR" maxMessageSize="64k" defaultNetstreamDriver="gtls"
  defaultNetstreamDriverCAFile="DIR/ca.pem" defaultNetstreamDriverCertFile="DIR/server.pem" defaultNetstreamDriverKeyFile="DIR/server-key.pem")
main_queue(queue.type="Direct")
module(load="imtcp")
template(name="text" type="string" string="%msg%\n")
template(name="head" type="string" string="%pri-text% %app-name% %msgid%\n")
ruleset(name="tcp" queue.type="Direct") {
  action(type="omfile" file="DIR/tcp" template="text")
  action(type="omfile" file="DIR/head" template="head")
}
ruleset(name="tls" queue.type="Direct") { action(type="omfile" file="DIR/tls" template="text") }
input(type="imtcp" address="127.0.0.1" port="TCPPORT" ruleset="tcp" streamDriver.name="ptcp" streamDriver.mode="0")
input(type="imtcp" address="127.0.0.1" port="TLSPORT" ruleset="tls" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/certvalid")
`

func startRsyslog(t *testing.T, a *authority) *syslogServer {
	t.Helper()
	s := &syslogServer{dir: t.TempDir(), tcpPort: freePort(t), tlsPort: freePort(t)}
	ca, err := os.ReadFile(a.file)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(s.dir, "ca.pem"), string(ca))
	a.writePair(t, s.dir, "server", "siem.example.com")
	conf := filepath.Join(s.dir, "rsyslog.conf")
	put(t, conf, strings.NewReplacer("DIR", s.dir, "TCPPORT", fmt.Sprint(s.tcpPort), "TLSPORT", fmt.Sprint(s.tlsPort)).Replace(rsyslogConf))
	s.daemonProcess = startDaemon(t, "rsyslogd", "-n", "-iNONE", "-f", conf)
	s.ready()
	return s
}

func (s *syslogServer) ready() {
	s.t.Helper()
	s.tcpSize, s.tlsSize = s.size("tcp"), s.size("tls")
	eventually(s.t, "rsyslog listens", answers(s.tcpPort))
	eventually(s.t, "rsyslog listens", answers(s.tlsPort))
}

// size is the size of a file.
func (s *syslogServer) size(file string) int64 {
	info, err := os.Stat(filepath.Join(s.dir, file))
	if err != nil {
		return 0
	}
	return info.Size()
}

// grow waits until records arrive by TCP and TLS at the current process.
func (s *syslogServer) grow() {
	s.t.Helper()
	eventually(s.t, "records come", func() bool { return s.size("tcp") > s.tcpSize && s.size("tls") > s.tlsSize })
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// writePair writes NAME.pem and NAME-key.pem for that host.
func (a *authority) writePair(t *testing.T, dir, name, host string) {
	t.Helper()
	cert, key := certtest.Pair(t, a.Issue(t, host, nil))
	put(t, filepath.Join(dir, name+".pem"), string(cert))
	put(t, filepath.Join(dir, name+"-key.pem"), string(key))
}

// askDenied makes n denied requests, each with a record, from several clients.
func (p *process) askDenied(n int) {
	p.t.Helper()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			transport := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: p.addr})}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport, Timeout: patience}
			for i := range n / 4 {
				if status, err := plainStatus(client, fmt.Sprintf("http://denied-%d.example.org/", i)); status != http.StatusForbidden {
					p.t.Errorf("status %d, %v", status, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// shipped waits until a receiver has all records.
func (p *process) shipped(receiver string) {
	p.t.Helper()
	eventually(p.t, receiver+" has everything", func() bool {
		for _, s := range p.metric("webproxy_ship_lag_records") {
			if s.labels["receiver"] == receiver {
				return s.value == 0
			}
		}
		return false
	})
}

// TestSyslog ships to Debian's rsyslog, by TCP and TLS, which is stopped in every way while records arrive.
func TestSyslog(t *testing.T) {
	a := newAuthority(t)
	s := startRsyslog(t, a)
	site := newSite(t)
	a.writePair(t, site.dir, "client", "webproxy.example.com")
	site.configure(fmt.Sprintf(`
policy: { rules: [ { id: none, hosts: [allowed.example.org] } ] }
ship:
  plain: { syslog: "tcp://127.0.0.1:%d", checkpoints: true, max_message: 64KiB }
  secure: { syslog: "tls://127.0.0.1:%d", server_name: siem.example.com, ca: %q, cert: client.pem, key: client-key.pem, max_message: 64KiB }
`, s.tcpPort, s.tlsPort, a.file))
	p := site.start()
	p.askDenied(400)
	for _, how := range []string{"ends", "is killed while it stands still", "is ended again"} {
		t.Log("rsyslog", how)
		s.grow()                            // there is a connection with unconfirmed records
		if strings.Contains(how, "still") { // records that arrive now are in the system's buffers, and are lost with the process
			s.cmd.Process.Signal(syscall.SIGSTOP)
			p.askDenied(400)
			s.end(syscall.SIGKILL)
		} else {
			s.end(syscall.SIGTERM)
		}
		p.askDenied(400)
		s.start()
		s.ready()
		p.askDenied(400)
	}
	p.shipped("plain")
	p.shipped("secure")
	failed := p.metric("webproxy_ship_errors_total")
	p.askDenied(40)
	p.shipped("plain")
	p.shipped("secure")
	if now := p.metric("webproxy_ship_errors_total"); fmt.Sprint(now) != fmt.Sprint(failed) {
		t.Errorf("errors while nothing was wrong: %v, before %v", now, failed)
	}
	p.askDenied(40)
	p.stop() // sends the rest
	s.end(syscall.SIGTERM)

	var lines []string
	_, err := audit.ScanLines(site.audit(), audit.ScanOptions{}, func(_ *audit.Record, line string) error {
		lines = append(lines, line)
		return nil
	})
	if err != nil || len(lines) != 400*8+82 { // with start and stop
		t.Fatalf("%d records, %v", len(lines), err)
	}
	for _, file := range []string{"tcp", "tls"} {
		came, anchor := received(t, filepath.Join(s.dir, file))
		inOrder(t, file, came, lines)
		if file == "tls" {
			continue
		}
		path := filepath.Join(site.dir, "anchor")
		put(t, path, anchor)
		v := run(t, nil, binary(t), "audit", "verify", site.audit(), "--pub", filepath.Join(site.dir, "audit-key", "audit.pub"), "--anchor", path)
		if v.exit != 0 || anchor == "" {
			t.Errorf("verified with what came as an anchor: exit %d, %s%s\n%s", v.exit, v.stdout, v.stderr, anchor)
		}
	}
	head, err := os.ReadFile(filepath.Join(s.dir, "head"))
	if err != nil || !strings.Contains(string(head), "local0.warning webproxy egress.decision\n") || !strings.Contains(string(head), "local0.notice webproxy system.stop\n") {
		t.Errorf("heads of messages: %v\n%s", err, tail(string(head), 500))
	}
}

// received reads the received texts: records, and checkpoints as an anchor.
func received(t *testing.T, path string) (records []string, anchor string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(data), "\n"), "\n") {
		var m struct{ Type, Note string }
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		if m.Type == "checkpoint" {
			anchor += m.Note + "\n"
			continue
		}
		records = append(records, line)
	}
	return records, anchor
}

// inOrder fails unless all lines arrived in order; some may have arrived twice.
func inOrder(t *testing.T, by string, came, lines []string) {
	t.Helper()
	next := 0
	known := map[string]bool{}
	for _, text := range came {
		switch {
		case next < len(lines) && text == lines[next]:
			known[text] = true
			next++
		case !known[text]:
			t.Errorf("by %s, after %d records, came\n%s\nwant\n%s", by, next, text, append(lines, "nothing")[next])
			return
		}
	}
	if next != len(lines) {
		t.Errorf("by %s came %d of %d records", by, next, len(lines))
	}
	t.Logf("by %s came %d messages for %d records", by, len(came), len(lines))
}

// collectorConf makes an OpenTelemetry Collector receive OTLP over HTTPS and write it to a file.
const collectorConf = `
receivers:
  otlp: { protocols: { http: { endpoint: "127.0.0.1:PORT", tls: { cert_file: "DIR/server.pem", key_file: "DIR/server-key.pem" } } } }
exporters:
  lines: { path: "DIR/logs" }
service:
  telemetry: { metrics: { level: none }, logs: { level: warn } }
  pipelines: { logs: { receivers: [otlp], exporters: [lines] } }
`

// TestOTLP ships to the OpenTelemetry Collector, which is killed while records arrive.
func TestOTLP(t *testing.T) {
	col := os.Getenv("OTELCOL")
	if col == "" {
		t.Skip("the collector takes minutes to build: E2E_COLLECTOR=1 e2e/run -test.run OTLP")
	}
	dir, a, port := t.TempDir(), newAuthority(t), freePort(t)
	a.writePair(t, dir, "server", "otel.example.com")
	conf := filepath.Join(dir, "otelcol.yaml")
	put(t, conf, strings.NewReplacer("DIR", dir, "PORT", fmt.Sprint(port)).Replace(collectorConf))
	c := startDaemon(t, col, "--config", "file:"+conf)
	eventually(t, "the collector listens", answers(port))

	site := newSite(t)
	site.configure(fmt.Sprintf(`
policy: { rules: [ { id: none, hosts: [allowed.example.org] } ] }
ship: { otel: { otlp: "https://127.0.0.1:%d", server_name: otel.example.com, ca: %q } }
`, port, a.file))
	p := site.start()
	p.askDenied(1200)
	c.end(syscall.SIGKILL)
	p.askDenied(400)
	eventually(t, "attempts fail", func() bool { return p.gauge("webproxy_ship_errors_total") > 0 })
	c.start()
	p.askDenied(400)
	p.shipped("otel")
	p.askDenied(40)
	p.stop() // sends the rest
	c.end(syscall.SIGTERM)

	var lines []string
	if _, err := audit.ScanLines(site.audit(), audit.ScanOptions{}, func(_ *audit.Record, line string) error {
		lines = append(lines, line)
		return nil
	}); err != nil || len(lines) != 2042 {
		t.Fatalf("%d records, %v", len(lines), err)
	}
	var bodies []string
	for _, r := range readOTLP(t, filepath.Join(dir, "logs")) {
		bodies = append(bodies, r.Body.StringValue)
		if len(bodies) != 2 {
			continue
		}
		attributes := map[string]string{}
		for _, a := range r.Attributes {
			attributes[a.Key] = a.Value.StringValue + a.Value.IntValue
		}
		if r.SeverityText != "WARN" || r.EventName != "egress.decision" || attributes["webproxy.decision"] != "deny" || attributes["client.address"] != "127.0.0.1" ||
			attributes["http.response.status_code"] != "403" || !strings.HasPrefix(attributes["server.address"], "denied-") {
			t.Errorf("record %+v", r)
		}
	}
	inOrder(t, "OTLP", bodies, lines)
}

// A logRecord is one of OTLP/JSON.
type logRecord struct {
	SeverityText, EventName string
	Body                    struct{ StringValue string }
	Attributes              []struct {
		Key   string
		Value struct{ StringValue, IntValue string }
	}
}

// readOTLP reads a file of requests, one a line.
func readOTLP(t *testing.T, path string) (all []logRecord) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		var request struct {
			ResourceLogs []struct {
				ScopeLogs []struct{ LogRecords []logRecord }
			}
		}
		if err := json.Unmarshal(line, &request); err != nil {
			t.Fatalf("%v: %.200s", err, line)
		}
		for _, r := range request.ResourceLogs {
			for _, s := range r.ScopeLogs {
				all = append(all, s.LogRecords...)
			}
		}
	}
	return all
}
