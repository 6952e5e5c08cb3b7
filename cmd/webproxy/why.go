package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/internal/hint"
	"webproxy/internal/setting"
	"webproxy/internal/wording"
	"webproxy/policy"
	"webproxy/review"
)

func newWhy() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "why ID",
		Short: "Say why a recorded request was decided as it was, and what would change that",
		Long: `Why finds a decision in the audit log, by the id in the response to the client, or the last refused one of a
client, and explains it: the recorded reason, and, under the policy of the current configuration, near misses,
what would let the request through, and which other requests of the log that would have let through as well. It reads the log's files, so it works with
the proxy stopped. Exit code 4 means that the current policy would still deny the request.`,
		Example: "  webproxy why 7Q3F9K\n  webproxy why --client 10.0.1.12 --since 5m\n  webproxy why --client nodes",
		Args:    cobra.MaximumNArgs(1),
	}
	logFlags := auditLogFlags(cmd)
	client := cmd.Flags().String("client", "", "the last refused request of this `ADDRESS`, network, client name or client group, instead of an ID")
	since := cmd.Flags().String("since", "", "look back no further than this `TIME`, such as 5m or 2026-10-01")
	within := cmd.Flags().String("replay", "14d", "how far back to look for what a fix would have let through; off for not at all")
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		from, err := parseWhen("since", *since, time.Now())
		if err != nil {
			return err
		}
		q, err := whyExpression(args, *client)
		if err != nil {
			return usageError{err}
		}
		var back setting.Duration
		if err := back.UnmarshalText([]byte(*within)); err != nil {
			return usageError{fmt.Errorf("--replay: %w", err)}
		}
		log, err := logFlags.findWithConfig(cmd.Context(), cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		cfg, dir := log.cfg, log.Dir
		watch := watchReading(cmd.ErrOrStderr())
		find := func() (review.Found, audit.Stats, error) { return review.Find(dir, q, from, watch) }
		if len(args) == 1 {
			find = func() (review.Found, audit.Stats, error) {
				return review.FindID(dir, publicKeyOf(log), args[0], from, watch)
			}
		}
		found, stats, err := find()
		switch {
		case errors.Is(err, review.ErrNotFound):
			return hint.With(
				fmt.Errorf("no such decision among %s in %s: searched for %s", wording.Plural(int(stats.Records), "record"), dir, searchedFor(args, *client, *since)),
				nothingHint(cfg, dir, *client, from),
			)
		case err != nil:
			return fmt.Errorf("read audit log: %w", err)
		}
		why := review.Why{Config: cfg, Dir: dir, Found: found, Back: back, Watch: watch, Flag: *logFlags.config}
		permitted, err := writeWhy(cmd.OutOrStdout(), &why, asJSON)
		if err == nil && !permitted {
			return noError{}
		}
		return err
	})
	return cmd
}

// publicKeyOf returns the public key of a log; empty if it is not available.
func publicKeyOf(log *foundLog) string {
	public, err := audit.ReadPublicKey(audit.PublicKeyFile(log.Key))
	if err != nil {
		return "" // the log of another machine, or one that was made without a proxy
	}
	return public
}

// A whyAnswer is what why prints as JSON.
type whyAnswer struct {
	Decision  policy.Outcome `json:"decision"` // at the time
	Record    *audit.Record  `json:"record"`   // that has the last word, as the audit log has it
	Times     int64          `json:"times"`
	Last      time.Time      `json:"last"`
	Late      bool           `json:"late"` // refused after it had been allowed
	End       *audit.Record  `json:"end"`
	Config    string         `json:"config"`
	Now       *explainAnswer `json:"now"` // as explain prints it
	Unknown   string         `json:"unknown"`
	Named     bool           `json:"named"` // now is about the host that the TLS named
	Same      bool           `json:"same"`
	Permitted bool           `json:"permitted"`
	Safe      *review.Safe   `json:"safe"`
}

// writeWhy prints an explanation, and reports whether the request would be let through.
func writeWhy(w io.Writer, why *review.Why, asJSON bool) (permitted bool, err error) {
	if !asJSON {
		var b strings.Builder
		if permitted, err = why.Write(&b); err != nil {
			return permitted, err
		}
		_, err = io.WriteString(w, paintVerdicts(w, b.String()))
		return permitted, err
	}
	answer, err := why.Answer()
	if err != nil {
		return false, err
	}
	record := why.Found.Final()
	data := whyAnswer{
		Decision: record.Decision, Record: record, Late: why.Found.Late(), End: why.Found.End(), Unknown: answer.Unknown,
		Named: answer.Named, Same: answer.Same, Permitted: answer.Permitted, Safe: answer.Safe,
	}
	data.Times, data.Last = why.Found.Times()
	if why.Config != nil {
		data.Config = about(why.Config)
	}
	if answer.Now != nil {
		q := question{cfg: why.Config, flag: why.Flag}
		now := q.answer(answer.Now, &answer.Request)
		data.Now = &now
	}
	return answer.Permitted, writeJSON(w, data)
}

// searchedFor says what was searched for, if nothing was found.
func searchedFor(args []string, client, since string) string {
	what := "refused requests of the client or client group " + client
	if client == "" {
		what = "the id " + strings.ToUpper(args[0])
	}
	if since != "" {
		what += ", from " + since + " on"
	}
	return what
}

// nothingHint is a hint if nothing was found: whether the log has the client at all.
func nothingHint(cfg *config.Config, dir, client string, from time.Time) string {
	const elsewhere = "is this the log of the proxy that was asked? See --config, --dir and --since"
	if client == "" {
		return elsewhere
	}
	switch n, err := review.CountRequests(dir, client, from); {
	case err != nil:
		return elsewhere
	case n > 0:
		return fmt.Sprintf("it made %s there, and none was refused", wording.Amount(n, "request"))
	}
	known := ""
	if cfg != nil {
		var names []string
		for _, g := range cfg.Set.Groups() {
			names = append(names, g.Name)
		}
		known = "; client groups are " + strings.Join(names, ", ")
	}
	return "no request of it is there: it uses another proxy, or none, or the log has it under another address" + known + ". Those that are there: webproxy audit query --by client,client_name,group"
}

// whyExpression returns the expression for a request by id, or for the denials of a client.
func whyExpression(args []string, client string) (*audit.Query, error) {
	switch {
	case len(args) == 1 && client == "":
		return review.ByID(args[0])
	case len(args) == 0 && client != "":
		return review.RefusedTo(client)
	}
	return nil, fmt.Errorf("want an ID or --client")
}
