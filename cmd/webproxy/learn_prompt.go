package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"webproxy/internal/wording"
	"webproxy/learn"
)

// A prompter asks a person about proposals.
type prompter struct {
	*terminal
	// goes says where approvals for a group go.
	goes func(group string) string
	// each are proposals that could be approved together, and are shown one by one instead.
	each []*learn.Proposal
}

// errQuit ends the prompts; earlier answers are kept.
var errQuit = errors.New("quit")

// run asks about the proposals, and returns the answered ones. At the end of the input all answers are dropped: a person who
// goes away has approved nothing.
func (pr *prompter) run(list []*learn.Proposal) ([]learn.Item, error) {
	items, rest, err := pr.together(list)
	cases := learn.Cases(rest)
	for _, p := range pr.each {
		cases = append(cases, learn.Case{Group: p.Group, Proposals: []*learn.Proposal{p}})
	}
	for i := 0; i < len(cases) && err == nil; i++ {
		var answers []learn.Item
		answers, err = pr.askCase(fmt.Sprintf("[%d/%d]", i+1, len(cases)), &cases[i])
		items = append(items, answers...)
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("the answers ended before q: nothing was written")
	case errors.Is(err, errQuit):
		err = nil
	}
	return items, err
}

// together offers to approve at once the proposals without concerns. It returns the answers, and the other proposals.
func (pr *prompter) together(list []*learn.Proposal) (items []learn.Item, rest []*learn.Proposal, err error) {
	var bulk []*learn.Proposal
	for _, p := range list {
		if p.Bulk() {
			bulk = append(bulk, p)
		} else {
			rest = append(rest, p)
		}
	}
	if len(bulk) < 2 {
		pr.each = bulk
		return nil, rest, nil
	}
	fmt.Fprintf(pr.out, "Of %s, nothing speaks against these %d:\n", wording.Plural(len(list), "proposal"), len(bulk))
	rows := make([][]string, 0, len(bulk))
	for _, p := range bulk {
		rows = append(rows, []string{"  " + p.Group, p.Entry, string(p.Kind), fmt.Sprintf("sure %d/10", p.Confidence), p.Evidence.String()})
	}
	if err := writeTable(pr.out, rows); err != nil {
		return nil, nil, err
	}
	for {
		answer, err := pr.key("(a)pprove all of them  (o)ne by one  (q)uit > ")
		if err != nil {
			return nil, nil, err
		}
		switch answer {
		case "a":
			items, err := pr.approveAll(bulk)
			return items, rest, err
		case "o":
			pr.each = bulk
			return nil, rest, nil
		case "q":
			return nil, nil, errQuit
		}
	}
}

// approveAll approves list for one reason.
func (pr *prompter) approveAll(list []*learn.Proposal) ([]learn.Item, error) {
	first := list[0].Item()
	first.Answer = learn.Approve
	if err := pr.conditions(&first); err != nil {
		return nil, err
	}
	items := make([]learn.Item, 0, len(list))
	for _, p := range list {
		item := p.Item()
		item.Answer, item.Reason, item.Expires = first.Answer, first.Reason, first.Expires
		items = append(items, item)
	}
	return items, nil
}

// askCase takes the answer to a case: to all of it, or to its parts.
func (pr *prompter) askCase(number string, c *learn.Case) ([]learn.Item, error) {
	if len(c.Proposals) == 1 {
		fmt.Fprint(pr.out, pr.proposalText(number, c.Proposals[0]))
		item, err := pr.ask(c.Proposals[0])
		if err != nil {
			return nil, err
		}
		return []learn.Item{item}, nil
	}
	fmt.Fprintf(pr.out, "%s %s  %s\n", number, c.Group, c)
	rows := make([][]string, 0, len(c.Proposals))
	for _, p := range c.Proposals {
		rows = append(rows, []string{"      " + p.Entry, fmt.Sprintf("suspicion %d/10", p.Suspicion), p.Evidence.String(), p.Concerns[0]})
	}
	if err := writeTable(pr.out, rows); err != nil {
		return nil, err
	}
	approve := ""
	if c.Approvable() {
		approve = "(a)pprove all "
	}
	for {
		answer, err := pr.key("      " + approve + "(r)eject all (o)ne by one (l)ater (q)uit > ")
		if err != nil {
			return nil, err
		}
		switch {
		case answer == "a" && c.Approvable():
			return pr.approveAll(c.Proposals)
		case answer == "r":
			reason, err := pr.line("      reason: ")
			var items []learn.Item
			for _, p := range c.Proposals {
				item := p.Item()
				item.Answer, item.Reason = learn.Reject, reason
				items = append(items, item)
			}
			return items, err
		case answer == "o":
			var items []learn.Item
			parts := c.Split()
			for i := 0; i < len(parts) && err == nil; i++ {
				var answers []learn.Item
				answers, err = pr.askCase(fmt.Sprintf("%s[%d/%d]", number, i+1, len(parts)), &parts[i])
				items = append(items, answers...)
			}
			return items, err
		case answer == "l":
			return nil, nil
		case answer == "q":
			return nil, errQuit
		}
	}
}

