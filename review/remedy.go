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
		if r.Entry != "" && cfg.Path != "" {
			if rule, err := (Writer{Config: cfg}).ListFor(x.Group); err == nil {
				remedy.File = rule.File
				remedy.Text = "add to " + rule.File + ":  " + r.Entry
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

// ShellWord is s as one word of a command line, for sh and PowerShell.
func ShellWord(s string) string {
	if strings.ContainsAny(s, " \t'\"\\$&|;<>()*?[]#~`!{}") {
		return "'" + strings.ReplaceAll(s, "'", "'\\''") + "'"
	}
	return s
}
