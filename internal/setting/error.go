package setting

// An OptionError is one setting that cannot be used.
type OptionError struct {
	Field string // as in the configuration, relative to the section: "hosts.example.com[0]"
	Msg   string // what is wrong with it: lower case, no full stop
	Hint  string // what to write instead; may be empty
}

func (e *OptionError) Error() string { return e.Field + ": " + e.Msg }