// ask takes the answer to p.
func (pr *prompter) ask(p *learn.Proposal) (learn.Item, error) {
	for {
		item := p.Item()
		answer, err := pr.key("      (a)pprove (e)xact (w)iden (r)eject (s)nooze (l)ater (?)why (q)uit > ")
		if err != nil {
			return item, err
		}
		switch answer {
		case "a":
			item.Answer = learn.Approve
		case "e":
			item.Answer = learn.Narrow
		case "w":
			wider := p.Wider()
			if wider == "" {
				fmt.Fprintln(pr.out, "      nothing wider may be proposed")
				continue
			}
			item.Entry, item.Kind, item.Answer = wider, learn.Wildcard, learn.Approve
			fmt.Fprintln(pr.out, "      "+wider)
		case "r":
			item.Answer = learn.Reject
		case "s":
			item.Answer = learn.Snooze
		case "l":
			return item, nil
		case "q":
			return item, errQuit
		default: // never an answer
			fmt.Fprint(pr.out, whyText(p))
			continue
		}
		return item, pr.conditions(&item)
	}
}

// conditions asks for what an answer needs: an approval has a reason, and may have an end.
func (pr *prompter) conditions(item *learn.Item) error {
	if item.Answer == learn.Snooze {
		return nil
	}
	for item.Reason == "" {
		reason, err := pr.line("      reason: ")
		if err != nil {
			return err
		}
		item.Reason = reason
		if item.Answer == learn.Reject {
			return nil
		}
	}
	for {
		expires, err := pr.line("      expires [never]: ")
		if err != nil {
			return err
		}
		item.Expires = expires
		if _, err = item.Lines(); err == nil {
			err = item.CheckExpiry(time.Now())
		}
		if err == nil {
			return nil
		}
		fmt.Fprintf(pr.out, "      %v\n", err)
		if expires == "" { // it is not the date that is wrong
			item.Answer = learn.Pending
			return nil
		}
	}
}

// proposalText is a proposal as the prompt shows it.
func (pr *prompter) proposalText(number string, p *learn.Proposal) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s  %s   %s\n", number, p.Group, p.Entry, p.Evidence)
	if p.Host.IsWildcard() {
		fmt.Fprintf(&b, "      covers   %s; matches such as %s\n", strings.Join(p.Hosts(), " "), strings.Join(p.Host.Examples(), " and "))
	}
	switch {
	case p.Known != nil:
		fmt.Fprintf(&b, "      %s\n", p.Known)
	case p.About != "":
		fmt.Fprintf(&b, "      %s\n", p.About)
	}
	fmt.Fprintf(&b, "      sure     %d/10   excess %d/10", p.Confidence, p.Excess)
	if len(p.Wide) > 0 {
		fmt.Fprintf(&b, "  %s", strings.Join(p.Wide, "; "))
	}
	fmt.Fprintf(&b, "\n      goes to  %s\n", pr.goes(p.Group))
	for _, c := range p.Concerns {
		fmt.Fprintf(&b, "      look at  %s\n", c)
	}
	return b.String()
}

// whyText is what is shown in addition to a person who asks why.
func whyText(p *learn.Proposal) string {
	var b strings.Builder
	for _, s := range p.Sure {
		fmt.Fprintf(&b, "      because  %s\n", s)
	}
	for _, r := range p.Generalizations {
		fmt.Fprintf(&b, "      level    %s\n", r)
	}
	if p.Hint != "" {
		fmt.Fprintf(&b, "      hint     %s\n", p.Hint)
	}
	if len(p.Seen) > 0 {
		fmt.Fprintf(&b, "      record   %s\n", p.Seen[0].Reason)
	}
	return b.String()
}
