package config

import (
	"fmt"

	"webproxy/internal/wording"
)

// Addresses is one address, or a list of them.
type Addresses []string

// A LogLevel is the least severe level that is logged.
type LogLevel string

// UnmarshalText accepts debug, info, warn and error.
func (l *LogLevel) UnmarshalText(b []byte) error {
	return setWord(l, b, "debug", "info", "warn", "error")
}

// String is the level's word; "info" for the zero LogLevel.
func (l LogLevel) String() string {
	if l == "" {
		return "info"
	}
	return string(l)
}

// A LogFormat is how the operator's log is written.
type LogFormat string

// UnmarshalText accepts text and json.
func (f *LogFormat) UnmarshalText(b []byte) error { return setWord(f, b, "text", "json") }

// String is the format's word; "text" for the zero LogFormat.
func (f LogFormat) String() string {
	if f == "" {
		return "text"
	}
	return string(f)
}

func setWord[T ~string](v *T, b []byte, words ...string) error {
	for _, w := range words {
		if string(b) == w {
			*v = T(w)
			return nil
		}
	}
	return fmt.Errorf("%q: want %s", b, wording.Or(words...))
}
