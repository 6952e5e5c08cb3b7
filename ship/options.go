package ship

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/internal/setting"
)

// A ReceiverSpec is a receiver of audit records, known by its name: exactly one of Syslog, OTLP and VictoriaLogs says where
// it is. Its settings hold from the next start on.
type ReceiverSpec struct {
	// Syslog is the address of a syslog receiver: tls://host:6514 (RFC 5425), or tcp://host:601, which
	// anybody on the way can read. Messages are as in RFC 5424, framed by their length (RFC 6587, 3.4.1).
	Syslog string `yaml:"syslog"`
	// OTLP is the URL of an OpenTelemetry receiver of logs (its protocol over HTTP, in protobuf), such as
	// https://host:4318/v1/logs. Without a path it is /v1/logs.
	OTLP string `yaml:"otlp"`
	// VictoriaLogs is the URL of a VictoriaLogs, such as https://logs.example.com:9428, or of a proxy before it. Records and
	// checkpoints are sent by OTLP, below /insert/opentelemetry, with the fields that the fleet commands search by, and are
	// looked for below /select/logsql. audit.site must be set, and be unique to this proxy.
	VictoriaLogs string `yaml:"victorialogs"`
	// From is where a new receiver begins: now, or oldest, the first record that the log still has. Default: now
	From From `yaml:"from"`
	// Where is an expression, as audit query has it, such as decision!=allow; other records are not sent. Default: all
	Where string `yaml:"where"`
	// Checkpoints says whether the log's signed checkpoints are sent too. On another machine, they can prove later
	// what the log was. To VictoriaLogs they are always sent. Default: false
	Checkpoints bool `yaml:"checkpoints"`

	// CA is a file of certificates, in PEM, that the receiver's is verified with instead of the system's.
	CA string `yaml:"ca"`
	// Cert is a file with the client certificate, in PEM. It is read again for each connection, as CA and Key are.
	Cert string `yaml:"cert"`
	// Key is the file of Cert's private key, in PEM.
	Key string `yaml:"key"`
	// ServerName is the name that the receiver's certificate must have. Default: the host of its address
	ServerName string `yaml:"server_name"`

	// Facility is that of syslog messages. Default: local0
	Facility Facility `yaml:"facility"`
	// MaxMessage is the largest syslog message. Long lists and texts in a record are shortened to it; a receiver that takes
	// less would cut the JSON. 2KiB to 1MiB. Default: 8KiB
	MaxMessage setting.Size `yaml:"max_message"`
	// Confirm says when a record counts as received. A receiver of syslog sends no response, so there: close, every few seconds
	// the connection is closed for writing, and all records count as received when the receiver closes its side; write, when
	// the record was written and the connection is still open some seconds later, so that records in transit can be lost if
	// the receiver fails. A VictoriaLogs responds before records are on its disk, so there: readback, when a query finds the
	// record readback_after it was sent, and a record that is not found is sent again; write, when it has responded.
	// Default: close for syslog, readback for VictoriaLogs
	Confirm Confirm `yaml:"confirm"`
	// ReadbackAfter is how long after records were sent they are looked for. It should be several times the receiver's
	// -inmemoryDataFlushInterval, 5s by default: records in its memory alone are found too. 5s to 1h. Default: 30s
	ReadbackAfter setting.Duration `yaml:"readback_after"`

	// Headers are sent with each request over HTTP.
	Headers map[string]string `yaml:"headers"`
	// TokenFile is a file with a token for requests over HTTP (Authorization: Bearer). It is read for each of them.
	TokenFile string `yaml:"token_file"`
	// Compression of requests over HTTP is gzip or none. Default: gzip
	Compression Compression `yaml:"compression"`
}

// DefaultMaxMessage is the size of a message that every syslog receiver should take (RFC 5425, 4.3.1).
const DefaultMaxMessage = setting.Size(8 << 10)

const (
	minMaxMessage = setting.Size(2 << 10) // a receiver must take this much (RFC 5425, 4.3.1)
	maxMaxMessage = setting.Size(1 << 20)

	defaultReadbackAfter = 30 * time.Second
	minReadbackAfter     = setting.Duration(5 * time.Second)
	maxReadbackAfter     = setting.Duration(time.Hour)
)

var properName = regexp.MustCompile(`^[a-z0-9]([a-z0-9_-]{0,30}[a-z0-9])?$`)

