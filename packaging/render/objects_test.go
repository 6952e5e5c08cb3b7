package main

import (
	"strings"
	"testing"
)

// A manifest with a field that its kind lacks, with one of another type, and of a kind that is not known, is refused.
func TestCheckObject(t *testing.T) {
	const budget = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: { name: a }\n"
	for _, tt := range []struct{ manifest, want string }{
		{budget + "spec: { maxUnavailable: 1, selector: { matchLabels: { a: b } } }\n", ""},
		{budget + "spec: { maxUnavailable: 50% }\n", ""},
		{budget + "spec: { maxUnavailble: 1 }\n", `unknown field "spec.maxUnavailble"`},
		{budget + "spec: { MaxUnavailable: 1 }\n", `unknown field "spec.MaxUnavailable"`},
		{budget + "spec: { maxUnavailable: [1] }\n", "cannot unmarshal"},
		{budget + "spec: {}\nspec: {}\n", `key "spec" already set`},
		{"apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nspec: { endpoint: [] }\n", `unknown field "spec.endpoint"`},
		{"apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\n", "is not among the kinds"},
		{"- a\n", "cannot unmarshal"},
	} {
		err := checkObject(tt.manifest)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s\ngot %v, want %q", tt.manifest, err, tt.want)
		}
	}
}
