package ship

import (
	"fmt"
	"strings"
)

// From is where in the log a new receiver begins.
type From uint8

const (
	Now From = iota
	Oldest
)

var fromWords = []string{"now", "oldest"}

// String returns the word used in the configuration.
func (f From) String() string { return word(fromWords, f) }

// UnmarshalText accepts "now" and "oldest".
func (f *From) UnmarshalText(b []byte) error { return fromWord(fromWords, b, f) }

// Confirm is when a record counts as received.
type Confirm uint8

const (
	ConfirmDefault Confirm = iota // Close of syslog, Readback of VictoriaLogs
	Close                         // the receiver closes the connection after we have half-closed it
	Write                         // it was written and the connection is still open, or the response was 200
	Readback                      // a query finds it some time later
)

var confirmWords = []string{"close", "write", "readback"} // from Close on

// String returns the word used in the configuration; "default" for ConfirmDefault.
func (c Confirm) String() string {
	if c == ConfirmDefault {
		return "default"
	}
	return word(confirmWords, c-Close)
}

// UnmarshalText accepts "close", "write" and "readback".
func (c *Confirm) UnmarshalText(b []byte) error {
	if err := fromWord(confirmWords, b, c); err != nil {
		return err
	}
	*c += Close
	return nil
}

// Compression is that of OTLP requests.
type Compression uint8

const (
	Gzip Compression = iota
	None
)

var compressionWords = []string{"gzip", "none"}

// String returns the word used in the configuration.
func (c Compression) String() string { return word(compressionWords, c) }

// UnmarshalText accepts "gzip" and "none".
func (c *Compression) UnmarshalText(b []byte) error { return fromWord(compressionWords, b, c) }

// Facility is that of syslog messages.
type Facility uint8

// facilityWords and their codes (RFC 5424, 6.2.1), the default first.
var (
	facilityWords = []string{"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7", "user", "daemon", "auth", "authpriv"}
	facilityCodes = []int{16, 17, 18, 19, 20, 21, 22, 23, 1, 3, 4, 10}
)

// String returns the word used in the configuration.
func (f Facility) String() string { return word(facilityWords, f) }

// UnmarshalText accepts "local0" to "local7", "user", "daemon", "auth" and "authpriv".
func (f *Facility) UnmarshalText(b []byte) error { return fromWord(facilityWords, b, f) }

func (f Facility) code() int { return facilityCodes[f] }

func word[T ~uint8](words []string, value T) string {
	if int(value) < len(words) {
		return words[value]
	}
	return fmt.Sprintf("%d", value)
}

func fromWord[T ~uint8](words []string, b []byte, value *T) error {
	for i, w := range words {
		if w == string(b) {
			*value = T(i)
			return nil
		}
	}
	return fmt.Errorf("%q: want %s", b, strings.Join(words, ", "))
}
