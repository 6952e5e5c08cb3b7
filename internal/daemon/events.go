package daemon

import (
	"strings"

	"go.uber.org/zap/zapcore"
)

// Ids of events in the Windows event log. They do not change, since alerts use them. They are between 1 and 1000, for which Windows
// has a message file.
const (
	eventInfo        = 1 // entries without an id of their own, by their level
	eventWarning     = 2
	eventError       = 3
	eventBadConfig   = 20 // the service does not start: its configuration is not valid
	eventStartFailed = 21 // the service does not start for another reason
)

// eventIDs are the ids of important entries, by their message.
var eventIDs = map[string]uint32{
	"serving":                           10,
	"stopping":                          11,
	"stopped":                           12,
	"open exchanges were cut":           13,
	"the last run of the proxy crashed": 22,
	"policy installed":                  30,
	"configuration read, the policy is unchanged":      31,
	"configuration refused, the policy in force stays": 32,
	"configuration": 33,
	"changed settings hold only after a restart": 34,
	"audit log maintenance":                      40,
	"the audit log takes no records":             41,
	"the audit log takes records again":          42,
	"audit record not written":                   43,
	"close audit log":                            44,
	"upstream proxy unavailable":                 50,
	"upstream proxy available again":             51,
}

// eventID is the id of an entry of the log.
func eventID(message string, level zapcore.Level) uint32 {
	if id, ok := eventIDs[message]; ok {
		return id
	}
	switch {
	case level >= zapcore.ErrorLevel:
		return eventError
	case level == zapcore.WarnLevel:
		return eventWarning
	}
	return eventInfo
}

// eventText is text for an event: without NUL, and shorter than the 31,839 characters that it may have.
func eventText(text string) string {
	const most = 31_000
	text = strings.ReplaceAll(text, "\x00", "\ufffd")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}