// Check reports everything wrong with the receivers of a configuration at once: nil, or an error made by
// errors.Join whose parts are *setting.OptionError. It reads no files.
func Check(receivers map[string]ReceiverSpec) error {
	var errs []error
	for name, r := range receivers {
		wrong := func(field, hint, format string, args ...any) {
			errs = append(errs, &setting.OptionError{Field: strings.TrimSuffix(name+"."+field, "."), Msg: fmt.Sprintf(format, args...), Hint: hint})
		}
		if !properName.MatchString(name) {
			wrong("", "", "want a name of at most 32 lower-case letters, digits, - and _")
			continue
		}
		r.check(wrong)
	}
	return errors.Join(errs...)
}

// A report is called for each wrong setting.
type report func(field, hint, format string, args ...any)

func (r *ReceiverSpec) check(wrong report) {
	switch {
	case r.Syslog == "" && r.OTLP == "" && r.VictoriaLogs == "":
		wrong("", "write syslog: tls://host:6514, otlp: https://host:4318, or victorialogs: https://host:9428", "names no receiver")
		return
	case r.Syslog != "" && r.OTLP != "":
		wrong("otlp", "make two receivers of it", "is set, and syslog too")
		return
	case r.VictoriaLogs != "" && r.Syslog+r.OTLP != "":
		wrong("victorialogs", "make two receivers of it", "is set, and syslog or otlp too")
		return
	case r.VictoriaLogs != "":
		if err := checkVictoriaLogs(r.VictoriaLogs); err != nil {
			wrong("victorialogs", "write https://host:9428", "%q: %v", audit.Quotable(r.VictoriaLogs), err)
			return
		}
		r.onlyFor(wrong, "syslog", map[string]bool{"facility": r.Facility != 0, "max_message": r.MaxMessage != 0})
		r.checkHeaders(wrong)
		r.checkReadback(wrong)
	case r.Syslog != "":
		if err := checkSyslog(r.Syslog); err != nil {
			wrong("syslog", "write tls://host:6514 or tcp://host:601", "%q: %v", audit.Quotable(r.Syslog), err)
			return
		}
		r.onlyFor(wrong, "otlp", map[string]bool{
			"headers": r.Headers != nil, "token_file": r.TokenFile != "", "compression": r.Compression != 0})
		r.onlyFor(wrong, "victorialogs", map[string]bool{"confirm": r.Confirm == Readback, "readback_after": r.ReadbackAfter != 0})
	default:
		if err := checkOTLP(r.OTLP); err != nil {
			wrong("otlp", "write https://host:4318/v1/logs", "%q: %v", audit.Quotable(r.OTLP), err)
			return
		}
		r.onlyFor(wrong, "syslog", map[string]bool{
			"facility": r.Facility != 0, "max_message": r.MaxMessage != 0, "confirm": r.Confirm == Write})
		r.onlyFor(wrong, "victorialogs", map[string]bool{"confirm": r.Confirm == Readback, "readback_after": r.ReadbackAfter != 0})
		r.checkHeaders(wrong)
	}
	if r.MaxMessage != 0 && (r.MaxMessage < minMaxMessage || r.MaxMessage > maxMaxMessage) {
		wrong("max_message", "what the receiver is set to take; 8KiB suits most", "%s is not from 2KiB to 1MiB", r.MaxMessage)
	}
	r.checkTLS(wrong)
	if _, err := audit.ParseQuery(r.Where); r.Where != "" && err != nil {
		wrong("where", "docs/reading.md describes expressions", "%v", err)
	}
}

// onlyFor reports settings that are given, but apply to another kind of receiver only.
func (r *ReceiverSpec) onlyFor(wrong report, kind string, given map[string]bool) {
	for field, is := range given {
		if is {
			wrong(field, "remove it", "is for receivers with %s only", kind)
		}
	}
}

func (r *ReceiverSpec) checkReadback(wrong report) {
	switch {
	case r.ReadbackAfter == 0:
	case r.Confirm == Write:
		wrong("readback_after", "remove it, or confirm: write", "is set, and nothing is read back with confirm: write")
	case r.ReadbackAfter < minReadbackAfter || r.ReadbackAfter > maxReadbackAfter:
		wrong("readback_after", "six times the receiver's -inmemoryDataFlushInterval; 30s suits its default", "%s is not from 5s to 1h", r.ReadbackAfter)
	}
}

