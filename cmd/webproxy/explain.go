package main

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/config"
	"webproxy/policy"
	"webproxy/review"
)

func newExplain() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain URL",
		Short: "Say what the policy decides about a request, and why",
		Long: `Explain judges a request that nobody has made yet with the policy in the configuration, by the same code
that judges live traffic: the rule that decides, the entries that come near, and what would let the
request through. A URL with https, or host:port, is a CONNECT; one with http a plain request.
Exit code 4 means denied.`,
		Example: "  webproxy explain https://portal.azure.com --client 10.0.1.12",
		Args:    cobra.ExactArgs(1),
	}
	file := configFlag(cmd)
	output := outputFlag(cmd)
	client := cmd.Flags().String("client", "", "`ADDRESS` of the client, or the name of a client group")
	method := cmd.Flags().String("method", "", "`METHOD` of the request (default GET for http, CONNECT for https)")
	at := cmd.Flags().String("at", "", "`TIME` of the request, RFC 3339 (default now)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		asJSON, err := isJSON(*output)
		if err != nil {
			return err
		}
		when := time.Now()
		if *at != "" {
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
		req, err := policy.NewRequest(from, strings.ToUpper(*method), args[0], when)
		if err != nil {
			return usageError{err}
		}
		return explain(cmd.OutOrStdout(), cfg, &req, asJSON)
	}
	return cmd
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
	Fixes        []string          `json:"fixes"`
	Listed       []string          `json:"listed"`
}

func explain(w io.Writer, cfg *config.Config, req *policy.Request, asJSON bool) error {
	x := cfg.Set.Explain(req)
	listed := review.ListedIn(cfg, &x)
	var err error
	if asJSON {
		err = writeJSON(w, explainAnswer{
			Decision: x.Outcome(), Reason: x.Reason, Why: x.Why, Client: req.Client, Group: x.Group, Mode: x.Mode,
			Method: req.Method, Target: x.Target.HostPort(), Rule: x.Rule(), RuleSource: x.Source(), Phase: x.Phase(),
			PathEnforced: x.PathEnforced, Policy: x.Policy(), Near: append([]policy.NearMiss{}, x.Near...), Fixes: append([]string{}, x.Fixes...),
			Listed: listed,
		})
	} else {
		_, err = io.WriteString(w, review.ExplainText(&x, req, listed))
	}
	if err == nil && !x.Permit {
		return noError{}
	}
	return err
}
