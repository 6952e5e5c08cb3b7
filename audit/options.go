package audit

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"webproxy/internal/setting"
)

// Options is the audit section of webproxy.yaml. The zero value of each field means its default.
type Options struct {
	// Dir is the log's directory; it is created if necessary. One process at a time may write to it.
	// Default: ./audit
	Dir string `yaml:"dir"`
	// Retain is how long rotated files are kept, such as 400d. "off" keeps them for ever.
	// Default: 400d
	Retain setting.Duration `yaml:"retain"`
	// Rotate is the size at which a file is closed and the next one begun; "off" for no such limit.
	// Default: 256MiB
	Rotate setting.Size `yaml:"rotate"`
	// RotateEvery is the age at which the same happens; "off" for no such limit. Default: 24h
	RotateEvery setting.Duration `yaml:"rotate_every"`
	// OnError says what happens to a request whose decision cannot be recorded: refuse, or continue, which lets it
	// through unrecorded. Default: refuse
	OnError OnError `yaml:"on_error"`
	// Sync is how often the log is synced to disk; it bounds what a power failure can destroy.
	// "off" leaves that to the system. Default: 1s
	Sync setting.Duration `yaml:"sync"`
	// Site names this proxy in every record, and its key, for logs that are brought together.
	// Default: none
	Site string `yaml:"site"`
	// Key is the file of the private key that signs checkpoints. It is made at the first start, with
	// the public key beside it: audit.key, audit.pub. It must not be in the log's directory.
	// Default: the file audit.key in a directory named like the log's with "-key" appended
	Key string `yaml:"key"`
	// Anchor is a file to which each checkpoint is appended too. On another machine's disk, it proves later what the
	// log was. Default: none
	Anchor string `yaml:"anchor"`
	// RetainSize is how much disk space the log may use; beyond it, the oldest rotated files are deleted before their
	// time. "off" for no such limit. Default: off
	RetainSize setting.Size `yaml:"retain_size"`
	// AggregateAfter is how many equal denials (client, host, port, reason, rule) are recorded individually in each
	// AggregateWindow; the rest are counted in one record. Default: 10
	AggregateAfter int `yaml:"aggregate_after" was:"fold_after"`
	// AggregateWindow is how long equal denials are counted before the count is written. "off" records each denial
	// individually. Default: 10s
	AggregateWindow setting.Duration `yaml:"aggregate_window" was:"fold_window"`
}

// Defaults of Options.
const (
	DefaultDir             = "./audit"
	DefaultRetain          = setting.Duration(400 * 24 * time.Hour)
	DefaultRotate          = setting.Size(256 << 20)
	DefaultRotateEvery     = setting.Duration(24 * time.Hour)
	DefaultSync            = setting.Duration(time.Second)
	DefaultRetainSize      = setting.SizeOff
	DefaultAggregateAfter  = 10
	DefaultAggregateWindow = setting.Duration(10 * time.Second)
)

// WithDefaults returns o with the default in place of every zero field.
func (o Options) WithDefaults() Options {
	if o.Dir == "" {
		o.Dir = DefaultDir
	}
	if o.Retain == 0 {
		o.Retain = DefaultRetain
	}
	if o.Rotate == 0 {
		o.Rotate = DefaultRotate
	}
	if o.RotateEvery == 0 {
		o.RotateEvery = DefaultRotateEvery
	}
	if o.Sync == 0 {
		o.Sync = DefaultSync
	}
	if o.Key == "" {
		o.Key = defaultKey(o.Dir)
	}
	if o.RetainSize == 0 {
		o.RetainSize = DefaultRetainSize
	}
	if o.AggregateAfter == 0 {
		o.AggregateAfter = DefaultAggregateAfter
	}
	if o.AggregateWindow == 0 {
		o.AggregateWindow = DefaultAggregateWindow
	}
	return o
}

// Check reports everything wrong with o at once: nil, or an error made by errors.Join whose
// parts are *setting.OptionError. It reads no files.
func (o Options) Check() error {
	o = o.WithDefaults()
	var problems []error
	wrong := func(field, hint, format string, args ...any) {
		problems = append(problems, &setting.OptionError{Field: field, Msg: fmt.Sprintf(format, args...), Hint: hint})
	}
	if o.Rotate != setting.SizeOff && o.Rotate < 64<<10 {
		wrong("rotate", "256MiB suits most sites", "%s would make a file of a few records", o.Rotate)
	}
	if o.RotateEvery != setting.Off && o.RotateEvery < setting.Duration(time.Minute) {
		wrong("rotate_every", "24h suits most sites", "%s is less than a minute", o.RotateEvery)
	}
	if o.Retain != setting.Off && o.Retain < setting.Duration(time.Hour) {
		wrong("retain", `write it with a unit, such as 400d, or "off" to keep everything`, "%s is less than an hour", o.Retain)
	}
	if o.Sync != setting.Off && (o.Sync < setting.Duration(10*time.Millisecond) || o.Sync > setting.Duration(time.Hour)) {
		wrong("sync", `1s suits most sites; "off" leaves it to the system`, "%s is not from 10ms to 1h", o.Sync)
	}
	if len(o.Site) > 64 || strings.ContainsFunc(o.Site, func(c rune) bool { return c <= ' ' || c > '~' }) {
		wrong("site", "", "%q is not a word of at most 64 ASCII letters, digits and signs", o.Site)
	}
	if inside(o.Key, o.Dir) {
		wrong("key", "whoever may write the log should not be able to sign it", "%s is in the log's directory", o.Key)
	}
	if o.Anchor != "" && inside(o.Anchor, o.Dir) {
		wrong("anchor", "name a file on another machine's disk", "%s is in the log's directory", o.Anchor)
	}
	if o.RetainSize != setting.SizeOff && o.Rotate != setting.SizeOff && o.RetainSize < 4*o.Rotate {
		wrong("retain_size", "the live file is never deleted: make it many times the size of rotate",
			"%s is less than four files of %s", o.RetainSize, o.Rotate)
	}
	if o.AggregateAfter < 1 || o.AggregateAfter > 1_000_000 {
		wrong("aggregate_after", `to record each denial by itself, set aggregate_window to "off"`, "%d is not from 1 to 1000000", o.AggregateAfter)
	}
	if o.AggregateWindow != setting.Off && (o.AggregateWindow < setting.Duration(time.Second) || o.AggregateWindow > setting.Duration(time.Hour)) {
		wrong("aggregate_window", `10s suits most sites; "off" records each denial by itself`, "%s is not from 1s to 1h", o.AggregateWindow)
	}
	if o.OnError > Continue {
		wrong("on_error", "", "want refuse or continue")
	}
	return errors.Join(problems...)
}

// OnError is what the proxy does with a request whose decision cannot be recorded. Log does not act on it; the caller
// of Append does.
type OnError uint8

const (
	Refuse   OnError = iota // no record, no tunnel
	Continue                // let it through unrecorded
)

// String returns the word used in the configuration.
func (e OnError) String() string {
	if e == Continue {
		return "continue"
	}
	return "refuse"
}

// MarshalText implements encoding.TextMarshaler.
func (e OnError) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText accepts "refuse" and "continue".
func (e *OnError) UnmarshalText(b []byte) error {
	switch string(b) {
	case "refuse":
		*e = Refuse
	case "continue":
		*e = Continue
	default:
		return fmt.Errorf("on_error %q: want refuse or continue", b)
	}
	return nil
}
