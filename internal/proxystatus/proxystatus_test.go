package proxystatus

import "testing"

// Whatever is quoted stays one String.
func TestQuoteString(t *testing.T) {
	if got, want := Quote("a\"b\\c\r\n\x80d"), `"a\"b\\cd"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestMember(t *testing.T) {
	tests := []struct {
		want   string
		member Member
	}{
		{`p; error=dns_error; details=""`, Member{Proxy: "p", Error: "dns_error"}},
		{`p; error=x; next-hop="a:1"; received-status=407; details="say \"no\""`,
			Member{Proxy: "p", Error: "x", NextHop: "a:1", Received: 407, Details: `say "no"`}},
	}
	for _, tt := range tests {
		if got := tt.member.String(); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.member, got, tt.want)
		}
	}
}
