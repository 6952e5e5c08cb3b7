package review

import (
	"strings"

	"webproxy/config"
	"webproxy/policy"
)

// A Remedy is one thing that would let a request through, as people are told it and as data.
type Remedy struct {
	Text    string `json:"text"`
	Entry   string `json:"entry,omitempty"`   // a line for a list file
	File    string `json:"file,omitempty"`    // the list file that it goes to, as the configuration names it
	Command string `json:"command,omitempty"` // a command to run
}

// Remedies are those of x, for the configuration cfg: an entry says to which list file it goes, and a command that it is
// about cfg, where people ask with --config. A reason in them is a placeholder.
func Remedies(cfg *config.Config, x *policy.Explanation, flag string) []Remedy {
	all := make([]Remedy, 0, len(x.Remedies))
	for _, r := range x.Remedies {
		remedy := Remedy{Text: r.Text, Entry: r.Entry, Command: r.Command}
		if r.Entry != "" {
			if remedy.File = FixFile(cfg, x.Group); remedy.File != "" {
				remedy.Text = "add to " + remedy.File + ":  " + r.Entry
			}
		}
		if r.Command != "" && flag != "" {
			remedy.Command = r.Command + " -c " + ShellWord(flag)
			remedy.Text = remedy.Command
		}
		all = append(all, remedy)
	}
	return all
}

// FixFile is the list file that an entry for a client group goes to, or if that is empty one for all groups, as cfg names it;
// empty if it has none.
func FixFile(cfg *config.Config, group string) string {
	if cfg.Path == "" {
		return ""
	}
	rule, err := (Writer{Config: cfg}).ListFor(group)
	if err != nil {
		return ""
	}
	return rule.File
}

// ShellWord is s as one word of a command line, for sh and PowerShell.
func ShellWord(s string) string {
	if strings.ContainsAny(s, " \t'\"\\$&|;<>()*?[]#~`!{}") {
		return "'" + strings.ReplaceAll(s, "'", "'\\''") + "'"
	}
	return s
}
