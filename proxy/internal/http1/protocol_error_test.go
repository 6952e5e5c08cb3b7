package http1

import "testing"

// Every ProtocolError has a text, and a status that refuses.
func TestErrorsComplete(t *testing.T) {
	for f := NoError + 1; f < numErrors; f++ {
		if errorTexts[f].text == "" || errorTexts[f].status < 400 {
			t.Errorf("error %d: %+v", f, errorTexts[f])
		}
	}
}
