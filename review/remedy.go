package review

import (
	"strings"

	"webproxy/config"
	"webproxy/policy"
)

// A Remedy is one change that would let a request through, as text and as data.
type Remedy struct {
	Text    string `json:"text"`
	Entry   string `json:"entry,omitempty"`   // a line for a list file
	File    string `json:"file,omitempty"`    // the list file that it goes to, as the configuration names it
	Command string `json:"command,omitempty"` // a command to run
}

// Remedies returns the remedies of x for the configuration cfg: an entry with its list file, a command with flag, the value of
// --config, unless that is empty. A reason in a command is a placeholder.
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

// FixFile is the list file, as cfg names it, that an entry for a client group goes to, or for all groups if group is empty; empty
// if cfg has no such list file.
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