// IgnoredConfirm returns what a receiver does instead of confirm: close, which only syslog has, and which earlier versions
// accepted of all; empty if it does what is written. The receiver must have passed Check.
func (r *ReceiverSpec) IgnoredConfirm() string {
	switch {
	case r.Confirm != Close:
		return ""
	case r.OTLP != "":
		return "an OTLP receiver has a record when its response is 200"
	case r.VictoriaLogs != "":
		return "a VictoriaLogs receiver is asked for each record: readback"
	}
	return ""
}

// readsBack reports whether records count as received only when they are found at the receiver.
func (r *ReceiverSpec) readsBack() bool { return r.VictoriaLogs != "" && r.Confirm != Write }

func (r *ReceiverSpec) checkTLS(wrong report) {
	if !r.encrypted() {
		for field, value := range map[string]string{"ca": r.CA, "cert": r.Cert, "key": r.Key, "server_name": r.ServerName} {
			if value != "" {
				wrong(field, "write tls:// or https:// in the address", "is set, but the connection is not encrypted")
			}
		}
		return
	}
	if (r.Cert == "") != (r.Key == "") {
		wrong("cert", "set both or none", "cert and key belong together")
	}
}

func (r *ReceiverSpec) checkHeaders(wrong report) {
	own := []string{"Content-Type", "Content-Length", "Content-Encoding", "Host", "Connection", "Transfer-Encoding", "User-Agent"}
	if r.VictoriaLogs != "" {
		own = append(own, slices.Collect(maps.Keys(victoriaLogsHeaders))...)
	}
	for name, value := range r.Headers {
		field := "headers." + name
		switch {
		case strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`()<>@,;:\"/[]?={}`, c) }):
			wrong(field, "", "%q is not a header name", name)
		case strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' }):
			wrong(field, "", "has other than printable ASCII characters")
		case containsFold(own, name):
			wrong(field, "remove it", "is set by webproxy itself")
		case strings.EqualFold(name, "Authorization") && r.TokenFile != "":
			wrong(field, "remove one of the two", "is set, and token_file too")
		}
	}
	if r.TokenFile != "" && !r.encrypted() && !r.nearby() {
		wrong("token_file", "write https:// in the address", "would be sent to another machine unencrypted")
	}
}

func containsFold(list []string, s string) bool {
	for _, item := range list {
		if strings.EqualFold(item, s) {
			return true
		}
	}
	return false
}

func checkSyslog(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return errors.New("not a URL")
	case u.Scheme != "tls" && u.Scheme != "tcp":
		return errors.New("does not begin with tls:// or tcp://")
	case u.Port() == "":
		return errors.New("without a port")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return errors.New("has more than a host and a port")
	}
	return checkHost(u)
}

func checkOTLP(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return errors.New("not a URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("does not begin with https:// or http://")
	case u.Fragment != "":
		return errors.New("has a fragment (#)")
	}
	return checkHost(u)
}

func checkVictoriaLogs(s string) error {
	if err := checkOTLP(s); err != nil {
		return err
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return errors.New("not a URL")
	case u.RawQuery != "":
		return errors.New("has a query (?): what every request needs is for headers and token_file")
	case strings.Contains(u.Path, "/insert") || strings.Contains(u.Path, "/select"):
		return errors.New("has the path of a request: want what comes before /insert and /select")
	}
	return nil
}

func checkHost(u *url.URL) error {
	if u.Hostname() == "" {
		return errors.New("without a host")
	}
	if u.User != nil {
		return errors.New("has a user in it")
	}
	if n, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || n == 0) {
		return fmt.Errorf("port %s: want 1 to 65535", u.Port())
	}
	return nil
}

// address is the receiver's URL. It must have been checked.
func (r *ReceiverSpec) address() *url.URL {
	u, err := url.Parse(r.Syslog + r.OTLP + r.VictoriaLogs) // all but one are empty
	if err != nil {
		return new(url.URL)
	}
	if r.OTLP != "" && (u.Path == "" || u.Path == "/") {
		u.Path = "/v1/logs"
	}
	return u
}

// encrypted reports whether records travel by TLS.
func (r *ReceiverSpec) encrypted() bool {
	scheme := r.address().Scheme
	return scheme == "tls" || scheme == "https"
}

// nearby reports whether the receiver's address is a loopback address.
func (r *ReceiverSpec) nearby() bool {
	host := r.address().Hostname()
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// Exposed reports whether records would cross the network in clear text. r must be valid, see Check.
func (r *ReceiverSpec) Exposed() bool { return !r.encrypted() && !r.nearby() }

// hostPort is the address to connect to.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}
