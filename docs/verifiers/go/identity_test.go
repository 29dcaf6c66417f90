package identity

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
)

// A request, or a frame of a socket, and whether it may be acted on.
type request struct {
	What    string
	KeyID   int `json:"key_id"`
	Key     []byte
	Headers [][2]string
	Method  string
	Target  []byte
	// The body of a request; for a frame, what it must be found to ask for.
	Body []byte
	// Empty for a request.
	Frame    []byte
	NowMs    int64 `json:"now_ms"`
	Verifies bool
}

// The file that KEYWARD_IDENTITY_CASES names holds requests as JSON.
func TestVerdicts(t *testing.T) {
	text, err := os.ReadFile(os.Getenv("KEYWARD_IDENTITY_CASES"))
	if err != nil {
		t.Fatal(err)
	}
	var requests []request
	if err := json.Unmarshal(text, &requests); err != nil {
		t.Fatal(err)
	}
	if len(requests) < 20 {
		t.Fatalf("only %d requests", len(requests))
	}
	frames := 0
	for _, one := range requests {
		var key Key
		if copy(key[:], one.Key) != len(key) {
			t.Fatalf("%s: a key of %d bytes", one.What, len(one.Key))
		}
		if len(one.Frame) > 0 {
			frames++
			verifyFrame(t, key, one)
			continue
		}
		headers := map[string][]string{}
		for _, header := range one.Headers {
			headers[header[0]] = append(headers[header[0]], header[1])
		}
		_, err := Verify(one.KeyID, key, headers, one.Method, string(one.Target), one.Body, one.NowMs)
		if (err == nil) != one.Verifies {
			t.Errorf("%s: %v", one.What, err)
		}
	}
	if frames < 20 {
		t.Fatalf("only %d frames", frames)
	}
}

func verifyFrame(t *testing.T, key Key, one request) {
	_, asked, err := VerifyFrame(one.KeyID, key, one.Frame, string(one.Target), one.NowMs)
	if (err == nil) != one.Verifies {
		t.Errorf("%s: %v", one.What, err)
	}
	if err == nil && !bytes.Equal(asked, one.Body) {
		t.Errorf("%s: it asks for %q", one.What, asked)
	}
}
