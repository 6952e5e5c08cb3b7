package main

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/config"
	"webproxy/internal/wording"
	"webproxy/policy"
	"webproxy/review"
)

func newExplain() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain URL|-",
		Short: "Say what the policy decides about a request, and why",
		Long: `Explain evaluates a hypothetical request under the policy in the configuration, with the code
that evaluates live traffic: the rule that decides, the entries that come near, and what would let the
request through. A URL with https, or host:port, is a CONNECT; one with http a plain request. With "-" it reads URLs
from standard input, one a line, and prints a row for each.
Exit code 4 means denied.`,
		Example: "  webproxy explain https://portal.azure.com --client 10.0.1.12\n  webproxy explain - < urls.txt",
		Args:    cobra.ExactArgs(1),
	}
	file := configFlag(cmd)
	client := cmd.Flags().String("client", "", "`ADDRESS` of the client, or the name of a client group")
	method := cmd.Flags().String("method", "", "`METHOD` of the request (default GET for http, CONNECT for https)")
	at := cmd.Flags().String("at", "", "`TIME` of the request, RFC 3339 (default now)")
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		when := time.Now()
		if *at != "" {
			var err error
			if when, err = time.Parse(time.RFC3339, *at); err != nil {
				return usageError{fmt.Errorf("--at %q: want a time such as 2026-11-24T20:00:00Z", *at)}
			}
		}
		cfg, err := loadConfig(*file)
		if err != nil {
			return err
		}
		from, err := review.ClientAddr(cfg.Set, *client)
		if err != nil {
			return usageError{err}
		}
		q := question{cfg: cfg, flag: *file, client: from, method: strings.ToUpper(*method), at: when}
		if args[0] == "-" {
			return q.explainAll(cmd, asJSON)
		}
		x, req, err := q.ask(args[0])
		if err != nil {
			return usageError{err}
		}
		return q.explain(cmd.OutOrStdout(), &x, &req, asJSON)
	})
	return cmd
}

// A question has the parameters of explain, except the URL.
type question struct {
	cfg    *config.Config
	flag   string // of --config
	client netip.Addr
	method string
	at     time.Time
}

func (q *question) ask(url string) (policy.Explanation, policy.Request, error) {
	req, err := policy.NewRequest(q.client, q.method, url, q.at)
	if err != nil {
		return policy.Explanation{}, req, err
	}
	return q.cfg.Live.Explain(&req), req, nil
}

// explainAll explains each URL on standard input, one a line. Empty lines and those that begin with # are skipped, and so are
// invalid URLs, with a message on standard error.
func (q *question) explainAll(cmd *cobra.Command, asJSON bool) error {
	const widest = 64 << 10 // bytes of a line
	in := bufio.NewScanner(cmd.InOrStdin())
	in.Buffer(nil, widest)
	p := q.printer(cmd.OutOrStdout(), asJSON)
	denied, wrong, number := 0, 0, 0
	for in.Scan() {
		number++
		url := strings.TrimSpace(in.Text())
		if url == "" || url[0] == '#' {
			continue
		}
		x, req, err := q.ask(url)
		if err != nil {
			sayError(cmd.ErrOrStderr(), fmt.Sprintf("line %d: %v", number, err))
			wrong++
			continue
		}
		if !x.Permit {
			denied++
		}
		p.print(&x, &req)
	}
	if err := in.Err(); err != nil {
		p.out.Flush()
		return fmt.Errorf("read URLs: line %d: %w", number+1, err)
	}
	if err := p.close(); err != nil {
		return err
	}
	switch {
	case wrong > 0:
		return usageError{fmt.Errorf("%s not a URL", wording.Plural(wrong, "line"))}
	case denied > 0:
		return noError{}
	}
	return nil
}

// An explanationPrinter prints one explanation after another. close prints what is left.
type explanationPrinter struct {
	out   *bufio.Writer
	print func(x *policy.Explanation, req *policy.Request)
	close func() error
}

// printer prints to w: as JSON an array; on a terminal a table that fits it; elsewhere each row at once, in columns that are wide
// enough for most.
func (q *question) printer(w io.Writer, asJSON bool) *explanationPrinter {
	p := &explanationPrinter{out: bufio.NewWriter(w)}
	p.close = p.out.Flush
	if asJSON {
		answers := []explainAnswer{}
		p.print = func(x *policy.Explanation, req *policy.Request) { answers = append(answers, q.answer(x, req)) }
		p.close = func() error { return writeJSON(w, answers) }
		return p
	}
	heading := []string{"DECISION", "REASON", "REQUEST", "RULE"}
	row := func(x *policy.Explanation, req *policy.Request) []string {
		return []string{string(x.Outcome()), x.Reason.String(), x.Target.String() + req.Path, cell(x.Rule())}
	}
	p.out.WriteString(aboutLine(q.cfg))
	if isTerminal(w) {
		rows := [][]string{heading}
		p.print = func(x *policy.Explanation, req *policy.Request) { rows = append(rows, row(x, req)) }
		p.close = func() error {
			if err := p.out.Flush(); err != nil {
				return err
			}
			return writeTable(w, rows, "RULE")
		}
		return p
	}
	write := func(cells []string) {
		fmt.Fprintf(p.out, "%-8s  %-20s  %-40s  %s\n", cells[0], cells[1], cells[2], cells[3])
	}
	write(heading)
	p.print = func(x *policy.Explanation, req *policy.Request) { write(row(x, req)) }
	return p
}

// An explainAnswer is what explain prints as JSON.
type explainAnswer struct {
	Decision     policy.Outcome    `json:"decision"`
	Reason       policy.Reason     `json:"reason"`
	Why          string            `json:"why"`
	Client       netip.Addr        `json:"client"`
	Group        string            `json:"group"`
	Mode         policy.Mode       `json:"mode"`
	Method       string            `json:"method"`
	Target       string            `json:"target"`
	Rule         string            `json:"rule"`
	RuleSource   string            `json:"rule_src"`
	Phase        string            `json:"phase"`
	PathEnforced bool              `json:"path_enforced"`
	Policy       string            `json:"policy"`
	Near         []policy.NearMiss `json:"near"`
	Fixes        []string          `json:"fixes"`    // as text
	Remedies     []review.Remedy   `json:"remedies"` // the same as data
	Listed       []string          `json:"listed"`
	Config       string            `json:"config"`
}

func (q *question) answer(x *policy.Explanation, req *policy.Request) explainAnswer {
	return explainAnswer{
		Decision: x.Outcome(), Reason: x.Reason, Why: x.Why, Client: req.Client, Group: x.Group, Mode: x.Mode,
		Method: req.Method, Target: x.Target.HostPort(), Rule: x.Rule(), RuleSource: x.Source(), Phase: x.Phase(),
		PathEnforced: x.PathEnforced, Policy: x.Policy(), Near: append([]policy.NearMiss{}, x.Near...), Fixes: append([]string{}, x.Fixes...),
		Listed: review.ListedIn(q.cfg, x), Config: about(q.cfg), Remedies: review.Remedies(q.cfg, x, q.flag),
	}
}

func (q *question) explain(w io.Writer, x *policy.Explanation, req *policy.Request, asJSON bool) error {
	var err error
	if asJSON {
		err = writeJSON(w, q.answer(x, req))
	} else {
		_, err = io.WriteString(w, aboutLine(q.cfg)+paintVerdicts(w, review.ExplainText(x, req, review.Remedies(q.cfg, x, q.flag), review.ListedIn(q.cfg, x))))
	}
	if err == nil && !x.Permit {
		return noError{}
	}
	return err
}
